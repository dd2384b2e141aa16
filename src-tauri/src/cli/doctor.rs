//! `hookbench doctor`: checks the environment and says what to do about problems.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use hookbench_engine::{DataDir, LiveEngine, OwnerKind, database_file, descriptors, free_bytes, listener};
use hookbench_model::Settings;
use serde::Serialize;

use super::{Context, desktop, error::CliError, terminal};
use crate::transport::api_server::DEFAULT_API;

/// Free disk space under which the check warns, in bytes.
const LOW_DISK: u64 = 1_000_000_000;

/// Number of file descriptors under which the check warns.
const FEW_DESCRIPTORS: u64 = 4_096;

/// Start of 2026 in seconds since the Unix epoch. A clock before this release is wrong.
const RELEASED_S: u64 = 1_767_225_600;

/// State of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FindingState {
    Ok,
    Warning,
    Error,
}

/// Result of a check.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: FindingState,
    message: String,
    /// What to do, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: FindingState::Ok, message: message.into(), advice: None }
    }

    fn warning(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, state: FindingState::Warning, message: message.into(), advice: Some(advice.into()) }
    }

    fn error(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, state: FindingState::Error, message: message.into(), advice: Some(advice.into()) }
    }
}

/// Runs all checks. The result is negative if one of them found an error.
pub(super) async fn run(context: &Context) -> Result<(), CliError> {
    let live = DataDir::live(&context.data);
    let mut findings = vec![Finding::ok("program", format!("hookbench {}", env!("CARGO_PKG_VERSION")))];
    findings.push(data_folder(&context.data));
    findings.push(engine(live.as_ref()));
    let database = database(&context.data);
    let (settings, newest_us) = database.contents;
    findings.push(database.finding);
    findings.push(disk(&context.data));
    findings.extend(ports(live.as_ref(), &settings).await);
    findings.push(descriptors());
    findings.push(clock(newest_us));
    findings.push(window());
    findings.iter().for_each(|finding| print(context, finding));
    match findings.iter().any(|finding| finding.state == FindingState::Error) {
        true => Err(CliError::No),
        false => Ok(()),
    }
}

fn print(context: &Context, finding: &Finding) {
    if context.json {
        return terminal::json(finding);
    }
    let state = match finding.state {
        FindingState::Ok => "ok     ",
        FindingState::Warning => "warning",
        FindingState::Error => "error  ",
    };
    terminal::line(&format!("{state}  {:<12} {}", finding.check, terminal::shown(&finding.message)));
    if let Some(advice) = &finding.advice {
        terminal::line(&format!("{:22} {}", "", terminal::shown(advice)));
    }
}

fn data_folder(data: &Path) -> Finding {
    const CHECK: &str = "data folder";
    let shown = data.display();
    let Ok(folder) = fs::metadata(data) else {
        return Finding::ok(CHECK, format!("{shown} does not exist yet; it is created at the first start"));
    };
    if !folder.is_dir() {
        return Finding::error(CHECK, format!("{shown} is not a folder"), "Name another folder with --data.");
    }
    if let Err(error) = tempfile_in(data) {
        let advice = "Give your user write access to the folder, or name another one with --data.";
        return Finding::error(CHECK, format!("{shown} cannot be written: {error}"), advice);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = folder.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let advice = format!("Run: chmod 700 {shown}");
            return Finding::warning(CHECK, format!("{shown} is open to other users (mode {mode:o})"), advice);
        }
    }
    Finding::ok(CHECK, format!("{shown} can be written"))
}

/// Creates and deletes a file in a folder.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    fs::remove_file(path)
}

fn engine(live: Option<&LiveEngine>) -> Finding {
    const CHECK: &str = "engine";
    let Some(live) = live else { return Finding::ok(CHECK, "not running") };
    let kind = match live.kind {
        OwnerKind::Window => "the app",
        OwnerKind::Serve => "hookbench serve",
        OwnerKind::Command => "a command",
    };
    let at = |what: &str, url: Option<&String>| url.map(|url| format!(", {what} {url}")).unwrap_or_default();
    let urls = at("listener", live.listener.as_ref()) + &at("API", live.api.as_ref());
    Finding::ok(CHECK, format!("{kind} runs (process {}){urls}", live.pid))
}

struct Database {
    finding: Finding,
    /// The settings, and the time of the newest request in µs since the Unix epoch.
    contents: (Settings, Option<i64>),
}

fn database(data: &Path) -> Database {
    const CHECK: &str = "database";
    let unknown = || (Settings::default(), None);
    let file = DataDir::database_in(data);
    if !file.exists() {
        let finding = Finding::ok(CHECK, "none yet; it is created at the first start");
        return Database { finding, contents: unknown() };
    }
    let contents = database_file::settings(&file).unwrap_or_else(|_| unknown());
    let bytes = fs::metadata(&file).map_or(0, |file| file.len());
    let damaged = |why: String| {
        let advice = "Restore a backup into a new folder: hookbench restore FILE --data FOLDER";
        Finding::error(CHECK, format!("{} is damaged: {why}", file.display()), advice)
    };
    let finding = match (database_file::faults(&file), database_file::layout(&file)) {
        (Ok(faults), Ok(found)) if faults.is_empty() && found > database_file::LAYOUT => Finding::error(
            CHECK,
            format!(
                "a newer version of Hookbench wrote it (layout {found}; this program knows {})",
                database_file::LAYOUT
            ),
            "Update Hookbench.",
        ),
        (Ok(faults), Ok(_)) if faults.is_empty() => {
            Finding::ok(CHECK, format!("{} is sound ({})", file.display(), terminal::size(bytes)))
        }
        (Ok(faults), Ok(_)) => damaged(faults.join("; ")),
        (Err(error), _) | (_, Err(error)) => damaged(error.to_string()),
    };
    Database { finding, contents }
}

fn disk(data: &Path) -> Finding {
    const CHECK: &str = "disk";
    let existing = data.ancestors().find(|folder| folder.exists()).unwrap_or(data);
    match free_bytes(existing) {
        None => Finding::ok(CHECK, "the free space is unknown"),
        Some(free) if free < LOW_DISK => {
            let advice =
                "Free space, or set `retention.bytes` with `hookbench config set`. On a full disk, senders get 503.";
            Finding::warning(CHECK, format!("{} free", terminal::size(free)), advice)
        }
        Some(free) => Finding::ok(CHECK, format!("{} free", terminal::size(free))),
    }
}

/// Checks the addresses of the listener and the API, unless the running engine uses them.
async fn ports(live: Option<&LiveEngine>, settings: &Settings) -> Vec<Finding> {
    if live.is_some_and(|live| live.listener.is_some()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (check, address) in [("listener", settings.listen), ("API", DEFAULT_API)] {
        findings.push(port(check, address).await);
    }
    findings
}

async fn port(check: &'static str, address: SocketAddr) -> Finding {
    match listener::address_fault(address).await {
        None => Finding::ok(check, format!("{address} is free")),
        Some(why) if check == "API" => Finding::ok(check, format!("{why} Another port is picked at the start.")),
        Some(why) => Finding::error(check, why, "End the other program, or run: hookbench config set listen=ADDRESS"),
    }
}

fn descriptors() -> Finding {
    const CHECK: &str = "descriptors";
    let limit = descriptors::raise_limit();
    match limit < FEW_DESCRIPTORS {
        true => Finding::warning(
            CHECK,
            format!("{limit} open files are allowed, which limits connections"),
            "Raise the limit: `ulimit -Hn 65536`, or LimitNOFILE in the systemd unit.",
        ),
        false => Finding::ok(CHECK, format!("{limit} open files are allowed")),
    }
}

fn clock(newest_us: Option<i64>) -> Finding {
    const CHECK: &str = "clock";
    let advice = "Set the clock, for example with NTP. Signatures with timestamps are invalid with a wrong clock.";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if now.as_secs() < RELEASED_S {
        return Finding::error(CHECK, "the clock is years behind", advice);
    }
    match newest_us.map(|newest| newest - now.as_micros() as i64) {
        Some(ahead) if ahead > 1_000_000 => {
            Finding::warning(CHECK, format!("the newest request is {} s in the future", ahead / 1_000_000), advice)
        }
        _ => Finding::ok(CHECK, "no fault found"),
    }
}

fn window() -> Finding {
    const CHECK: &str = "app";
    match desktop::installed() {
        Some(program) => Finding::ok(CHECK, format!("{} is installed", program.display())),
        None => Finding::ok(CHECK, "the desktop app is not installed; `hookbench serve` shows the page in a browser"),
    }
}
