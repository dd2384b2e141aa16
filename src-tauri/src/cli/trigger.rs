use http::Method;
use serde_json::{Map, Value, json};

use super::{Api, Context, delivery, endpoint, error::CliError, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The vendor that Hookline is
    provider: String,
    /// The event type
    event: String,
    /// Where it goes; every endpoint that takes it if absent
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// A value to set in the payload; repeat it for more. JSON, or else a text
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// A file with the payload, sent as it is
    #[arg(long, value_name = "FILE")]
    payload: Option<std::path::PathBuf>,
    /// How many
    #[arg(long, default_value_t = 1)]
    count: u32,
    /// Make the same values again
    #[arg(long)]
    seed: Option<u64>,
    /// Follow the vendor's schedule of retries, here in the foreground
    #[arg(long)]
    retries: bool,
    #[command(flatten)]
    settings: endpoint::Settings,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let mut set = Map::new();
    for one in &args.set {
        let (path, text) =
            one.split_once('=').ok_or_else(|| CliError::Other(format!("--set takes PATH=VALUE, not {one:?}")))?;
        set.insert(path.to_owned(), serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)));
    }
    let mut body = json!({ "provider": args.provider, "type": args.event, "set": set, "count": args.count,
        "retries": args.retries });
    if let Some(seed) = args.seed {
        body["seed"] = seed.into();
    }
    if let Some(file) = &args.payload {
        let text = std::fs::read_to_string(file).map_err(|e| CliError::Other(format!("{}: {e}", file.display())))?;
        body["body"] = text.into();
    }
    let own = args.to.is_some();
    if let Some(to) = args.to {
        // A command tries things out: what a vendor forbids in production is allowed here.
        let mut settings = Map::from_iter([
            ("url".to_owned(), to.into()),
            ("provider".to_owned(), args.provider.into()),
            ("local_test".to_owned(), true.into()),
        ]);
        args.settings.lay_over(&mut settings)?;
        body["to"] = settings.into();
    } else {
        let given = args.settings.without_endpoint()?;
        if given.contains_key("speed") {
            return Err(CliError::Other(
                "--speed is an endpoint's: name its URL with --to, or use `hookline endpoint set`".into(),
            ));
        }
        body["scope"] = given.get("scope").cloned().unwrap_or_default();
    }
    let sent: Value = api.json(Method::POST, "/events", Some(body)).await?;
    if sent["deliveries"].as_array().is_none_or(Vec::is_empty) {
        terminal::say("No endpoint takes this event; make one, or name a URL with --to.");
    }
    delivery::sent(api, context, &sent, own).await
}
