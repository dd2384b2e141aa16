//! Local HTTP API: the API, the event stream and the web page on a loopback address.

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

/// Maximum number of concurrent connections. A script that needs more probably leaks connections.
const CONNECTIONS_MAX: u32 = 256;

/// Response to a connection over the limit.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Timeout of a request head, and of an idle connection.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Delay after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Time that running calls have to finish when the API closes.
const GRACE: Duration = Duration::from_secs(2);

/// Open local HTTP API, which closes when dropped.
pub struct LocalApi {
    address: SocketAddr,
    _stop: watch::Sender<()>,
}

/// Opens the API at this address. The default is port 4666, or any free port if 4666 is in use.
///
/// # Errors
/// Returns an error if the address is not a loopback address or cannot be bound, or if the token cannot be written.
pub async fn open(
    engine: &Arc<Engine>,
    wanted: Option<SocketAddr>,
    on_new_code: impl Fn(SocketAddr, &str) + Send + Sync + 'static,
) -> io::Result<LocalApi> {
    let address = wanted.unwrap_or(DEFAULT_API);
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the API address must be a loopback address"));
    }
    let listener = match TcpListener::bind(address).await {
        Err(error) if wanted.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(address.ip(), 0)).await?
        }
        bound => bound?,
    };
    let address = listener.local_addr()?;
    // Keeping the token lets programs reconnect after a restart. Deleting the file creates a new token.
    let auth = Auth::new(address, engine.dir().kept_token(), move |code| on_new_code(address, code));
    engine.dir().write_token(auth.token()).map_err(io::Error::other)?;
    let (stop, stopped) = watch::channel(());
    tokio::spawn(serve(listener, router(engine, &auth), stopped));
    Ok(LocalApi { address, _stop: stop })
}

/// Serves connections within limits, so that a program with many connections or unfinished heads cannot use up the
/// file descriptors of the listener.
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
            // The response is best effort: a write that would block is dropped.
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
    // hyper panics if the clock shows a date before 1970.
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
    /// Returns the base URL of the API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Writes the addresses of the engine and the listener into the data folder.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub async fn announce(engine: &Engine, kind: OwnerKind, local: Option<&LocalApi>) -> io::Result<()> {
    let listener = match engine.listener.state() {
        ListenerState::Listening { url, .. } => Some(url),
        _ => None,
    };
    engine.dir().announce(&LiveEngine { pid: std::process::id(), kind, api: local.map(LocalApi::url), listener })
}
