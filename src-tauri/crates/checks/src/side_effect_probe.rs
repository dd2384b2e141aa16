//! Side-effect probe: a URL, a command or a SQLite query that is read before and after a case.

use std::{process::Stdio, time::Duration};

use hookbench_delivery::{Outgoing, SendOptions, exchange};
use hookbench_model::{CheckCommand, SideEffectProbe};
use rusqlite::{
    Connection, OpenFlags,
    hooks::{AuthAction, AuthContext, Authorization},
    types::ValueRef,
};
use tokio::{io::AsyncReadExt as _, time::timeout};

/// Timeout of one probe reading or command.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time to read remaining output after a command has ended.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// Maximum number of bytes read from a probe.
const READ_MAX: u64 = 64 * 1024;

/// Returns the command as shown to users.
pub(crate) fn shown(command: &CheckCommand) -> String {
    match command.shell {
        true => format!("sh -c {}", hookbench_codegen::shell::quote(&command.args.join(" "))),
        false => command.args.iter().map(|word| hookbench_codegen::shell::quote(word)).collect::<Vec<_>>().join(" "),
    }
}

/// Runs a command and returns its standard output.
///
/// # Errors
///
/// Returns a description if the command cannot be started, times out or exits with an error.
pub(crate) async fn run(command: &CheckCommand) -> Result<String, String> {
    let shown = self::shown(command);
    let mut process = match (command.shell, command.args.split_first()) {
        (true, _) if cfg!(windows) => {
            let mut process = tokio::process::Command::new("cmd");
            process.arg("/C").arg(command.args.join(" "));
            process
        }
        (true, _) => {
            let mut process = tokio::process::Command::new("sh");
            process.arg("-c").arg(command.args.join(" "));
            process
        }
        (false, Some((program, args))) => {
            let mut process = tokio::process::Command::new(program);
            process.args(args);
            process
        }
        (false, None) => return Err("The command must not be empty.".into()),
    };
    let process = process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(dir) = &command.dir {
        process.current_dir(dir);
    }
    #[cfg(unix)]
    process.process_group(0);
    let mut child = process.spawn().map_err(|e| format!("Cannot run {shown}: {e}."))?;
    let (mut printed, mut complained) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let group = child.id();
    let read = async {
        let read = async {
            if let Some(out) = out {
                let _ = out.take(READ_MAX).read_to_end(&mut printed).await;
            }
        };
        let hear = async {
            if let Some(err) = err {
                let _ = err.take(READ_MAX).read_to_end(&mut complained).await;
            }
        };
        tokio::join!(read, hear);
    };
    let ended = async {
        tokio::pin!(read);
        // Read while the command runs and a moment longer, because a background process of the command may keep the
        // pipe open.
        tokio::select! {
            status = child.wait() => {
                let _ = timeout(AFTERWARDS, read).await;
                status
            }
            () = &mut read => child.wait().await,
        }
    };
    match timeout(PATIENCE, ended).await {
        Err(_) => {
            end_group(group).await;
            Err(format!("{shown} timed out after {} s.", PATIENCE.as_secs()))
        }
        Ok(Err(e)) => Err(format!("Cannot wait for {shown}: {e}.")),
        Ok(Ok(status)) if !status.success() => {
            let complained = String::from_utf8_lossy(&complained);
            let first: String = complained.lines().next().unwrap_or_default().chars().take(200).collect();
            Err(format!("{shown} failed ({status}): {first}"))
        }
        Ok(Ok(_)) => Ok(String::from_utf8_lossy(&printed).into_owned()),
    }
}

/// Kills the process group of a command, including child processes.
async fn end_group(group: Option<u32>) {
    if let (true, Some(group)) = (cfg!(unix), group) {
        let _ = tokio::process::Command::new("kill").args(["-9", "--", &format!("-{group}")]).output().await;
    }
}

/// Value read by a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EffectCount(String);

/// Difference between two probe readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effects {
    /// Increase of a number.
    Count(i64),
    /// True if the text changed.
    Changed(bool),
}

impl Effects {
    /// Returns true if the difference matches the expected number. A text only shows if there was any change.
    pub(crate) fn are(self, due: i64) -> bool {
        match self {
            Self::Count(count) => count == due,
            Self::Changed(changed) => changed == (due > 0),
        }
    }

    /// Returns true if the difference is at least the expected number.
    pub(crate) fn reach(self, due: i64) -> bool {
        match self {
            Self::Count(count) => count >= due,
            Self::Changed(changed) => changed,
        }
    }

    pub(crate) fn none(self) -> bool {
        self.are(0)
    }
}

impl Effects {
    /// Returns the count with its verb.
    pub(crate) fn were(self) -> String {
        format!("{self} {}", if self == Self::Count(1) { "was" } else { "were" })
    }
}

impl std::fmt::Display for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(1) => f.write_str("1 side effect"),
            Self::Count(count) => write!(f, "{count} side effects"),
            Self::Changed(true) => f.write_str("a change"),
            Self::Changed(false) => f.write_str("no change"),
        }
    }
}

impl EffectCount {
    /// Returns the difference from an earlier reading.
    pub(crate) fn since(&self, before: &Self) -> Result<Effects, String> {
        let number = |look: &Self| look.0.parse::<f64>().ok().filter(|number| number.is_finite());
        match (number(before), number(self)) {
            (Some(before), Some(now)) if now >= before => Ok(Effects::Count((now - before).round() as i64)),
            (Some(before), Some(now)) => {
                Err(format!("the probe's number decreased from {before} to {now}. Use a number that only grows."))
            }
            _ => Ok(Effects::Changed(self != before)),
        }
    }
}

/// Returns the command, path or remote URL of a probe as shown to users.
pub(crate) fn command(probe: &SideEffectProbe) -> Option<String> {
    match probe {
        SideEffectProbe::Url(url) => {
            let authority =
                hookbench_delivery::parse(url).ok().and_then(|url| url.authority().map(ToString::to_string));
            let is_remote = authority.is_none_or(|host| !hookbench_delivery::is_this_machine(&host));
            is_remote.then(|| format!("request {url}"))
        }
        SideEffectProbe::Command(command) => Some(shown(command)),
        SideEffectProbe::Sqlite { path, query } => Some(format!("read {path}: {query}")),
    }
}

pub(crate) fn as_command(probe: &SideEffectProbe) -> Option<&CheckCommand> {
    match probe {
        SideEffectProbe::Command(command) => Some(command),
        _ => None,
    }
}

pub(crate) async fn look(probe: &SideEffectProbe, now_us: i64) -> Result<EffectCount, String> {
    let text = match probe {
        SideEffectProbe::Command(command) => run(command).await?,
        SideEffectProbe::Url(url) => {
            let outgoing = Outgoing {
                method: "GET".into(),
                url: url.clone(),
                headers: vec![("Accept".into(), b"*/*".to_vec())],
                body: bytes::Bytes::new().into(),
            };
            let now_s = now_us / 1_000_000;
            let options = SendOptions {
                total: PATIENCE,
                connect: PATIENCE,
                trust: hookbench_delivery::Trust::default(),
                lower_case: false,
                fresh: true,
                now_s,
            };
            match exchange(&hookbench_delivery::Connections::new(), &outgoing, &options, None).await.result {
                Ok(received) if (200..300).contains(&received.status) => {
                    String::from_utf8_lossy(&received.body).into_owned()
                }
                Ok(received) => return Err(format!("{url} responded with {}.", received.status)),
                Err(error) => return Err(error.message),
            }
        }
        SideEffectProbe::Sqlite { path, query } => {
            let (path, query) = (path.clone(), query.clone());
            tokio::task::spawn_blocking(move || queried(&path, &query)).await.map_err(|e| e.to_string())??
        }
    };
    Ok(EffectCount(text.trim().to_owned()))
}

/// Returns the first value of a query. The query can only read.
fn queried(path: &str, query: &str) -> Result<String, String> {
    let failed = |e: rusqlite::Error| format!("Cannot query {path}: {e}.");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    let ends = std::time::Instant::now() + PATIENCE;
    connection.progress_handler(10_000, Some(move || std::time::Instant::now() > ends)).map_err(failed)?;
    // The authorizer also denies statements that write to other files, such as VACUUM INTO.
    connection
        .authorizer(Some(|context: AuthContext<'_>| match context.action {
            AuthAction::Select | AuthAction::Read { .. } | AuthAction::Function { .. } | AuthAction::Recursive => {
                Authorization::Allow
            }
            _ => Authorization::Deny,
        }))
        .map_err(failed)?;
    connection
        .query_row(query, [], |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Null => String::new(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            })
        })
        .map_err(failed)
}
