use hookbench_model::{
    BacklogAction, BacklogDecision, BacklogPolicy, Exposure, ExposureCredentials, ExposureSettings, Inbox, Tunnel,
    TunnelConnection, TunnelKind, TunnelList, TunnelNew,
};
use http::Method;
use serde_json::json;

use super::{Api, Context, error::CliError, inbox::encoded, terminal};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a tunnel, or start one again
    #[command(long_about = "Make a tunnel, or start one again.\n\n\
        To a relay, which keeps what arrives while this machine is away (durable):\n  \
        hookbench tunnel start https://relay.example --code CODE --expose shop\n\
        To a port of an SSH host (live: while this machine is away, senders are refused):\n  \
        hookbench tunnel start ssh://nokey@localhost.run --expose shop\n  \
        hookbench tunnel start ssh://me@example.com --remote 8080 --url https://hooks.example.com --expose shop\n\
        A tunnel of another program, such as ngrok or cloudflared (live):\n  \
        hookbench tunnel start https://abc.ngrok.app --other --expose shop")]
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
    #[arg(long, value_parser = on_return, value_name = "ask|forward|hold")]
    on_return: Option<BacklogPolicy>,
}

fn on_return(name: &str) -> Result<BacklogPolicy, String> {
    match name {
        "ask" => Ok(BacklogPolicy::Ask),
        "forward" => Ok(BacklogPolicy::Forward),
        "hold" => Ok(BacklogPolicy::Hold),
        _ => Err("it is ask, forward or hold".into()),
    }
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
            let path = format!("/tunnels/{}", tunnel.id);
            print(context, &api.send(Method::PATCH, &path, &json!({ "on": false })).await?);
            Ok(())
        }
        Verb::Trust { host_key, which } => {
            let tunnel = tunnel(api, &which).await?;
            let body = json!({ "on": true, "host_key": host_key });
            print(context, &api.send(Method::PATCH, &format!("/tunnels/{}", tunnel.id), &body).await?);
            Ok(())
        }
        Verb::Status => {
            let all = all(api).await?;
            if all.is_empty() && !context.json {
                terminal::say("There is no tunnel yet; `hookbench tunnel start --help` says how to make one.");
            }
            all.iter().for_each(|tunnel| print(context, tunnel));
            Ok(())
        }
        Verb::Expose(args) => exposed(api, context, args).await,
        Verb::Conceal { inbox, which } => {
            let tunnel = tunnel(api, &which).await?;
            let path = format!("/tunnels/{}/inboxes/{}", tunnel.id, encoded(&inbox));
            print(context, &api.act(Method::DELETE, &path).await?);
            Ok(())
        }
        Verb::Away { inbox, what, resign } => {
            let what = match what {
                Away::All => BacklogAction::All,
                Away::Newest => BacklogAction::NewestPerType,
                Away::Hold => BacklogAction::Hold,
            };
            let path = format!("/inboxes/{}/away", encoded(&inbox));
            let body = json!({ "what": what, "resign": resign });
            let decided: BacklogDecision = api.send(Method::POST, &path, &body).await?;
            if context.json {
                terminal::json(&decided);
            } else {
                let (requests, replays) = (decided.requests, decided.replays.len());
                terminal::line(&format!("{requests} requests decided, {replays} replays begun"));
            }
            Ok(())
        }
        Verb::Remove { which, force } => {
            let tunnel = tunnel(api, &which).await?;
            api.bytes(Method::DELETE, &format!("/tunnels/{}?force={force}", tunnel.id)).await.map(drop)
        }
    }
}

async fn all(api: &Api) -> Result<Vec<Tunnel>, CliError> {
    let list: TunnelList = api.get("/tunnels").await?;
    Ok(list.items)
}

/// The one tunnel that is meant.
async fn tunnel(api: &Api, which: &Which) -> Result<Tunnel, CliError> {
    let mut all = all(api).await?;
    if let Some(name) = &which.tunnel {
        all.retain(|tunnel| tunnel.id == *name || leads_to(tunnel, name));
    }
    match (all.len(), &which.tunnel) {
        (1, _) => Ok(all.remove(0)),
        (0, None) => {
            Err(CliError::Other("there is no tunnel yet; `hookbench tunnel start --help` says how to make one".into()))
        }
        (0, Some(name)) => Err(CliError::Other(format!("there is no tunnel to {name}"))),
        _ => {
            let each = all.iter().map(|tunnel| format!("  {}  {}", tunnel.id, called(tunnel)));
            let each = each.collect::<Vec<_>>().join("\n");
            Err(CliError::Other(format!("there are several tunnels; say which with --tunnel, by its id:\n{each}")))
        }
    }
}

/// Whether a tunnel leads to a place as a person writes it.
fn leads_to(tunnel: &Tunnel, place: &str) -> bool {
    let plain = |text: &str| text.trim_start_matches("ssh://").trim_end_matches('/').to_owned();
    plain(&tunnel.name) == plain(place)
}

/// The port that an SSH host forwards.
fn remote_port(tunnel: &Tunnel) -> Option<&str> {
    match &tunnel.kind {
        TunnelKind::Ssh { remote, .. } => Some(remote),
        TunnelKind::Relay { .. } | TunnelKind::Other { .. } => None,
    }
}

/// What a tunnel is called where several lead to one host.
fn called(tunnel: &Tunnel) -> String {
    let remote = remote_port(tunnel).map(|remote| format!(" port {remote}")).unwrap_or_default();
    format!("{}{remote}", tunnel.name)
}

async fn start(api: &Api, context: &Context, args: Start) -> Result<(), CliError> {
    for inbox in &args.expose {
        // A code is good once: what cannot be exposed is to be known before it is used.
        api.get::<Inbox>(&format!("/inboxes/{}", encoded(inbox))).await?;
    }
    let same = |tunnel: &Tunnel| {
        leads_to(tunnel, &args.place)
            && args.remote.as_ref().is_none_or(|remote| remote_port(tunnel) == Some(remote.as_str()))
    };
    let known = all(api).await?.into_iter().find(same);
    let expose = args.expose.clone();
    let new = asked_for(args, known.is_some())?;
    let mut tunnel: Tunnel = match (known, new) {
        (_, Some(new)) => api.send(Method::POST, "/tunnels", &new).await?,
        (Some(known), None) => {
            api.send(Method::PATCH, &format!("/tunnels/{}", known.id), &json!({ "on": true })).await?
        }
        (None, None) => return Err(CliError::Other("there is no such tunnel".into())),
    };
    for inbox in &expose {
        if exposure(&tunnel, inbox).is_none() {
            let path = format!("/tunnels/{}/inboxes/{}", tunnel.id, encoded(inbox));
            tunnel = api.send(Method::PUT, &path, &ExposureSettings::default()).await?;
        }
    }
    print(context, &tunnel);
    Ok(())
}

/// The tunnel that is to be made; none where a known one is only to be started.
fn asked_for(args: Start, known: bool) -> Result<Option<TunnelNew>, CliError> {
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
        let key_file = key_file.map(|key| key.to_string_lossy().into_owned());
        let changes = remote.is_some() || url.is_some() || key_file.is_some() || host_key.is_some();
        let new = TunnelNew::Ssh { destination: place, remote, url, key_file, host_key };
        return Ok((changes || !known).then_some(new));
    }
    if other {
        return Ok((port.is_some() || !known).then_some(TunnelNew::Other { url: place, port }));
    }
    match code {
        Some(code) => {
            if is_open(&place) {
                terminal::say("Without https anyone on the way can read what comes through this tunnel.");
            }
            Ok(Some(TunnelNew::Relay { relay: place, code, device }))
        }
        None if known => Ok(None),
        None => Err(CliError::Other(
            "this machine is not enrolled there; ask the relay's owner for a code (`hookbench relay device add`) and give it with --code. An SSH host is written ssh://user@host, the public URL of another program's tunnel has --other".into(),
        )),
    }
}

/// Whether others on the way can read what is said to a relay.
fn is_open(relay: &str) -> bool {
    let host = relay.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    host.is_some_and(|host| host != "localhost" && host != "[" && !host.starts_with("127."))
}

/// How an inbox is exposed by a tunnel.
fn exposure<'t>(tunnel: &'t Tunnel, inbox: &str) -> Option<&'t Exposure> {
    tunnel.exposures.iter().find(|exposure| exposure.inbox == inbox)
}

async fn exposed(api: &Api, context: &Context, args: Expose) -> Result<(), CliError> {
    let tunnel = tunnel(api, &args.which).await?;
    // What is not said stays as it is.
    let mut settings = exposure(&tunnel, &args.inbox).map(|one| one.settings.clone()).unwrap_or_default();
    if let Some(seconds) = args.wait {
        if !(0.0..=3_600.0).contains(&seconds) {
            return Err(CliError::Other("--wait is a number of seconds".into()));
        }
        settings.wait_ms = Some((seconds * 1_000.0) as u32);
    }
    match args.allow.as_slice() {
        [] => {}
        [any] if any == "any" => settings.allow.clear(),
        networks => settings.allow = networks.to_vec(),
    }
    if let Some(path) = &args.basic_file {
        let text = std::fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
        let Some((name, password)) = text.trim_end_matches(['\r', '\n']).split_once(':') else {
            return Err(CliError::Other(format!("{} has no line NAME:PASSWORD", path.display())));
        };
        settings.basic = Some(ExposureCredentials { name: name.to_owned(), password: password.to_owned() });
    } else if args.no_basic {
        settings.basic = None;
    }
    settings.verified_only = args.verified_only.unwrap_or(settings.verified_only);
    settings.give_secrets = args.give_secrets.unwrap_or(settings.give_secrets);
    settings.on_return = args.on_return.unwrap_or(settings.on_return);
    let path = format!("/tunnels/{}/inboxes/{}", tunnel.id, encoded(&args.inbox));
    let tunnel: Tunnel = api.send(Method::PUT, &path, &settings).await?;
    if let Some(exposure) = exposure(&tunnel, &args.inbox) {
        match context.json {
            true => terminal::json(exposure),
            false => terminal::line(&terminal::shown(&exposure.url)),
        }
    }
    Ok(())
}

fn print(context: &Context, tunnel: &Tunnel) {
    if context.json {
        return terminal::json(tunnel);
    }
    let about = match &tunnel.connection {
        TunnelConnection::Online { round_trip_ms: Some(ms), .. } => format!("online, {ms:.1} ms"),
        TunnelConnection::Online { .. } => "online".into(),
        TunnelConnection::Waiting { why, .. } => format!("down: {why}"),
        TunnelConnection::Failed { why } => format!("failed: {why}"),
        TunnelConnection::Off if tunnel.on => "not running; `hookbench` or `hookbench serve` runs it".into(),
        TunnelConnection::Off => "off".into(),
        TunnelConnection::Connecting => "connecting".into(),
    };
    let kept = if tunnel.durable { "durable" } else { "live" };
    terminal::line(&format!("{}  {}  {kept}", terminal::shown(&called(tunnel)), terminal::shown(&about)));
    match &tunnel.kind {
        TunnelKind::Ssh { offered_key: Some(offered), .. } => terminal::line(&format!(
            "  if that key is right: hookbench tunnel trust {} --tunnel {}",
            terminal::shown(offered),
            tunnel.id
        )),
        TunnelKind::Ssh { host_key, .. } => terminal::line(&format!("  host key {}", terminal::shown(host_key))),
        TunnelKind::Other { local, .. } => {
            terminal::line(&format!("  that program has to lead to {}", terminal::shown(local)));
        }
        TunnelKind::Relay { .. } => {}
    }
    tunnel.exposures.iter().for_each(print_exposure);
}

fn print_exposure(exposure: &Exposure) {
    let counted = |count: u64, what: &str| match count {
        0 => String::new(),
        count => format!("  {count} {what}"),
    };
    terminal::line(&format!(
        "  {}  {}{}{}",
        terminal::shown(&exposure.inbox),
        terminal::shown(&exposure.url),
        counted(exposure.waiting, "waiting"),
        counted(exposure.away, "arrived while away"),
    ));
    if let Some(problem) = &exposure.problem {
        terminal::line(&format!("    the relay does not have it as it is set: {}", terminal::shown(problem)));
    }
    if !exposure.keyed.is_empty() {
        let keyed = terminal::shown(&exposure.keyed.join(", "));
        terminal::line(&format!("    while this machine is away nobody answers: {keyed}"));
    }
}
