use http::Method;
use serde_json::{Map, Value, json};

use super::{Api, Context, error::CliError, inbox::encoded, terminal};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a tunnel, or start one again
    #[command(long_about = "Make a tunnel, or start one again.\n\n\
        To a relay, which keeps what arrives while this machine is away (durable):\n  \
        hookline tunnel start https://relay.example --code CODE --expose shop\n\
        To a port of an SSH host (live: while this machine is away, senders are refused):\n  \
        hookline tunnel start ssh://nokey@localhost.run --expose shop\n  \
        hookline tunnel start ssh://me@example.com --remote 8080 --url https://hooks.example.com --expose shop\n\
        A tunnel of another program, such as ngrok or cloudflared (live):\n  \
        hookline tunnel start https://abc.ngrok.app --other --expose shop")]
    Start(Start),
    /// Stop a tunnel; what arrives from then on is kept by its relay, or refused where there is none
    Stop(Which),
    /// Trust another key of an SSH host from now on
    Trust {
        /// Its fingerprint, as `ssh-keygen -l` shows it: SHA256:…
        host_key: String,
        #[command(flatten)]
        which: Which,
    },
    /// Say how tunnels stand
    Status,
    /// Expose an inbox, or change how it is exposed (what is not said stays), and print its public URL
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
    Remove {
        #[command(flatten)]
        which: Which,
        /// Also where its relay cannot be reached, and its URLs stay open there
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// A relay's address such as https://relay.example, an SSH host such as ssh://user@host, or with --other a public URL
    #[arg(value_name = "WHERE")]
    place: String,
    /// An inbox to expose through it; can be repeated
    #[arg(long, value_name = "INBOX")]
    expose: Vec<String>,
    /// Relay: the code of its owner; needed once
    #[arg(long)]
    code: Option<String>,
    /// Relay: what this machine is called there [default: its own name]
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// SSH: the port that is asked for, as in `ssh -R`: 80, 0 for any, *:8080 [default: as the service wants it, or any]
    #[arg(long, value_name = "[ADDRESS:]PORT", conflicts_with = "code")]
    remote: Option<String>,
    /// SSH: the public URL [default: as the host prints it, else its own name and port]
    #[arg(long, conflicts_with = "code")]
    url: Option<String>,
    /// SSH: the key file to be used [default: the agent's keys and those in ~/.ssh]
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    key: Option<std::path::PathBuf>,
    /// SSH: the fingerprint its key has to have [default: believed on first use]
    #[arg(long, value_name = "SHA256:…", conflicts_with = "code")]
    host_key: Option<String>,
    /// A tunnel of another program, such as ngrok, cloudflared or Tailscale Funnel
    #[arg(long, conflicts_with_all = ["code", "device", "remote", "url", "key", "host_key"])]
    other: bool,
    /// Other program: the port of this machine to which it leads [default: a free one]
    #[arg(long, requires = "other")]
    port: Option<u16>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Away {
    All,
    Newest,
    Hold,
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Where the tunnel leads, or its id; needed where there are several
    #[arg(long, value_name = "WHERE")]
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
    /// Ask senders for no name and password
    #[arg(long, conflicts_with = "basic_file")]
    no_basic: bool,
    /// A network that may send, such as 192.0.2.0/24, or `any`; can be repeated
    #[arg(long, value_name = "CIDR")]
    allow: Vec<String>,
    /// Forward only requests whose signature holds
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    verified_only: Option<bool>,
    /// Give the relay the inbox's secrets, so that it answers questions that need them
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    give_secrets: Option<bool>,
    /// What becomes of requests that arrive while this machine is away; at first, ask
    #[arg(long, value_parser = ["ask", "forward", "hold"])]
    on_return: Option<String>,
}

impl Verb {
    /// Whether it begins something.
    pub(super) fn begins(&self) -> bool {
        matches!(self, Self::Start(_))
    }
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Start(args) => start(api, context, args).await,
        Verb::Stop(which) => {
            let tunnel = tunnel(api, &which).await?;
            let path = format!("/tunnels/{}", text(&tunnel, "id"));
            print(context, &api.json(Method::PATCH, &path, Some(json!({ "on": false }))).await?);
            Ok(())
        }
        Verb::Trust { host_key, which } => {
            let tunnel = tunnel(api, &which).await?;
            let path = format!("/tunnels/{}", text(&tunnel, "id"));
            let body = json!({ "on": true, "host_key": host_key });
            print(context, &api.json(Method::PATCH, &path, Some(body)).await?);
            Ok(())
        }
        Verb::Status => {
            let all = all(api).await?;
            if all.is_empty() && !context.json {
                terminal::say("There is no tunnel yet; `hookline tunnel start --help` says how to make one.");
            }
            all.iter().for_each(|tunnel| print(context, tunnel));
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
                terminal::json(&decided);
            } else {
                let replays = decided["replays"].as_array().map_or(0, Vec::len);
                terminal::line(&format!("{} requests decided, {replays} replays begun", decided["requests"]));
            }
            Ok(())
        }
        Verb::Remove { which, force } => {
            let tunnel = tunnel(api, &which).await?;
            let path = format!("/tunnels/{}?force={force}", text(&tunnel, "id"));
            api.bytes(Method::DELETE, &path, None).await.map(drop)
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
        all.retain(|tunnel| text(tunnel, "id") == name || leads_to(tunnel, name));
    }
    match (all.len(), &which.tunnel) {
        (1, _) => Ok(all.remove(0)),
        (0, None) => {
            Err(CliError::Other("there is no tunnel yet; `hookline tunnel start --help` says how to make one".into()))
        }
        (0, Some(name)) => Err(CliError::Other(format!("there is no tunnel to {name}"))),
        _ => {
            let each = all.iter().map(|tunnel| format!("  {}  {}", text(tunnel, "id"), called(tunnel)));
            let each = each.collect::<Vec<_>>().join("\n");
            Err(CliError::Other(format!("there are several tunnels; say which with --tunnel, by its id:\n{each}")))
        }
    }
}

/// Whether a tunnel leads to a place as a person writes it.
fn leads_to(tunnel: &Value, place: &str) -> bool {
    let plain = |text: &str| text.trim_start_matches("ssh://").trim_end_matches('/').to_owned();
    plain(text(tunnel, "name")) == plain(place)
}

/// What a tunnel is called where several lead to one host.
fn called(tunnel: &Value) -> String {
    let remote = tunnel["kind"]["remote"].as_str().map(|remote| format!(" port {remote}")).unwrap_or_default();
    format!("{}{remote}", text(tunnel, "name"))
}

async fn start(api: &Api, context: &Context, args: Start) -> Result<(), CliError> {
    for inbox in &args.expose {
        // A code is good once: what cannot be exposed is to be known before it is used.
        api.get::<Value>(&format!("/inboxes/{}", encoded(inbox))).await?;
    }
    let same = |tunnel: &Value| {
        let port = &tunnel["kind"]["remote"];
        leads_to(tunnel, &args.place) && args.remote.as_ref().is_none_or(|remote| port == remote)
    };
    let known = all(api).await?.into_iter().find(same);
    let expose = args.expose.clone();
    let new = asked_for(args, known.is_some())?;
    let mut tunnel: Value = match (known, new) {
        (Some(known), None) => {
            api.json(Method::PATCH, &format!("/tunnels/{}", text(&known, "id")), Some(json!({ "on": true }))).await?
        }
        (_, new) => api.json(Method::POST, "/tunnels", new).await?,
    };
    for inbox in &expose {
        if exposure(&tunnel, inbox).is_none() {
            let path = format!("/tunnels/{}/inboxes/{}", text(&tunnel, "id"), encoded(inbox));
            tunnel = api.json(Method::PUT, &path, Some(json!({}))).await?;
        }
    }
    print(context, &tunnel);
    Ok(())
}

/// The tunnel that is to be made; none where a known one is only to be started.
fn asked_for(args: Start, known: bool) -> Result<Option<Value>, CliError> {
    let Start { place, code, device, remote, url, key, host_key, other, port, expose: _ } = args;
    let ssh = place.starts_with("ssh://") || place.contains('@') && !place.contains("://");
    if ssh && (other || code.is_some() || device.is_some()) {
        return Err(CliError::Other(format!(
            "{place} is an SSH host: --other, --code and --device are for other tunnels"
        )));
    }
    if !ssh && (remote.is_some() || url.is_some() || key.is_some() || host_key.is_some()) {
        return Err(CliError::Other(
            "--remote, --url, --key and --host-key are for an SSH host: ssh://user@host".into(),
        ));
    }
    if ssh {
        let key_file = key.map(|key| std::path::absolute(&key).unwrap_or(key));
        let changes = remote.is_some() || url.is_some() || key_file.is_some() || host_key.is_some();
        let new = json!({ "is": "ssh", "destination": place, "remote": remote, "url": url, "key_file": key_file, "host_key": host_key });
        return Ok((changes || !known).then_some(new));
    }
    if other {
        return Ok((port.is_some() || !known).then(|| json!({ "is": "other", "url": place, "port": port })));
    }
    match code {
        Some(code) => {
            if is_open(&place) {
                terminal::say("Without https anyone on the way can read what comes through this tunnel.");
            }
            Ok(Some(json!({ "is": "relay", "relay": place, "code": code, "device": device })))
        }
        None if known => Ok(None),
        None => Err(CliError::Other(
            "this machine is not enrolled there; ask the relay's owner for a code (`hookline relay device add`) and give it with --code. An SSH host is written ssh://user@host, the public URL of another program's tunnel has --other".into(),
        )),
    }
}

/// Whether others on the way can read what is said to a relay.
fn is_open(relay: &str) -> bool {
    let host = relay.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    host.is_some_and(|host| host != "localhost" && host != "[" && !host.starts_with("127."))
}

/// How an inbox is exposed by a tunnel.
fn exposure<'v>(tunnel: &'v Value, inbox: &str) -> Option<&'v Value> {
    tunnel["exposures"].as_array()?.iter().find(|one| text(one, "inbox") == inbox)
}

async fn exposed(api: &Api, context: &Context, args: Expose) -> Result<(), CliError> {
    let tunnel = tunnel(api, &args.which).await?;
    // What is not said stays as it is.
    let mut settings: Map<String, Value> =
        exposure(&tunnel, &args.inbox).and_then(|one| one["settings"].as_object()).cloned().unwrap_or_default();
    let mut set = |key: &str, value: Value| settings.insert(key.to_owned(), value);
    if let Some(seconds) = args.wait {
        if !(0.0..=3_600.0).contains(&seconds) {
            return Err(CliError::Other("--wait is a number of seconds".into()));
        }
        set("wait_ms", ((seconds * 1_000.0) as u64).into());
    }
    match args.allow.as_slice() {
        [] => {}
        [any] if any == "any" => drop(set("allow", json!([]))),
        networks => drop(set("allow", json!(networks))),
    }
    if let Some(path) = &args.basic_file {
        let text = std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
        let Some((name, password)) = text.trim_end_matches(['\r', '\n']).split_once(':') else {
            return Err(CliError::Other(format!("{} has no line NAME:PASSWORD", path.display())));
        };
        set("basic", json!({ "name": name, "password": password }));
    } else if args.no_basic {
        set("basic", Value::Null);
    }
    for (key, value) in [("verified_only", args.verified_only), ("give_secrets", args.give_secrets)] {
        value.map(|value| set(key, value.into()));
    }
    args.on_return.map(|what| set("on_return", what.into()));
    let path = format!("/tunnels/{}/inboxes/{}", text(&tunnel, "id"), encoded(&args.inbox));
    let tunnel: Value = api.json(Method::PUT, &path, Some(settings.into())).await?;
    let exposure = exposure(&tunnel, &args.inbox).cloned().unwrap_or_default();
    terminal::line(&if context.json { exposure.to_string() } else { text(&exposure, "url").to_owned() });
    Ok(())
}

fn print(context: &Context, tunnel: &Value) {
    if context.json {
        return terminal::json(tunnel);
    }
    let state = &tunnel["state"];
    let about = match text(state, "is") {
        "online" => match state["round_trip_ms"].as_f64() {
            Some(ms) => format!("online, {ms:.1} ms"),
            None => "online".to_owned(),
        },
        "waiting" => format!("down: {}", text(state, "why")),
        "over" => format!("ended: {}", text(state, "why")),
        "off" if tunnel["on"] == true => "not running; `hookline` or `hookline serve` runs it".to_owned(),
        other => other.to_owned(),
    };
    let kept = if tunnel["durable"] == true { "durable" } else { "live" };
    terminal::line(&format!("{}  {}  {kept}", terminal::shown(&called(tunnel)), terminal::shown(&about)));
    let kind = &tunnel["kind"];
    if let Some(offered) = kind["offered_key"].as_str() {
        let offered = terminal::shown(offered);
        terminal::line(&format!(
            "  if that key is right: hookline tunnel trust {offered} --tunnel {}",
            text(tunnel, "id")
        ));
    } else if text(kind, "is") == "ssh" {
        terminal::line(&format!("  host key {}", terminal::shown(text(kind, "host_key"))));
    }
    if text(kind, "is") == "other" {
        terminal::line(&format!("  that program has to lead to {}", text(kind, "local")));
    }
    for exposure in tunnel["exposures"].as_array().into_iter().flatten() {
        let counted = |key: &str, what: &str| match exposure[key].as_u64() {
            None | Some(0) => String::new(),
            Some(count) => format!("  {count} {what}"),
        };
        let (waiting, away) = (counted("waiting", "waiting"), counted("away", "arrived while away"));
        terminal::line(&format!(
            "  {}  {}{waiting}{away}",
            text(exposure, "inbox"),
            terminal::shown(text(exposure, "url"))
        ));
        if let Some(problem) = exposure["problem"].as_str() {
            terminal::line(&format!("    the relay does not have it as it is set: {}", terminal::shown(problem)));
        }
        let keyed: Vec<&str> = exposure["keyed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !keyed.is_empty() {
            terminal::line(&format!("    while this machine is away nobody answers: {}", keyed.join(", ")));
        }
    }
}
