//! Tunnels: how inboxes are reached from outside. A relay keeps what arrives while this machine is away,
//! and hands it on as deliveries, each of which enters an inbox once. An SSH host and other programs' tunnels
//! are live: who connects there reaches this machine, or nobody.

pub mod backlog;
pub mod changes;
pub mod deliver;
pub mod exposure;
pub mod live;
pub mod other;
pub mod registry;
pub mod relay;
mod relay_request;
pub mod ssh;
pub mod status;

use std::{collections::BTreeMap, time::Duration};

use hookbench_model::{BacklogPolicy, ExposureCredentials, ExposureSettings};
use hookbench_relay::access::{Gate, digest, networks};
use hookbench_store::tunnel::TunnelSettings;

pub(crate) use hookbench_store::tunnel::{ExposureRow, TunnelRow, Tunnelled};
pub use registry::{TunnelError, Tunnels};

/// Most networks an inbox is open to.
const NETWORKS_MAX: usize = 50;

/// Longest name or password, in bytes.
const TEXT_MAX: usize = 256;

/// Longest time a sender is kept waiting, in ms: as long as a relay keeps it.
const WAIT_MAX: u32 = 60_000;

/// What reached its relay this long ago came while nobody was here: what is younger was cut off by a
/// moment's loss of the connection, and goes on like any other. By the relay's clock alone.
const AWAY_AFTER: Duration = Duration::from_secs(60);

/// The first thing wrong with it for such a tunnel, in a sentence.
pub fn check_exposure(exposure: &ExposureSettings, settings: &TunnelSettings) -> Result<(), String> {
    let keeps = exposure.wait_ms.is_some() || exposure.give_secrets || exposure.on_return != BacklogPolicy::Ask;
    if keeps && !settings.is_durable() {
        return Err("A live tunnel keeps nothing: there is no wait and no secret to give, and nothing arrives while this machine is away.".into());
    }
    if !exposure.allow.is_empty() && matches!(settings, TunnelSettings::Other(_)) {
        return Err("Behind another program every sender has this machine's address: let that program say which networks may send.".into());
    }
    networks(&exposure.allow)?;
    if exposure.wait_ms.is_some_and(|ms| ms > WAIT_MAX) {
        return Err(format!("A sender waits {} s at most.", WAIT_MAX / 1_000));
    }
    if exposure.allow.len() > NETWORKS_MAX {
        return Err(format!("An inbox is open to {NETWORKS_MAX} networks at most."));
    }
    if let Some(ExposureCredentials { name, password }) = &exposure.basic {
        if name.is_empty() || name.contains(':') {
            return Err("A name has at least one character, and no colon (RFC 7617).".into());
        }
        if name.len() > TEXT_MAX || password.len() > TEXT_MAX {
            return Err(format!("A name or password has at most {TEXT_MAX} bytes."));
        }
    }
    Ok(())
}

/// What stands before the public address.
fn gate(exposure: &ExposureSettings) -> Gate {
    // What is kept was checked before.
    let allow = networks(&exposure.allow).unwrap_or_default();
    Gate::new(allow, exposure.basic.as_ref().map(|basic| digest(&basic.name, &basic.password)))
}

/// What the relay last said of what waits, by the name the inbox has there.
type Waiting = BTreeMap<String, u64>;
