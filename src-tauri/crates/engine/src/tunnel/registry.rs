//! The tunnels in memory, and how one is stored, started and stopped.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hookbench_capture::{ReadError, WriteError};
use hookbench_model::{TunnelConnection, TunnelDrop};
use hookbench_relay::{
    access::Gate,
    client::{CallError, Client},
    wire::Wanted,
};
use hookbench_ssh::DialError;
use hookbench_store::tunnel::OtherSettings;
use rusqlite::Connection;
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    task::AbortHandle,
};

use super::{ExposureRow, TunnelRow, TunnelSettings, Waiting};
use crate::Engine;

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
    pub(super) state: TunnelConnection,
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
    pub(super) dials: AtomicBool,
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
        let up = |known: &Known| matches!(known.state, TunnelConnection::Online { .. } | TunnelConnection::Connecting);
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
            state: TunnelConnection::Off,
            last_drop: None,
            waiting: Waiting::default(),
            offered_key: None,
            exposures,
        }
    }

    pub(super) fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.state = TunnelConnection::Off;
    }
}

impl Exposed {
    pub(super) fn new(row: ExposureRow) -> Self {
        Self { gate: Arc::new(crate::tunnel::gate(&row.settings)), row, told: None, problem: None }
    }
}

/// Ends every tunnel's connection.
pub(crate) fn stop_tunnels(engine: &Engine) {
    engine.tunnels.lock().values_mut().for_each(Known::stop);
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
        known.state = TunnelConnection::Connecting;
        known.offered_key = None;
        known.task = Some(tokio::spawn(running).abort_handle());
    }
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

/// The address on which the tunnel of another program is served.
pub(super) fn address(settings: &OtherSettings) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, settings.port).into()
}

/// Where that program has to lead.
pub(super) fn local(settings: &OtherSettings) -> String {
    format!("http://{}", address(settings))
}
