use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hookline_api::PAYLOAD_MAX;
use http::Method;
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::{Api, Context, delivery, destination::Destination, endpoint, error::CliError, inbox::encoded, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The vendor that Hookline is
    provider: String,
    /// The event type
    event: String,
    /// Set a value in the payload (JSON, sent as written, else a string); repeatable
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Send this file as the payload, unchanged except for --set
    #[arg(long, value_name = "FILE")]
    payload: Option<std::path::PathBuf>,
    /// Send only to this endpoint, by name or id; repeatable
    #[arg(long = "endpoint", value_name = "NAME", conflicts_with = "to")]
    endpoints: Vec<String>,
    /// How many
    #[arg(long, default_value_t = 1)]
    count: u32,
    #[command(flatten)]
    destination: Destination,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let mut set = BTreeMap::new();
    for one in &args.set {
        let (path, text) =
            one.split_once('=').ok_or_else(|| CliError::Other(format!("--set takes PATH=VALUE, not {one:?}")))?;
        set.insert(path, written(text)?);
    }
    let mut call = Map::from_iter([
        ("provider".to_owned(), Value::from(args.provider.as_str())),
        ("type".to_owned(), args.event.into()),
        ("count".to_owned(), args.count.into()),
    ]);
    if let Some(file) = &args.payload {
        let wrong = |why: String| CliError::Other(format!("{}: {why}", file.display()));
        let length = std::fs::metadata(file).map_err(|e| wrong(e.to_string()))?.len();
        if length > PAYLOAD_MAX as u64 {
            return Err(wrong(format!("a payload of {length} bytes is larger than {PAYLOAD_MAX} bytes (25 MiB)")));
        }
        let bytes = std::fs::read(file).map_err(|e| wrong(e.to_string()))?;
        match String::from_utf8(bytes) {
            Ok(text) => call.insert("body".into(), text.into()),
            Err(bytes) => call.insert("body_base64".into(), BASE64.encode(bytes.as_bytes()).into()),
        };
    }
    if !args.endpoints.is_empty() {
        let mut ids = Vec::new();
        for wanted in &args.endpoints {
            ids.push(endpoint::id_of(api, wanted).await?);
        }
        call.insert("endpoints".into(), ids.into());
    }
    let has_secret = args.destination.has_secret();
    let usual = Map::from_iter([("provider".to_owned(), args.provider.into())]);
    let own = args.destination.lay_over(&mut call, usual, &["scope", "rate"])?;
    let call = serde_json::to_string(&Call { call, set }).map_err(|why| CliError::Other(why.to_string()))?;
    let sent: Value = super::read(&api.text(Method::POST, "/events", Some(call)).await?)?;
    if sent["deliveries"].as_array().is_none_or(Vec::is_empty) {
        terminal::say("No endpoint takes this event; make one, or name a URL with --to.");
    }
    if own && !has_secret && !context.json {
        tell_secret(api, &sent).await;
    }
    delivery::sent(api, context, &sent, own).await
}

/// What is sent to the API: `set` apart, because its numbers stay as they are written.
#[derive(Serialize)]
struct Call<'a> {
    #[serde(flatten)]
    call: Map<String, Value>,
    set: BTreeMap<&'a str, Box<RawValue>>,
}

/// A value to set: JSON as it is written, or else a text.
fn written(text: &str) -> Result<Box<RawValue>, CliError> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::value::to_raw_value(text))
        .map_err(|why| CliError::Other(why.to_string()))
}

/// Says which secret signs where none was given: whoever verifies would refuse the event and not know why.
async fn tell_secret(api: &Api, sent: &Value) {
    let Some(endpoint) = sent["deliveries"][0]["endpoint"].as_str() else { return };
    let secrets: Result<Value, _> = api.get(&format!("/endpoints/{}/secrets", encoded(endpoint))).await;
    if let Some(secret) = secrets.ok().as_ref().and_then(|secrets| secrets["items"][0]["value"].as_str()) {
        terminal::say(&format!(
            "No secret given: signed with a temporary secret, {}. Pass the secret of your handler with --secret-file.",
            terminal::shown(secret)
        ));
    }
}
