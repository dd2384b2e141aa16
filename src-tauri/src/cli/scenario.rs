use std::path::Path;

use http::Method;
use serde_json::{Map, Value};

use super::{Api, Context, delivery, destination::Destination, error::CliError, inbox::encoded, terminal};

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
    #[command(flatten)]
    destination: Destination,
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
    let (key, value) = if path.extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
        ("file", text)
    } else {
        ("scenario", args.scenario)
    };
    let mut call = Map::from_iter([(key.to_owned(), Value::from(value))]);
    let usual = Map::from_iter([
        // The scenario says whose it is.
        ("provider".to_owned(), Value::from("")),
        // However fast it runs, one event comes after the other.
        ("concurrency".to_owned(), 1.into()),
    ]);
    let own = args.destination.lay_over(&mut call, usual, &["scope", "speed"])?;
    // An endpoint's time goes as fast as its scenario's gaps.
    if let Some(speed) = call.get("to").and_then(|to| to.get("speed")).cloned() {
        call.insert("speed".into(), speed);
    }
    let sent: Value = api.json(Method::POST, "/scenarios/run", Some(call.into())).await?;
    if sent["deliveries"].as_array().is_none_or(Vec::is_empty) {
        terminal::say("There is no endpoint of this vendor; make one, or name a URL with --to.");
    }
    delivery::sent(api, context, &sent, own).await
}

fn print(context: &Context, scenario: &Value) {
    if context.json {
        return terminal::json(scenario);
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
