use hookline_engine::{Provider, catalogue};

use super::{Context, error::CliError, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show one vendor
    Show {
        /// Its id
        name: String,
    },
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let (catalogue, bad) = catalogue(&context.data);
    for file in bad {
        terminal::say(&format!("{file}"));
    }
    match &args.verb {
        None => {
            for provider in catalogue.providers() {
                if context.json {
                    json(provider)?;
                } else {
                    let schemes: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
                    terminal::line(&format!("{:<20} {:<28} {}", provider.id, provider.name, schemes.join(", ")));
                }
            }
            Ok(())
        }
        Some(Verb::Show { name }) => {
            let provider = catalogue.get(name).ok_or_else(|| {
                CliError::Other(format!("there is no provider {name:?}; `hookline providers` lists them"))
            })?;
            json(provider)
        }
    }
}

fn json(provider: &Provider) -> Result<(), CliError> {
    terminal::line(&serde_json::to_string(provider).map_err(|e| CliError::Other(e.to_string()))?);
    Ok(())
}
