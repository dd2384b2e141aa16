//! Looking at what a handler did: a page, a command or a query, read before and after a case.

use std::{process::Stdio, time::Duration};

use hookbench_delivery::{Outgoing, SendOptions, exchange};
use hookbench_model::{CheckCommand, SideEffectProbe};
use rusqlite::{
    Connection, OpenFlags,
    hooks::{AuthAction, AuthContext, Authorization},
    types::ValueRef,
};
use tokio::{io::AsyncReadExt as _, time::timeout};

/// How long one look, or one command, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it is read on after a command has ended.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// Most that is read of what a look answers, in bytes.
const READ_MAX: u64 = 64 * 1024;

/// It as a person reads it.
pub(crate) fn shown(command: &CheckCommand) -> String {
    match command.shell {
        true => format!("sh -c {}", hookbench_codegen::shell::quote(&command.words.join(" "))),
        false => command.words.iter().map(|word| hookbench_codegen::shell::quote(word)).collect::<Vec<_>>().join(" "),
    }
}

/// What it prints; an error says how it failed.
pub(crate) async fn run(command: &CheckCommand) -> Result<String, String> {
    let shown = self::shown(command);
    let mut process = match (command.shell, command.words.split_first()) {
        (true, _) if cfg!(windows) => {
            let mut process = tokio::process::Command::new("cmd");
            process.arg("/C").arg(command.words.join(" "));
            process
        }
        (true, _) => {
            let mut process = tokio::process::Command::new("sh");
            process.arg("-c").arg(command.words.join(" "));
            process
        }
        (false, Some((program, words))) => {
            let mut process = tokio::process::Command::new(program);
            process.args(words);
            process
        }
        (false, None) => return Err("The command is empty.".into()),
    };
    let process = process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(dir) = &command.dir {
        process.current_dir(dir);
    }
    #[cfg(unix)]
    process.process_group(0);
    let mut child = process.spawn().map_err(|e| format!("{shown} cannot be run: {e}."))?;
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
        // It is read while it runs, and a moment longer: what it leaves behind may keep the pipe.
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
            Err(format!("{shown} did not end within {} s.", PATIENCE.as_secs()))
        }
        Ok(Err(e)) => Err(format!("{shown} cannot be waited for: {e}.")),
        Ok(Ok(status)) if !status.success() => {
            let complained = String::from_utf8_lossy(&complained);
            let first: String = complained.lines().next().unwrap_or_default().chars().take(200).collect();
            Err(format!("{shown} failed ({status}): {first}"))
        }
        Ok(Ok(_)) => Ok(String::from_utf8_lossy(&printed).into_owned()),
    }
}

/// Ends what a command has begun, too.
async fn end_group(group: Option<u32>) {
    if let (true, Some(group)) = (cfg!(unix), group) {
        let _ = tokio::process::Command::new("kill").args(["-9", "--", &format!("-{group}")]).output().await;
    }
}

/// What a look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look(String);

/// What happened between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effects {
    /// A number grew by this.
    Count(i64),
    /// A text is another, or is not.
    Changed(bool),
}

impl Effects {
    /// Whether it is what was due. A text says only whether there was anything.
    pub(crate) fn are(self, due: i64) -> bool {
        match self {
            Self::Count(count) => count == due,
            Self::Changed(changed) => changed == (due > 0),
        }
    }

    /// Whether there are as many as are due, or more.
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
    /// It and its verb.
    pub(crate) fn were(self) -> String {
        format!("{self} {}", if self == Self::Count(1) { "was" } else { "were" })
    }
}

impl std::fmt::Display for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(1) => f.write_str("1 effect"),
            Self::Count(count) => write!(f, "{count} effects"),
            Self::Changed(true) => f.write_str("a change"),
            Self::Changed(false) => f.write_str("no change"),
        }
    }
}

impl Look {
    /// What happened since `before`.
    pub(crate) fn since(&self, before: &Self) -> Result<Effects, String> {
        let number = |look: &Self| look.0.parse::<f64>().ok().filter(|number| number.is_finite());
        match (number(before), number(self)) {
            (Some(before), Some(now)) if now >= before => Ok(Effects::Count((now - before).round() as i64)),
            (Some(before), Some(now)) => {
                Err(format!("its number went down, from {before} to {now}; one that counts effects only grows."))
            }
            _ => Ok(Effects::Changed(self != before)),
        }
    }
}

/// The command or path it names, as a person reads it.
pub(crate) fn command(probe: &SideEffectProbe) -> Option<String> {
    match probe {
        SideEffectProbe::Url(url) => {
            let authority =
                hookbench_delivery::parse(url).ok().and_then(|url| url.authority().map(ToString::to_string));
            let elsewhere = authority.is_none_or(|host| !hookbench_delivery::is_this_machine(&host));
            elsewhere.then(|| format!("ask {url}"))
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

pub(crate) async fn look(probe: &SideEffectProbe, now_us: i64) -> Result<Look, String> {
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
            let terms = SendOptions {
                total: PATIENCE,
                connect: PATIENCE,
                trust: hookbench_delivery::Trust::default(),
                lower_case: false,
                fresh: true,
                now_s,
            };
            match exchange(&hookbench_delivery::Connections::new(), &outgoing, &terms, None).await.result {
                Ok(received) if (200..300).contains(&received.status) => {
                    String::from_utf8_lossy(&received.body).into_owned()
                }
                Ok(received) => return Err(format!("{url} answered {}.", received.status)),
                Err(error) => return Err(error.message),
            }
        }
        SideEffectProbe::Sqlite { path, query } => {
            let (path, query) = (path.clone(), query.clone());
            tokio::task::spawn_blocking(move || queried(&path, &query)).await.map_err(|e| e.to_string())??
        }
    };
    Ok(Look(text.trim().to_owned()))
}

/// The first value of a query; it is only read.
fn queried(path: &str, query: &str) -> Result<String, String> {
    let wrong = |e: rusqlite::Error| format!("{path} cannot be asked: {e}.");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(wrong)?;
    connection.busy_timeout(PATIENCE).map_err(wrong)?;
    let ends = std::time::Instant::now() + PATIENCE;
    connection.progress_handler(10_000, Some(move || std::time::Instant::now() > ends)).map_err(wrong)?;
    // Also what writes elsewhere, as VACUUM INTO does.
    connection
        .authorizer(Some(|context: AuthContext<'_>| match context.action {
            AuthAction::Select | AuthAction::Read { .. } | AuthAction::Function { .. } | AuthAction::Recursive => {
                Authorization::Allow
            }
            _ => Authorization::Deny,
        }))
        .map_err(wrong)?;
    connection
        .query_row(query, [], |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Null => String::new(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            })
        })
        .map_err(wrong)
}
