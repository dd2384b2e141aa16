//! The local HTTP API: the API, the feed and the window's page on loopback, for callers with the token.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request, middleware, routing};
use hookbench_engine::{Engine, LiveEngine, OwnerKind, descriptors};
use hookbench_model::ListenerState;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tower::ServiceExt;

use super::{
    auth::{self, Auth},
    page,
};

/// Default address.
const DEFAULT_API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4666);

/// Most connections at a time: a page has some, and a script that uses more is one that does not close them.
const CONNECTIONS_MAX: u32 = 256;

/// What a connection over the limit is answered.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// How long a head may take, and how long a connection stays open on which nothing is asked.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Wait after an accept that failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long calls may take to finish when the API closes.
const GRACE: Duration = Duration::from_secs(2);

/// The open local HTTP API. Dropping it closes it.
pub struct LocalApi {
    address: SocketAddr,
    _stop: watch::Sender<()>,
}

/// Opens the API at an address; without one, at port 4666 or else at any free port.
///
/// # Errors
/// If the address is not a loopback address or cannot be bound, or if the token cannot be written.
pub async fn open(
    engine: &Arc<Engine>,
    wanted: Option<SocketAddr>,
    on_new_code: impl Fn(SocketAddr, &str) + Send + Sync + 'static,
) -> io::Result<LocalApi> {
    let address = wanted.unwrap_or(DEFAULT_API);
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the API is offered on loopback only"));
    }
    let listener = match TcpListener::bind(address).await {
        Err(error) if wanted.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(address.ip(), 0)).await?
        }
        bound => bound?,
    };
    let address = listener.local_addr()?;
    // A program that holds the token goes on after a restart. Whoever removes the file gets another.
    let auth = Auth::new(address, engine.dir().kept_token(), move |code| on_new_code(address, code));
    engine.dir().write_token(auth.token()).map_err(io::Error::other)?;
    let (stop, stopped) = watch::channel(());
    tokio::spawn(serve(listener, router(engine, &auth), stopped));
    Ok(LocalApi { address, _stop: stop })
}

/// Serves each connection, within limits: a program that opens many, or never ends its head, keeps no one else
/// from the API and no descriptor from the receiver.
async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<()>) {
    let free = Arc::new(Semaphore::new(descriptors::for_api(CONNECTIONS_MAX)));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
            _ = stopped.changed() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection to the API could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = free.clone().try_acquire_owned() else {
            // A word that is not taken at once is not waited for.
            let _ = stream.try_write(FULL);
            continue;
        };
        open.spawn(connection(stream, router.clone(), stopped.clone(), permit));
    }
    let finished = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        open.shutdown().await;
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    mut stopped: watch::Receiver<()>,
    _permit: OwnedSemaphorePermit,
) {
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    // hyper writes no date before 1970, and panics where the clock shows one.
    http.auto_date_header(std::time::SystemTime::now() >= std::time::UNIX_EPOCH);
    let service = TowerToHyperService::new(router);
    let serving = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(serving);
    tokio::select! {
        ended = serving.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the API ended early");
            }
            return;
        }
        _ = stopped.changed() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

fn router(engine: &Arc<Engine>, auth: &Arc<Auth>) -> Router {
    let api = hookbench_api::router(engine.clone()).merge(hookbench_api::streams(engine.clone()));
    let api = api.layer(middleware::from_fn_with_state(auth.clone(), auth::require_token));
    let page = Router::new()
        .route("/session", routing::post(auth::exchange_code).with_state(auth.clone()))
        .fallback(page::file);
    Router::new()
        .fallback(move |request: Request| {
            let router = if request.uri().path().starts_with("/api/") { api.clone() } else { page.clone() };
            router.oneshot(request)
        })
        .layer(middleware::from_fn_with_state(auth.clone(), auth::own_requests))
}

impl LocalApi {
    /// Base URL of the API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Writes where engine and receiver are reached into the data directory.
pub async fn announce(engine: &Engine, kind: OwnerKind, local: Option<&LocalApi>) -> io::Result<()> {
    let receiver = match engine.receiver.state() {
        ListenerState::Listening { url, .. } => Some(url),
        _ => None,
    };
    engine.dir().announce(&LiveEngine { pid: std::process::id(), kind, api: local.map(LocalApi::url), receiver })
}
