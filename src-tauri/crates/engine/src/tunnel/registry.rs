//! Registry of the tunnels in memory, with functions to store, start and stop one.

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
    access::Access,
    client::{CallError, Client},
    wire::ExposedInbox,
};
use hookbench_ssh::DialError;
use hookbench_store::tunnel::OtherSettings;
use rusqlite::Connection;
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    task::AbortHandle,
};

use super::{BacklogCounts, ExposureRow, TunnelRow, TunnelSettings};
use crate::Engine;

/// Error of a change to a tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// An option is invalid, or the tunnel was deleted.
    #[error("{0}")]
    Wrong(String),
    /// The relay refused or could not be reached.
    #[error(transparent)]
    Relay(#[from] CallError),
    /// The SSH host refused or could not be reached.
    #[error(transparent)]
    Ssh(#[from] DialError),
    /// The database cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError<rusqlite::Error>),
    /// A public address could not be deleted at the relay, and is still reachable.
    #[error("{0}")]
    StaysOpen(String),
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A tunnel in memory.
pub(super) struct TunnelEntry {
    pub(super) row: TunnelRow,
    /// Client of the relay, created at the first call.
    pub(super) client: Option<Arc<Client>>,
    pub(super) task: Option<AbortHandle>,
    pub(super) state: TunnelConnection,
    pub(super) last_drop: Option<TunnelDrop>,
    /// Number of requests that wait at the relay, by inbox label.
    pub(super) waiting: BacklogCounts,
    /// Key of the SSH host that differs from the trusted key.
    pub(super) offered_key: Option<String>,
    pub(super) exposures: Vec<ExposureEntry>,
}

/// An exposure in memory.
pub(super) struct ExposureEntry {
    pub(super) row: ExposureRow,
    pub(super) access: Arc<Access>,
    /// Settings that this run last sent to the relay.
    pub(super) sent: Option<ExposedInbox>,
    pub(super) problem: Option<String>,
}

/// Registry of all tunnels.
#[derive(Default)]
pub struct Tunnels {
    known: Mutex<HashMap<i64, TunnelEntry>>,
    /// True if tunnels connect. False in a command, which ends too soon to need tunnels.
    pub(super) dials: AtomicBool,
    pub(super) nudge: Arc<Notify>,
    /// Locks by destination. Changes to a destination run one at a time, and a slow host does not block the
    /// changes to others.
    changing: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Tunnels {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<i64, TunnelEntry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn load(&self, tunnels: Vec<TunnelRow>, exposures: Vec<ExposureRow>) {
        let mut known = self.lock();
        for row in tunnels {
            let exposures = exposures.iter().filter(|exposure| exposure.tunnel == row.number).cloned();
            let exposures = exposures.map(ExposureEntry::new).collect();
            known.insert(row.number, TunnelEntry::new(row, exposures));
        }
    }

    /// Returns the exposure with a label, and its access control.
    pub(super) fn exposed(&self, tunnel: i64, label: &str) -> Option<(ExposureRow, Arc<Access>)> {
        let known = self.lock();
        let exposed = known.get(&tunnel)?.exposures.iter().find(|exposure| exposure.row.label == label)?;
        Some((exposed.row.clone(), exposed.access.clone()))
    }

    /// Returns the exposures of an inbox through all tunnels.
    pub fn exposures_of(&self, inbox: i64) -> Vec<ExposureRow> {
        let known = self.lock();
        let exposures = known.values().flat_map(|known| &known.exposures);
        exposures.map(|one| &one.row).filter(|row| row.inbox == inbox).cloned().collect()
    }

    /// Returns the number of the tunnel with an id.
    pub fn with_id(&self, id: &str) -> Option<i64> {
        self.lock().values().find(|known| known.row.id == id).map(|known| known.row.number)
    }

    /// Returns the settings of a tunnel.
    pub fn settings(&self, tunnel: i64) -> Option<TunnelSettings> {
        self.lock().get(&tunnel).map(|known| known.row.settings.clone())
    }

    /// Removes the path of the tunnel's public URL from a request path. Some tunnel programs strip it, and some do not.
    pub(super) fn below_public<'p>(&self, tunnel: i64, path: &'p str) -> &'p str {
        let known = self.lock();
        let public = known.get(&tunnel).and_then(|known| known.row.settings.public()).unwrap_or_default();
        let prefix = public.splitn(4, '/').nth(3).unwrap_or_default();
        let below = path.strip_prefix('/').and_then(|path| path.strip_prefix(prefix));
        below.filter(|below| !prefix.is_empty() && below.starts_with('/')).unwrap_or(path)
    }

    /// Returns the first tunnel whose settings satisfy a predicate.
    pub(super) fn which(&self, is: impl Fn(&TunnelSettings) -> bool) -> Option<TunnelRow> {
        self.lock().values().find(|known| is(&known.row.settings)).map(|known| known.row.clone())
    }

    /// Waits for the lock on a destination.
    pub(super) async fn alone(&self, place: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut all = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, lock| Arc::strong_count(lock) > 1);
            all.entry(place.to_owned()).or_default().clone()
        };
        lock.lock_owned().await
    }

    /// Waits for the lock on the destination of a tunnel. Returns `None` if the tunnel was deleted meanwhile.
    pub(super) async fn alone_with(&self, tunnel: i64) -> Option<(OwnedMutexGuard<()>, TunnelRow)> {
        let alone = self.alone(&self.settings(tunnel)?.place()).await;
        let row = self.lock().get(&tunnel)?.row.clone();
        Some((alone, row))
    }

    /// Returns true if a tunnel is online or connecting.
    pub(super) fn is_up(&self, tunnel: i64) -> bool {
        let up =
            |known: &TunnelEntry| matches!(known.state, TunnelConnection::Online { .. } | TunnelConnection::Connecting);
        self.lock().get(&tunnel).is_some_and(up)
    }

    /// Wakes the task that sends changes to relays.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }
}

impl TunnelEntry {
    fn new(row: TunnelRow, exposures: Vec<ExposureEntry>) -> Self {
        Self {
            row,
            client: None,
            task: None,
            state: TunnelConnection::Off,
            last_drop: None,
            waiting: BacklogCounts::default(),
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

impl ExposureEntry {
    pub(super) fn new(row: ExposureRow) -> Self {
        Self { access: Arc::new(crate::tunnel::access(&row.settings)), row, sent: None, problem: None }
    }
}

/// Stops all tunnels.
pub(crate) fn stop_tunnels(engine: &Engine) {
    engine.tunnels.lock().values_mut().for_each(TunnelEntry::stop);
}

/// Stops a tunnel until it is started again.
pub(super) fn stop_tunnel(engine: &Engine, tunnel: i64) {
    if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
        known.stop();
    }
}

/// Runs a tunnel in a new task, which replaces the previous one. The task must not keep the engine alive while idle.
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

/// Stores a new tunnel, or new settings of an existing one. Stops the existing tunnel.
pub(super) async fn put_tunnel(
    engine: &Engine,
    known: Option<TunnelRow>,
    settings: TunnelSettings,
    key: Option<[u8; 32]>,
) -> Result<i64, TunnelError> {
    let now_us = engine.clock.now_us();
    match known {
        // A re-created tunnel keeps its exposures.
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
            engine.tunnels.lock().insert(number, TunnelEntry::new(row, Vec::new()));
            Ok(number)
        }
    }
}

/// Returns the local address of the listener for the tunnel of another program.
pub(super) fn address(settings: &OtherSettings) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, settings.port).into()
}

/// Returns the local URL that the other program must forward to.
pub(super) fn local(settings: &OtherSettings) -> String {
    format!("http://{}", address(settings))
}
