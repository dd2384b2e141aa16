//! `hookbench tunnel`: starts and stops tunnels, and exposes inboxes through them.

use hookbench_model::{
    BacklogAction, BacklogDecision, BacklogPolicy, Exposure, ExposureCredentials, ExposureSettings, Inbox, Tunnel,
    TunnelConnection, TunnelKind, TunnelList, TunnelNew,
};
use http::Method;
use serde_json::json;

use super::{Api, Context, error::CliError, terminal};
use crate::transport::encoded;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Create a tunnel, or start one that exists
    #[command(after_help = "Examples:\n\
        Through a relay, which stores requests while your computer is offline:\n  \
        hookbench tunnel start https://relay.example --code CODE --expose shop\n\
        Through a port of an SSH host (senders get an error while your computer is offline):\n  \
        hookbench tunnel start ssh://nokey@localhost.run --expose shop\n  \
        hookbench tunnel start ssh://me@example.com --remote 8080 --url https://hooks.example.com --expose shop\n\
        Through another program, such as ngrok or cloudflared:\n  \
        hookbench tunnel start https://abc.ngrok.app --other --expose shop")]
    Start(Start),
    /// Stop a tunnel. A relay stores later requests; without a relay they are refused
    #[command(after_help = "Examples:\n  hookbench tunnel stop\n  \
        hookbench tunnel stop --tunnel https://relay.example")]
    Stop(Which),
    /// Trust a new host key of an SSH host, and start its tunnel
    #[command(after_help = "Examples:\n  hookbench tunnel trust-key SHA256:FINGERPRINT --tunnel ssh://me@example.com")]
    TrustKey {
        /// Fingerprint of the key, as printed by `ssh-keygen -l`: SHA256:…
        host_key: String,
        #[command(flatten)]
        which: Which,
    },
    /// Show the status of all tunnels
    #[command(after_help = "Examples:\n  hookbench tunnel status\n  hookbench tunnel status --json")]
    Status,
    /// Expose an inbox and print its public URL, or change its exposure settings
    ///
    /// Settings that are not passed stay as they are.
    #[command(after_help = "Examples:\n  hookbench tunnel expose shop\n  \
        hookbench tunnel expose shop --allow 192.0.2.0/24 --verified-only\n  \
        hookbench tunnel expose shop --on-return forward")]
    Expose(Expose),
    /// Unexpose an inbox. Deletes its public URL and its requests on the relay
    #[command(after_help = "Examples:\n  hookbench tunnel unexpose shop")]
    Unexpose {
        /// Name of the inbox
        inbox: String,
        #[command(flatten)]
        which: Which,
    },
    /// Forward or keep the requests that arrived while your computer was offline
    #[command(after_help = "Examples:\n  hookbench tunnel backlog shop all\n  hookbench tunnel backlog shop latest")]
    Backlog {
        /// Name of the inbox
        inbox: String,
        /// all: forward all, in order; latest: the latest per event type; keep: none
        action: BacklogChoice,
        /// Re-sign the requests with the secret of the inbox
        #[arg(long)]
        re_sign: bool,
    },
    /// Delete a tunnel and its public URLs
    #[command(after_help = "Examples:\n  hookbench tunnel remove --tunnel https://relay.example")]
    Remove {
        #[command(flatten)]
        which: Which,
        /// Delete the tunnel even if its relay is unreachable and keeps the URLs open
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// URL of a relay, SSH host (ssh://user@host), or with --other a public URL
    #[arg(value_name = "WHERE")]
    place: String,
    /// Expose this inbox; repeatable
    #[arg(long, value_name = "INBOX")]
    expose: Vec<String>,
    /// Relay: one-time code from the operator of the relay
    #[arg(long)]
    code: Option<String>,
    /// Relay: name of this computer on the relay [default: the host name]
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// SSH: remote port as in `ssh -R`: 80, 0 (any), *:8080 [default: by service, or 0]
    #[arg(long, value_name = "[ADDRESS:]PORT", conflicts_with = "code")]
    remote: Option<String>,
    /// SSH: public URL [default: as printed by the host, or host name and port]
    #[arg(long, conflicts_with = "code")]
    url: Option<String>,
    /// SSH: private key file [default: keys of the SSH agent and in ~/.ssh]
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    key: Option<std::path::PathBuf>,
    /// SSH: required fingerprint of the host key [default: trust on first use]
    #[arg(long, value_name = "SHA256:…", conflicts_with = "code")]
    host_key: Option<String>,
    /// Use a tunnel of another program, such as ngrok or cloudflared
    #[arg(long, conflicts_with_all = ["code", "device", "remote", "url", "key", "host_key"])]
    other: bool,
    /// Other program: local port that the program forwards to [default: a free port]
    #[arg(long, requires = "other")]
    port: Option<u16>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum BacklogChoice {
    All,
    Latest,
    Keep,
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// URL, SSH host or ID of the tunnel; required if there are several tunnels
    #[arg(long, value_name = "WHERE")]
    tunnel: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Expose {
    /// Name of the inbox
    inbox: String,
    #[command(flatten)]
    which: Which,
    /// Seconds that a sender waits for the response; 0 = none [default: by vendor]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<f64>,
    /// Require Basic authentication with the NAME:PASSWORD in this file
    #[arg(long, value_name = "FILE")]
    basic_file: Option<std::path::PathBuf>,
    /// Require no Basic authentication
    #[arg(long, conflicts_with = "basic_file")]
    no_basic: bool,
    /// Allow this sender network, such as 192.0.2.0/24, or `any`; repeatable
    #[arg(long, value_name = "CIDR")]
    allow: Vec<String>,
    /// Forward only requests with a valid signature
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    verified_only: Option<bool>,
    /// Give the relay the inbox's secrets, for handshakes that need them
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    give_secrets: Option<bool>,
    /// Action for requests that arrived while offline [default: ask]
    #[arg(long, value_parser = on_return, value_name = "ask|forward|keep")]
    on_return: Option<BacklogPolicy>,
}

fn on_return(name: &str) -> Result<BacklogPolicy, String> {
    match name {
        "ask" => Ok(BacklogPolicy::Ask),
        "forward" => Ok(BacklogPolicy::Forward),
        "keep" => Ok(BacklogPolicy::Keep),
        _ => Err("must be ask, forward or keep".into()),
    }
}

impl Verb {
    /// Returns true if the verb may create the data folder.
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
        Verb::TrustKey { host_key, which } => {
            let tunnel = tunnel(api, &which).await?;
            let body = json!({ "on": true, "host_key": host_key });
            print(context, &api.send(Method::PATCH, &format!("/tunnels/{}", tunnel.id), &body).await?);
            Ok(())
        }
        Verb::Status => {
            let all = all(api).await?;
            if all.is_empty() && !context.json {
                terminal::say("There is no tunnel yet. See `hookbench tunnel start --help`.");
            }
            all.iter().for_each(|tunnel| print(context, tunnel));
            Ok(())
        }
        Verb::Expose(args) => exposed(api, context, args).await,
        Verb::Unexpose { inbox, which } => {
            let tunnel = tunnel(api, &which).await?;
            let path = format!("/tunnels/{}/inboxes/{}", tunnel.id, encoded(&inbox));
            print(context, &api.act(Method::DELETE, &path).await?);
            Ok(())
        }
        Verb::Backlog { inbox, action, re_sign } => {
            let action = match action {
                BacklogChoice::All => BacklogAction::All,
                BacklogChoice::Latest => BacklogAction::LatestPerType,
                BacklogChoice::Keep => BacklogAction::Keep,
            };
            let path = format!("/inboxes/{}/backlog", encoded(&inbox));
            let body = json!({ "action": action, "re_sign": re_sign });
            let decided: BacklogDecision = api.send(Method::POST, &path, &body).await?;
            if context.json {
                terminal::json(&decided);
            } else {
                let (requests, replays) = (decided.requests, decided.replays.len());
                terminal::line(&format!("{requests} requests processed, {replays} replays started"));
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

/// Returns the tunnel that `which` selects, or the only tunnel.
async fn tunnel(api: &Api, which: &Which) -> Result<Tunnel, CliError> {
    let mut all = all(api).await?;
    if let Some(name) = &which.tunnel {
        all.retain(|tunnel| tunnel.id == *name || leads_to(tunnel, name));
    }
    match (all.len(), &which.tunnel) {
        (1, _) => Ok(all.remove(0)),
        (0, None) => Err(CliError::Other("there is no tunnel yet. See `hookbench tunnel start --help`".into())),
        (0, Some(name)) => Err(CliError::Other(format!("there is no tunnel to {name}"))),
        _ => {
            let each = all.iter().map(|tunnel| format!("  {}  {}", tunnel.id, called(tunnel)));
            let each = each.collect::<Vec<_>>().join("\n");
            Err(CliError::Other(format!("there are several tunnels. Pass --tunnel with one of these IDs:\n{each}")))
        }
    }
}

/// Returns true if a tunnel has this destination. The scheme `ssh://` and a final slash are ignored.
fn leads_to(tunnel: &Tunnel, place: &str) -> bool {
    let plain = |text: &str| text.trim_start_matches("ssh://").trim_end_matches('/').to_owned();
    plain(&tunnel.name) == plain(place)
}

/// Returns the port that an SSH host forwards.
fn remote_port(tunnel: &Tunnel) -> Option<&str> {
    match &tunnel.kind {
        TunnelKind::Ssh { remote, .. } => Some(remote),
        TunnelKind::Relay { .. } | TunnelKind::Other { .. } => None,
    }
}

/// Returns the display name of a tunnel, with the remote port if there is one.
fn called(tunnel: &Tunnel) -> String {
    let remote = remote_port(tunnel).map(|remote| format!(" port {remote}")).unwrap_or_default();
    format!("{}{remote}", tunnel.name)
}

async fn start(api: &Api, context: &Context, args: Start) -> Result<(), CliError> {
    for inbox in &args.expose {
        // A code works only once, so a missing inbox must be reported before the code is used.
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
        (None, None) => return Err(CliError::Other("no such tunnel".into())),
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

/// Returns the tunnel to create, or `None` if a tunnel that exists only has to be started.
fn asked_for(args: Start, known: bool) -> Result<Option<TunnelNew>, CliError> {
    let Start { place, code, device, remote, url, key, host_key, other, port, expose: _ } = args;
    let ssh = place.starts_with("ssh://") || place.contains('@') && !place.contains("://");
    if ssh && (other || code.is_some() || device.is_some()) {
        return Err(CliError::Other(format!(
            "{place} is an SSH host. --other, --code and --device apply to other tunnels"
        )));
    }
    if !ssh && (remote.is_some() || url.is_some() || key.is_some() || host_key.is_some()) {
        return Err(CliError::Other(
            "--remote, --url, --key and --host-key apply only to an SSH host, such as ssh://user@host".into(),
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
                terminal::say("Warning: the relay URL does not use https. Others on the network can read requests.");
            }
            Ok(Some(TunnelNew::Relay { relay: place, code, device }))
        }
        None if known => Ok(None),
        None => Err(CliError::Other(
            "this computer is not enrolled at that relay. Get a code from the operator of the relay (`hookbench relay \
             device add`) and pass it with --code. For an SSH host, use ssh://user@host. For the tunnel of another \
             program, pass --other"
                .into(),
        )),
    }
}

/// Returns true if traffic to a relay is unencrypted and leaves this computer.
fn is_open(relay: &str) -> bool {
    let host = relay.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    host.is_some_and(|host| host != "localhost" && host != "[" && !host.starts_with("127."))
}

/// Returns the exposure of an inbox by a tunnel.
fn exposure<'t>(tunnel: &'t Tunnel, inbox: &str) -> Option<&'t Exposure> {
    tunnel.exposures.iter().find(|exposure| exposure.inbox == inbox)
}

async fn exposed(api: &Api, context: &Context, args: Expose) -> Result<(), CliError> {
    let tunnel = tunnel(api, &args.which).await?;
    // Settings that are not passed stay as they are.
    let mut settings = exposure(&tunnel, &args.inbox).map(|one| one.settings.clone()).unwrap_or_default();
    if let Some(seconds) = args.wait {
        if !(0.0..=60.0).contains(&seconds) {
            return Err(CliError::Other(format!("--wait must be between 0 and 60 seconds (got {seconds})")));
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
            return Err(CliError::Other(format!("{} must contain NAME:PASSWORD on its first line", path.display())));
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
        // Only the other program knows if the public URL leads here.
        TunnelConnection::Online { .. } if matches!(tunnel.kind, TunnelKind::Other { .. }) => "listening".into(),
        TunnelConnection::Online { round_trip_ms: Some(ms), .. } => format!("online, {ms:.1} ms"),
        TunnelConnection::Online { .. } => "online".into(),
        TunnelConnection::Waiting { why, .. } => format!("down: {why}"),
        TunnelConnection::Failed { why } => format!("failed: {why}"),
        TunnelConnection::Off if tunnel.on => "not running. Start `hookbench` or `hookbench serve`".into(),
        TunnelConnection::Off => "off".into(),
        TunnelConnection::Connecting => "connecting".into(),
    };
    let kept = if tunnel.durable { "durable" } else { "live" };
    terminal::line(&format!("{}  {}  {kept}", terminal::shown(&called(tunnel)), terminal::shown(&about)));
    match &tunnel.kind {
        TunnelKind::Ssh { offered_key: Some(offered), .. } => terminal::line(&format!(
            "  to trust that key: hookbench tunnel trust-key {} --tunnel {}",
            terminal::shown(offered),
            tunnel.id
        )),
        TunnelKind::Ssh { host_key, .. } => terminal::line(&format!("  host key {}", terminal::shown(host_key))),
        TunnelKind::Other { local, .. } => {
            terminal::line(&format!("  that program must forward to {}", terminal::shown(local)));
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
        counted(exposure.backlog, "arrived while offline"),
    ));
    if let Some(problem) = &exposure.problem {
        terminal::line(&format!("    the settings are not applied at the relay: {}", terminal::shown(problem)));
    }
    if !exposure.keyed.is_empty() {
        let keyed = terminal::shown(&exposure.keyed.join(", "));
        terminal::line(&format!("    no handshake response while offline: {keyed}"));
    }
}
