//! `hookbench verify`, `sign` and `explain`: signatures of raw HTTP requests.

use std::{
    fs,
    io::Read,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::Engine as _;
use hookbench_engine::{
    Catalog, catalog,
    debugger::{self, DebuggerError, SignatureExplanation, SignatureInput, SignatureResult},
    has_database,
};
use hookbench_model::SignatureStatus;
use http::Method;

use super::{Api, Context, error::CliError, keys::Keys, terminal};

/// Maximum size of a message, in bytes.
const MESSAGE_MAX: u64 = 64 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Vendor that signs; `hookbench provider list` lists them
    #[arg(long)]
    provider: String,
    #[command(flatten)]
    keys: Keys,
    /// Use this time instead of the current time, in seconds since 1970
    #[arg(long, value_name = "UNIX")]
    now: Option<i64>,
    /// File with the raw HTTP request [default: standard input]
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
}

fn read(mut from: impl Read) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    from.by_ref().take(MESSAGE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MESSAGE_MAX {
        return Err(CliError::Other(format!("the message is larger than {MESSAGE_MAX} bytes")));
    }
    Ok(bytes)
}

fn question(context: &Context, args: &Args) -> Result<(Catalog, SignatureInput, i64), CliError> {
    let (catalog, bad) = catalog(&context.data);
    for file in bad {
        terminal::say(&format!("{file}"));
    }
    if args.keys.read_input() && args.request.is_none() {
        return Err(CliError::Other(
            "standard input cannot be both the secret and the message. Pass one of them as a file".into(),
        ));
    }
    let (secrets, params) = (args.keys.secrets()?, args.keys.params()?);
    let message = match &args.request {
        Some(file) => read(fs::File::open(file).map_err(|e| CliError::Other(format!("{}: {e}", file.display())))?)?,
        None => read(std::io::stdin())?,
    };
    let question = SignatureInput {
        provider: Some(args.provider.clone()),
        scheme: args.keys.scheme.clone().map(Into::into),
        secrets,
        params,
        url: args.keys.url.clone(),
        now: args.now,
        request: base64::engine::general_purpose::STANDARD.encode(message),
        ..SignatureInput::default()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    Ok((catalog, question, now))
}

fn cli_result<T>(response: Result<T, DebuggerError>) -> Result<T, CliError> {
    response.map_err(|error| CliError::Other(error.0))
}

fn say(verification: &SignatureResult) {
    let sign = match verification.status {
        SignatureStatus::Valid => "✓ valid",
        SignatureStatus::Unsigned | SignatureStatus::Unverified => "– unsigned",
        SignatureStatus::Expired => "✗ expired",
        SignatureStatus::Invalid => "✗ invalid",
    };
    terminal::line(&format!("{sign}: {}", terminal::shown(&verification.sentence)));
}

fn print(context: &Context, value: &impl serde::Serialize) -> Result<(), CliError> {
    debug_assert!(context.json);
    terminal::line(&serde_json::to_string(value).map_err(|e| CliError::Other(e.to_string()))?);
    Ok(())
}

fn ended(verification: &SignatureResult) -> Result<(), CliError> {
    if verification.status == SignatureStatus::Valid { Ok(()) } else { Err(CliError::No) }
}

pub(super) fn verify(context: &Context, args: &Args) -> Result<(), CliError> {
    let (catalog, question, now) = question(context, args)?;
    let verification = cli_result(debugger::verify(&catalog, &question, now))?;
    if context.json {
        print(context, &verification)?;
    } else {
        say(&verification);
    }
    ended(&verification)
}

pub(super) fn sign(context: &Context, args: &Args) -> Result<(), CliError> {
    let (catalog, question, now) = question(context, args)?;
    let signed = cli_result(debugger::sign(&catalog, &question, now))?;
    if context.json {
        return print(context, &signed);
    }
    for (name, value) in &signed.headers {
        terminal::line(&format!("{name}: {value}"));
    }
    for (place, value) in &signed.outside_headers {
        terminal::line(&format!("{place} = {value}"));
    }
    Ok(())
}

/// Explains a signature. If the data folder has an engine, the engine also tests the secrets of its inboxes.
pub(super) async fn explain(context: &Context, args: &Args) -> Result<(), CliError> {
    let (catalog, question, now) = question(context, args)?;
    let known = if has_database(&context.data) { Api::open(context).await.ok() } else { None };
    let explanation: SignatureExplanation = match known {
        Some(api) => {
            let explanation = api.send(Method::POST, "/signature/explain", &question).await;
            api.close().await;
            explanation?
        }
        None => cli_result(debugger::explain(&catalog, &question, Vec::new(), now))?,
    };
    if context.json {
        print(context, &explanation)?;
        return ended(&explanation.verification);
    }
    say(&explanation.verification);
    if !explanation.advice.is_empty() {
        terminal::line(&terminal::shown(&explanation.advice));
    }
    for (name, value) in [
        ("signed", Some(format!("{} ({} bytes)", explanation.content, explanation.content_bytes))),
        ("expected", explanation.expected.clone()),
        ("received", explanation.found.clone()),
    ] {
        if let Some(value) = value {
            terminal::line(&format!("{name:<9} {}", terminal::shown(&value)));
        }
    }
    ended(&explanation.verification)
}
