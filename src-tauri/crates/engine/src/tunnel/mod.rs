//! Tunnels, which make inboxes reachable from the internet.
//!
//! A relay stores the requests that arrive while this computer is offline. It delivers each request to the inbox
//! exactly once. SSH hosts and tunnels of other programs are live: they pass connections to this computer and store
//! nothing.

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
use hookbench_relay::access::{Access, digest, networks};
use hookbench_store::tunnel::TunnelSettings;

pub(crate) use hookbench_store::tunnel::{ExposureRow, TunnelRow, Tunnelled};
pub use registry::{TunnelError, Tunnels};

/// Maximum number of allowed networks of an inbox.
const NETWORKS_MAX: usize = 50;

/// Maximum length of a user name or password, in bytes.
const TEXT_MAX: usize = 256;

/// Maximum time that a relay keeps a sender waiting, in ms.
const WAIT_MAX: u32 = 60_000;

/// Age from which a request at the relay belongs to the offline backlog. Younger requests were delayed by a short loss
/// of the connection, and are forwarded as usual. The relay's clock measures the age.
const AWAY_AFTER: Duration = Duration::from_secs(60);

/// Validates the settings of an exposure through a tunnel.
///
/// # Errors
/// Returns a message that describes the first invalid setting.
pub fn check_exposure(exposure: &ExposureSettings, settings: &TunnelSettings) -> Result<(), String> {
    let keeps = exposure.wait_ms.is_some() || exposure.give_secrets || exposure.on_return != BacklogPolicy::Ask;
    if keeps && !settings.is_durable() {
        return Err("A response timeout, shared secrets and the offline backlog require a relay. Live tunnels store no requests.".into());
    }
    if !exposure.allow.is_empty() && matches!(settings, TunnelSettings::Other(_)) {
        return Err("Allowed networks do not work with the tunnel of another program, which hides the sender's address. Restrict the networks in that program.".into());
    }
    networks(&exposure.allow)?;
    if exposure.wait_ms.is_some_and(|ms| ms > WAIT_MAX) {
        return Err(format!("The response timeout must be between 0 and {} s.", WAIT_MAX / 1_000));
    }
    if exposure.allow.len() > NETWORKS_MAX {
        return Err(format!("An inbox can allow at most {NETWORKS_MAX} networks."));
    }
    if let Some(ExposureCredentials { name, password }) = &exposure.basic {
        if name.is_empty() || name.contains(':') {
            return Err("The user name must not be empty or contain a colon (RFC 7617).".into());
        }
        if name.len() > TEXT_MAX || password.len() > TEXT_MAX {
            return Err(format!("A user name or password must be at most {TEXT_MAX} bytes."));
        }
    }
    Ok(())
}

/// Returns the access control of a public address.
fn access(exposure: &ExposureSettings) -> Access {
    // Stored settings were validated before.
    let allow = networks(&exposure.allow).unwrap_or_default();
    Access::new(allow, exposure.basic.as_ref().map(|basic| digest(&basic.name, &basic.password)))
}

/// Number of requests that wait at the relay, by the label of the inbox there.
type BacklogCounts = BTreeMap<String, u64>;
