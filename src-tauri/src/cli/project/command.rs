//! The command of `hookbench up -- COMMAND`: its environment, its signals, and a summary of what was captured.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use hookbench_model::{DeliveryState, RequestList, RequestSummary, SignatureStatus, Status};
use hookbench_project::ProjectFile;
use jiff::Timestamp;

use super::{
    super::{Api, Context, error::CliError, export, terminal},
    POLL_INTERVAL,
};
use crate::transport::encoded;

/// Maximum time until the requests of the command are verified.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// Maximum time until their forwards are attempted. A delivery that waits for a retry can wait for hours.
const ATTEMPTS_MAX: Duration = Duration::from_secs(2);

/// Maximum number of requests in the summary.
const SUMMARY_MAX: u32 = 500;

/// Maximum number of requests with a problem that the summary lists.
const PROBLEMS_MAX: usize = 20;

/// The signals of this process. They count from the creation on.
pub(super) struct Signals {
    #[cfg(unix)]
    streams: Vec<(rustix::process::Signal, tokio::signal::unix::Signal)>,
}

impl Signals {
    /// Starts to receive SIGINT, SIGTERM and SIGHUP.
    pub(super) fn listen() -> Self {
        #[cfg(unix)]
        {
            use rustix::process::Signal;
            use tokio::signal::unix::{SignalKind, signal};
            let kinds = [
                (Signal::INT, SignalKind::interrupt()),
                (Signal::TERM, SignalKind::terminate()),
                (Signal::HUP, SignalKind::hangup()),
            ];
            let open = |(own, kind)| Some((own, signal(kind).ok()?));
            Self { streams: kinds.into_iter().filter_map(open).collect() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Waits for the end of a child. Passes signals on to it, except SIGINT: the terminal sends that one to both.
    async fn wait_for(mut self, child: &mut tokio::process::Child) -> std::io::Result<ExitStatus> {
        #[cfg(unix)]
        loop {
            let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32));
            let mut received = std::pin::pin!(futures_util::future::select_all(
                self.streams.iter_mut().map(|(own, stream)| Box::pin(async move { (*own, stream.recv().await) }))
            ));
            let signal = tokio::select! {
                ended = child.wait() => return ended,
                ((signal, _), ..) = &mut received => signal,
            };
            if let Some(pid) = pid.filter(|_| signal != rustix::process::Signal::INT || !is_interactive()) {
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
        #[cfg(not(unix))]
        {
            let _ = &mut self;
            loop {
                tokio::select! {
                    ended = child.wait() => return ended,
                    // The console sends Ctrl-C to both.
                    _ = tokio::signal::ctrl_c() => {}
                }
            }
        }
    }
}

/// Returns true if a terminal sends signals to this process and its child.
#[cfg(unix)]
fn is_interactive() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdin())
}

/// Returns the exit status of a shell for the end of a process: 128 and the signal if a signal ended it.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return (128 + signal) as u8;
    }
    status.code().map_or(1, |code| code as u8)
}

/// A command that runs while everything of a project is ready.
pub(super) struct ProjectCommand<'c> {
    pub(super) args: &'c [String],
    /// URL of the listener.
    pub(super) listener: &'c str,
    pub(super) file: &'c ProjectFile,
    /// Folder of the project.
    pub(super) root: &'c Path,
    /// File for the requests that were captured meanwhile. Default: `.hookbench/requests.jsonl` in the folder.
    pub(super) export: Option<&'c Path>,
}

impl ProjectCommand<'_> {
    /// Runs the command, exports what was captured meanwhile, and prints a summary on standard error.
    pub(super) async fn run(self, api: &Api, context: &Context, signals: Signals) -> Result<(), CliError> {
        let started = Timestamp::now();
        let mut command = tokio::process::Command::new(&self.args[0]);
        command.args(&self.args[1..]).envs(self.variables(context)?);
        let mut child = command.spawn().map_err(|error| {
            CliError::Other(format!("the command {} cannot run: {error}", terminal::shown(&self.args[0])))
        })?;
        let status = signals.wait_for(&mut child).await?;
        settle(api).await?;
        self.report(api, started).await?;
        match code(status) {
            0 => Ok(()),
            code => Err(CliError::Exit(code)),
        }
    }

    /// Returns the environment of the command: where to send webhooks, and how to reach this engine.
    fn variables(&self, context: &Context) -> Result<Vec<(String, String)>, CliError> {
        let data = std::path::absolute(&context.data)?.display().to_string();
        let mut variables = vec![("HOOKBENCH_URL".into(), self.listener.to_owned()), ("HOOKBENCH_DATA".into(), data)];
        let mut inboxes = BTreeMap::new();
        for name in self.file.inbox.keys() {
            let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
            let variable = format!("HOOKBENCH_INBOX_{}", name.chars().map(letter).collect::<String>());
            if let Some(other) = inboxes.insert(variable.clone(), name) {
                return Err(CliError::Other(format!(
                    "the inboxes {other} and {name} would share the variable {variable}. Rename one of them"
                )));
            }
            variables.push((variable, format!("{}/{}", self.listener, encoded(name))));
        }
        Ok(variables)
    }

    async fn report(&self, api: &Api, started: Timestamp) -> Result<(), CliError> {
        let mut params = form_urlencoded::Serializer::new(String::new());
        params.append_pair("q", &format!("after:{started}"));
        let query = params.finish();
        let page: RequestList = api.get(&format!("/requests?limit={SUMMARY_MAX}&{query}")).await?;
        let requests: Vec<&RequestSummary> = page.items.iter().map(|item| &item.request).collect();
        if requests.is_empty() {
            terminal::say("No request was captured.");
            return Ok(());
        }
        let file = match self.export {
            Some(file) => file.to_owned(),
            None => own_folder(self.root)?.join("requests.jsonl"),
        };
        export::stream(api, &format!("/export?as=jsonl&{query}"), Some(file)).await?;
        let more = if page.next.is_some() { "More than " } else { "" };
        let problems: Vec<String> = requests.iter().rev().filter_map(|request| problem(request)).collect();
        let count = match problems.len() {
            0 => "no problem".to_owned(),
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        let number = requests.len();
        let noun = if number == 1 { "request was" } else { "requests were" };
        terminal::say(&format!("{more}{number} {noun} captured, {count}."));
        problems.iter().take(PROBLEMS_MAX).for_each(|problem| terminal::say(&format!("  {problem}")));
        Ok(())
    }
}

/// Returns the folder for files of this program in the folder of a project. Creates the folder if it is missing.
fn own_folder(root: &Path) -> Result<PathBuf, CliError> {
    let folder = root.join(".hookbench");
    let wrong = |why: String| CliError::Other(format!("{} cannot be used: {why}", folder.display()));
    match std::fs::create_dir(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(wrong(error.to_string())),
        _ => {}
    }
    // A repository can ship a link that leads out of the project.
    if !std::fs::symlink_metadata(&folder).is_ok_and(|about| about.is_dir()) {
        return Err(wrong("not a folder. Delete it, or pass another file with --export".into()));
    }
    // The exported requests stay out of version control. A file or a link of this name is left alone.
    let ignore = std::fs::OpenOptions::new().write(true).create_new(true).open(folder.join(".gitignore"));
    if let Ok(mut ignore) = ignore {
        ignore.write_all(b"*\n").map_err(|error| wrong(error.to_string()))?;
    }
    Ok(folder)
}

/// Returns what went wrong with a request, in one line.
fn problem(request: &RequestSummary) -> Option<String> {
    let event = request.event_type.as_deref().unwrap_or(&request.target);
    let outgoing = request.outgoing.as_ref().and_then(|outgoing| match (outgoing.state, outgoing.status) {
        (DeliveryState::Delivered | DeliveryState::Waiting | DeliveryState::Sending, _) => None,
        (_, Some(status)) => Some(format!("the app responded with {status}")),
        (state, None) => Some(format!("the app did not respond ({})", terminal::word(&state))),
    });
    let signature = match request.signature_status {
        SignatureStatus::Invalid | SignatureStatus::Expired => {
            let reason = request.reason.as_deref().unwrap_or_default().replace('_', " ");
            Some(format!("the signature is {} ({reason})", request.signature_status.as_str()))
        }
        _ => None,
    };
    let what: Vec<String> = signature.into_iter().chain(outgoing).collect();
    (!what.is_empty()).then(|| {
        let (inbox, event) = (terminal::shown(&request.inbox), terminal::shown(event));
        format!("{inbox} {event}: {}. `hookbench show {}`", what.join(", "), request.id)
    })
}

/// Waits until the captured requests are verified and their forwards are attempted.
async fn settle(api: &Api) -> Result<(), CliError> {
    let began = tokio::time::Instant::now();
    loop {
        let status: Status = api.get("/status").await?;
        let behind = status.pipeline.iter().any(|stage| stage.waiting > 0);
        let allowed = if behind { SETTLE_MAX } else { ATTEMPTS_MAX };
        if (!behind && status.queue == 0) || began.elapsed() > allowed {
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
