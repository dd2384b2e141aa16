//! The tunnels there are, and what is done about all alike.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hookline_capture::{ReadError, WriteError};
use hookline_model::{Change, ExposureSettings, Tunnel, TunnelDrop, TunnelNew, TunnelState};
use hookline_relay::{
    client::{CallError, Client},
    gate::Gate,
    wire::Wanted,
};
use hookline_ssh::DialError;
use hookline_store::tunnel::SshSettings;
use rusqlite::Connection;
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    task::AbortHandle,
};

use super::{ExposureRow, TunnelRow, TunnelSettings, Waiting, other, ssh};
use crate::{Engine, inbox::Address};

/// Why a tunnel could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// What was asked for makes no sense, in a sentence.
    #[error("{0}")]
    Wrong(String),
    /// The relay.
    #[error(transparent)]
    Relay(#[from] CallError),
    /// The SSH host.
    #[error(transparent)]
    Ssh(#[from] DialError),
    /// The store cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError<rusqlite::Error>),
    /// What is still reached from outside, and cannot be given up now.
    #[error("{0}")]
    StaysOpen(String),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A tunnel in memory.
pub(super) struct Known {
    pub(super) row: TunnelRow,
    /// Its relay, once it was called.
    pub(super) client: Option<Arc<Client>>,
    pub(super) task: Option<AbortHandle>,
    pub(super) state: TunnelState,
    pub(super) last_drop: Option<TunnelDrop>,
    /// What its relay last said of what waits there.
    pub(super) waiting: Waiting,
    /// The key its SSH host shows in place of the one that is trusted.
    pub(super) offered_key: Option<String>,
    pub(super) exposures: Vec<Exposed>,
}

/// An exposure in memory.
pub(super) struct Exposed {
    pub(super) row: ExposureRow,
    pub(super) gate: Arc<Gate>,
    /// What the relay was told last by this run.
    pub(super) told: Option<Wanted>,
    pub(super) problem: Option<String>,
}

/// All tunnels.
#[derive(Default)]
pub struct Tunnels {
    known: Mutex<HashMap<i64, Known>>,
    /// Whether they are dialled at all: a command is gone before that would be of use.
    dials: AtomicBool,
    pub(super) nudge: Arc<Notify>,
    /// One for each place that something is done about: one thing after the other. A host that is slow to
    /// answer holds up nobody else.
    changing: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Tunnels {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<i64, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn load(&self, tunnels: Vec<TunnelRow>, exposures: Vec<ExposureRow>) {
        let mut known = self.lock();
        for row in tunnels {
            let exposures = exposures.iter().filter(|exposure| exposure.tunnel == row.number).cloned();
            let exposures = exposures.map(Exposed::new).collect();
            known.insert(row.number, Known::new(row, exposures));
        }
    }

    /// How the inbox is exposed that the other end calls so, and what stands before it.
    pub(super) fn exposed(&self, tunnel: i64, label: &str) -> Option<(ExposureRow, Arc<Gate>)> {
        let known = self.lock();
        let exposed = known.get(&tunnel)?.exposures.iter().find(|exposure| exposure.row.label == label)?;
        Some((exposed.row.clone(), exposed.gate.clone()))
    }

    /// How an inbox is exposed, by whatever tunnel.
    pub fn exposures_of(&self, inbox: i64) -> Vec<ExposureRow> {
        let known = self.lock();
        let exposures = known.values().flat_map(|known| &known.exposures);
        exposures.map(|one| &one.row).filter(|row| row.inbox == inbox).cloned().collect()
    }

    /// The number of the tunnel with an id.
    pub fn with_id(&self, id: &str) -> Option<i64> {
        self.lock().values().find(|known| known.row.id == id).map(|known| known.row.number)
    }

    /// Where a tunnel leads.
    pub fn settings(&self, tunnel: i64) -> Option<TunnelSettings> {
        self.lock().get(&tunnel).map(|known| known.row.settings.clone())
    }

    /// What of a path stands behind that of a tunnel's public URL: programs pass on either.
    pub(super) fn below_public<'p>(&self, tunnel: i64, path: &'p str) -> &'p str {
        let known = self.lock();
        let public = known.get(&tunnel).and_then(|known| known.row.settings.public()).unwrap_or_default();
        let prefix = public.splitn(4, '/').nth(3).unwrap_or_default();
        let below = path.strip_prefix('/').and_then(|path| path.strip_prefix(prefix));
        below.filter(|below| !prefix.is_empty() && below.starts_with('/')).unwrap_or(path)
    }

    /// The first tunnel of which this holds.
    pub(super) fn which(&self, is: impl Fn(&TunnelSettings) -> bool) -> Option<TunnelRow> {
        self.lock().values().find(|known| is(&known.row.settings)).map(|known| known.row.clone())
    }

    /// Waits until nothing else is done about a place.
    pub(super) async fn alone(&self, place: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut all = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, lock| Arc::strong_count(lock) > 1);
            all.entry(place.to_owned()).or_default().clone()
        };
        lock.lock_owned().await
    }

    /// Waits until nothing else is done about a tunnel; none if there is none by then.
    pub(super) async fn alone_with(&self, tunnel: i64) -> Option<(OwnedMutexGuard<()>, TunnelRow)> {
        let alone = self.alone(&self.settings(tunnel)?.place()).await;
        let row = self.lock().get(&tunnel)?.row.clone();
        Some((alone, row))
    }

    /// Whether a tunnel is up or about to be.
    pub(super) fn is_up(&self, tunnel: i64) -> bool {
        let up = |known: &Known| matches!(known.state, TunnelState::Online { .. } | TunnelState::Connecting);
        self.lock().get(&tunnel).is_some_and(up)
    }

    /// Relays may have to be told something.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }
}

impl Known {
    fn new(row: TunnelRow, exposures: Vec<Exposed>) -> Self {
        Self {
            row,
            client: None,
            task: None,
            state: TunnelState::Off,
            last_drop: None,
            waiting: Waiting::default(),
            offered_key: None,
            exposures,
        }
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.state = TunnelState::Off;
    }
}

impl Exposed {
    pub(super) fn new(row: ExposureRow) -> Self {
        Self { gate: Arc::new(crate::tunnel::gate(&row.settings)), row, told: None, problem: None }
    }
}

/// Starts the tunnels that are to be up, and keeps relays told of what changes.
pub(crate) fn spawn_tunnels(engine: &Arc<Engine>) {
    engine.tunnels.dials.store(true, Ordering::Relaxed);
    let known = engine.tunnels.lock();
    let wanted: Vec<i64> = known.values().filter(|known| known.row.wanted).map(|known| known.row.number).collect();
    drop(known);
    wanted.into_iter().for_each(|tunnel| start_tunnel(engine, tunnel));
    crate::tunnel::relay::spawn_telling_relays(engine);
}

/// Ends every tunnel's connection.
pub(crate) fn stop_tunnels(engine: &Engine) {
    engine.tunnels.lock().values_mut().for_each(Known::stop);
}

pub(super) fn start_tunnel(engine: &Arc<Engine>, tunnel: i64) {
    let settings = engine.tunnels.settings(tunnel);
    match settings {
        Some(TunnelSettings::Relay(_)) => crate::tunnel::relay::run_relay(engine, tunnel),
        Some(TunnelSettings::Ssh(_)) => spawn_tunnel(engine, tunnel, ssh::run(Arc::downgrade(engine), tunnel, None)),
        Some(TunnelSettings::Other(settings)) => {
            spawn_tunnel(engine, tunnel, other::run(Arc::downgrade(engine), tunnel, settings));
        }
        None => {}
    }
}

/// Lets other programs' tunnels listen anew, with the limits as they are now.
pub(crate) fn restart_listening_tunnels(engine: &Arc<Engine>) {
    let running: Vec<i64> = {
        let all = engine.tunnels.lock();
        let running = all.values().filter(|known| known.task.is_some());
        let others = running.filter(|known| matches!(known.row.settings, TunnelSettings::Other(_)));
        others.map(|known| known.row.number).collect()
    };
    running.into_iter().for_each(|tunnel| start_tunnel(engine, tunnel));
}

/// Ends a tunnel's connection, until it is started again.
pub(super) fn stop_tunnel(engine: &Engine, tunnel: i64) {
    if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
        known.stop();
    }
}

/// Runs a tunnel in place of what ran it before. Who runs it holds the engine only while it does
/// something.
pub(super) fn spawn_tunnel(engine: &Engine, tunnel: i64, running: impl Future<Output = ()> + Send + 'static) {
    let mut all = engine.tunnels.lock();
    let Some(known) = all.get_mut(&tunnel) else { return };
    known.stop();
    if engine.tunnels.dials.load(Ordering::Relaxed) {
        known.state = TunnelState::Connecting;
        known.offered_key = None;
        known.task = Some(tokio::spawn(running).abort_handle());
    }
}

/// Makes a tunnel, or makes anew the one that leads to the same place, and starts it.
pub async fn add_tunnel(engine: &Arc<Engine>, new: TunnelNew) -> Result<Tunnel, TunnelError> {
    let number = match new {
        TunnelNew::Relay { relay, code, device } => {
            crate::tunnel::relay::add_relay(engine, &relay, &code, device).await?
        }
        TunnelNew::Ssh { destination, remote, url, key_file, host_key } => {
            crate::tunnel::ssh::add_ssh(engine, &destination, remote, url, key_file.map(Into::into), host_key).await?
        }
        TunnelNew::Other { url, port } => crate::tunnel::other::add_other(engine, &url, port).await?,
    };
    crate::tunnel::stand::tell_tunnel(engine, number);
    crate::tunnel::stand::tunnel(engine, number).await?.ok_or_else(|| TunnelError::Wrong("The tunnel is gone.".into()))
}

/// Writes a tunnel down: a new one, or another state of a known one, which no longer runs then.
pub(super) async fn put_tunnel(
    engine: &Engine,
    known: Option<TunnelRow>,
    settings: TunnelSettings,
    key: Option<[u8; 32]>,
) -> Result<i64, TunnelError> {
    let now_us = engine.clock.now_us();
    match known {
        // What it exposes, it exposes again.
        Some(row) => {
            let row = TunnelRow { settings, key, wanted: true, ..row };
            let kept = row.clone();
            engine.store.write(move |connection| kept.put(connection), |()| ()).await?;
            let number = row.number;
            if let Some(known) = engine.tunnels.lock().get_mut(&number) {
                known.stop();
                (known.row, known.client) = (row, None);
            }
            Ok(number)
        }
        None => {
            let work = move |connection: &Connection| TunnelRow::insert(connection, &settings, key, now_us);
            let row = engine.store.write(work, |_| ()).await?;
            let number = row.number;
            engine.tunnels.lock().insert(number, Known::new(row, Vec::new()));
            Ok(number)
        }
    }
}

/// Starts or stops a tunnel, and remembers which. With `host_key` that key of its SSH host is trusted
/// from now on.
pub async fn want_tunnel(
    engine: &Arc<Engine>,
    number: i64,
    on: bool,
    host_key: Option<String>,
) -> Result<(), TunnelError> {
    let Some((_alone, row)) = engine.tunnels.alone_with(number).await else { return Ok(()) };
    if on && row.wanted && host_key.is_none() && engine.tunnels.is_up(number) {
        // Whoever waits for an answer through it goes on waiting.
        return Ok(());
    }
    let row = TunnelRow { wanted: on, ..row };
    let row = match (host_key, row.settings.clone()) {
        (None, _) => row,
        (Some(host_key), TunnelSettings::Ssh(ssh)) => {
            let host_key = ssh::fingerprint(host_key)?;
            TunnelRow { settings: TunnelSettings::Ssh(SshSettings { host_key, ..ssh }), ..row }
        }
        (Some(_), _) => return Err(TunnelError::Wrong("Only an SSH host has a host key.".into())),
    };
    let kept = row.clone();
    engine.store.write(move |connection| kept.put(connection), |()| ()).await?;
    if let Some(known) = engine.tunnels.lock().get_mut(&number) {
        known.row = row;
        known.stop();
    }
    if on {
        start_tunnel(engine, number);
    }
    crate::tunnel::stand::tell_tunnel(engine, number);
    Ok(())
}

/// Ends a tunnel for good. Its addresses at a relay are given up first, for nobody could do so after;
/// with `force` it ends though they stay.
pub async fn remove_tunnel(engine: &Arc<Engine>, number: i64, force: bool) -> Result<(), TunnelError> {
    let Some((_alone, _)) = engine.tunnels.alone_with(number).await else { return Ok(()) };
    crate::tunnel::relay::give_up_addresses(engine, number, force).await?;
    engine.store.write(move |connection| TunnelRow::remove(connection, number), |()| ()).await?;
    if let Some(mut known) = engine.tunnels.lock().remove(&number) {
        known.stop();
        engine.feed.publish([Change::TunnelRemoved { id: known.row.id.clone() }]);
    }
    Ok(())
}

/// Exposes an inbox through a tunnel, or changes how.
pub async fn expose(
    engine: &Arc<Engine>,
    tunnel: i64,
    address: &Address,
    settings: ExposureSettings,
) -> Result<(), TunnelError> {
    let Some((_alone, row)) = engine.tunnels.alone_with(tunnel).await else { return Ok(()) };
    let exposed = match row.settings {
        TunnelSettings::Relay(_) => crate::tunnel::relay::expose_at_relay(engine, tunnel, address, settings).await?,
        TunnelSettings::Ssh(_) | TunnelSettings::Other(_) => {
            crate::tunnel::live::expose_live(engine, tunnel, address, settings)
        }
    };
    let kept = exposed.row.clone();
    engine.store.write(move |connection| kept.put(connection), |()| ()).await?;
    if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
        known.exposures.retain(|exposure| exposure.row.inbox != exposed.row.inbox);
        known.exposures.push(exposed);
    }
    crate::tunnel::stand::tell_tunnel(engine, tunnel);
    Ok(())
}

/// Ends an inbox's exposure: its public address is gone, and at a relay what waits there with it.
pub async fn conceal(engine: &Arc<Engine>, tunnel: i64, inbox: i64) -> Result<bool, TunnelError> {
    let Some((_alone, _)) = engine.tunnels.alone_with(tunnel).await else { return Ok(false) };
    let label = {
        let all = engine.tunnels.lock();
        let exposures = all.get(&tunnel).map(|known| known.exposures.as_slice()).unwrap_or_default();
        let found = exposures.iter().find(|exposure| exposure.row.inbox == inbox);
        let Some(label) = found.map(|exposure| exposure.row.label.clone()) else { return Ok(false) };
        label
    };
    crate::tunnel::relay::give_up_address(engine, tunnel, &label).await?;
    engine.store.write(move |connection| ExposureRow::remove(connection, tunnel, inbox), |()| ()).await?;
    if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
        known.exposures.retain(|exposure| exposure.row.inbox != inbox);
    }
    crate::tunnel::stand::tell_tunnel(engine, tunnel);
    Ok(true)
}
