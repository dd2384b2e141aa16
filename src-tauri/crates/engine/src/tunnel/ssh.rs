//! A tunnel to a port of an SSH host, which is dialled again whenever it is lost.

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

/// Times a host may refuse the port it chose before, which its own end of a lost session still holds;
/// then any port is taken, and the public URL is another one.
const PATIENCE: u32 = 5;

/// Pause after a host that let nobody in: hosts shut out who tries too often, and an agent that is started
/// later is found then.
const NOT_LET_IN: Duration = Duration::from_mins(5);

/// How long a host has to give up the port of a session that was ended this moment.
const FREED: Duration = Duration::from_millis(500);

/// A host that listens for this machine.
pub(super) struct Up {
    session: Session,
    /// As it was found: the host's key, the port it chose.
    settings: SshSettings,
}

/// The public URL of a host that prints none: its own.
fn plain_url(ssh: &SshSettings) -> String {
    let host = ssh.destination.parse::<Destination>().map(|to| to.host).unwrap_or_default();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let asked = ssh.remote.parse::<Remote>().map_or(0, |remote| remote.port);
    match ssh.port.unwrap_or(asked) {
        80 => format!("http://{host}"),
        443 => format!("https://{host}"),
        port => format!("http://{host}:{port}"),
    }
}

/// Dials the host, and has it listen: on the port it chose before, if `keep_port`.
async fn dialled(ssh: &SshSettings, keep_port: bool) -> Result<Up, DialError> {
    let to: Destination = ssh.destination.parse().map_err(DialError::Lost)?;
    let asked: Remote = ssh.remote.parse().map_err(DialError::Lost)?;
    let trusted = Some(ssh.host_key.as_str()).filter(|key| !key.is_empty());
    let session = dial(&to, trusted, ssh.key_file.as_deref()).await?;
    let remote = match ssh.port.filter(|_| keep_port && asked.port == 0) {
        Some(port) => Remote { port, ..asked.clone() },
        None => asked.clone(),
    };
    let port = session.forward(&remote, ssh.given.is_none()).await?;
    let mut settings =
        SshSettings { host_key: session.host_key(), port: (asked.port == 0).then_some(port), ..ssh.clone() };
    // The host's own URL goes with the port.
    match &ssh.given {
        Some(given) => settings.url.clone_from(given),
        None if ssh.url == plain_url(ssh) => settings.url = plain_url(&settings),
        None => {}
    }
    Ok(Up { session, settings })
}

/// Has an SSH host listen, and serves what comes in there.
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
        // What is not said stays as it was.
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
        // The host gives one port to one session.
        crate::tunnel::registry::stop_tunnel(engine, row.number);
    }
    let mut up = dialled(&settings, true).await;
    if known.is_some() && matches!(up, Err(DialError::NotForwarded { .. })) {
        sleep(FREED).await;
        up = dialled(&settings, true).await;
        if settings.port.is_some() && matches!(up, Err(DialError::NotForwarded { .. })) {
            // The port it chose before is somebody else's by now.
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

/// Writes down what a host was found to be.
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
        tracing::warn!(%error, "what an SSH host is could not be written down");
    }
    crate::tunnel::status::tell_tunnel(engine, tunnel);
}

/// A host key as it is trusted: by its fingerprint.
pub(super) fn fingerprint(written: String) -> Result<String, TunnelError> {
    let written = written.trim();
    match written.strip_prefix("SHA256:") {
        Some(rest) if !rest.is_empty() => Ok(written.to_owned()),
        _ => Err(TunnelError::Wrong(format!(
            "{written:?} is no host key: write its fingerprint, SHA256:…, as `ssh-keygen -l` shows it."
        ))),
    }
}

impl Up {
    /// Waits until its public URL is known, the first time: nothing is exposed yet, so nobody comes.
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

/// Serves what comes in at a host, and dials it again until that is of no use.
pub(super) async fn run(engine: Weak<Engine>, tunnel: i64, mut up: Option<Up>) {
    let (mut backoff, mut refused) = (Backoff::default(), 0);
    loop {
        let Some(held) = engine.upgrade() else { return };
        let Some(TunnelSettings::Ssh(settings)) = held.tunnels.settings(tunnel) else { return };
        if up.is_none() {
            crate::tunnel::status::tunnel_stands(&held, tunnel, State::Connecting);
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
        crate::tunnel::status::tunnel_stands(&held, tunnel, State::Waiting { why, pause });
        drop(held);
        tokio::select! {
            () = sleep(pause) => {}
            // What kept the host away may be gone with the place.
            () = woke() => {}
        }
    }
}

fn asleep() -> DialError {
    DialError::Lost("The machine was asleep.".into())
}

/// Serves a session until it ends, and says why it did.
async fn serve(engine: &Weak<Engine>, tunnel: i64, Up { mut session, mut settings }: Up) -> DialError {
    let closing = || DialError::Lost("Hookbench is closing.".into());
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
    crate::tunnel::status::tunnel_stands(&held, tunnel, online(Duration::ZERO));
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
            // Who has said it knows better.
            Event::Url(_) | Event::NoUrl if settings.given.is_some() => continue,
            Event::Url(url) => settings.url = url,
            Event::NoUrl => settings.url = plain_url(&settings),
            Event::RoundTrip(time) => {
                let Some(held) = engine.upgrade() else { return closing() };
                crate::tunnel::status::tunnel_stands(&held, tunnel, online(time));
                continue;
            }
            Event::Ended(error) => return error,
        }
        let Some(held) = engine.upgrade() else { return closing() };
        found(&held, tunnel, settings.clone()).await;
    }
}
