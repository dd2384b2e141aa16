use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use hookbench_model::{
    CheckCommand, CheckComparison, CheckCounts, CheckList, CheckOutcome, CheckPlan, CheckReport, CheckResult,
    CheckRuleList, CheckRun, CheckSettings, CheckVerdict, SideEffectProbe,
};
use http::Method;
use serde::Serialize;
use serde_json::json;

use super::{Api, Context, error::CliError, inbox::encoded, keys, terminal};

/// How often a run is asked about.
const ASK: Duration = Duration::from_millis(150);

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    begin: Begin,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the questions, why they matter and who says so
    Questions,
    /// List runs, newest first
    List,
    /// Print a run's report
    Report {
        run: String,
        /// json, html or junit
        #[arg(long = "as", value_parser = ["json", "html", "junit"])]
        form: Option<String>,
    },
    /// Ask the checks again that failed or are unknown, or those named
    Again {
        run: String,
        /// This check; repeat it for more
        #[arg(long, value_name = "CHECK")]
        only: Vec<String>,
        #[command(flatten)]
        files: Files,
    },
    /// Say what differs between two runs; exit status 1 if anything does
    Compare { before: String, after: String },
    /// Remove a run
    Remove { run: String },
}

#[derive(Debug, clap::Args)]
struct Files {
    /// Write JUnit's XML into a file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a page into a file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write JSON into a file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Begin {
    /// The handler: a URL, or the id or name of an endpoint
    #[arg(value_name = "URL|ENDPOINT", required = true)]
    to: Option<String>,
    /// The vendor that is played
    #[arg(long)]
    provider: Option<String>,
    /// Which of its schemes
    #[arg(long)]
    scheme: Option<String>,
    /// The type of the usual event, which has an effect; the vendor's first if left out
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
    /// A file with the JSON payload of the usual event; places such as {{uuid order}} are filled
    #[arg(long, value_name = "FILE")]
    payload_file: Option<PathBuf>,
    /// A file with the secret the handler knows
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A setting of the scheme; repeat it for more
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// A file with the secret before this one
    #[arg(long, value_name = "FILE")]
    old_secret_file: Option<PathBuf>,
    /// The old secret is still to be taken
    #[arg(long, requires = "old_secret_file")]
    old_secret_valid: bool,
    /// Only this check; repeat it for more
    #[arg(long, value_name = "CHECK")]
    only: Vec<String>,
    /// Not this check; repeat it for more
    #[arg(long, value_name = "CHECK")]
    skip: Vec<String>,
    /// Waive the checks named in this file, one per line; `#` starts a comment
    #[arg(long, value_name = "FILE")]
    waive: Option<PathBuf>,
    /// A page that says how many effects there were
    #[arg(long, value_name = "URL", group = "probe")]
    probe_url: Option<String>,
    /// A command that prints how many effects there were
    #[arg(long, value_name = "COMMAND", group = "probe")]
    probe_command: Option<String>,
    /// A SQLite database that knows, with --probe-query
    #[arg(long, value_name = "FILE", group = "probe", requires = "probe_query")]
    probe_sqlite: Option<PathBuf>,
    /// The query whose first value it is
    #[arg(long, value_name = "SQL", requires = "probe_sqlite")]
    probe_query: Option<String>,
    /// How long an effect may come after its answer, in ms
    #[arg(long, default_value_t = 400, value_name = "MS")]
    settle: u32,
    /// A command that makes the handler fail, such as one that stops its database
    #[arg(long = "break", value_name = "COMMAND", requires = "mend")]
    break_with: Option<String>,
    /// A command that mends it
    #[arg(long, value_name = "COMMAND", requires = "break_with")]
    mend: Option<String>,
    /// Let a shell read the commands
    #[arg(long)]
    shell: bool,
    /// Requests a second in the burst
    #[arg(long, default_value_t = 20, value_name = "N")]
    burst: u32,
    /// Longest wait for an answer, in ms
    #[arg(long, default_value_t = 15_000, value_name = "MS")]
    timeout: u32,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    plan: bool,
    /// Do not ask before it sends to another machine or runs commands
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    files: Files,
}

fn secret(path: &PathBuf) -> Result<String, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    Ok(keys::line(text))
}

/// The call that plans or begins a run.
#[derive(Serialize)]
struct Call {
    settings: CheckSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<String>,
    confirm_commands: bool,
}

impl Begin {
    fn command(&self, text: &str) -> Result<CheckCommand, CliError> {
        let dir = Some(std::env::current_dir()?.to_string_lossy().into_owned());
        if self.shell {
            return Ok(CheckCommand { words: vec![text.to_owned()], shell: true, dir });
        }
        let words = shell_words::split(text)
            .map_err(|e| CliError::Other(format!("{text}: {e}; --shell lets a shell read it")))?;
        Ok(CheckCommand { words, shell: false, dir })
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
            let wrong = |e: &dyn std::fmt::Display| CliError::Other(format!("{}: {e}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
            settings.payload = Some(serde_json::from_str(&text).map_err(|e| wrong(&e))?);
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
            None => Err(CliError::Other(format!("{param:?} is no NAME=VALUE"))),
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
        if let (Some(break_with), Some(mend)) = (&self.break_with, &self.mend) {
            (settings.break_with, settings.mend_with) = (Some(self.command(break_with)?), Some(self.command(mend)?));
        }
        Ok(settings)
    }
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    match args.verb {
        None => begin(api, context, args.begin).await,
        Some(Verb::Questions) => questions(api, context).await,
        Some(Verb::List) => list(api, context).await,
        Some(Verb::Report { run, form: Some(form) }) => {
            super::export::stream(api, &format!("/checks/{}/report?as={form}", encoded(&run)), None).await
        }
        Some(Verb::Report { run, form: None }) => {
            let report: CheckReport = api.get(&format!("/checks/{}/report", encoded(&run))).await?;
            print(context, &report)
        }
        Some(Verb::Again { run, only, files }) => {
            let run = encoded(&run);
            let body = json!({ "checks": only });
            let _: CheckRun = api.send(Method::POST, &format!("/checks/{run}/again"), &body).await?;
            finish(api, context, &run, &files).await
        }
        Some(Verb::Compare { before, after }) => compare(api, context, &before, &after).await,
        Some(Verb::Remove { run }) => api.bytes(Method::DELETE, &format!("/checks/{}", encoded(&run))).await.map(drop),
    }
}

async fn begin(api: &Api, context: &Context, args: Begin) -> Result<(), CliError> {
    let settings = args.settings(api).await?;
    let mut call = Call { settings, confirm: None, confirm_commands: false };
    // A file that cannot be written is no news to have at the end.
    for path in [&args.files.junit, &args.files.html, &args.files.report].into_iter().flatten() {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    }
    let plan: CheckPlan = api.send(Method::POST, "/check-plan", &call).await?;
    if args.plan {
        return planned(context, &plan);
    }
    terminal::say(&in_words(&plan));
    if plan.made_up {
        terminal::say(
            "Hookbench knows no event of this vendor and makes one up; --payload-file and --event give yours.",
        );
    }
    if !plan.this_machine || !plan.commands.is_empty() {
        for command in &plan.commands {
            terminal::say(&format!("It runs here: {}", terminal::shown(command)));
        }
        agreed(args.yes)?;
        (call.confirm, call.confirm_commands) = (Some(plan.host), true);
    }
    let begun: CheckRun = api.send(Method::POST, "/checks", &call).await?;
    finish(api, context, &encoded(&begun.id), &args.files).await
}

fn in_words(plan: &CheckPlan) -> String {
    format!(
        "{} requests to {}, one after the other but for a burst of {} a second; {:.1} MB in all.",
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
        return Err(CliError::Other("this has to be agreed to: with --yes it goes on".into()));
    }
    let _ = write!(std::io::stderr(), "Go on? [y/N] ");
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(CliError::No) }
}

/// Waits for a run's end, writes its report down and says its verdict.
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
            () = tokio::time::sleep(ASK) => {}
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

/// Order in which a report shows outcomes: what is to be done first.
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

/// A report for a terminal: verdict first, then what is to be done, then the rest.
fn print(context: &Context, report: &CheckReport) -> Result<(), CliError> {
    let run = &report.run;
    let right = run.verdict == Some(CheckVerdict::Right);
    if context.json {
        terminal::json(report);
        return if right { Ok(()) } else { Err(CliError::No) };
    }
    let mut checks: Vec<&CheckResult> = report.checks.iter().collect();
    checks.sort_by_key(|check| rank(check.outcome));
    for check in checks {
        let (outcome, question) = (terminal::word(&check.outcome), terminal::shown(&check.question));
        terminal::line(&format!("{outcome:<8} {:>2}  {question}  {}", check.number, terminal::shown(&check.said)));
        if matches!(check.outcome, CheckOutcome::Fail | CheckOutcome::Warn) {
            let (advice, source) = (terminal::shown(&check.advice), terminal::shown(&check.source));
            terminal::line(&format!("             {advice} ({source})"));
        }
    }
    let verdict = match run.verdict {
        Some(CheckVerdict::Right) => "Right",
        Some(CheckVerdict::Weak) => "Right, with weaknesses",
        Some(CheckVerdict::Wrong) => "Wrong",
        Some(CheckVerdict::Unfinished) | None => "Not finished",
    };
    let CheckCounts { pass, fail, warn, skipped, unknown, error } = run.counts;
    let reason = run.reason.as_ref().map_or_else(String::new, |reason| format!(" {}", terminal::shown(reason)));
    terminal::line(&format!(
        "\n{verdict}: {fail} failed, {warn} to look at, {error} not to be asked, {unknown} unknown, {pass} passed, {skipped} not asked.{reason} Run {}",
        run.id
    ));
    if right { Ok(()) } else { Err(CliError::No) }
}

fn planned(context: &Context, plan: &CheckPlan) -> Result<(), CliError> {
    if context.json {
        terminal::json(plan);
        return Ok(());
    }
    for check in &plan.checks {
        let sends = match &check.skipped {
            Some(why) => format!("not asked: {}", terminal::shown(why)),
            None => format!("{} requests, {} bytes", check.requests, check.bytes),
        };
        let question = terminal::shown(&check.question);
        terminal::line(&format!("{:>2}  {:<17} {question}  {sends}", check.number, check.id));
    }
    terminal::say(&in_words(plan));
    Ok(())
}

async fn questions(api: &Api, context: &Context) -> Result<(), CliError> {
    let list: CheckRuleList = api.get("/check-questions").await?;
    for check in &list.items {
        if context.json {
            terminal::json(check);
            continue;
        }
        let level = terminal::word(&check.level);
        terminal::line(&format!(
            "{:>2}  {:<17} {level:<6}  {}",
            check.number,
            check.id,
            terminal::shown(&check.question)
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
        let verdict = run.verdict.as_ref().map_or_else(|| "running".to_owned(), terminal::word);
        let url = terminal::shown(&run.settings.url);
        terminal::line(&format!("{}  {verdict:<10} {:>2} failed  {}  {url}", run.id, run.counts.fail, run.created_at));
    }
    Ok(())
}

async fn compare(api: &Api, context: &Context, before: &str, after: &str) -> Result<(), CliError> {
    let path = format!("/check-comparison?before={}&after={}", encoded(before), encoded(after));
    let found: CheckComparison = api.get(&path).await?;
    if context.json {
        terminal::json(&found);
    } else {
        let outcome = |outcome: &Option<CheckOutcome>| outcome.as_ref().map_or("not asked".into(), terminal::word);
        for check in &found.changed {
            terminal::line(&format!(
                "{:>2}  {} → {}  {}  {}",
                check.number,
                outcome(&check.before),
                outcome(&check.after),
                terminal::shown(&check.question),
                terminal::shown(&check.said_after)
            ));
        }
        if found.changed.is_empty() {
            terminal::line("Both came to the same.");
        }
    }
    if found.changed.is_empty() { Ok(()) } else { Err(CliError::No) }
}
