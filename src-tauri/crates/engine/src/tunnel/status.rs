//! Status of tunnels, as the API returns and publishes it.

use std::{collections::BTreeMap, sync::Arc};

use hookbench_capture::ReadError;
use hookbench_model::{Change, Exposure, Tunnel, TunnelConnection, TunnelDrop, TunnelKind, timestamp};
use hookbench_relay::client::State;
use hookbench_ssh::DialError;
use rusqlite::Connection;

use super::{
    ExposureRow, TunnelSettings,
    registry::{ExposureEntry, TunnelEntry},
    relay_request::keyed,
};
use crate::Engine;

impl TunnelEntry {
    fn url_of(&self, row: &ExposureRow) -> String {
        match self.row.settings.public() {
            Some("") => String::new(),
            Some(public) => format!("{public}/{}", row.label),
            None => row.url.clone(),
        }
    }

    fn kind(&self) -> TunnelKind {
        match &self.row.settings {
            TunnelSettings::Relay(relay) => TunnelKind::Relay { device: relay.device.clone() },
            TunnelSettings::Ssh(ssh) => TunnelKind::Ssh {
                remote: ssh.remote.clone(),
                key_file: ssh.key_file.as_ref().map(|path| path.display().to_string()),
                host_key: ssh.host_key.clone(),
                offered_key: self.offered_key.clone(),
                url: ssh.url.clone(),
            },
            TunnelSettings::Other(other) => {
                TunnelKind::Other { url: other.url.clone(), local: super::registry::local(other) }
            }
        }
    }
}

/// Returns the status of all tunnels.
///
/// # Errors
/// Returns an error if the database cannot be read.
pub async fn tunnels(engine: &Engine) -> Result<Vec<Tunnel>, ReadError> {
    let mut numbers: Vec<i64> = engine.tunnels.lock().keys().copied().collect();
    numbers.sort_unstable();
    let mut tunnels = Vec::new();
    for number in numbers {
        tunnels.extend(tunnel(engine, number).await?);
    }
    Ok(tunnels)
}

/// Returns the status of a tunnel. Returns `None` if there is no such tunnel.
///
/// # Errors
/// Returns an error if the database cannot be read.
pub async fn tunnel(engine: &Engine, number: i64) -> Result<Option<Tunnel>, ReadError> {
    let backlog = backlog_counts(engine, number).await?;
    let catalog = engine.providers.catalog();
    let all = engine.tunnels.lock();
    let Some(known) = all.get(&number) else { return Ok(None) };
    let durable = known.row.settings.is_durable();
    let exposures = known.exposures.iter().filter_map(|ExposureEntry { row, problem, .. }| {
        let address = engine.inboxes.by_number(row.inbox)?;
        Some(Exposure {
            inbox: address.name.clone(),
            url: known.url_of(row),
            waiting: known.waiting.get(&row.label).copied().unwrap_or_default(),
            backlog: backlog.get(&row.inbox).copied().unwrap_or_default(),
            problem: problem.clone(),
            keyed: if durable { keyed(&address, &row.settings, &catalog) } else { Vec::new() },
            settings: row.settings.masked(),
        })
    });
    let mut exposures: Vec<Exposure> = exposures.collect();
    exposures.sort_by(|a, b| a.inbox.cmp(&b.inbox));
    Ok(Some(Tunnel {
        id: known.row.id.clone(),
        name: known.row.settings.name().to_owned(),
        kind: known.kind(),
        durable,
        on: known.row.wanted,
        connection: known.state.clone(),
        last_drop: known.last_drop.clone(),
        exposures,
        created_at: timestamp(known.row.created_us),
    }))
}

/// Publishes the status of a tunnel in the background.
pub(super) fn tell_tunnel(engine: &Arc<Engine>, number: i64) {
    let engine = engine.clone();
    tokio::spawn(async move {
        if let Ok(Some(tunnel)) = tunnel(&engine, number).await {
            engine.feed.publish([Change::TunnelChanged { tunnel: Box::new(tunnel) }]);
        }
    });
}

/// Marks a tunnel as failed after a final error of its SSH host.
pub(super) fn tunnel_ends(engine: &Arc<Engine>, number: i64, why: String, error: &DialError) {
    if let (DialError::OtherKey { offered, .. }, Some(known)) = (error, engine.tunnels.lock().get_mut(&number)) {
        known.offered_key = Some(offered.clone());
    }
    tunnel_status(engine, number, State::Failed { why });
}

/// Updates the connection state of a tunnel and publishes the status.
pub(super) fn tunnel_status(engine: &Arc<Engine>, number: i64, state: State) {
    let now_us = engine.clock.now_us();
    {
        let mut all = engine.tunnels.lock();
        let Some(known) = all.get_mut(&number) else { return };
        if known.task.is_none() {
            return;
        }
        let dropped = |why: &str| Some(TunnelDrop { at: timestamp(now_us), why: why.to_owned() });
        let was_online = matches!(known.state, TunnelConnection::Online { .. });
        known.state = match state {
            State::Connecting => TunnelConnection::Connecting,
            State::Online { round_trip_us, waiting } => {
                known.waiting = waiting;
                let since = match &known.state {
                    TunnelConnection::Online { since, .. } => *since,
                    _ => timestamp(now_us),
                };
                let round_trip_ms = (round_trip_us > 0).then(|| round_trip_us as f64 / 1_000.0);
                TunnelConnection::Online { since, round_trip_ms }
            }
            State::Waiting { why, pause } => {
                if was_online || known.last_drop.is_none() {
                    known.last_drop = dropped(&why);
                }
                TunnelConnection::Waiting { why, again_at: timestamp(now_us + pause.as_micros() as i64) }
            }
            State::Failed { why } => {
                known.last_drop = dropped(&why);
                TunnelConnection::Failed { why }
            }
        };
        if !was_online && matches!(known.state, TunnelConnection::Online { .. }) {
            // The relay lacks the changes made while it was offline, and may have been restored from a backup. All
            // settings are therefore sent again.
            known.exposures.iter_mut().for_each(|exposure| exposure.sent = None);
            engine.tunnels.nudge();
        }
    }
    tell_tunnel(engine, number);
}

/// Returns the number of requests in the offline backlog, by inbox.
async fn backlog_counts(engine: &Engine, tunnel: i64) -> Result<BTreeMap<i64, u64>, ReadError> {
    let hidden = engine.hidden.condition();
    let read = move |connection: &Connection| hookbench_store::tunnel::backlog_counts(connection, tunnel, &hidden);
    engine.store.readers().read(read).await
}
