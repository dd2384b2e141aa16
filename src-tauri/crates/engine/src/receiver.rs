//! The receiver: where inboxes are reached, and what happens when its port is taken.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use hookbench_capture::{
    AnswerBody, Arrived, Asked, Asking, CommitError, Counts, Decision, Listening, Plain, Refusal, Refused, Responder,
    Route, Routes, listen,
};
use hookbench_model::{DatabaseFault, InboxResponse, ListenerState, VerificationSettings};
use http::{Response, StatusCode};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    Engine,
    inbox::{Addresses, CREATED_BY_REQUESTS_MAX, check_name},
};

/// Ports tried when another is offered.
const OFFERED: std::ops::Range<u16> = 1..50;

/// The listener and its last state.
#[derive(Default)]
pub struct Receiver {
    /// The listener's threads. Locked while the listener stops and starts, which may take seconds, so there is one start at
    /// a time.
    threads: tokio::sync::Mutex<Threads>,
    /// Held for a moment only.
    now: Mutex<Now>,
}

struct Now {
    listening: Option<Listening>,
    state: ListenerState,
}

impl Default for Now {
    fn default() -> Self {
        Self { listening: None, state: ListenerState::Off }
    }
}

/// Whether the listener has threads.
#[derive(Default)]
enum Threads {
    /// The listener has not started yet.
    #[default]
    NotStarted,
    Running(OwnThreads),
    /// The engine is closing. The listener does not start again.
    Closed,
}

/// The threads that carry the receiver's connections, so that nothing else in the program holds up a
/// sender. One for two cores: a commit answers many at once, and threads without a core of their own wake
/// each other more than they share. More than two would wait for the one that writes.
struct OwnThreads(Option<Runtime>);

impl Threads {
    /// Returns the threads, started if they are not running.
    fn running(&mut self) -> io::Result<&OwnThreads> {
        if matches!(self, Self::NotStarted) {
            *self = Self::Running(OwnThreads::start()?);
        }
        match self {
            Self::Running(threads) => Ok(threads),
            Self::NotStarted | Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl OwnThreads {
    fn start() -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let threads = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 2));
        builder.worker_threads(threads).thread_name("receiver").enable_all().build().map(|runtime| Self(Some(runtime)))
    }

    /// Runs something on them, and all that it spawns.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        let Some(runtime) = &self.0 else { return Err(io::ErrorKind::NotConnected.into()) };
        runtime.spawn(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

impl Drop for OwnThreads {
    fn drop(&mut self) {
        // It may be dropped on a thread of another runtime, which must not wait for it.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Receiver {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the address of the listener while it runs.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.now().listening.as_ref().map(Listening::address)
    }

    /// Returns the last state.
    pub fn state(&self) -> ListenerState {
        self.now().state.clone()
    }

    /// Returns a count of the listener, 0 while it does not run.
    pub fn count(&self, pick: fn(&Counts) -> &AtomicU64) -> u64 {
        self.now().listening.as_ref().map_or(0, |listening| pick(listening.counts()).load(Ordering::Relaxed))
    }

    /// Stops the listener for good, after a restart that is in progress. A restart that is queued or begins later does
    /// nothing.
    pub(crate) async fn close(&self) {
        let mut threads = self.threads.lock().await;
        self.stop().await;
        *threads = Threads::Closed;
        self.now().state = ListenerState::Off;
    }

    /// Stops the listener, and lets open requests finish. The caller holds the lock on the threads.
    async fn stop(&self) {
        let listening = self.now().listening.take();
        if let Some(listening) = listening {
            listening.stop().await;
        }
    }
}

/// Restarts the listener. The old listener stops first, so that the new one can use the same port. Does nothing once the
/// engine is closing.
pub(crate) async fn restart(engine: &Arc<Engine>, address: SocketAddr) -> ListenerState {
    let receiver = &engine.receiver;
    let mut threads = receiver.threads.lock().await;
    if matches!(*threads, Threads::Closed) {
        return ListenerState::Off;
    }
    receiver.stop().await;
    let settings = engine.settings();
    let routes = Arc::new(InboxRoutes {
        addresses: engine.addresses.clone(),
        engine: Arc::downgrade(engine),
        create: engine.create_inboxes.clone(),
    });
    let listening = listen(address, Plain, engine.store.clone(), routes, settings.limits, engine.clock.clone());
    let started = match threads.running() {
        Ok(own) => own.run(listening).await,
        Err(error) => Err(error),
    };
    let (listening, state) = match started {
        Ok(listening) => {
            let address = listening.address();
            (Some(listening), ListenerState::Listening { address: address.to_string(), url: base_url(address) })
        }
        Err(error) => (None, failed(address, &error).await),
    };
    *receiver.now() = Now { listening, state: state.clone() };
    state
}

/// How a person on this machine reaches an address.
fn base_url(address: SocketAddr) -> String {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    format!("http://{host}:{}", address.port())
}

async fn failed(address: SocketAddr, error: &io::Error) -> ListenerState {
    let taken = error.kind() == io::ErrorKind::AddrInUse;
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need special rights".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    };
    let holder = if taken { holder_of(address.port()).await } else { None };
    ListenerState::Failed { address: address.to_string(), reason, holder, offer: free_near(address).await }
}

/// Why an address cannot be listened at beside `now`, in sentences; none where it can.
pub(crate) async fn unusable(address: SocketAddr, now: SocketAddr) -> Option<String> {
    // The listener that is there has the port, if one of both is every address or both are the same.
    let overlap = address.ip() == now.ip() || address.ip().is_unspecified() || now.ip().is_unspecified();
    if address.port() == now.port() && overlap {
        return None;
    }
    let error = TcpListener::bind(address).await.err()?;
    let ListenerState::Failed { address, reason, holder, offer } = failed(address, &error).await else { return None };
    let holder = holder.map_or(String::new(), |holder| format!(" by {holder}"));
    let offer = offer.map_or(String::new(), |offer| format!(" {offer} is free."));
    Some(format!("{address} cannot be used: {reason}{holder}.{offer}"))
}

/// The process that listens on a port, as far as the system tells.
async fn holder_of(port: u16) -> Option<String> {
    let found =
        tokio::task::spawn_blocking(move || listeners::get_process_by_port(port, listeners::Protocol::TCP).ok());
    let process = found.await.ok()??;
    Some(format!("{} (process {})", process.name, process.pid))
}

async fn free_near(address: SocketAddr) -> Option<String> {
    for step in OFFERED {
        let port = address.port().checked_add(step)?;
        let candidate = SocketAddr::new(address.ip(), port.max(1024));
        if TcpListener::bind(candidate).await.is_ok() {
            return Some(candidate.to_string());
        }
    }
    None
}

/// Finds the inbox of a path, and makes it where that is allowed.
struct InboxRoutes {
    addresses: Arc<Addresses>,
    engine: Weak<Engine>,
    create: Arc<AtomicBool>,
}

impl Routes for InboxRoutes {
    fn refused(&self, refused: Refused) {
        let Some(engine) = self.engine.upgrade() else { return };
        let name = refused.target.as_deref().and_then(|target| target.strip_prefix('/')?.split(['/', '?', '#']).next());
        let inbox = refused.inbox.or_else(|| Some(self.addresses.find(name?)?.0));
        engine.refusals.add(inbox.unwrap_or_default(), refused);
    }

    async fn route(&self, asking: Asking<'_>) -> Route {
        let name = asking.path.trim_start_matches('/').split('/').next().unwrap_or_default();
        match self.addresses.find(name) {
            Some((inbox, answer, depends)) => Route::Keep { inbox, answer, depends, through: None },
            None => self.unknown(name).await,
        }
    }

    async fn decide(&self, inbox: i64, request: Arrived<'_>) -> Decision {
        match self.engine.upgrade() {
            Some(engine) => crate::response::decide::decide(&engine, inbox, request, false).await,
            None => Responder::Inbox.into(),
        }
    }

    async fn ask(&self, asked: Asked) -> Result<Response<AnswerBody>, CommitError> {
        match self.engine.upgrade() {
            Some(engine) => crate::forward::ask::ask(&engine, asked).await,
            None => Err(CommitError { fault: DatabaseFault::Other, message: "Hookbench is closing".into() }),
        }
    }
}

impl InboxRoutes {
    async fn unknown(&self, name: &str) -> Route {
        if self.create.load(Ordering::Relaxed)
            && check_name(name).is_ok()
            && self.addresses.len() < CREATED_BY_REQUESTS_MAX
        {
            if let Some(engine) = self.engine.upgrade() {
                // Lost a race with another first request: the inbox is there all the same.
                let _ =
                    engine.add_inbox(name.to_owned(), InboxResponse::default(), VerificationSettings::default()).await;
            }
            if let Some((inbox, answer, depends)) = self.addresses.find(name) {
                return Route::Keep { inbox, answer, depends, through: None };
            }
        }
        let message = match name {
            "" => "This is Hookbench's receiver. The address lacks the name of an inbox.".to_owned(),
            _ => format!("There is no inbox {name:?} here."),
        };
        Route::Refuse(Refusal {
            status: StatusCode::NOT_FOUND,
            code: "inbox_not_found",
            message,
            hint: "Use the URL Hookbench shows for the inbox, make the inbox there, or let requests make inboxes in its settings.".into(),
            header: None,
        })
    }
}
