//! Known vulnerabilities of the dependencies, by the RustSec advisory database.

use std::{env, fs, path::PathBuf};

use rustsec::{
    Database, Lockfile,
    advisory::Id,
    report::{Report, Settings},
};

use crate::shell;

/// Where the database is published.
const DATABASE: &str = "https://github.com/RustSec/advisory-db.git";

/// Variable with the path of a copy of the database, for computers that cannot fetch it.
const COPY: &str = "ADVISORY_DB";

/// Lock files that are checked.
const LOCKS: &[&str] = &["Cargo.lock", "src-tauri/crates/provider/fuzz/Cargo.lock"];

/// Checks the locked versions of all crates. Without a network nothing is checked, and a message says so.
///
/// # Errors
///
/// Names every crate with a vulnerability that `deny.toml` does not explain.
pub(crate) fn check() -> Result<(), String> {
    let folder = match database() {
        Ok(folder) => folder,
        Err(why) => {
            println!(
                "advisories: not checked, because {DATABASE} cannot be fetched ({why}). Set {COPY} to a copy of it."
            );
            return Ok(());
        }
    };
    let database = Database::open(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let settings = Settings { ignore: ignored()?, ..Settings::default() };
    let mut found = Vec::new();
    for lock in LOCKS {
        let packages = Lockfile::load(shell::root().join(lock)).map_err(|e| format!("{lock}: {e}"))?;
        for vulnerability in Report::generate(&database, &packages, &settings).vulnerabilities.list {
            let (advisory, package) = (vulnerability.advisory, vulnerability.package);
            found.push(format!("{lock}: {} {}: {}: {}", package.name, package.version, advisory.id, advisory.title));
        }
    }
    println!("advisories: {} known, {} found", database.iter().count(), found.len());
    if found.is_empty() { Ok(()) } else { Err(format!("vulnerabilities:\n  {}", found.join("\n  "))) }
}

/// Returns the folder of the database, after fetching its newest version.
fn database() -> Result<PathBuf, String> {
    if let Some(copy) = env::var_os(COPY) {
        return Ok(copy.into());
    }
    let folder = shell::root().join("target/advisory-db");
    let path = folder.to_string_lossy();
    let args: &[&str] = if folder.exists() {
        &["-C", &path, "pull", "--quiet", "--ff-only", "--depth", "1"]
    } else {
        &["clone", "--quiet", "--depth", "1", DATABASE, &path]
    };
    shell::check(shell::command("git", args).env("GIT_TERMINAL_PROMPT", "0"))?;
    Ok(folder)
}

/// Returns the advisories that `deny.toml` explains.
fn ignored() -> Result<Vec<Id>, String> {
    let text = fs::read_to_string(shell::root().join("deny.toml")).map_err(|e| format!("deny.toml: {e}"))?;
    let deny: toml::Table = text.parse().map_err(|e| format!("deny.toml: {e}"))?;
    let ignored = deny["advisories"]["ignore"].as_array().into_iter().flatten();
    ignored
        .map(|entry| {
            let id = entry["id"].as_str().unwrap_or_default();
            id.parse().map_err(|e| format!("deny.toml: {id:?}: {e}"))
        })
        .collect()
}
