//! The relay: the public end of tunnels. It commits each webhook before it answers, keeps what its
//! laptop has not taken, and hands it on in order when the laptop is there.

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
use hookbench_capture::{Captured, Clock, Committed, Listening, OpenError, Plain, RowId, listen, private};
use hookbench_model::BodyState;
use hub::Hub;
use ingest::{Ingest, Shared};
use sha2::{Digest as _, Sha256};
use store::RelayStore;

use crate::{access::networks, wire::Ended};

pub use admin::{Admin, AdminError, ShownDevice};
pub use limits::Quotas;
pub use tls::{Acme, Tls};

/// How often what is too old is looked for.
const TIDY: Duration = Duration::from_secs(30);

/// How often acknowledgements are written down: a commit for each would hold up the next webhook's.
const KEEP_TAKEN: Duration = Duration::from_millis(100);

/// How long a relay that goes down lets laptops answer senders that wait; then these get the fallback.
const ANSWERED: Duration = Duration::from_millis(1_200);

/// How long it lets laptops hear of it.
const DRAIN: Duration = Duration::from_secs(2);

/// A SHA-256 that is fed piece by piece.
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

/// SHA-256 in hexadecimal.
fn sha256_hex(bytes: &[u8]) -> String {
    let mut hash = Hash::default();
    hash.add(bytes);
    hash.hex()
}

/// How a relay is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of all its data.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where vendors reach it, such as `https://relay.example`; the listener's own address if none.
    pub url: Option<String>,
    /// Networks of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
    pub trusted: Vec<String>,
    /// Where counters are given to whoever asks (`GET /metrics`), for Prometheus; nowhere if none.
    pub metrics: Option<SocketAddr>,
    /// How TLS is had.
    pub tls: Tls,
    /// Its limits.
    pub quotas: Quotas,
}

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Another relay has the folder.
    #[error("{0} is in use by another relay")]
    InUse(PathBuf),
    /// The folder cannot be used.
    #[error("{path} cannot be used: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// Something in the database does not read.
    #[error("the database does not read: {0}")]
    Content(String),
    /// It cannot listen.
    #[error("the relay cannot listen at {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Its certificate.
    #[error("TLS: {0}")]
    Tls(String),
    /// A setting makes no sense.
    #[error("{0}")]
    Setting(String),
}

/// A relay that runs.
pub struct Relay {
    hub: Arc<Hub>,
    listening: Listening,
    url: String,
    tidying: tokio::task::JoinHandle<()>,
    admin: admin::Listening,
    metrics: Option<tokio::task::JoinHandle<()>>,
    _lock: File,
}

impl Relay {
    /// Opens the data and begins to listen.
    pub async fn start(config: Config, clock: Clock) -> Result<Self, RelayError> {
        let trusted = networks(&config.trusted).map_err(RelayError::Setting)?;
        let lock = own(&config.data)?;
        let hub_now = Arc::new(OnceLock::<Weak<Hub>>::new());
        let told = hub_now.clone();
        let on_commit = Box::new(move |committed: Committed| {
            if let Some(hub) = told.get().and_then(Weak::upgrade) {
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
        let _ = hub_now.set(Arc::downgrade(&hub));
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Where vendors and laptops reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes nothing new, lets senders that wait have their answers, tells laptops to come back in a moment,
    /// and closes.
    pub async fn stop(self) {
        self.tidying.abort();
        let mut stopping = std::pin::pin!(self.listening.stop());
        let stopped = tokio::time::timeout(ANSWERED, stopping.as_mut()).await;
        self.hub.release();
        if stopped.is_err() {
            stopping.await;
        }
        self.hub.end(None, Ended::Draining);
        let left = async {
            while self.hub.sessions() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // A laptop that is asleep hears nothing.
        let _ = tokio::time::timeout(DRAIN, left).await;
        self.hub.keep_taken().await;
        drop(self.admin);
        self.metrics.inspect(tokio::task::JoinHandle::abort);
        self.hub.store.close().await;
    }
}

/// The address to listen at and the public one: with port 0, a free port is found first, so that both agree.
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
                return Err(RelayError::Setting(format!("{url:?} is no address such as https://relay.example.")));
            }
            url.to_owned()
        }
    };
    Ok((address, url))
}

/// Takes a folder; its lock ends with the process, however that ends.
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

/// Requests that broke off are kept by the listener itself, and go the same way.
fn broken_off(hub: &Arc<Hub>, rows: Vec<(RowId, Captured)>) {
    for (_, captured) in rows {
        // What was announced and refused takes no room.
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
                    tracing::warn!(%error, "what is too old could not be deleted");
                    break;
                }
            }
        }
        match hub.store.kept().await {
            Ok(kept) => hub.counted(kept.into_iter().collect()),
            Err(error) => tracing::warn!(%error, "what is kept could not be counted"),
        }
    }
}
