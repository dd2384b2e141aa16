use std::path::Path;

use hookbench_model::{EventSendResult, Scenario, ScenarioList};
use http::Method;
use serde::Serialize;

use super::{
    Api, Context, delivery,
    destination::{Destination, Target},
    endpoint::GivenSettings,
    error::CliError,
    inbox::encoded,
    terminal,
};

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
            let all: ScenarioList = api.get("/scenarios").await?;
            all.bad_files.iter().for_each(|bad| terminal::say(&terminal::shown(bad)));
            all.items.iter().for_each(|scenario| print(context, scenario));
            if !context.json {
                terminal::say(&format!("Put scenario files into {}", all.folder));
            }
            Ok(())
        }
        Verb::Show { scenario } => {
            let shown: Scenario = api.get(&format!("/scenarios/{}", encoded(&scenario))).await?;
            match context.json {
                true => terminal::json(&shown),
                false => terminal::line(shown.file.trim_end()),
            }
            Ok(())
        }
        Verb::Run(args) => start(api, context, *args).await,
    }
}

/// The call that runs a scenario.
#[derive(Default, Serialize)]
struct Call {
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(flatten)]
    target: Target,
}

async fn start(api: &Api, context: &Context, args: Run) -> Result<(), CliError> {
    let mut call = Call::default();
    let path = Path::new(&args.scenario);
    if path.extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
        call.file = Some(text);
    } else {
        call.scenario = Some(args.scenario);
    }
    let usual = |settings: &mut GivenSettings| {
        // The scenario says whose it is.
        settings.provider = Some(String::new());
        // However fast it runs, one event comes after the other.
        settings.concurrency.get_or_insert(1);
    };
    call.target = args.destination.target(usual, &["scope", "speed"])?;
    let own = call.target.to.is_some();
    // An endpoint's time goes as fast as its scenario's gaps.
    if let Some(to) = &call.target.to {
        call.target.speed = to.speed;
    }
    let sent: EventSendResult = api.send(Method::POST, "/scenarios/run", &call).await?;
    if sent.deliveries.is_empty() {
        terminal::say("There is no endpoint of this vendor; make one, or name a URL with --to.");
    }
    delivery::sent(api, context, &sent, own).await
}

fn print(context: &Context, scenario: &Scenario) {
    if context.json {
        return terminal::json(scenario);
    }
    terminal::line(&format!(
        "{:<26} {:<14} {:>3} events {:>5} s  {}",
        terminal::shown(&scenario.id),
        terminal::shown(&scenario.provider),
        scenario.steps.len(),
        scenario.lasts_ms / 1_000,
        terminal::shown(&scenario.name)
    ));
}
