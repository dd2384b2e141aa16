use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use http::Method;
use serde_json::{Map, Value, json};

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

impl Begin {
    fn command(&self, text: &str) -> Result<Value, CliError> {
        if self.shell {
            return Ok(json!({ "words": [text], "shell": true, "dir": std::env::current_dir()? }));
        }
        let words = shell_words::split(text)
            .map_err(|e| CliError::Other(format!("{text}: {e}; --shell lets a shell read it")))?;
        Ok(json!({ "words": words, "dir": std::env::current_dir()? }))
    }

    async fn call(&self, api: &Api) -> Result<Value, CliError> {
        let mut call = Map::new();
        let mut set = |name: &str, value: Value| drop(call.insert(name.to_owned(), value));
        let to = self.to.as_deref().unwrap_or_default();
        if to.contains("://") {
            set("url", to.into());
        } else {
            set("endpoint", super::endpoint::id_of(api, to).await?.into());
        }
        if let Some(provider) = &self.provider {
            set("provider", provider.as_str().into());
        }
        set("scheme", self.scheme.clone().into());
        set("event", self.event.clone().into());
        if let Some(path) = &self.payload_file {
            let wrong = |e: &dyn std::fmt::Display| CliError::Other(format!("{}: {e}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
            set("payload", serde_json::from_str(&text).map_err(|e| wrong(&e))?);
        }
        if let Some(path) = &self.secret_file {
            set("secret", secret(path)?.into());
        } else if let Ok(text) = std::env::var("HOOKLINE_SECRET") {
            set("secret", text.into());
        }
        if let Some(path) = &self.old_secret_file {
            set("old_secret", secret(path)?.into());
            set("old_secret_valid", self.old_secret_valid.into());
        }
        let params: Map<String, Value> = self
            .param
            .iter()
            .map(|param| match param.split_once('=') {
                Some((name, value)) => Ok((name.to_owned(), value.into())),
                None => Err(CliError::Other(format!("{param:?} is no NAME=VALUE"))),
            })
            .collect::<Result<_, _>>()?;
        set("params", params.into());
        set("only", json!(self.only));
        set("skip", json!(self.skip));
        if let Some(path) = &self.waive {
            let text =
                std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
            let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
            set("waive", json!(names.filter(|name| !name.is_empty()).collect::<Vec<_>>()));
        }
        set("settle_ms", self.settle.into());
        set("burst", self.burst.into());
        set("timeout_ms", self.timeout.into());
        let probe = match (&self.probe_url, &self.probe_command, &self.probe_sqlite) {
            (Some(url), ..) => json!({ "url": url }),
            (_, Some(command), _) => json!({ "command": self.command(command)? }),
            (_, _, Some(path)) => {
                let path = std::path::absolute(path)?;
                json!({ "sqlite": { "path": path.to_string_lossy(), "query": self.probe_query } })
            }
            _ => Value::Null,
        };
        set("probe", probe);
        if let (Some(break_with), Some(mend)) = (&self.break_with, &self.mend) {
            set("break_with", self.command(break_with)?);
            set("mend_with", self.command(mend)?);
        }
        Ok(json!({ "settings": call }))
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
            let report: Value = api.get(&format!("/checks/{}/report", encoded(&run))).await?;
            print(context, &report)
        }
        Some(Verb::Again { run, only, files }) => {
            let run = encoded(&run);
            let _: Value =
                api.json(Method::POST, &format!("/checks/{run}/again"), Some(json!({ "checks": only }))).await?;
            finish(api, context, &run, &files).await
        }
        Some(Verb::Compare { before, after }) => compare(api, context, &before, &after).await,
        Some(Verb::Remove { run }) => api.json(Method::DELETE, &format!("/checks/{}", encoded(&run)), None).await,
    }
}

async fn begin(api: &Api, context: &Context, args: Begin) -> Result<(), CliError> {
    let mut call = args.call(api).await?;
    // A file that cannot be written is no news to have at the end.
    for path in [&args.files.junit, &args.files.html, &args.files.report].into_iter().flatten() {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    }
    let plan: Value = api.json(Method::POST, "/check-plan", Some(call.clone())).await?;
    if args.plan {
        return planned(context, &plan);
    }
    terminal::say(&in_words(&plan));
    if plan["made_up"] == true {
        terminal::say(
            "Hookline knows no event of this vendor and makes one up; --payload-file and --event give yours.",
        );
    }
    let commands: Vec<&str> = plan["commands"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let elsewhere = plan["this_machine"] == false;
    if elsewhere || !commands.is_empty() {
        for command in &commands {
            terminal::say(&format!("It runs here: {}", terminal::shown(command)));
        }
        agreed(args.yes)?;
        call["confirm"] = plan["host"].clone();
        call["confirm_commands"] = true.into();
    }
    let begun: Value = api.json(Method::POST, "/checks", Some(call)).await?;
    let id = encoded(begun["id"].as_str().unwrap_or_default());
    finish(api, context, &id, &args.files).await
}

fn in_words(plan: &Value) -> String {
    format!(
        "{} requests to {}, one after the other but for a burst of {} a second; {:.1} MB in all.",
        plan["requests"],
        terminal::shown(plan["url"].as_str().unwrap_or_default()),
        plan["rate"],
        plan["bytes"].as_f64().unwrap_or_default() / 1e6
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
        let run: Value = api.get(&format!("/checks/{id}")).await?;
        if !context.json {
            let counts = run["counts"].as_object().into_iter().flatten();
            bar.set_length(run["total"].as_u64().unwrap_or_default());
            bar.set_position(counts.filter_map(|(_, count)| count.as_u64()).sum());
        }
        if !run["ended_at"].is_null() {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(ASK) => {}
            _ = tokio::signal::ctrl_c() => {
                let _ = api.bytes(Method::POST, &format!("/checks/{id}/cancel"), None).await;
            }
        }
    }
    bar.finish_and_clear();
    for (form, path) in [("junit", &files.junit), ("html", &files.html), ("json", &files.report)] {
        if let Some(path) = path {
            let report = api.bytes(Method::GET, &format!("/checks/{id}/report?as={form}"), None).await?;
            std::fs::write(path, &report.body).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
        }
    }
    let report: Value = api.get(&format!("/checks/{id}/report")).await?;
    print(context, &report)
}

/// A report for a terminal: verdict first, then what is to be done, then the rest.
fn print(context: &Context, report: &Value) -> Result<(), CliError> {
    let run = &report["run"];
    let text = |value: &Value| terminal::shown(value.as_str().unwrap_or_default());
    let right = matches!(run["verdict"].as_str(), Some("right"));
    if context.json {
        terminal::json(report);
        return if right { Ok(()) } else { Err(CliError::No) };
    }
    let mut checks: Vec<&Value> = report["checks"].as_array().into_iter().flatten().collect();
    let rank = |check: &Value| match check["outcome"].as_str() {
        Some("fail") => 0,
        Some("warn") => 1,
        Some("error") => 2,
        Some("unknown") => 3,
        Some("pass") => 4,
        _ => 5,
    };
    checks.sort_by_key(|check| rank(check));
    for check in checks {
        let outcome = text(&check["outcome"]);
        terminal::line(&format!(
            "{outcome:<8} {:>2}  {}  {}",
            check["number"],
            text(&check["question"]),
            text(&check["said"])
        ));
        if rank(check) < 2 {
            terminal::line(&format!("             {} ({})", text(&check["advice"]), text(&check["source"])));
        }
    }
    let verdict = match run["verdict"].as_str() {
        Some("right") => "Right",
        Some("weak") => "Right, with weaknesses",
        Some("wrong") => "Wrong",
        _ => "Not finished",
    };
    let counts = &run["counts"];
    let reason = run["reason"].as_str().map_or_else(String::new, |reason| format!(" {}", terminal::shown(reason)));
    terminal::line(&format!(
        "\n{verdict}: {} failed, {} to look at, {} not to be asked, {} unknown, {} passed, {} not asked.{reason} Run {}",
        counts["fail"],
        counts["warn"],
        counts["error"],
        counts["unknown"],
        counts["pass"],
        counts["skipped"],
        text(&run["id"])
    ));
    if right { Ok(()) } else { Err(CliError::No) }
}

fn planned(context: &Context, plan: &Value) -> Result<(), CliError> {
    if context.json {
        terminal::json(plan);
        return Ok(());
    }
    let text = |value: &Value| terminal::shown(value.as_str().unwrap_or_default());
    for check in plan["checks"].as_array().into_iter().flatten() {
        let sends = match check["skipped"].as_str() {
            Some(why) => format!("not asked: {}", terminal::shown(why)),
            None => format!("{} requests, {} bytes", check["requests"], check["bytes"]),
        };
        terminal::line(&format!(
            "{:>2}  {:<17} {}  {sends}",
            check["number"],
            text(&check["id"]),
            text(&check["question"])
        ));
    }
    terminal::say(&in_words(plan));
    Ok(())
}

async fn questions(api: &Api, context: &Context) -> Result<(), CliError> {
    let list: Value = api.get("/check-questions").await?;
    for check in list["items"].as_array().into_iter().flatten() {
        if context.json {
            terminal::json(check);
            continue;
        }
        let text = |name: &str| terminal::shown(check[name].as_str().unwrap_or_default());
        terminal::line(&format!(
            "{:>2}  {:<17} {:<6}  {}",
            check["number"],
            text("id"),
            text("level"),
            text("question")
        ));
        terminal::line(&format!("    {} ({})", text("why"), text("source")));
    }
    Ok(())
}

async fn list(api: &Api, context: &Context) -> Result<(), CliError> {
    let list: Value = api.get("/checks").await?;
    for run in list["items"].as_array().into_iter().flatten() {
        if context.json {
            terminal::json(run);
            continue;
        }
        let text = |value: &Value| terminal::shown(value.as_str().unwrap_or_default());
        let stands = run["verdict"].as_str().unwrap_or("running");
        terminal::line(&format!(
            "{}  {stands:<10} {:>2} failed  {}  {}",
            text(&run["id"]),
            run["counts"]["fail"],
            text(&run["created_at"]),
            text(&run["settings"]["url"])
        ));
    }
    Ok(())
}

async fn compare(api: &Api, context: &Context, before: &str, after: &str) -> Result<(), CliError> {
    let found: Value =
        api.get(&format!("/check-comparison?before={}&after={}", encoded(before), encoded(after))).await?;
    let changed = found["changed"].as_array().cloned().unwrap_or_default();
    if context.json {
        terminal::json(&found);
    } else {
        for check in &changed {
            let text = |name: &str| terminal::shown(check[name].as_str().unwrap_or("not asked"));
            terminal::line(&format!(
                "{:>2}  {} → {}  {}  {}",
                check["number"],
                text("before"),
                text("after"),
                text("question"),
                text("said_after")
            ));
        }
        if changed.is_empty() {
            terminal::line("Both came to the same.");
        }
    }
    if changed.is_empty() { Ok(()) } else { Err(CliError::No) }
}
