//! Settings of a data folder.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::ListenerLimits;

/// Default address of the listener.
const DEFAULT_LISTEN: &str = "127.0.0.1:4665";

/// Largest allowed value of `body_bytes`, in bytes. SQLite and the chunk numbering allow more, but a webhook of more
/// than 10 GiB is a mistake.
const BODY_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;

/// Largest allowed retention limit, in requests or bytes. JSON numbers up to this value are exact.
const RETENTION_MAX: u64 = 1_000_000_000_000_000;

/// Settings of a data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the listener, such as `127.0.0.1:4665` or `[::]:4665`. Default: `127.0.0.1:4665`.
    #[schema(value_type = String)]
    pub listen: SocketAddr,
    /// True to create an inbox on the first request to an unknown name. Default: false.
    pub create_inboxes: bool,
    /// Limits of the listener.
    pub limits: ListenerLimits,
    /// Retention of requests and deliveries.
    pub retention: RetentionPolicy,
    /// True to maintain a search index next to the database. With the index, searching a million requests takes
    /// milliseconds. The index needs about a third of the space of the requests. Default: true.
    pub search_index: bool,
    /// True to enable the local HTTP API of the desktop app, which scripts and the command line use. Default: true.
    pub local_api: bool,
    /// True to look for a newer release once a day. Nothing about this computer is sent, and nothing is installed.
    /// Default: false.
    pub check_for_updates: bool,
    /// Action when the window is closed. Default: `ask`.
    pub on_close: SettingsCloseAction,
}

/// Limits at which the oldest requests and deliveries are deleted. Pinned requests and unfinished deliveries are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionPolicy {
    /// Maximum number of requests, from 1 to 10^15. Null keeps any number. Default: null.
    pub requests: Option<u64>,
    /// Maximum size of all request bodies, in bytes, from 10^6 to 10^15. Null keeps any size. Default: 10000000000.
    pub bytes: Option<u64>,
    /// Maximum age, in days, at least 1. Null keeps any age. Default: null.
    pub days: Option<u32>,
    /// Maximum number of deliveries, from 1 to 10^15. Null keeps any number. Default: null.
    pub deliveries: Option<u64>,
    /// Maximum size of all payloads and responses of deliveries, in bytes, from 10^6 to 10^15. Null keeps any size.
    /// Default: 2000000000.
    pub delivery_bytes: Option<u64>,
}

/// Action when the window is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingsCloseAction {
    /// Asks the user the first time.
    Ask,
    /// Keeps the listener running, with an icon in the tray.
    Tray,
    /// Stops the listener and quits the program.
    Quit,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN.parse().unwrap_or_else(|_| ([127, 0, 0, 1], 4665).into()),
            create_inboxes: false,
            limits: ListenerLimits::default(),
            retention: RetentionPolicy {
                requests: None,
                bytes: Some(10_000_000_000),
                days: None,
                deliveries: None,
                delivery_bytes: Some(2_000_000_000),
            },
            search_index: true,
            local_api: true,
            check_for_updates: false,
            on_close: SettingsCloseAction::Ask,
        }
    }
}

impl Settings {
    /// Returns the first rule that these settings violate, in one sentence. Returns `None` if they are valid.
    pub fn fault(&self) -> Option<&'static str> {
        let ListenerLimits { body_bytes, body_stall_ms, head_timeout_ms, connections } = self.limits;
        let rules = [
            (
                (1..=BODY_BYTES_MAX).contains(&body_bytes),
                "`limits.body_bytes` must be between 1 and 10737418240 (10 GiB).",
            ),
            ((100..=600_000).contains(&body_stall_ms), "`limits.body_stall_ms` must be between 100 and 600000."),
            ((100..=600_000).contains(&head_timeout_ms), "`limits.head_timeout_ms` must be between 100 and 600000."),
            ((1..=65_536).contains(&connections), "`limits.connections` must be between 1 and 65536."),
            (
                self.retention.requests.is_none_or(|n| (1..=RETENTION_MAX).contains(&n)),
                "`retention.requests` must be between 1 and 10^15, or null for no limit.",
            ),
            (
                self.retention.bytes.is_none_or(|n| (1_000_000..=RETENTION_MAX).contains(&n)),
                "`retention.bytes` must be between 10^6 and 10^15, or null for no limit.",
            ),
            (
                self.retention.deliveries.is_none_or(|n| (1..=RETENTION_MAX).contains(&n)),
                "`retention.deliveries` must be between 1 and 10^15, or null for no limit.",
            ),
            (
                self.retention.delivery_bytes.is_none_or(|n| (1_000_000..=RETENTION_MAX).contains(&n)),
                "`retention.delivery_bytes` must be between 10^6 and 10^15, or null for no limit.",
            ),
            (self.retention.days != Some(0), "`retention.days` must be at least 1, or null for no limit."),
        ];
        rules.iter().find(|(holds, _)| !holds).map(|(_, rule)| *rule)
    }
}

/// Merges `patch` into `base`, object by object (RFC 7396, except that null is a value). An object can be replaced only
/// by an object, because serde would deserialize a list as the fields in order.
///
/// # Errors
///
/// Returns the path and the value if `patch` has a value other than an object where `base` has an object.
pub fn merge(base: &mut Value, patch: Value) -> Result<(), String> {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key.clone()).or_insert(Value::Null), value).map_err(|why| format!("{key}: {why}"))?;
            }
        }
        (Value::Object(_), other) => return Err(format!("must be an object (got {other})")),
        (base, patch) => *base = patch,
    }
    Ok(())
}
