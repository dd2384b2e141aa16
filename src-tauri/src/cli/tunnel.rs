use http::Method;
use serde_json::{Map, Value, json};

use super::{Api, Context, error::CliError, inbox::encoded, terminal};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Enrol at a relay with a code of its owner, or start the tunnel to it again
    Start {
        /// The relay's address, such as https://relay.example
        relay: String,
        /// The code; needed once
        #[arg(long)]
        code: Option<String>,
        /// What this machine is called at the relay [default: its own name]
        #[arg(long, value_name = "NAME")]
        device: Option<String>,
        /// An inbox to expose through it; can be repeated
        #[arg(long, value_name = "INBOX")]
        expose: Vec<String>,
    },
    /// Stop a tunnel; what arrives from then on is kept by its relay
    Stop(Which),
    /// Say how tunnels stand
    Status,
    /// Expose an inbox, or change how it is exposed, and print its public URL
    Expose(Expose),
    /// End an inbox's exposure: its public URL, and what waits at the relay
    Conceal {
        /// The inbox
        inbox: String,
        #[command(flatten)]
        which: Which,
    },
    /// Say what becomes of requests that arrived while this machine was away
    Away {
        /// The inbox
        inbox: String,
        /// all: forwarded in order; newest: the newest of each event type; hold: none
        what: Away,
        /// Sign them anew with the inbox's own secret
        #[arg(long)]
        resign: bool,
    },
    /// End a tunnel for good, and give up its public URLs
    Remove(Which),
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Away {
    All,
    Newest,
    Hold,
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The relay's address, or the tunnel's id; needed where there are several
    #[arg(long, value_name = "RELAY")]
    tunnel: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Expose {
    /// The inbox
    inbox: String,
    #[command(flatten)]
    which: Which,
    /// Seconds a sender waits for this machine's answer; 0 not at all [default: as its vendor allows]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<f64>,
    /// File with NAME:PASSWORD that senders have to give
    #[arg(long, value_name = "FILE")]
    basic_file: Option<std::path::PathBuf>,
    /// A network that may send, such as 192.0.2.0/24; can be repeated
    #[arg(long, value_name = "CIDR")]
    allow: Vec<String>,
    /// Forward only requests whose signature holds
    #[arg(long)]
    verified_only: bool,
    /// Give the relay the inbox's secrets, so that it answers questions that need them
    #[arg(long)]
    give_secrets: bool,
    /// What becomes of requests that arrive while this machine is away
    #[arg(long, value_parser = ["ask", "forward", "hold"], default_value = "ask")]
    on_return: String,
}

impl Verb {
    /// Whether it begins something.
    pub(super) fn begins(&self) -> bool {
        matches!(self, Self::Start { .. })
    }
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Start { relay, code, device, expose } => start(api, context, &relay, code, device, &expose).await,
        Verb::Stop(which) => {
            let tunnel = tunnel(api, &which).await?;
            let path = format!("/tunnels/{}", text(&tunnel, "id"));
            print(context, &api.json(Method::PATCH, &path, Some(json!({ "on": false }))).await?);
            Ok(())
        }
        Verb::Status => {
            for tunnel in all(api).await? {
                print(context, &tunnel);
            }
            Ok(())
        }
        Verb::Expose(args) => exposed(api, context, args).await,
        Verb::Conceal { inbox, which } => {
            let tunnel = tunnel(api, &which).await?;
            let path = format!("/tunnels/{}/inboxes/{}", text(&tunnel, "id"), encoded(&inbox));
            print(context, &api.json(Method::DELETE, &path, None).await?);
            Ok(())
        }
        Verb::Away { inbox, what, resign } => {
            let what = match what {
                Away::All => "all",
                Away::Newest => "newest_per_type",
                Away::Hold => "hold",
            };
            let path = format!("/inboxes/{}/away", encoded(&inbox));
            let decided: Value = api.json(Method::POST, &path, Some(json!({ "what": what, "resign": resign }))).await?;
            if context.json {
                terminal::line(&decided.to_string());
            } else {
                let replays = decided["replays"].as_array().map_or(0, Vec::len);
                terminal::line(&format!("{} requests decided, {replays} replays begun", decided["requests"]));
            }
            Ok(())
        }
        Verb::Remove(which) => {
            let tunnel = tunnel(api, &which).await?;
            api.bytes(Method::DELETE, &format!("/tunnels/{}", text(&tunnel, "id")), None).await.map(drop)
        }
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

async fn all(api: &Api) -> Result<Vec<Value>, CliError> {
    let list: Value = api.get("/tunnels").await?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// The one tunnel that is meant.
async fn tunnel(api: &Api, which: &Which) -> Result<Value, CliError> {
    let mut all = all(api).await?;
    if let Some(name) = &which.tunnel {
        let name = name.trim_end_matches('/');
        all.retain(|tunnel| text(tunnel, "id") == name || text(tunnel, "relay") == name);
    }
    match (all.len(), &which.tunnel) {
        (1, _) => Ok(all.remove(0)),
        (0, None) => {
            Err(CliError::Other("there is no tunnel yet; `hookline tunnel start RELAY --code CODE` makes one".into()))
        }
        (0, Some(name)) => Err(CliError::Other(format!("there is no tunnel to {name}"))),
        _ => Err(CliError::Other("there are several tunnels; say which with --tunnel".into())),
    }
}

async fn start(
    api: &Api,
    context: &Context,
    relay: &str,
    code: Option<String>,
    device: Option<String>,
    expose: &[String],
) -> Result<(), CliError> {
    let known = all(api).await?.into_iter().find(|tunnel| text(tunnel, "relay") == relay.trim_end_matches('/'));
    let mut tunnel: Value = match (known, code) {
        (Some(known), None) => {
            api.json(Method::PATCH, &format!("/tunnels/{}", text(&known, "id")), Some(json!({ "on": true }))).await?
        }
        (Some(_), Some(_)) => {
            return Err(CliError::Other("there is a tunnel to this relay already; start it without a code".into()));
        }
        (None, Some(code)) => {
            if is_open(relay) {
                terminal::say("Without https anyone on the way can read what comes through this tunnel.");
            }
            api.json(Method::POST, "/tunnels", Some(json!({ "relay": relay, "code": code, "device": device }))).await?
        }
        (None, None) => {
            return Err(CliError::Other(
                "this machine is not enrolled there; ask the relay's owner for a code (`hookline relay device add`) and give it with --code".into(),
            ));
        }
    };
    for inbox in expose {
        let path = format!("/tunnels/{}/inboxes/{}", text(&tunnel, "id"), encoded(inbox));
        tunnel = api.json(Method::PUT, &path, Some(json!({}))).await?;
    }
    print(context, &tunnel);
    Ok(())
}

/// Whether others on the way can read what is said to a relay.
fn is_open(relay: &str) -> bool {
    let host = relay.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    host.is_some_and(|host| host != "localhost" && host != "[" && !host.starts_with("127."))
}

async fn exposed(api: &Api, context: &Context, args: Expose) -> Result<(), CliError> {
    let tunnel = tunnel(api, &args.which).await?;
    let mut settings = Map::from_iter([
        ("allow".to_owned(), json!(args.allow)),
        ("verified_only".to_owned(), args.verified_only.into()),
        ("give_secrets".to_owned(), args.give_secrets.into()),
        ("on_return".to_owned(), args.on_return.into()),
    ]);
    if let Some(seconds) = args.wait {
        settings.insert("wait_ms".into(), ((seconds.max(0.0) * 1_000.0) as u64).into());
    }
    if let Some(path) = &args.basic_file {
        let text = std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
        let Some((name, password)) = text.trim_end_matches(['\r', '\n']).split_once(':') else {
            return Err(CliError::Other(format!("{} has no line NAME:PASSWORD", path.display())));
        };
        settings.insert("basic".into(), json!({ "name": name, "password": password }));
    }
    let path = format!("/tunnels/{}/inboxes/{}", text(&tunnel, "id"), encoded(&args.inbox));
    let tunnel: Value = api.json(Method::PUT, &path, Some(settings.into())).await?;
    let exposure = tunnel["exposures"].as_array().into_iter().flatten().find(|one| text(one, "inbox") == args.inbox);
    let exposure = exposure.cloned().unwrap_or_default();
    terminal::line(&if context.json { exposure.to_string() } else { text(&exposure, "url").to_owned() });
    Ok(())
}

fn print(context: &Context, tunnel: &Value) {
    if context.json {
        return terminal::line(&tunnel.to_string());
    }
    let state = &tunnel["state"];
    let about = match text(state, "is") {
        "online" => match state["round_trip_ms"].as_f64() {
            Some(ms) => format!("online, {ms:.1} ms"),
            None => "online".to_owned(),
        },
        "waiting" => format!("down: {}", text(state, "why")),
        "over" => format!("ended: {}", text(state, "why")),
        "off" if tunnel["on"] == true => "not running: start `hookline` or `hookline serve`".to_owned(),
        other => other.to_owned(),
    };
    terminal::line(&format!("{}  {}  durable", text(tunnel, "relay"), terminal::shown(&about)));
    for exposure in tunnel["exposures"].as_array().into_iter().flatten() {
        let counted = |key: &str, what: &str| match exposure[key].as_u64() {
            None | Some(0) => String::new(),
            Some(count) => format!("  {count} {what}"),
        };
        let (waiting, away) = (counted("waiting", "waiting"), counted("away", "arrived while away"));
        terminal::line(&format!("  {}  {}{waiting}{away}", text(exposure, "inbox"), text(exposure, "url")));
    }
}
