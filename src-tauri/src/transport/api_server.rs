//! Server of the local HTTP API: the API, the event stream and the web page, on loopback or where the user wants it.

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
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tower::ServiceExt;

use super::{
    api_address::{ApiAccess, ApiAddress, ApiProtection},
    auth::{self, Auth, Guard, Hosts},
    health, metrics, page,
    socket::{Listener, Stream},
};

/// Default address.
pub const DEFAULT_API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4666);

/// Maximum number of concurrent connections. A script that needs more probably leaks connections.
const CONNECTIONS_MAX: u32 = 256;

/// Timeout of a TLS handshake, of a request head, and of an idle connection.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Delay after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Time that running calls have to finish when the API closes.
const GRACE: Duration = Duration::from_secs(2);

/// Open local HTTP API, which closes when dropped.
pub struct LocalApi {
    /// URL for programs of this machine.
    url: String,
    _stop: watch::Sender<()>,
}

/// Opens the API. If other machines can reach it, directly or through a proxy, the API also listens on a free loopback port, which the
/// commands of this machine use. `routes` are further routes that need the token. Calls `on_new_code` with the base URL of the page and each new one-time code.
///
/// # Errors
/// Returns an error if other machines can reach the address without protection, if the address cannot be bound, if the
/// certificate cannot be read, or if the token cannot be written.
pub async fn open(
    engine: &Arc<Engine>,
    access: ApiAccess,
    routes: Router,
    on_new_code: impl Fn(&str, &str) + Send + Sync + 'static,
) -> io::Result<LocalApi> {
    let (stop, stopped) = watch::channel(());
    let listener = bind(&access).await?;
    let (page, hosts) = match &listener.address {
        ApiAddress::Tcp(address) if access.protection == ApiProtection::Local => {
            (format!("http://{address}"), Hosts::Loopback { port: address.port() })
        }
        ApiAddress::Tcp(address) => {
            let shown = match (access.hosts.first(), &access.protection) {
                (None, _) => address.to_string(),
                // The port of the proxy is not known; it is usually that of https.
                (Some(name), ApiProtection::Proxy) => name.clone(),
                (Some(name), _) => format!("{name}:{}", address.port()),
            };
            (format!("https://{shown}"), Hosts::Network { names: access.hosts })
        }
        #[cfg(unix)]
        address @ ApiAddress::Unix(_) => (address.to_string(), Hosts::Any),
    };
    // Keeping the token lets programs reconnect after a restart. Deleting the file creates a new token.
    let shown = page.clone();
    let auth = Auth::new(engine.dir().kept_token(), move |code| on_new_code(&shown, code));
    engine.dir().write_token(auth.token()).map_err(io::Error::other)?;
    let url = match &hosts {
        Hosts::Network { .. } => {
            let local = Listener::tcp(SocketAddr::new(DEFAULT_API.ip(), 0)).await?;
            let hosts = Hosts::Loopback { port: local.port() };
            let url = format!("http://{}", local.address);
            let guard = Guard { auth: auth.clone(), hosts };
            tokio::spawn(serve(local, router(engine, guard, routes.clone()), stopped.clone()));
            url
        }
        Hosts::Loopback { .. } | Hosts::Any => page,
    };
    tokio::spawn(serve(listener, router(engine, Guard { auth, hosts }, routes), stopped));
    Ok(LocalApi { url, _stop: stop })
}

/// Binds the address of the API.
async fn bind(access: &ApiAccess) -> io::Result<Listener> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why);
    let address = match &access.address {
        None => {
            return match Listener::tcp(DEFAULT_API).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    Listener::tcp(SocketAddr::new(DEFAULT_API.ip(), 0)).await
                }
                bound => bound,
            };
        }
        Some(ApiAddress::Tcp(address)) => *address,
        #[cfg(unix)]
        Some(ApiAddress::Unix(path)) => return Listener::unix(path).await,
    };
    match &access.protection {
        ApiProtection::Local if !access.hosts.is_empty() => Err(invalid(
            "--api-host is for an API that other machines can reach. Pass --api-tls-cert and --api-tls-key, or \
             --api-behind-proxy",
        )),
        ApiProtection::Local if !address.ip().is_loopback() => Err(invalid(
            "other machines can reach this address. Pass --api-tls-cert and --api-tls-key, or --api-behind-proxy if a \
             proxy terminates TLS",
        )),
        ApiProtection::Tls { certificate, key } => Listener::tcp(address).await?.with_tls(certificate, key),
        ApiProtection::Local | ApiProtection::Proxy => Listener::tcp(address).await,
    }
}

/// Serves connections within limits, so that a program with many connections or unfinished heads cannot use up the
/// file descriptors of the listener.
async fn serve(listener: Listener, router: Router, mut stopped: watch::Receiver<()>) {
    let free = Arc::new(Semaphore::new(descriptors::for_api(CONNECTIONS_MAX)));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
            _ = stopped.changed() => break,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection to the API could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = free.clone().try_acquire_owned() else {
            stream.refuse();
            continue;
        };
        open.spawn(connection(stream, router.clone(), stopped.clone(), permit));
    }
    let finished = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        open.shutdown().await;
    }
}

async fn connection(stream: Stream, router: Router, mut stopped: watch::Receiver<()>, _permit: OwnedSemaphorePermit) {
    let stream = match tokio::time::timeout(HEAD_WITHIN, stream.ready()).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake with the API failed"),
        Err(_) => return,
    };
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

fn router(engine: &Arc<Engine>, guard: Guard, routes: Router) -> Router {
    let guard = Arc::new(guard);
    let api = hookbench_api::router(engine.clone()).merge(hookbench_api::streams(engine.clone()));
    let api = api.route("/metrics", routing::get(metrics::metrics).with_state(engine.clone()));
    let api = api.merge(routes).layer(middleware::from_fn_with_state(guard.clone(), auth::require_token));
    let page = Router::new()
        .route("/session", routing::post(auth::exchange_code).with_state(guard.auth.clone()))
        .fallback(page::file);
    let guarded = Router::new()
        .fallback(move |request: Request| {
            let path = request.uri().path();
            let is_api = path.starts_with("/api/") || path == "/metrics" || path == "/mcp";
            let router = if is_api { api.clone() } else { page.clone() };
            router.oneshot(request)
        })
        .layer(middleware::from_fn_with_state(guard, auth::own_requests));
    health::router(engine).fallback_service(guarded)
}

impl LocalApi {
    /// Returns the base URL of the API for programs of this machine: `http://` and an address, or `unix:` and a path.
    pub fn url(&self) -> String {
        self.url.clone()
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
