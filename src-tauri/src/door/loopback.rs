//! The HTTP door: the API, the feed and the window's page on loopback, behind the guard.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{Router, extract::Request, middleware, routing};
use hookline_engine::{Engine, LiveEngine, OwnerKind, ReceiverState, api};
use tokio::{net::TcpListener, sync::watch};
use tower::ServiceExt;

use super::{
    guard::{self, Guard},
    page,
};

/// Where the door opens unless told otherwise.
const DEFAULT_API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4666);

/// An open door. Dropping it closes it.
pub(crate) struct OpenDoor {
    address: SocketAddr,
    _stop: watch::Sender<()>,
}

/// Opens the door at an address; at 4666 or else any free port if none is wanted.
pub(crate) async fn open(
    engine: &Arc<Engine>,
    wanted: Option<SocketAddr>,
    on_new_code: impl Fn(SocketAddr, &str) + Send + Sync + 'static,
) -> io::Result<OpenDoor> {
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
    let guard = Guard::new(address, move |code| on_new_code(address, code));
    engine.dir().write_token(guard.token()).map_err(io::Error::other)?;
    let (stop, mut stopped) = watch::channel(());
    let serving = axum::serve(listener, router(engine, &guard)).with_graceful_shutdown(async move {
        let _ = stopped.changed().await;
    });
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the HTTP door closed");
        }
    });
    Ok(OpenDoor { address, _stop: stop })
}

fn router(engine: &Arc<Engine>, guard: &Arc<Guard>) -> Router {
    let api = api::router(engine.clone()).merge(api::streams(engine.clone()));
    let api = api.layer(middleware::from_fn_with_state(guard.clone(), guard::bearers));
    let page =
        Router::new().route("/session", routing::post(guard::trade).with_state(guard.clone())).fallback(page::file);
    Router::new()
        .fallback(move |request: Request| {
            let router = if request.uri().path().starts_with("/api/") { api.clone() } else { page.clone() };
            router.oneshot(request)
        })
        .layer(middleware::from_fn_with_state(guard.clone(), guard::own_requests))
}

impl OpenDoor {
    /// Base URL of the door.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Writes where engine and receiver are reached into the data directory.
pub(crate) async fn announce(engine: &Engine, kind: OwnerKind, door: Option<&OpenDoor>) -> io::Result<()> {
    let receiver = match engine.receiver_state().await {
        ReceiverState::Listening { url, .. } => Some(url),
        _ => None,
    };
    engine.dir().announce(&LiveEngine { pid: std::process::id(), kind, api: door.map(OpenDoor::url), receiver })
}
