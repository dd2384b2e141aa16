//! `hookbench trigger`: sends an event as a vendor does.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hookbench_api::PAYLOAD_MAX;
use hookbench_model::{EndpointSecretList, EventSendResult};
use http::Method;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Api, Context, delivery,
    destination::{Destination, Target},
    endpoint,
    error::CliError,
    terminal,
};
use crate::transport::encoded;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Vendor to send as; `hookbench provider list` lists them
    provider: String,
    /// Event type
    event: String,
    /// Set a value in the payload (JSON, sent as written, else a string); repeatable
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Send this file as the payload, unchanged except for --set
    #[arg(long, value_name = "FILE")]
    payload: Option<std::path::PathBuf>,
    /// Send only to this endpoint, by name or ID; repeatable
    #[arg(long = "endpoint", value_name = "NAME", conflicts_with = "to")]
    endpoints: Vec<String>,
    /// Number of events to send
    #[arg(long, default_value_t = 1)]
    count: u32,
    #[command(flatten)]
    destination: Destination,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let mut set = BTreeMap::new();
    for one in &args.set {
        let (path, text) = one
            .split_once('=')
            .ok_or_else(|| CliError::Other(format!("--set is invalid: {one:?} (use PATH=VALUE)")))?;
        set.insert(path, written(text)?);
    }
    let mut call = Call { provider: &args.provider, event: &args.event, count: args.count, set, ..Call::default() };
    if let Some(file) = &args.payload {
        let wrong = |why: String| CliError::Other(format!("{}: {why}", file.display()));
        let length = std::fs::metadata(file).map_err(|e| wrong(e.to_string()))?.len();
        if length > PAYLOAD_MAX as u64 {
            return Err(wrong(format!("the payload is too large: {length} bytes (at most {PAYLOAD_MAX}, 25 MiB)")));
        }
        let bytes = std::fs::read(file).map_err(|e| wrong(e.to_string()))?;
        match String::from_utf8(bytes) {
            Ok(text) => call.body = Some(text),
            Err(bytes) => call.body_base64 = Some(BASE64.encode(bytes.as_bytes())),
        }
    }
    for wanted in &args.endpoints {
        call.endpoints.push(endpoint::id_of(api, wanted).await?);
    }
    let has_secret = args.destination.has_secret();
    let provider = args.provider.clone();
    call.target = args.destination.target(|settings| settings.provider = Some(provider), &["account", "rate"])?;
    let own = call.target.to.is_some();
    let sent: EventSendResult = api.send(Method::POST, "/events", &call).await?;
    if sent.deliveries.is_empty() {
        terminal::say("No endpoint accepts this event. Create one, or pass a URL with --to.");
    }
    if own && !has_secret && !context.json {
        tell_secret(api, &sent).await;
    }
    delivery::sent(api, context, &sent, own).await
}

/// Body of the call that sends an event. The values of `set` keep their original text.
#[derive(Default, Serialize)]
struct Call<'a> {
    provider: &'a str,
    #[serde(rename = "type")]
    event: &'a str,
    count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<String>,
    set: BTreeMap<&'a str, Box<RawValue>>,
    #[serde(flatten)]
    target: Target,
}

/// Returns the text as JSON, or as a JSON string if it cannot be parsed.
fn written(text: &str) -> Result<Box<RawValue>, CliError> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::value::to_raw_value(text))
        .map_err(|why| CliError::Other(why.to_string()))
}

/// Prints the temporary secret that signed the event, because the handler needs it to verify the signature.
async fn tell_secret(api: &Api, sent: &EventSendResult) {
    let Some(delivery) = sent.deliveries.first() else { return };
    let path = format!("/endpoints/{}/secrets", encoded(&delivery.endpoint));
    let secrets: Result<EndpointSecretList, _> = api.get(&path).await;
    if let Some(secret) = secrets.ok().and_then(|secrets| secrets.items.into_iter().next()) {
        terminal::say(&format!(
            "No secret given: signed with a temporary secret, {}. Pass the secret of your handler with --secret-file.",
            terminal::shown(&secret.value)
        ));
    }
}
