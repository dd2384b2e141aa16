//! `hookbench check`: tests a webhook handler, and lists, reruns and compares runs.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use hookbench_model::{
    CheckCommand, CheckComparison, CheckConclusion, CheckCounts, CheckLevel, CheckList, CheckOutcome, CheckPlan,
    CheckReport, CheckResult, CheckRuleList, CheckRun, CheckSettings, SideEffectProbe,
};
use http::Method;
use serde::Serialize;
use serde_json::json;

use super::{Api, Context, error::CliError, keys, terminal};
use crate::transport::encoded;

/// Interval between progress polls of a run.
const POLL_INTERVAL: Duration = Duration::from_millis(150);

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    begin: RunArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the checks, with the reason and the source of each
    #[command(after_help = "Examples:\n  hookbench check rules\n  hookbench check rules --json")]
    Rules,
    /// List runs, newest first
    #[command(after_help = "Examples:\n  hookbench check list")]
    List,
    /// Print the report of a run
    #[command(after_help = "Examples:\n  hookbench check report latest\n  \
        hookbench check report latest --as html > report.html")]
    Report {
        /// ID of the run; `latest` is the newest
        run: String,
        /// Print the report in this format
        #[arg(long = "as", value_parser = ["json", "html", "junit"])]
        form: Option<String>,
    },
    /// Rerun the checks that did not pass, or the checks of --only
    #[command(after_help = "Examples:\n  hookbench check rerun latest\n  hookbench check rerun latest --only unsigned")]
    Rerun {
        /// ID of the run; `latest` is the newest
        run: String,
        /// Rerun this check; repeatable
        #[arg(long, value_name = "CHECK")]
        only: Vec<String>,
        #[command(flatten)]
        files: Files,
    },
    /// Compare two runs. Exits with 1 if their results differ
    #[command(after_help = "Examples:\n  hookbench check compare latest~1 latest")]
    Compare {
        /// ID of the earlier run
        before: String,
        /// ID of the later run
        after: String,
    },
    /// Delete a run
    #[command(after_help = "Examples:\n  hookbench check remove latest")]
    Remove {
        /// ID of the run; `latest` is the newest
        run: String,
    },
}

#[derive(Debug, clap::Args)]
struct Files {
    /// Write a JUnit XML report into this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write an HTML report into this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a JSON report into this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// URL of the handler, or the ID or name of an endpoint
    #[arg(value_name = "URL|ENDPOINT", required = true)]
    to: Option<String>,
    /// Send as this vendor; `hookbench provider list` lists them
    #[arg(long)]
    provider: Option<String>,
    /// Use this signature scheme of the vendor [default: the vendor's first]
    #[arg(long)]
    scheme: Option<String>,
    /// Event type for checks that expect a side effect [default: the vendor's first]
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
    /// File with the JSON payload of that event; {{uuid order}} etc. are filled in
    #[arg(long, value_name = "FILE")]
    payload_file: Option<PathBuf>,
    /// File with the signing secret of the handler
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Set a parameter of the signature scheme; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// File with the previous signing secret
    #[arg(long, value_name = "FILE")]
    old_secret_file: Option<PathBuf>,
    /// Require the handler to still accept the previous secret
    #[arg(long, requires = "old_secret_file")]
    old_secret_valid: bool,
    /// Run only this check; repeatable
    #[arg(long, value_name = "CHECK")]
    only: Vec<String>,
    /// Skip this check; repeatable
    #[arg(long, value_name = "CHECK")]
    skip: Vec<String>,
    /// Waive the checks listed in this file, one ID per line; `#` starts a comment
    #[arg(long, value_name = "FILE")]
    waive: Option<PathBuf>,
    /// Count side effects with GET on this URL
    #[arg(long, value_name = "URL", group = "probe")]
    probe_url: Option<String>,
    /// Count side effects with this command, which prints the number
    #[arg(long, value_name = "COMMAND", group = "probe")]
    probe_command: Option<String>,
    /// Count side effects in this SQLite database, with --probe-query
    #[arg(long, value_name = "FILE", group = "probe", requires = "probe_query")]
    probe_sqlite: Option<PathBuf>,
    /// SQL query that returns the number of side effects as its first value
    #[arg(long, value_name = "SQL", requires = "probe_sqlite")]
    probe_query: Option<String>,
    /// Wait this long after a response before counting side effects, in ms
    #[arg(long, default_value_t = 400, value_name = "MS")]
    settle: u32,
    /// Command that makes the handler fail, such as one that stops its database
    #[arg(long, value_name = "COMMAND", requires = "restore_cmd")]
    fail_cmd: Option<String>,
    /// Command that makes the handler work again
    #[arg(long, value_name = "COMMAND", requires = "fail_cmd")]
    restore_cmd: Option<String>,
    /// Run the commands in a shell
    #[arg(long)]
    shell: bool,
    /// Requests per second in the burst
    #[arg(long, default_value_t = 20, value_name = "N")]
    burst: u32,
    /// Response timeout, in ms
    #[arg(long, default_value_t = 15_000, value_name = "MS")]
    timeout: u32,
    /// Print the requests that would be sent, and send nothing
    #[arg(long)]
    plan: bool,
    /// Send to another computer and run commands without confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    files: Files,
}

fn secret(path: &PathBuf) -> Result<String, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    Ok(keys::line(text))
}

/// Body of the call that plans or starts a run.
#[derive(Serialize)]
struct Call {
    settings: CheckSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<String>,
    confirm_commands: bool,
}

impl RunArgs {
    fn command(&self, text: &str) -> Result<CheckCommand, CliError> {
        let dir = Some(std::env::current_dir()?.to_string_lossy().into_owned());
        if self.shell {
            return Ok(CheckCommand { args: vec![text.to_owned()], shell: true, dir });
        }
        let args = shell_words::split(text)
            .map_err(|e| CliError::Other(format!("{text}: {e}. Pass --shell to run the command in a shell")))?;
        Ok(CheckCommand { args, shell: false, dir })
    }

    fn probe(&self) -> Result<Option<SideEffectProbe>, CliError> {
        Ok(match (&self.probe_url, &self.probe_command, &self.probe_sqlite) {
            (Some(url), ..) => Some(SideEffectProbe::Url(url.clone())),
            (_, Some(command), _) => Some(SideEffectProbe::Command(self.command(command)?)),
            (_, _, Some(path)) => {
                let path = std::path::absolute(path)?.to_string_lossy().into_owned();
                Some(SideEffectProbe::Sqlite { path, query: self.probe_query.clone().unwrap_or_default() })
            }
            _ => None,
        })
    }

    async fn settings(&self, api: &Api) -> Result<CheckSettings, CliError> {
        let mut settings = CheckSettings { settle_ms: self.settle, ..CheckSettings::default() };
        let to = self.to.as_deref().unwrap_or_default();
        if to.contains("://") {
            settings.url = to.to_owned();
        } else {
            settings.endpoint = Some(super::endpoint::id_of(api, to).await?);
        }
        settings.provider = self.provider.clone().unwrap_or_default();
        (settings.scheme, settings.event) = (self.scheme.clone(), self.event.clone());
        if let Some(path) = &self.payload_file {
            let failed = |e: &dyn std::fmt::Display| CliError::Other(format!("{}: {e}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|e| failed(&e))?;
            settings.payload = Some(serde_json::from_str(&text).map_err(|e| failed(&e))?);
        }
        if let Some(path) = &self.secret_file {
            settings.secret = secret(path)?;
        } else if let Ok(text) = std::env::var("HOOKBENCH_SECRET") {
            settings.secret = text;
        }
        if let Some(path) = &self.old_secret_file {
            (settings.old_secret, settings.old_secret_valid) = (Some(secret(path)?), self.old_secret_valid);
        }
        let param = |param: &String| match param.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(CliError::Other(format!("--param is invalid: {param:?} (expected NAME=VALUE)"))),
        };
        settings.params = self.param.iter().map(param).collect::<Result<_, _>>()?;
        (settings.only, settings.skip) = (self.only.clone(), self.skip.clone());
        if let Some(path) = &self.waive {
            let text =
                std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
            let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
            settings.waive = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        }
        (settings.burst, settings.timeout_ms, settings.probe) = (self.burst, self.timeout, self.probe()?);
        if let (Some(fail_cmd), Some(restore_cmd)) = (&self.fail_cmd, &self.restore_cmd) {
            (settings.fail_command, settings.restore_command) =
                (Some(self.command(fail_cmd)?), Some(self.command(restore_cmd)?));
        }
        Ok(settings)
    }
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    match args.verb {
        None => begin(api, context, args.begin).await,
        Some(Verb::Rules) => rules(api, context).await,
        Some(Verb::List) => list(api, context).await,
        Some(Verb::Report { run, form: Some(form) }) => {
            let run = super::latest::check_run(api, &run).await?;
            super::export::stream(api, &format!("/checks/{}/report?as={form}", encoded(&run)), None).await
        }
        Some(Verb::Report { run, form: None }) => {
            let run = super::latest::check_run(api, &run).await?;
            let report: CheckReport = api.get(&format!("/checks/{}/report", encoded(&run))).await?;
            print(context, &report)
        }
        Some(Verb::Rerun { run, only, files }) => {
            let run = super::latest::check_run(api, &run).await?;
            let run = encoded(&run);
            let body = json!({ "checks": only });
            let _: CheckRun = api.send(Method::POST, &format!("/checks/{run}/rerun"), &body).await?;
            finish(api, context, &run, &files).await
        }
        Some(Verb::Compare { before, after }) => {
            let before = super::latest::check_run(api, &before).await?;
            let after = super::latest::check_run(api, &after).await?;
            compare(api, context, &before, &after).await
        }
        Some(Verb::Remove { run }) => {
            let run = super::latest::check_run(api, &run).await?;
            api.bytes(Method::DELETE, &format!("/checks/{}", encoded(&run))).await.map(drop)
        }
    }
}

async fn begin(api: &Api, context: &Context, args: RunArgs) -> Result<(), CliError> {
    let settings = args.settings(api).await?;
    let mut call = Call { settings, confirm: None, confirm_commands: false };
    // Opening the report files first reports an unwritable path before the run, not after.
    for path in [&args.files.junit, &args.files.html, &args.files.report].into_iter().flatten() {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    }
    let plan: CheckPlan = api.send(Method::POST, "/checks/plan", &call).await?;
    if args.plan {
        return planned(context, &plan);
    }
    terminal::say(&in_words(&plan));
    if plan.generated {
        terminal::say(
            "Hookbench has no sample event of this vendor and sends a generated one. Pass --payload-file and --event \
             to use your own.",
        );
    }
    if !plan.this_machine || !plan.commands.is_empty() {
        for command in &plan.commands {
            terminal::say(&format!("Runs on this computer: {}", terminal::shown(command)));
        }
        agreed(args.yes)?;
        (call.confirm, call.confirm_commands) = (Some(plan.host), true);
    }
    let begun: CheckRun = api.send(Method::POST, "/checks", &call).await?;
    finish(api, context, &encoded(&begun.id), &args.files).await
}

fn in_words(plan: &CheckPlan) -> String {
    format!(
        "{} requests to {}, one at a time, except for a burst of {} per second. {:.1} MB in total.",
        plan.requests,
        terminal::shown(&plan.url),
        plan.rate,
        plan.bytes as f64 / 1e6
    )
}

fn agreed(yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Other("confirmation is required. Pass --yes to continue".into()));
    }
    let _ = write!(std::io::stderr(), "Continue? [y/N] ");
    let mut input = String::new();
    let _ = std::io::stdin().read_line(&mut input);
    if input.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(CliError::No) }
}

/// Waits until a run has ended, writes its report files and prints its report.
async fn finish(api: &Api, context: &Context, id: &str, files: &Files) -> Result<(), CliError> {
    let bar = terminal::count();
    loop {
        let run: CheckRun = api.get(&format!("/checks/{id}")).await?;
        if !context.json {
            bar.set_length(run.total.into());
            bar.set_position(run.counts.sum().into());
        }
        if run.ended_at.is_some() {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            _ = tokio::signal::ctrl_c() => {
                let _ = api.bytes(Method::POST, &format!("/checks/{id}/cancel")).await;
            }
        }
    }
    bar.finish_and_clear();
    for (form, path) in [("junit", &files.junit), ("html", &files.html), ("json", &files.report)] {
        if let Some(path) = path {
            let report = api.bytes(Method::GET, &format!("/checks/{id}/report?as={form}")).await?;
            std::fs::write(path, &report.body).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
        }
    }
    let report: CheckReport = api.get(&format!("/checks/{id}/report")).await?;
    print(context, &report)
}

/// Returns the sort rank of an outcome in a report: outcomes that need action come first.
fn rank(outcome: CheckOutcome) -> u8 {
    match outcome {
        CheckOutcome::Fail => 0,
        CheckOutcome::Warn => 1,
        CheckOutcome::Error => 2,
        CheckOutcome::Unknown => 3,
        CheckOutcome::Pass => 4,
        CheckOutcome::Skipped => 5,
    }
}

/// Prints a report: one line per check, failures first, and a summary line at the end.
fn print(context: &Context, report: &CheckReport) -> Result<(), CliError> {
    let run = &report.run;
    let passed = run.conclusion == Some(CheckConclusion::Passed);
    if context.json {
        terminal::json(report);
        return if passed { Ok(()) } else { Err(CliError::No) };
    }
    let mut checks: Vec<&CheckResult> = report.checks.iter().collect();
    checks.sort_by_key(|check| rank(check.outcome));
    for check in checks {
        let (outcome, title) = (terminal::word(&check.outcome), terminal::shown(&check.title));
        terminal::line(&format!("{outcome:<8} {:>2}  {title}  {}", check.number, terminal::shown(&check.message)));
        if matches!(check.outcome, CheckOutcome::Fail | CheckOutcome::Warn) {
            let (advice, source) = (terminal::shown(&check.advice), terminal::shown(&check.source));
            terminal::line(&format!("             {advice} ({source})"));
        }
    }
    let conclusion = match run.conclusion {
        Some(CheckConclusion::Passed) => "Passed",
        Some(CheckConclusion::PassedWithWarnings) => "Passed with warnings",
        Some(CheckConclusion::Failed) => "Failed",
        Some(CheckConclusion::Incomplete) | None => "Incomplete",
    };
    let CheckCounts { pass, fail, warn, skipped, unknown, error } = run.counts;
    let reason = run.reason.as_ref().map_or_else(String::new, |reason| format!(" {}", terminal::shown(reason)));
    terminal::line(&format!(
        "\n{conclusion}: {fail} failed, {warn} warnings, {error} errors, {unknown} unknown, {pass} passed, \
         {skipped} skipped.{reason} Run {}",
        run.id
    ));
    if passed { Ok(()) } else { Err(CliError::No) }
}

fn planned(context: &Context, plan: &CheckPlan) -> Result<(), CliError> {
    if context.json {
        terminal::json(plan);
        return Ok(());
    }
    for check in &plan.checks {
        let sends = match &check.skipped {
            Some(why) => format!("skipped: {}", terminal::shown(why)),
            None => format!("{} requests, {} bytes", check.requests, check.bytes),
        };
        let title = terminal::shown(&check.title);
        terminal::line(&format!("{:>2}  {:<17} {title}  {sends}", check.number, check.id));
    }
    terminal::say(&in_words(plan));
    Ok(())
}

async fn rules(api: &Api, context: &Context) -> Result<(), CliError> {
    let list: CheckRuleList = api.get("/checks/rules").await?;
    for check in &list.items {
        if context.json {
            terminal::json(check);
            continue;
        }
        let level = match check.level {
            CheckLevel::Must => "required",
            CheckLevel::Should => "recommended",
            CheckLevel::Advice => "advisory",
        };
        terminal::line(&format!(
            "{:>2}  {:<21} {level:<11}  {}",
            check.number,
            check.id,
            terminal::shown(&check.title)
        ));
        terminal::line(&format!("    {} ({})", terminal::shown(&check.why), terminal::shown(&check.source)));
    }
    Ok(())
}

async fn list(api: &Api, context: &Context) -> Result<(), CliError> {
    let list: CheckList = api.get("/checks").await?;
    for run in &list.items {
        if context.json {
            terminal::json(run);
            continue;
        }
        let conclusion = run.conclusion.as_ref().map_or_else(|| "running".to_owned(), terminal::word);
        let url = terminal::shown(&run.settings.url);
        terminal::line(&format!(
            "{}  {conclusion:<10} {:>2} failed  {}  {url}",
            run.id, run.counts.fail, run.created_at
        ));
    }
    Ok(())
}

async fn compare(api: &Api, context: &Context, before: &str, after: &str) -> Result<(), CliError> {
    let path = format!("/checks/compare?before={}&after={}", encoded(before), encoded(after));
    let found: CheckComparison = api.get(&path).await?;
    if context.json {
        terminal::json(&found);
    } else {
        let outcome = |outcome: &Option<CheckOutcome>| outcome.as_ref().map_or("not run".into(), terminal::word);
        for check in &found.changed {
            terminal::line(&format!(
                "{:>2}  {} → {}  {}  {}",
                check.number,
                outcome(&check.before),
                outcome(&check.after),
                terminal::shown(&check.title),
                terminal::shown(&check.message_after)
            ));
        }
        if found.changed.is_empty() {
            terminal::line("Both runs have the same results.");
        }
    }
    if found.changed.is_empty() { Ok(()) } else { Err(CliError::No) }
}
