//! `hookbench config`: shows and changes the settings.

use hookbench_model::{Setting, Settings, list_settings, settings_patch};
use http::Method;

use super::{Api, Context, error::CliError, terminal};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Print all settings, or one
    #[command(after_help = "Examples:\n  hookbench config get\n  hookbench config get retention.days")]
    Get {
        /// Name of the setting, such as listen or retention.days
        name: Option<String>,
    },
    /// Change settings. `null` removes a limit
    #[command(after_help = "Examples:\n  hookbench config set retention.days=30 retention.bytes=null\n  \
        hookbench config set listen=127.0.0.1:4700")]
    Set {
        /// Setting and value
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = assignment)]
        settings: Vec<(String, String)>,
    },
}

fn assignment(given: &str) -> Result<(String, String), String> {
    let (name, value) = given.split_once('=').ok_or("write the setting as NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    let settings: Settings = api.get("/settings").await?;
    match verb {
        Verb::Get { name } => {
            match (list_settings(&settings, name.as_deref()).map_err(CliError::Other)?.as_slice(), name) {
                (_, None) if context.json => terminal::json(&settings),
                ([one], Some(name)) if one.name == name && !context.json => {
                    terminal::line(&terminal::shown(&one.value))
                }
                (found, _) => print(context, found),
            }
        }
        Verb::Set { settings: changes } => {
            for (name, _) in &changes {
                list_settings(&settings, Some(name)).map_err(CliError::Other)?;
            }
            let patch = settings_patch(changes.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let changed: Settings = api.send(Method::PATCH, "/settings", &patch).await?;
            for (name, _) in &changes {
                print(context, &list_settings(&changed, Some(name)).map_err(CliError::Other)?);
            }
        }
    }
    Ok(())
}

fn print(context: &Context, settings: &[Setting]) {
    for Setting { name, value } in settings {
        match context.json {
            true => terminal::json(&serde_json::json!({ name: value })),
            false => terminal::line(&format!("{name}={}", terminal::shown(value))),
        }
    }
}
