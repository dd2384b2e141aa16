//! `hookbench provider`: lists and shows vendors, prints verification code for them, and imports their events.

use hookbench_engine::{Catalog, Provider, catalog, handlers, samples};

use super::{Context, error::CliError, provider_import, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the vendors with their signature schemes
    #[command(after_help = "Examples:\n  hookbench provider list\n  hookbench provider list --json")]
    List,
    /// Show a vendor as a provider file, or print code for it
    #[command(after_help = "Examples:\n  hookbench provider show stripe\n  \
        hookbench provider show stripe --snippet node\n  hookbench provider show github --handler express")]
    Show {
        /// ID of the vendor
        name: String,
        /// Print verification code: node, python, php, go, ruby, java or rust
        #[arg(long, value_name = "LANGUAGE")]
        snippet: Option<String>,
        /// Print a complete webhook handler: express, fastapi, php or go
        #[arg(long, value_name = "FRAMEWORK", conflicts_with = "snippet")]
        handler: Option<String>,
        /// Use this signature scheme of the vendor [default: the vendor's first]
        #[arg(long)]
        scheme: Option<String>,
    },
    /// Import the events of a vendor from an OpenAPI, AsyncAPI or JSON Schema document
    #[command(after_help = "Examples:\n  hookbench provider import acme-openapi.yaml\n  \
        hookbench provider import api.github.com.json --id github\n  \
        hookbench provider import schemas/ --id acme --name Acme")]
    Import(provider_import::Args),
    /// Delete a custom vendor, or the imported events of a built-in one
    Remove {
        /// ID of the vendor
        name: String,
    },
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    match &args.verb {
        Verb::List => list(context),
        Verb::Show { name, snippet, handler, scheme } => {
            show(context, name, snippet.as_deref(), handler.as_deref(), scheme.as_deref())
        }
        Verb::Import(args) => provider_import::run(context, args).await,
        Verb::Remove { name } => provider_import::remove(context, name).await,
    }
}

/// Loads the providers and reports invalid files.
fn load(context: &Context) -> Catalog {
    let (catalog, bad) = catalog(&context.data);
    for file in bad {
        terminal::say(&format!("{file}"));
    }
    catalog
}

fn list(context: &Context) -> Result<(), CliError> {
    for provider in load(context).providers() {
        if context.json {
            json(provider)?;
            continue;
        }
        let schemes: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
        terminal::line(&format!("{:<20} {:<28} {}", provider.id, terminal::shown(&provider.name), schemes.join(", ")));
    }
    Ok(())
}

fn show(
    context: &Context,
    name: &str,
    snippet: Option<&str>,
    handler: Option<&str>,
    scheme: Option<&str>,
) -> Result<(), CliError> {
    let catalog = load(context);
    let provider = catalog.get(name).ok_or_else(|| CliError::Other(catalog.missing(name)))?;
    match (snippet, handler) {
        (None, None) if context.json => json(provider),
        (None, None) => {
            terminal::line(catalog.file(name).unwrap_or_default().trim_end());
            Ok(())
        }
        (Some(language), _) => code(provider, scheme, language),
        (_, Some(framework)) => whole(provider, scheme, framework),
    }
}

fn no_scheme(provider: &Provider) -> CliError {
    CliError::Other(format!(
        "{} has no such signature scheme. `hookbench provider show {}` lists them",
        provider.name, provider.id
    ))
}

fn whole(provider: &Provider, scheme: Option<&str>, framework: &str) -> Result<(), CliError> {
    let record = provider.scheme(scheme);
    if record.is_none() && scheme.is_some() {
        return Err(no_scheme(provider));
    }
    // A scheme that is passed by name is used even if the vendor sends unsigned requests.
    let signs = scheme.is_some() || provider.sending.as_ref().is_none_or(|sending| sending.signed);
    let all = handlers(provider, record.filter(|_| signs).map(|record| &record.scheme));
    let found = all.iter().find(|handler| handler.language == framework);
    let handler = found.ok_or_else(|| match all.is_empty() {
        true => CliError::Other(format!(
            "no handler code for {}: the signature scheme is specific to this vendor. Use the vendor's SDK",
            provider.name
        )),
        false => {
            let known: Vec<&str> = all.iter().map(|handler| handler.language.as_str()).collect();
            CliError::Other(format!(
                "no handler code in {framework:?} for {} (available: {})",
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
        true => CliError::Other(format!(
            "no verification code for {}: the signature scheme uses no shared secret, or is specific to this vendor. \
             Use the vendor's SDK",
            provider.name
        )),
        false => {
            let known: Vec<&str> = all.iter().map(|snippet| snippet.language.as_str()).collect();
            CliError::Other(format!(
                "no verification code in {language:?} for {} (available: {})",
                provider.name,
                known.join(", ")
            ))
        }
    })?;
    terminal::line(snippet.code.trim_end());
    Ok(())
}

fn json(provider: &Provider) -> Result<(), CliError> {
    terminal::line(&serde_json::to_string(provider).map_err(|e| CliError::Other(e.to_string()))?);
    Ok(())
}
