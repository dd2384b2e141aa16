//! The relay server, which is the public end of tunnels. The relay commits each webhook before it responds, stores the
//! webhooks that the agent has not acknowledged, and delivers them in order when the agent is attached.

mod admin;
mod clean;
mod control;
mod directory;
mod hub;
mod ingest;
mod limits;
mod metrics;
mod session;
mod store;
mod tls;

use std::{
    fs::{File, TryLockError},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use control::Control;
use hookbench_capture::{Captured, Clock, Committed, OpenError, Plain, RowId, RunningListener, listen, private};
use hookbench_model::BodyState;
use hub::Hub;
use ingest::{Ingest, Shared};
use sha2::{Digest as _, Sha256};
use store::RelayStore;

use crate::{access::networks, wire::SessionEnd};

pub use admin::{Admin, AdminError, ShownDevice};
pub use limits::Quotas;
pub use tls::{Acme, Tls};

/// Interval at which old deliveries are deleted.
const TIDY: Duration = Duration::from_secs(30);

/// Interval at which acknowledgments are stored. A commit for each acknowledgment would delay the commits of webhooks.
const KEEP_TAKEN: Duration = Duration::from_millis(100);

/// Time that agents have to respond to waiting senders when the relay stops. Then the senders get the fallback
/// response.
const RESPONDED: Duration = Duration::from_millis(1_200);

/// Time that sessions have to end when the relay stops.
const DRAIN: Duration = Duration::from_secs(2);

/// An incremental SHA-256.
#[derive(Default)]
struct Hash(Sha256);

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn hex(self) -> String {
        hex::encode(self.0.finalize())
    }
}

/// Returns the SHA-256 in hexadecimal.
fn sha256_hex(bytes: &[u8]) -> String {
    let mut hash = Hash::default();
    hash.add(bytes);
    hash.hex()
}

/// Configuration of a relay.
#[derive(Debug, Clone)]
pub struct Config {
    /// Data folder.
    pub data: PathBuf,
    /// Listening address.
    pub listen: SocketAddr,
    /// Public base URL, such as `https://relay.example`; defaults to the listening address.
    pub url: Option<String>,
    /// Networks of proxies whose `X-Forwarded-For` header is trusted, such as `10.0.0.0/8`.
    pub trusted: Vec<String>,
    /// Address of the public metrics endpoint for Prometheus (`GET /metrics`); disabled if `None`.
    pub metrics: Option<SocketAddr>,
    /// TLS settings.
    pub tls: Tls,
    /// Limits.
    pub quotas: Quotas,
}

/// An error from starting a relay.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Another relay uses the folder.
    #[error("{0} is in use by another relay")]
    InUse(PathBuf),
    /// The folder cannot be used.
    #[error("{path} cannot be used: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database cannot be read.
    #[error("the database cannot be read: {0}")]
    Content(String),
    /// The address cannot be bound.
    #[error("the relay cannot listen at {address}: {source}")]
    Listen {
        /// Listening address.
        address: SocketAddr,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// A setting is invalid.
    #[error("{0}")]
    Setting(String),
}

/// A running relay.
pub struct Relay {
    hub: Arc<Hub>,
    listening: RunningListener,
    url: String,
    tidying: tokio::task::JoinHandle<()>,
    admin: admin::SocketListener,
    metrics: Option<tokio::task::JoinHandle<()>>,
    _lock: File,
}

impl Relay {
    /// Opens the data folder and starts to listen.
    ///
    /// # Errors
    /// See [`RelayError`].
    pub async fn start(config: Config, clock: Clock) -> Result<Self, RelayError> {
        let trusted = networks(&config.trusted).map_err(RelayError::Setting)?;
        let lock = own(&config.data)?;
        let hub_cell = Arc::new(OnceLock::<Weak<Hub>>::new());
        let notified = hub_cell.clone();
        let on_commit = Box::new(move |committed: Committed| {
            if let Some(hub) = notified.get().and_then(Weak::upgrade) {
                broken_off(&hub, committed.arrived);
            }
        });
        let store = RelayStore::open(&config.data.join("relay.db"), clock.clone(), on_commit).await?;
        let content = |e: hookbench_capture::ReadError| RelayError::Content(e.to_string());
        let kept = store.kept().await.map_err(content)?.into_iter().collect();
        let hub = Arc::new(Hub::new(store, config.quotas.clone(), kept));
        let revoked: Vec<i64> =
            hub.store.devices().await.map_err(content)?.iter().filter(|d| d.revoked).map(|d| d.number).collect();
        for row in hub.store.inboxes().await.map_err(content)? {
            if !revoked.contains(&row.device) {
                hub.directory.put(row, config.quotas.per_second);
            }
        }
        let _ = hub_cell.set(Arc::downgrade(&hub));
        let secured = tls::secured(&config.tls, &config.data)?;
        let (address, url) = bound(config.listen, config.url.as_deref().or(config.tls.url().as_deref()))?;
        let control = Control::new(url.clone(), clock.clone());
        let ingest = Arc::new(Ingest::new(hub.clone(), control, trusted));
        let routes = Arc::new(Shared(ingest.clone()));
        let capture = hub.store.capture().clone();
        let limits = config.quotas.wire;
        let listening = match secured {
            Some(secured) => listen(address, secured, capture, routes, limits, clock.clone()).await,
            None => listen(address, Plain, capture, routes, limits, clock.clone()).await,
        };
        let listening = listening.map_err(|source| RelayError::Listen { address, source })?;
        let admin = admin::listen(&config.data, hub.clone(), clock)
            .map_err(|source| RelayError::Folder { path: config.data.clone(), source })?;
        let metrics = match config.metrics {
            None => None,
            Some(address) => {
                let listener = tokio::net::TcpListener::bind(address).await;
                let listener = listener.map_err(|source| RelayError::Listen { address, source })?;
                Some(tokio::spawn(admin::give_metrics(listener, hub.clone())))
            }
        };
        tokio::spawn(keep_taken(Arc::downgrade(&hub)));
        let tidying = tokio::spawn(tidy(Arc::downgrade(&hub), Arc::downgrade(&ingest)));
        Ok(Self { hub, listening, url, tidying, admin, metrics, _lock: lock })
    }

    /// Returns the listening address.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Returns the public base URL, at which senders and agents reach the relay.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops accepting requests, finishes the responses to waiting senders, ends all sessions, and closes the database.
    /// Agents reconnect after a moment.
    pub async fn stop(self) {
        self.tidying.abort();
        let mut stopping = std::pin::pin!(self.listening.stop());
        let stopped = tokio::time::timeout(RESPONDED, stopping.as_mut()).await;
        self.hub.release();
        if stopped.is_err() {
            stopping.await;
        }
        self.hub.end(None, SessionEnd::Draining);
        let left = async {
            while self.hub.sessions() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // An agent whose computer is asleep does not respond, so the wait is limited.
        let _ = tokio::time::timeout(DRAIN, left).await;
        self.hub.keep_taken().await;
        drop(self.admin);
        self.metrics.inspect(tokio::task::JoinHandle::abort);
        self.hub.store.close().await;
    }
}

/// Returns the listening address and the public URL. If the port is 0, a free port is chosen first, so that both have
/// the same port.
fn bound(listen: SocketAddr, url: Option<&str>) -> Result<(SocketAddr, String), RelayError> {
    let failed = |source| RelayError::Listen { address: listen, source };
    let address = match listen.port() {
        0 => std::net::TcpListener::bind(listen).and_then(|free| free.local_addr()).map_err(failed)?,
        _ => listen,
    };
    let url = match url {
        None => format!("http://{address}"),
        Some(url) => {
            let url = url.trim_end_matches('/');
            let parsed = url
                .parse::<http::Uri>()
                .ok()
                .filter(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https")));
            let plain = parsed.is_some_and(|uri| uri.path().trim_end_matches('/').is_empty() && uri.query().is_none());
            if !plain {
                return Err(RelayError::Setting(format!(
                    "Invalid public URL: {url:?}. Use for example https://relay.example."
                )));
            }
            url.to_owned()
        }
    };
    Ok((address, url))
}

/// Creates and locks the data folder. The operating system releases the lock when the process ends.
fn own(path: &Path) -> Result<File, RelayError> {
    let unusable = |source| RelayError::Folder { path: path.into(), source };
    private::make_dir(path).map_err(unusable)?;
    let lock = private::options().create(true).write(true).open(path.join("lock")).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(RelayError::InUse(path.into())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Counts and offers requests that the listener stored as incomplete.
fn broken_off(hub: &Arc<Hub>, rows: Vec<(RowId, Captured)>) {
    for (_, captured) in rows {
        // A body that was too large is not stored.
        let bytes = if captured.body_state == BodyState::TooLarge { 0 } else { captured.body_bytes };
        hub.came(captured.inbox, bytes);
        if let Some(inbox) = hub.directory.numbered(captured.inbox) {
            hub.offer(&inbox, i64::MAX, None);
        }
    }
}

async fn keep_taken(hub: Weak<Hub>) {
    loop {
        tokio::time::sleep(KEEP_TAKEN).await;
        let Some(hub) = hub.upgrade() else { return };
        hub.keep_taken().await;
    }
}

async fn tidy(hub: Weak<Hub>, ingest: Weak<Ingest>) {
    loop {
        tokio::time::sleep(TIDY).await;
        let (Some(hub), Some(ingest)) = (hub.upgrade(), ingest.upgrade()) else { return };
        ingest.tidy();
        loop {
            match hub.store.tidy(&hub.quotas).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "old deliveries could not be deleted");
                    break;
                }
            }
        }
        match hub.store.kept().await {
            Ok(kept) => hub.counted(kept.into_iter().collect()),
            Err(error) => tracing::warn!(%error, "stored deliveries could not be counted"),
        }
    }
}
