//! `hookbench scenario`: lists, shows and runs scenarios.

use std::path::Path;

use hookbench_model::{EventSendResult, Scenario, ScenarioList};
use http::Method;
use serde::Serialize;

use super::{
    Api, Context, delivery,
    destination::{Destination, Target},
    endpoint::GivenSettings,
    error::CliError,
    terminal,
};
use crate::transport::encoded;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the built-in scenarios and your own
    #[command(after_help = "Examples:\n  hookbench scenario list")]
    List,
    /// Print the file of a scenario, as a template for your own
    #[command(after_help = "Examples:\n  hookbench scenario show stripe-subscription > mine.toml")]
    Show {
        /// ID of the scenario
        scenario: String,
    },
    /// Send the events of a scenario in order, with the delays between them
    #[command(after_help = "Examples:\n  \
        hookbench scenario run stripe-subscription --to http://localhost:3000/webhooks\n  \
        hookbench scenario run mine.toml --to http://localhost:3000/webhooks --time-scale 20")]
    Run(Box<Run>),
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// ID of the scenario, or a .toml file
    scenario: String,
    #[command(flatten)]
    destination: Destination,
}

impl Verb {
    /// Returns true if the verb may create the data folder.
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

/// Body of the call that runs a scenario.
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
        // The scenario names its vendor.
        settings.provider = Some(String::new());
        // One request at a time keeps the events in order at any time scale.
        settings.concurrency.get_or_insert(1);
    };
    call.target = args.destination.target(usual, &["account", "time_scale"])?;
    let own = call.target.to.is_some();
    // The delays between events use the same time scale as the endpoint's retries.
    if let Some(to) = &call.target.to {
        call.target.time_scale = to.time_scale;
    }
    let sent: EventSendResult = api.send(Method::POST, "/scenarios/run", &call).await?;
    if sent.deliveries.is_empty() {
        terminal::say("There is no endpoint of this vendor. Create one, or pass a URL with --to.");
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
        scenario.duration_ms / 1_000,
        terminal::shown(&scenario.name)
    ));
}
