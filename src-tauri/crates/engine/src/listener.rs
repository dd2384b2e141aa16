//! The listener, which receives the requests to inboxes. Reports the cause and a free address if the port is taken.

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
    CommitError, Counts, Decision, Plain, ProxiedRequest, ReceivedRequest, Refusal, RejectedRequest, RequestHead,
    Responder, ResponseBody, Route, Routes, RunningListener, listen,
};
use hookbench_model::{DatabaseFault, InboxResponse, ListenerState, VerificationSettings};
use http::{Response, StatusCode};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    Engine,
    inbox::{CREATED_BY_REQUESTS_MAX, InboxRegistry, check_name},
};

/// Offsets of the ports that are tried to find a free one.
const OFFERED: std::ops::Range<u16> = 1..50;

/// The listener and its last state.
#[derive(Default)]
pub struct Listener {
    /// Threads of the listener. The lock is held while the listener stops and starts, which may take seconds, so only
    /// one start runs at a time.
    threads: tokio::sync::Mutex<Threads>,
    /// Current listener and state. The lock is held only briefly.
    now: Mutex<Now>,
}

struct Now {
    listening: Option<RunningListener>,
    state: ListenerState,
    /// Last address that was passed to a start, which overrides the settings in this run.
    address: Option<SocketAddr>,
}

impl Default for Now {
    fn default() -> Self {
        Self { listening: None, state: ListenerState::Off, address: None }
    }
}

/// State of the threads of the listener.
#[derive(Default)]
enum Threads {
    /// The listener has not started yet.
    #[default]
    NotStarted,
    Running(OwnThreads),
    /// The engine is closing. The listener does not start again.
    Closed,
}

/// Threads for the connections of the listener. Separate threads prevent other work from delaying senders.
///
/// There is one thread for two cores, at most two. A commit completes many requests at once, and threads without a
/// separate core spend their time waking each other. More than two threads would wait for the single writer.
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
        builder.worker_threads(threads).thread_name("listener").enable_all().build().map(|runtime| Self(Some(runtime)))
    }

    /// Runs a future on the threads, with all tasks that it spawns.
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
        // The drop may happen on a thread of another runtime, which must not block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Listener {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the address of the listener while it runs.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.now().listening.as_ref().map(RunningListener::address)
    }

    /// Returns the address of the next start: `passed`, else the current one, else the last that was passed.
    pub(crate) fn next_address(&self, passed: Option<SocketAddr>) -> Option<SocketAddr> {
        let mut now = self.now();
        now.address = passed.or(now.address);
        passed.or_else(|| now.listening.as_ref().map(RunningListener::address)).or(now.address)
    }

    /// Returns the last state.
    pub fn state(&self) -> ListenerState {
        self.now().state.clone()
    }

    /// Returns a count of the listener, 0 while it does not run.
    pub fn count(&self, pick: fn(&Counts) -> &AtomicU64) -> u64 {
        self.now().listening.as_ref().map_or(0, |listening| pick(listening.counts()).load(Ordering::Relaxed))
    }

    /// Stops the listener permanently, after a restart that is in progress. A restart that is queued or begins later
    /// does nothing.
    pub(crate) async fn close(&self) {
        let mut threads = self.threads.lock().await;
        self.stop().await;
        *threads = Threads::Closed;
        self.now().state = ListenerState::Off;
    }

    /// Stops the listener after the open requests. The caller holds the lock on the threads.
    async fn stop(&self) {
        let listening = self.now().listening.take();
        if let Some(listening) = listening {
            listening.stop().await;
        }
    }
}

/// Restarts the listener. The old listener stops first, because the new one may use the same port. Does nothing once
/// the engine is closing.
pub(crate) async fn restart(engine: &Arc<Engine>, address: SocketAddr) -> ListenerState {
    let listener = &engine.listener;
    let mut threads = listener.threads.lock().await;
    if matches!(*threads, Threads::Closed) {
        return ListenerState::Off;
    }
    listener.stop().await;
    let settings = engine.settings();
    let routes = Arc::new(InboxRoutes {
        inboxes: engine.inboxes.clone(),
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
    let mut now = listener.now();
    (now.listening, now.state) = (listening, state.clone());
    state
}

/// Returns the URL of an address for use on this computer.
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
        io::ErrorKind::PermissionDenied => "ports below 1024 require elevated privileges".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this computer has no such address".to_owned(),
        _ => error.to_string(),
    };
    let holder = if taken { holder_of(address.port()).await } else { None };
    ListenerState::Failed { address: address.to_string(), reason, holder, offer: free_near(address).await }
}

/// Returns the reason why the listener cannot use an address while it uses `now`. Returns `None` if it can.
pub(crate) async fn unusable(address: SocketAddr, now: SocketAddr) -> Option<String> {
    // The current listener holds the port if the addresses are equal or one of them is unspecified.
    let overlap = address.ip() == now.ip() || address.ip().is_unspecified() || now.ip().is_unspecified();
    if address.port() == now.port() && overlap {
        return None;
    }
    address_fault(address).await
}

/// Returns the reason why no listener can use an address, and a free address if there is one. Returns `None` if the
/// address is free.
pub async fn address_fault(address: SocketAddr) -> Option<String> {
    let error = TcpListener::bind(address).await.err()?;
    let ListenerState::Failed { address, reason, holder, offer } = failed(address, &error).await else { return None };
    let holder = holder.map_or(String::new(), |holder| format!(" by {holder}"));
    let offer = offer.map_or(String::new(), |offer| format!(" {offer} is free."));
    Some(format!("{address} cannot be used: {reason}{holder}.{offer}"))
}

/// Returns the process that listens on a port, if the operating system reports it.
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

/// Routes of the listener: finds the inbox of a path, or creates it if the settings allow that.
struct InboxRoutes {
    inboxes: Arc<InboxRegistry>,
    engine: Weak<Engine>,
    create: Arc<AtomicBool>,
}

impl Routes for InboxRoutes {
    fn refused(&self, refused: RejectedRequest) {
        let Some(engine) = self.engine.upgrade() else { return };
        let name = refused.target.as_deref().and_then(|target| target.strip_prefix('/')?.split(['/', '?', '#']).next());
        let inbox = refused.inbox.or_else(|| Some(self.inboxes.find(name?)?.0));
        engine.refusals.add(inbox.unwrap_or_default(), refused);
    }

    async fn route(&self, head: RequestHead<'_>) -> Route {
        let name = head.path.trim_start_matches('/').split('/').next().unwrap_or_default();
        match self.inboxes.find(name) {
            Some((inbox, response, depends)) => Route::Keep { inbox, response, depends, through: None },
            None => self.unknown(name).await,
        }
    }

    async fn decide(&self, inbox: i64, request: ReceivedRequest<'_>) -> Decision {
        match self.engine.upgrade() {
            Some(engine) => crate::response::decide::decide(&engine, inbox, request, false).await,
            None => Responder::Inbox.into(),
        }
    }

    async fn ask(&self, proxied: ProxiedRequest) -> Result<Response<ResponseBody>, CommitError> {
        match self.engine.upgrade() {
            Some(engine) => crate::forward::ask::ask(&engine, proxied).await,
            None => Err(CommitError { fault: DatabaseFault::Other, message: "Hookbench is shutting down".into() }),
        }
    }
}

impl InboxRoutes {
    async fn unknown(&self, name: &str) -> Route {
        if self.create.load(Ordering::Relaxed)
            && check_name(name).is_ok()
            && self.inboxes.len() < CREATED_BY_REQUESTS_MAX
        {
            if let Some(engine) = self.engine.upgrade() {
                // If another first request created the inbox meanwhile, the lookup below finds it.
                let _ =
                    engine.add_inbox(name.to_owned(), InboxResponse::default(), VerificationSettings::default()).await;
            }
            if let Some((inbox, response, depends)) = self.inboxes.find(name) {
                return Route::Keep { inbox, response, depends, through: None };
            }
        }
        let message = match name {
            "" => "This is the Hookbench listener. The URL has no inbox name.".to_owned(),
            _ => format!("There is no inbox {name:?}."),
        };
        Route::Refuse(Refusal {
            status: StatusCode::NOT_FOUND,
            code: "inbox_not_found",
            message,
            hint: "Use the URL that Hookbench shows for the inbox, create the inbox, or enable creating inboxes on the first request in the settings.".into(),
            header: None,
        })
    }
}
