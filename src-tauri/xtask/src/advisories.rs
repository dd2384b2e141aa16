//! Check of the dependencies against the RustSec advisory database.

use std::{env, fs, path::PathBuf};

use rustsec::{
    Database, Lockfile,
    advisory::Id,
    report::{Report, Settings},
};

use crate::shell;

/// URL of the RustSec advisory database.
const DATABASE: &str = "https://github.com/RustSec/advisory-db.git";

/// Variable with the path of a copy of the database, for computers that cannot fetch it.
const COPY: &str = "ADVISORY_DB";

/// Lock files that are checked.
const LOCKS: &[&str] = &["Cargo.lock", "src-tauri/crates/provider/fuzz/Cargo.lock"];

/// Checks the locked versions of all crates if the database can be fetched. Otherwise a message says that nothing was
/// checked.
///
/// # Errors
///
/// See [`check`].
pub(crate) fn check_if_online() -> Result<(), String> {
    match database() {
        Ok(folder) => check_by(folder),
        Err(why) => {
            println!("advisories: not checked. {why}");
            Ok(())
        }
    }
}

/// Checks the locked versions of all crates.
///
/// # Errors
///
/// Names every crate with a vulnerability that `deny.toml` does not ignore, and every ignored advisory that matches no
/// crate. Also fails if the database cannot be fetched.
pub(crate) fn check() -> Result<(), String> {
    check_by(database()?)
}

fn check_by(folder: PathBuf) -> Result<(), String> {
    let database = Database::open(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let (ignored, mut found) = (ignored()?, Vec::new());
    let mut unused = ignored.clone();
    for lock in LOCKS {
        let packages = Lockfile::load(shell::root().join(lock)).map_err(|e| format!("{lock}: {e}"))?;
        for vulnerability in Report::generate(&database, &packages, &Settings::default()).vulnerabilities.list {
            let (advisory, package) = (vulnerability.advisory, vulnerability.package);
            unused.retain(|id| *id != advisory.id);
            if !ignored.contains(&advisory.id) {
                found
                    .push(format!("{lock}: {} {}: {}: {}", package.name, package.version, advisory.id, advisory.title));
            }
        }
    }
    found.extend(unused.iter().map(|id| format!("deny.toml: no crate has {id}; remove it")));
    println!("advisories: {} known, {} found", database.iter().count(), found.len());
    if found.is_empty() { Ok(()) } else { Err(format!("vulnerabilities:\n  {}", found.join("\n  "))) }
}

/// Returns the folder of the database, after fetching its newest version. An older version is used if that fails.
fn database() -> Result<PathBuf, String> {
    if let Some(copy) = env::var_os(COPY) {
        return Ok(copy.into());
    }
    let folder = shell::root().join("target/advisory-db");
    let git = |args: &[&str]| {
        let mut command = shell::command("git", &["-C", &folder.to_string_lossy()]);
        // Git aborts a stalled transfer.
        command.args(["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30"]).args(args);
        shell::check(command.env("GIT_TERMINAL_PROMPT", "0"))
    };
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let fetched = git(&["init", "--quiet"])
        .and_then(|()| git(&["fetch", "--quiet", "--depth", "1", DATABASE, "HEAD"]))
        .and_then(|()| git(&["reset", "--quiet", "--hard", "FETCH_HEAD"]));
    match fetched {
        Ok(()) => Ok(folder),
        Err(_) if folder.join("crates").exists() => {
            println!("advisories: {DATABASE} cannot be fetched; an older version is used.");
            Ok(folder)
        }
        Err(_) => Err(format!("{DATABASE} cannot be fetched. Set {COPY} to the path of a copy.")),
    }
}

/// Returns the advisories that `deny.toml` ignores. An entry is an id, or a table with `id` and `reason`.
fn ignored() -> Result<Vec<Id>, String> {
    let text = fs::read_to_string(shell::root().join("deny.toml")).map_err(|e| format!("deny.toml: {e}"))?;
    let deny: toml::Table = text.parse().map_err(|e| format!("deny.toml: {e}"))?;
    let entries =
        deny.get("advisories").and_then(|advisories| advisories.get("ignore")).and_then(toml::Value::as_array);
    let id_of = |entry: &toml::Value| {
        let id = entry.as_str().or_else(|| entry.get("id")?.as_str()).unwrap_or_default();
        id.parse().map_err(|e| format!("deny.toml: {id:?}: {e}"))
    };
    entries.into_iter().flatten().map(id_of).collect()
}
