//! Changes to tunnels that are common to all kinds: create, start, stop, delete and expose.

use std::sync::{Arc, atomic::Ordering};

use hookbench_model::{Change, ExposureSettings, Tunnel, TunnelNew};
use hookbench_store::tunnel::SshSettings;

use super::{TunnelRow, TunnelSettings, other, registry::TunnelError, ssh};
use crate::{Engine, inbox::InboxConfig};

/// Starts the enabled tunnels, and the task that sends changes of inboxes to relays.
pub(crate) fn spawn_tunnels(engine: &Arc<Engine>) {
    engine.tunnels.dials.store(true, Ordering::Relaxed);
    let known = engine.tunnels.lock();
    let wanted: Vec<i64> = known.values().filter(|known| known.row.wanted).map(|known| known.row.number).collect();
    drop(known);
    wanted.into_iter().for_each(|tunnel| start_tunnel(engine, tunnel));
    crate::tunnel::relay::spawn_telling_relays(engine);
}

pub(super) fn start_tunnel(engine: &Arc<Engine>, tunnel: i64) {
    let settings = engine.tunnels.settings(tunnel);
    match settings {
        Some(TunnelSettings::Relay(_)) => crate::tunnel::relay::run_relay(engine, tunnel),
        Some(TunnelSettings::Ssh(_)) => {
            super::registry::spawn_tunnel(engine, tunnel, ssh::run(Arc::downgrade(engine), tunnel, None))
        }
        Some(TunnelSettings::Other(settings)) => {
            super::registry::spawn_tunnel(engine, tunnel, other::run(Arc::downgrade(engine), tunnel, settings));
        }
        None => {}
    }
}

/// Restarts the listeners for tunnels of other programs to apply the current limits.
pub(crate) fn restart_listening_tunnels(engine: &Arc<Engine>) {
    let running: Vec<i64> = {
        let all = engine.tunnels.lock();
        let running = all.values().filter(|known| known.task.is_some());
        let others = running.filter(|known| matches!(known.row.settings, TunnelSettings::Other(_)));
        others.map(|known| known.row.number).collect()
    };
    running.into_iter().for_each(|tunnel| start_tunnel(engine, tunnel));
}

/// Creates and starts a tunnel. Re-creates an existing tunnel to the same destination.
///
/// # Errors
/// Returns an error if an option is invalid, if the relay or the SSH host cannot be reached or refuses, or if the
/// database cannot be written.
pub async fn add_tunnel(engine: &Arc<Engine>, new: TunnelNew) -> Result<Tunnel, TunnelError> {
    let number = match new {
        TunnelNew::Relay { relay, code, device } => {
            crate::tunnel::relay::add_relay(engine, &relay, &code, device).await?
        }
        TunnelNew::Ssh { destination, remote, url, key_file, host_key } => {
            crate::tunnel::ssh::add_ssh(engine, &destination, remote, url, key_file.map(Into::into), host_key).await?
        }
        TunnelNew::Other { url, port } => crate::tunnel::other::add_other(engine, &url, port).await?,
    };
    crate::tunnel::status::tell_tunnel(engine, number);
    crate::tunnel::status::tunnel(engine, number)
        .await?
        .ok_or_else(|| TunnelError::Wrong("The tunnel was deleted.".into()))
}

/// Starts or stops a tunnel, and stores that state. `host_key` is the fingerprint of a key of the SSH host to trust.
///
/// # Errors
/// Returns an error if the host key is invalid, if the tunnel has no SSH host, or if the database cannot be written.
pub async fn want_tunnel(
    engine: &Arc<Engine>,
    number: i64,
    on: bool,
    host_key: Option<String>,
) -> Result<(), TunnelError> {
    let Some((_alone, row)) = engine.tunnels.alone_with(number).await else { return Ok(()) };
    if on && row.wanted && host_key.is_none() && engine.tunnels.is_up(number) {
        // A restart would break the open connections.
        return Ok(());
    }
    let row = TunnelRow { wanted: on, ..row };
    let row = match (host_key, row.settings.clone()) {
        (None, _) => row,
        (Some(host_key), TunnelSettings::Ssh(ssh)) => {
            let host_key = ssh::fingerprint(host_key)?;
            TunnelRow { settings: TunnelSettings::Ssh(SshSettings { host_key, ..ssh }), ..row }
        }
        (Some(_), _) => return Err(TunnelError::Wrong("A host key is allowed only for an SSH tunnel.".into())),
    };
    let kept = row.clone();
    engine.store.write(move |connection| kept.put(connection), |()| ()).await?;
    if let Some(known) = engine.tunnels.lock().get_mut(&number) {
        known.row = row;
        known.stop();
    }
    if on {
        start_tunnel(engine, number);
    }
    crate::tunnel::status::tell_tunnel(engine, number);
    Ok(())
}

/// Deletes a tunnel. Deletes its addresses at a relay first, because that is not possible later. With `force`, deletes
/// the tunnel even if the relay cannot be reached.
///
/// # Errors
/// Returns an error if an address at the relay cannot be deleted, or if the database cannot be written.
pub async fn remove_tunnel(engine: &Arc<Engine>, number: i64, force: bool) -> Result<(), TunnelError> {
    let Some((_alone, _)) = engine.tunnels.alone_with(number).await else { return Ok(()) };
    crate::tunnel::relay::give_up_addresses(engine, number, force).await?;
    engine.store.write(move |connection| TunnelRow::remove(connection, number), |()| ()).await?;
    if let Some(mut known) = engine.tunnels.lock().remove(&number) {
        known.stop();
        engine.feed.publish([Change::TunnelDeleted { id: known.row.id.clone() }]);
    }
    Ok(())
}

/// Exposes an inbox through a tunnel, or changes the settings of the exposure.
///
/// # Errors
/// Returns an error if the relay refuses or cannot be reached, or if the database cannot be written.
pub async fn expose(
    engine: &Arc<Engine>,
    tunnel: i64,
    address: &InboxConfig,
    settings: ExposureSettings,
) -> Result<(), TunnelError> {
    let Some((_alone, row)) = engine.tunnels.alone_with(tunnel).await else { return Ok(()) };
    let exposed = match row.settings {
        TunnelSettings::Relay(_) => crate::tunnel::relay::expose_at_relay(engine, tunnel, address, settings).await?,
        TunnelSettings::Ssh(_) | TunnelSettings::Other(_) => {
            crate::tunnel::live::expose_live(engine, tunnel, address, settings)
        }
    };
    let kept = exposed.row.clone();
    engine.store.write(move |connection| kept.put(connection), |()| ()).await?;
    if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
        known.exposures.retain(|exposure| exposure.row.inbox != exposed.row.inbox);
        known.exposures.push(exposed);
    }
    crate::tunnel::status::tell_tunnel(engine, tunnel);
    Ok(())
}
