//! SSH tunnels: a forwarded port of an SSH host, with automatic reconnection.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use hookbench_relay::client::{Backoff, STABLE, State, woke};
use hookbench_ssh::{Destination, DialError, Event, Remote, Session, dial, usual_remote};
use hookbench_store::tunnel::SshSettings;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{TunnelRow, TunnelSettings, live::public_url, registry::TunnelError};
use crate::Engine;

/// Number of attempts to get the same port again. The host may still hold the port for a lost session. After these
/// attempts any port is accepted, and the public URL changes.
const PATIENCE: u32 = 5;

/// Pause after failed authentication. Hosts block clients that retry too often. The pause also gives the user time to
/// start an SSH agent.
const NOT_LET_IN: Duration = Duration::from_mins(5);

/// Time for the host to release the port of a session that just ended.
const FREED: Duration = Duration::from_millis(500);

/// A connected session with a forwarded port.
pub(super) struct Up {
    session: Session,
    /// Settings with the key of the host and the port that it assigned.
    settings: SshSettings,
}

/// Returns the public URL for a host that prints none: its name and port.
fn plain_url(ssh: &SshSettings) -> String {
    let host = ssh.destination.parse::<Destination>().map(|to| to.host).unwrap_or_default();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let requested = ssh.remote.parse::<Remote>().map_or(0, |remote| remote.port);
    match ssh.port.unwrap_or(requested) {
        80 => format!("http://{host}"),
        443 => format!("https://{host}"),
        port => format!("http://{host}:{port}"),
    }
}

/// Connects to the host and requests a forwarded port. With `keep_port`, requests the port that the host assigned
/// before.
async fn dialled(ssh: &SshSettings, keep_port: bool) -> Result<Up, DialError> {
    let to: Destination = ssh.destination.parse().map_err(DialError::Lost)?;
    let requested: Remote = ssh.remote.parse().map_err(DialError::Lost)?;
    let trusted = Some(ssh.host_key.as_str()).filter(|key| !key.is_empty());
    let session = dial(&to, trusted, ssh.key_file.as_deref()).await?;
    let remote = match ssh.port.filter(|_| keep_port && requested.port == 0) {
        Some(port) => Remote { port, ..requested.clone() },
        None => requested.clone(),
    };
    let port = session.forward(&remote, ssh.given.is_none()).await?;
    let mut settings =
        SshSettings { host_key: session.host_key(), port: (requested.port == 0).then_some(port), ..ssh.clone() };
    // A URL made of the host and the port changes with the port.
    match &ssh.given {
        Some(given) => settings.url.clone_from(given),
        None if ssh.url == plain_url(ssh) => settings.url = plain_url(&settings),
        None => {}
    }
    Ok(Up { session, settings })
}

/// Creates an SSH tunnel, or re-creates the one with the same destination and remote port, and starts it.
pub(super) async fn add_ssh(
    engine: &Arc<Engine>,
    destination: &str,
    remote: Option<String>,
    url: Option<String>,
    key_file: Option<PathBuf>,
    host_key: Option<String>,
) -> Result<i64, TunnelError> {
    let to: Destination = destination.parse().map_err(TunnelError::Wrong)?;
    let remote = remote.filter(|text| !text.trim().is_empty());
    let remote: Remote = remote.as_deref().unwrap_or(usual_remote(&to.host)).parse().map_err(TunnelError::Wrong)?;
    let url = url.filter(|text| !text.trim().is_empty());
    let given = url.as_deref().map(public_url).transpose().map_err(TunnelError::Wrong)?;
    let (destination, remote) = (to.to_string(), remote.to_string());
    let same = |settings: &TunnelSettings| matches!(settings, TunnelSettings::Ssh(known) if known.destination == destination && known.remote == remote);
    let host_key = host_key.map(fingerprint).transpose()?;
    let _alone = engine.tunnels.alone(&format!("{destination} {remote}")).await;
    let known = engine.tunnels.which(same);
    let settings = match known.as_ref().map(|row| row.settings.clone()) {
        // Options that are not passed keep their values.
        Some(TunnelSettings::Ssh(was)) => SshSettings {
            key_file: key_file.or(was.key_file),
            given: given.or(was.given),
            host_key: host_key.unwrap_or(was.host_key),
            ..was
        },
        _ => {
            let (destination, remote) = (destination.clone(), remote.clone());
            let host_key = host_key.unwrap_or_default();
            SshSettings { destination, remote, key_file, given, host_key, port: None, url: String::new() }
        }
    };
    if let Some(row) = &known {
        if row.settings == TunnelSettings::Ssh(settings.clone()) && engine.tunnels.is_up(row.number) {
            return Ok(row.number);
        }
        // The host assigns a port to one session only, so the old session must end first.
        crate::tunnel::registry::stop_tunnel(engine, row.number);
    }
    let mut up = dialled(&settings, true).await;
    if known.is_some() && matches!(up, Err(DialError::NotForwarded { .. })) {
        sleep(FREED).await;
        up = dialled(&settings, true).await;
        if settings.port.is_some() && matches!(up, Err(DialError::NotForwarded { .. })) {
            // Another client uses the previous port now.
            up = dialled(&settings, false).await;
        }
    }
    let up = match up {
        Ok(up) => up.with_url().await,
        Err(error) => Err(error),
    };
    let up = match up {
        Ok(up) => up,
        Err(error) => {
            if let Some(row) = known.filter(|row| row.wanted) {
                super::registry::spawn_tunnel(engine, row.number, run(Arc::downgrade(engine), row.number, None));
            }
            return Err(error.into());
        }
    };
    let number =
        crate::tunnel::registry::put_tunnel(engine, known, TunnelSettings::Ssh(up.settings.clone()), None).await?;
    crate::tunnel::registry::spawn_tunnel(engine, number, run(Arc::downgrade(engine), number, Some(up)));
    Ok(number)
}

/// Stores the settings of a connected tunnel if they changed.
async fn found(engine: &Arc<Engine>, tunnel: i64, settings: SshSettings) {
    let Some((_alone, row)) = engine.tunnels.alone_with(tunnel).await else { return };
    let row = TunnelRow { settings: TunnelSettings::Ssh(settings), ..row };
    {
        let mut all = engine.tunnels.lock();
        let Some(known) = all.get_mut(&tunnel) else { return };
        if known.row.settings == row.settings {
            return;
        }
        known.row = row.clone();
    }
    if let Err(error) = engine.store.write(move |connection| row.put(connection), |()| ()).await {
        tracing::warn!(%error, "the settings of an SSH tunnel could not be stored");
    }
    crate::tunnel::status::tell_tunnel(engine, tunnel);
}

/// Validates the fingerprint of a host key.
pub(super) fn fingerprint(written: String) -> Result<String, TunnelError> {
    let written = written.trim();
    match written.strip_prefix("SHA256:") {
        Some(rest) if !rest.is_empty() => Ok(written.to_owned()),
        _ => Err(TunnelError::Wrong(format!(
            "Invalid host key: {written:?}. Pass the fingerprint SHA256:… that `ssh-keygen -l` prints."
        ))),
    }
}

impl Up {
    /// Waits until the public URL is known. Connections are ignored, because a new tunnel exposes no inboxes yet.
    async fn with_url(mut self) -> Result<Self, DialError> {
        while self.settings.url.is_empty() {
            match self.session.next().await {
                Event::Url(url) => self.settings.url = url,
                Event::NoUrl => self.settings.url = plain_url(&self.settings),
                Event::Ended(error) => return Err(error),
                Event::Connection(..) | Event::RoundTrip(_) => {}
            }
        }
        Ok(self)
    }
}

/// Serves the connections of an SSH tunnel. Reconnects until a final error.
pub(super) async fn run(engine: Weak<Engine>, tunnel: i64, mut up: Option<Up>) {
    let (mut backoff, mut refused) = (Backoff::default(), 0);
    loop {
        let Some(held) = engine.upgrade() else { return };
        let Some(TunnelSettings::Ssh(settings)) = held.tunnels.settings(tunnel) else { return };
        if up.is_none() {
            crate::tunnel::status::tunnel_status(&held, tunnel, State::Connecting);
        }
        drop(held);
        let began = Instant::now();
        let made = match up.take() {
            Some(up) => Ok(up),
            None => dialled(&settings, refused < PATIENCE).await,
        };
        let ended = match made {
            Ok(up) => {
                refused = 0;
                serve(&engine, tunnel, up).await
            }
            Err(error) => error,
        };
        let Some(held) = engine.upgrade() else { return };
        if began.elapsed() >= STABLE {
            backoff = Backoff::default();
        }
        refused += u32::from(matches!(ended, DialError::NotForwarded { .. }));
        let why = ended.to_string();
        if ended.is_final() {
            crate::tunnel::status::tunnel_ends(&held, tunnel, why, &ended);
            return;
        }
        let pause = match &ended {
            DialError::NotLetIn { .. } => NOT_LET_IN,
            ended if *ended == asleep() => Duration::ZERO,
            _ => backoff.pause(),
        };
        tracing::info!(why, ?pause, "the tunnel is down");
        crate::tunnel::status::tunnel_status(&held, tunnel, State::Waiting { why, pause });
        drop(held);
        tokio::select! {
            () = sleep(pause) => {}
            // The computer woke up, possibly in another network where the host is reachable.
            () = woke() => {}
        }
    }
}

fn asleep() -> DialError {
    DialError::Lost("The computer was asleep.".into())
}

/// Serves a session until it ends. Returns the reason.
async fn serve(engine: &Weak<Engine>, tunnel: i64, Up { mut session, mut settings }: Up) -> DialError {
    let closing = || DialError::Lost("Hookbench is shutting down.".into());
    let Some(held) = engine.upgrade() else { return closing() };
    let (mut limits, mut streams) =
        (held.settings().limits, Arc::new(crate::tunnel::live::live_streams(&held, tunnel)));
    if settings.url.is_empty() {
        settings.url = plain_url(&settings);
    }
    found(&held, tunnel, settings.clone()).await;
    let online = |round_trip: Duration| State::Online {
        round_trip_us: round_trip.as_micros() as u64,
        waiting: Default::default(),
    };
    crate::tunnel::status::tunnel_status(&held, tunnel, online(Duration::ZERO));
    drop(held);
    let mut open = JoinSet::new();
    let woke = woke();
    tokio::pin!(woke);
    loop {
        let event = tokio::select! {
            event = session.next() => event,
            Some(_) = open.join_next() => continue,
            () = &mut woke => return asleep(),
        };
        match event {
            Event::Connection(stream, from) => {
                let Some(held) = engine.upgrade() else { return closing() };
                let now = held.settings().limits;
                if now != limits {
                    (limits, streams) = (now, Arc::new(crate::tunnel::live::live_streams(&held, tunnel)));
                }
                let streams = streams.clone();
                open.spawn(async move { streams.serve(stream, from).await });
                continue;
            }
            // A URL that the user set takes precedence.
            Event::Url(_) | Event::NoUrl if settings.given.is_some() => continue,
            Event::Url(url) => settings.url = url,
            Event::NoUrl => settings.url = plain_url(&settings),
            Event::RoundTrip(time) => {
                let Some(held) = engine.upgrade() else { return closing() };
                crate::tunnel::status::tunnel_status(&held, tunnel, online(time));
                continue;
            }
            Event::Ended(error) => return error,
        }
        let Some(held) = engine.upgrade() else { return closing() };
        found(&held, tunnel, settings.clone()).await;
    }
}
