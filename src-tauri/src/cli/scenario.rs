use std::path::Path;

use http::Method;
use serde_json::{Map, Value, json};

use super::{Api, Context, delivery, endpoint, error::CliError, inbox::encoded, terminal};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the scenarios that ship, and those of your own
    List,
    /// Show one as its file, which can be a start for your own
    Show {
        /// Its id
        scenario: String,
    },
    /// Send its events one by one, with their gaps
    Run(Box<Run>),
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// Its id, or a file
    scenario: String,
    /// Where it goes; every endpoint of its vendor if absent
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Make the same values again
    #[arg(long)]
    seed: Option<u64>,
    /// Follow the vendor's schedule of retries, here in the foreground
    #[arg(long)]
    retries: bool,
    #[command(flatten)]
    settings: endpoint::Settings,
}

impl Verb {
    /// Whether it begins something.
    pub(super) fn begins(&self) -> bool {
        matches!(self, Self::Run(_))
    }
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List => {
            let all: Value = api.get("/scenarios").await?;
            for bad in all["bad_files"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                terminal::say(&terminal::shown(bad));
            }
            for scenario in all["items"].as_array().into_iter().flatten() {
                print(context, scenario);
            }
            if !context.json {
                terminal::say(&format!("Files of your own belong into {}", all["folder"].as_str().unwrap_or_default()));
            }
            Ok(())
        }
        Verb::Show { scenario } => {
            let shown: Value = api.get(&format!("/scenarios/{}", encoded(&scenario))).await?;
            let file = shown["file"].as_str().unwrap_or_default().trim_end();
            terminal::line(&if context.json { shown.to_string() } else { file.to_owned() });
            Ok(())
        }
        Verb::Run(args) => start(api, context, *args).await,
    }
}

async fn start(api: &Api, context: &Context, args: Run) -> Result<(), CliError> {
    let path = Path::new(&args.scenario);
    let mut body = if path.extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
        json!({ "file": text })
    } else {
        json!({ "scenario": args.scenario })
    };
    body["seed"] = json!(args.seed);
    body["speed"] = json!(args.settings.speed);
    body["retries"] = args.retries.into();
    let own = args.to.is_some();
    if let Some(to) = args.to {
        // A command tries things out: what a vendor forbids in production is allowed here.
        let mut settings = Map::from_iter([
            ("url".to_owned(), to.into()),
            // The scenario says whose it is.
            ("provider".to_owned(), "".into()),
            ("local_test".to_owned(), true.into()),
            // However fast it runs, one event comes after the other.
            ("concurrency".to_owned(), 1.into()),
        ]);
        args.settings.lay_over(&mut settings)?;
        body["to"] = settings.into();
    } else {
        body["scope"] = args.settings.without_endpoint()?.get("scope").cloned().unwrap_or_default();
    }
    let sent: Value = api.json(Method::POST, "/scenarios/run", Some(body)).await?;
    if sent["deliveries"].as_array().is_none_or(Vec::is_empty) {
        terminal::say("There is no endpoint of this vendor; make one, or name a URL with --to.");
    }
    delivery::sent(api, context, &sent, own).await
}

fn print(context: &Context, scenario: &Value) {
    if context.json {
        return terminal::line(&scenario.to_string());
    }
    let text = |key: &str| terminal::shown(scenario[key].as_str().unwrap_or_default());
    let steps = scenario["steps"].as_array().map_or(0, Vec::len);
    let lasts = scenario["lasts_ms"].as_u64().unwrap_or_default() / 1_000;
    terminal::line(&format!(
        "{:<26} {:<14} {steps:>3} events {lasts:>5} s  {}",
        text("id"),
        text("provider"),
        text("name")
    ));
}
