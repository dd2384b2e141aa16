//! Removal of an inbox from a tunnel.

use std::sync::Arc;

use super::{ExposureRow, registry::TunnelError};
use crate::Engine;

/// Stops exposing an inbox through a tunnel. Deletes the public address, and the requests that wait for the inbox at a
/// relay. Returns false if the inbox is not exposed through the tunnel.
///
/// # Errors
/// Returns an error if the relay cannot be reached or the database cannot be written.
pub async fn unexpose(engine: &Arc<Engine>, tunnel: i64, inbox: i64) -> Result<bool, TunnelError> {
    let Some((_alone, _)) = engine.tunnels.alone_with(tunnel).await else { return Ok(false) };
    let label = {
        let all = engine.tunnels.lock();
        let exposures = all.get(&tunnel).map(|known| known.exposures.as_slice()).unwrap_or_default();
        let found = exposures.iter().find(|exposure| exposure.row.inbox == inbox);
        let Some(label) = found.map(|exposure| exposure.row.label.clone()) else { return Ok(false) };
        label
    };
    crate::tunnel::relay::give_up_address(engine, tunnel, &label).await?;
    engine.store.write(move |connection| ExposureRow::remove(connection, tunnel, inbox), |()| ()).await?;
    if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
        known.exposures.retain(|exposure| exposure.row.inbox != inbox);
    }
    crate::tunnel::status::tell_tunnel(engine, tunnel);
    Ok(true)
}
