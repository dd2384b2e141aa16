//! Tunnels of other programs, such as ngrok. Each has a separate local listener.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Weak},
};

use hookbench_capture::{Plain, listen};
use hookbench_relay::client::{Backoff, State};
use hookbench_store::tunnel::OtherSettings;
use tokio::{net::TcpListener, time::sleep};

use super::{
    TunnelSettings,
    live::{LiveRoutes, public_url},
    registry::TunnelError,
};
use crate::Engine;

/// First port that is tried if no port is given.
const FIRST_PORT: u16 = 4680;

/// Number of ports that are tried.
const PORTS: u16 = 100;

/// Adds the tunnel of another program, and starts a listener for it.
pub(super) async fn add_other(engine: &Arc<Engine>, url: &str, port: Option<u16>) -> Result<i64, TunnelError> {
    let url = public_url(url).map_err(TunnelError::Wrong)?;
    let _alone = engine.tunnels.alone(&url).await;
    // This lock prevents two tunnels from getting the same port.
    let _port = engine.tunnels.alone("the port of another program").await;
    let same = |settings: &TunnelSettings| matches!(settings, TunnelSettings::Other(known) if known.url == url);
    let known = engine.tunnels.which(same);
    let current = known.as_ref().and_then(|row| match &row.settings {
        TunnelSettings::Other(other) => Some(other.port),
        _ => None,
    });
    let port = match port.or(current) {
        Some(0) => return Err(TunnelError::Wrong("The port must be between 1 and 65535.".into())),
        // The tunnel already listens on this port.
        Some(port) if Some(port) == current => port,
        Some(port) if is_promised(engine, port) => {
            return Err(TunnelError::Wrong(format!("Port {port} is used by another tunnel. Choose another port.")));
        }
        Some(port) => {
            let taken = |error| TunnelError::Wrong(format!("Port {port} cannot be used: {error}."));
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
            port
        }
        None => free_port(engine).await?,
    };
    let settings = OtherSettings { url, port };
    if let Some(row) = known.as_ref().filter(|row| current == Some(port) && engine.tunnels.is_up(row.number)) {
        return Ok(row.number);
    }
    let number =
        crate::tunnel::registry::put_tunnel(engine, known, TunnelSettings::Other(settings.clone()), None).await?;
    crate::tunnel::registry::spawn_tunnel(engine, number, run(Arc::downgrade(engine), number, settings));
    Ok(number)
}

fn is_promised(engine: &Engine, port: u16) -> bool {
    let same = |settings: &TunnelSettings| matches!(settings, TunnelSettings::Other(known) if known.port == port);
    engine.tunnels.which(same).is_some()
}

async fn free_port(engine: &Engine) -> Result<u16, TunnelError> {
    for port in (FIRST_PORT..FIRST_PORT + PORTS).filter(|port| !is_promised(engine, *port)) {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return Ok(port);
        }
    }
    let last = FIRST_PORT + PORTS - 1;
    Err(TunnelError::Wrong(format!("No port between {FIRST_PORT} and {last} is free. Pass a port.")))
}

/// Listens until the task is stopped.
pub(super) async fn run(engine: Weak<Engine>, tunnel: i64, settings: OtherSettings) {
    let mut backoff = Backoff::default();
    loop {
        let Some(held) = engine.upgrade() else { return };
        let routes = Arc::new(LiveRoutes { engine: engine.clone(), tunnel });
        let (store, limits, clock) = (held.store.clone(), held.settings().limits, held.clock.clone());
        match listen(super::registry::address(&settings), Plain, store, routes, limits, clock).await {
            Ok(listening) => {
                crate::tunnel::status::tunnel_status(
                    &held,
                    tunnel,
                    State::Online { round_trip_us: 0, waiting: Default::default() },
                );
                drop(held);
                // The listener runs until this value is dropped.
                std::future::pending::<()>().await;
                drop(listening);
            }
            Err(error) => {
                let (why, pause) = (
                    format!("The address {} cannot be used: {error}.", super::registry::address(&settings)),
                    backoff.pause(),
                );
                crate::tunnel::status::tunnel_status(&held, tunnel, State::Waiting { why, pause });
                drop(held);
                sleep(pause).await;
            }
        }
    }
}
