use hookbench_engine::{Provider, catalogue, handlers, samples};

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
        /// Print code that verifies its requests: node, python, php, go, ruby, java or rust
        #[arg(long, value_name = "LANGUAGE")]
        snippet: Option<String>,
        /// Print a whole receiving handler: express, fastapi, php or go
        #[arg(long, value_name = "FRAMEWORK", conflicts_with = "snippet")]
        handler: Option<String>,
        /// One of its schemes; the usual one by default
        #[arg(long)]
        scheme: Option<String>,
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
                    terminal::line(&format!(
                        "{:<20} {:<28} {}",
                        provider.id,
                        terminal::shown(&provider.name),
                        schemes.join(", ")
                    ));
                }
            }
            Ok(())
        }
        Some(Verb::Show { name, snippet, handler, scheme }) => {
            let provider = catalogue.get(name).ok_or_else(|| {
                CliError::Other(format!("there is no provider {name:?}; `hookbench providers` lists them"))
            })?;
            match (snippet, handler) {
                (None, None) if context.json => json(provider),
                (None, None) => {
                    terminal::line(catalogue.file(name).unwrap_or_default().trim_end());
                    Ok(())
                }
                (Some(language), _) => code(provider, scheme.as_deref(), language),
                (_, Some(framework)) => whole(provider, scheme.as_deref(), framework),
            }
        }
    }
}

fn no_scheme(provider: &Provider) -> CliError {
    CliError::Other(format!(
        "{} has no such scheme; `hookbench providers show {}` lists them",
        provider.name, provider.id
    ))
}

fn whole(provider: &Provider, scheme: Option<&str>, framework: &str) -> Result<(), CliError> {
    let record = provider.scheme(scheme);
    if record.is_none() && scheme.is_some() {
        return Err(no_scheme(provider));
    }
    // A scheme that is asked for by name is wanted, also where the vendor leaves its requests unsigned.
    let signs = scheme.is_some() || provider.sending.as_ref().is_none_or(|sending| sending.signed);
    let all = handlers(provider, record.filter(|_| signs).map(|record| &record.scheme));
    let found = all.iter().find(|handler| handler.language == framework);
    let handler = found.ok_or_else(|| match all.is_empty() {
        true => CliError::Other(format!(
            "there is no handler for {}: its signature has a rule of its own; use its SDK",
            provider.name
        )),
        false => {
            let known: Vec<&str> = all.iter().map(|handler| handler.language.as_str()).collect();
            CliError::Other(format!(
                "there is no handler in {framework:?} for {}; there are {}",
                provider.name,
                known.join(", ")
            ))
        }
    })?;
    terminal::line(handler.code.trim_end());
    Ok(())
}

fn code(provider: &Provider, scheme: Option<&str>, language: &str) -> Result<(), CliError> {
    let record = provider.scheme(scheme).ok_or_else(|| no_scheme(provider))?;
    let all = samples(&provider.name, &record.scheme);
    let found = all.iter().find(|snippet| snippet.language == language);
    let snippet = found.ok_or_else(|| match all.is_empty() {
        true => CliError::Other(format!("there is no snippet for {}: its signature is not one a shared secret makes, or has a rule of its own; use its SDK", provider.name)),
        false => {
            let known: Vec<&str> = all.iter().map(|snippet| snippet.language.as_str()).collect();
            CliError::Other(format!("there is no snippet in {language:?} for {}; there are {}", provider.name, known.join(", ")))
        }
    })?;
    terminal::line(snippet.code.trim_end());
    Ok(())
}

fn json(provider: &Provider) -> Result<(), CliError> {
    terminal::line(&serde_json::to_string(provider).map_err(|e| CliError::Other(e.to_string()))?);
    Ok(())
}
