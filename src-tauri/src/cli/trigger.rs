use http::Method;
use serde_json::{Map, Value};

use super::{Api, Context, delivery, destination::Destination, error::CliError, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The vendor that Hookline is
    provider: String,
    /// The event type
    event: String,
    /// A value to set in the payload; repeat it for more. JSON, or else a text
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// A file with the payload, sent as it is
    #[arg(long, value_name = "FILE")]
    payload: Option<std::path::PathBuf>,
    /// How many
    #[arg(long, default_value_t = 1)]
    count: u32,
    #[command(flatten)]
    destination: Destination,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let mut set = Map::new();
    for one in &args.set {
        let (path, text) =
            one.split_once('=').ok_or_else(|| CliError::Other(format!("--set takes PATH=VALUE, not {one:?}")))?;
        set.insert(path.to_owned(), serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)));
    }
    let mut call = Map::from_iter([
        ("provider".to_owned(), Value::from(args.provider.as_str())),
        ("type".to_owned(), args.event.into()),
        ("set".to_owned(), set.into()),
        ("count".to_owned(), args.count.into()),
    ]);
    if let Some(file) = &args.payload {
        let text = std::fs::read_to_string(file).map_err(|e| CliError::Other(format!("{}: {e}", file.display())))?;
        call.insert("body".into(), text.into());
    }
    let usual = Map::from_iter([("provider".to_owned(), args.provider.into())]);
    let own = args.destination.lay_over(&mut call, usual, &["scope", "rate"])?;
    let sent: Value = api.json(Method::POST, "/events", Some(call.into())).await?;
    if sent["deliveries"].as_array().is_none_or(Vec::is_empty) {
        terminal::say("No endpoint takes this event; make one, or name a URL with --to.");
    }
    delivery::sent(api, context, &sent, own).await
}
