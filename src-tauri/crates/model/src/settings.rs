//! Settings of a data folder.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::ListenerLimits;

/// Where the receiver listens unless told otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:4665";

/// Largest body limit that can be set, in bytes: SQLite and the chunk numbering go further, but a
/// webhook of more than 10 GiB is a mistake.
const BODY_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;

/// Largest retention limit, in requests or bytes: a petabyte, and exact in JSON.
const RETENTION_MAX: u64 = 1_000_000_000_000_000;

/// All settings of one data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the receiver, such as `127.0.0.1:4665` or `[::]:4665`.
    #[schema(value_type = String)]
    pub listen: SocketAddr,
    /// Whether the first request to an unknown inbox makes it.
    pub create_inboxes: bool,
    /// Limits of the receiver.
    pub limits: ListenerLimits,
    /// What is kept, and for how long.
    pub retention: RetentionPolicy,
    /// Whether an index is kept beside the database, so that a search of a million takes milliseconds;
    /// it takes about a third of their room.
    pub search_index: bool,
    /// Whether the window opens the HTTP door for scripts and the command line.
    pub http_door: bool,
    /// What closing the window does.
    pub on_close: CloseAction,
}

/// When the oldest requests and deliveries roll over. Pinned requests stay, and so does what waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionPolicy {
    /// Most requests kept; null keeps any number.
    pub requests: Option<u64>,
    /// Most body bytes kept; null keeps any amount.
    pub bytes: Option<u64>,
    /// Oldest age kept, in days; null keeps any age.
    pub days: Option<u32>,
    /// Most deliveries kept; null keeps any number.
    pub deliveries: Option<u64>,
    /// Most bytes of payloads and answers kept; null keeps any amount.
    pub delivery_bytes: Option<u64>,
}

/// What closing the window does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseAction {
    /// Ask the first time.
    Ask,
    /// Keep listening, with an icon in the tray.
    Tray,
    /// Stop listening and quit.
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
            http_door: true,
            on_close: CloseAction::Ask,
        }
    }
}

impl Settings {
    /// The first thing wrong with them, in a sentence.
    pub fn fault(&self) -> Option<&'static str> {
        let ListenerLimits { body_bytes, body_stall_ms, head_timeout_ms, connections } = self.limits;
        let rules = [
            ((1..=BODY_BYTES_MAX).contains(&body_bytes), "limits.body_bytes lies between 1 and 10737418240 (10 GiB)."),
            ((100..=600_000).contains(&body_stall_ms), "limits.body_stall_ms lies between 100 and 600000."),
            ((100..=600_000).contains(&head_timeout_ms), "limits.head_timeout_ms lies between 100 and 600000."),
            ((1..=65_536).contains(&connections), "limits.connections lies between 1 and 65536."),
            (
                self.retention.requests.is_none_or(|n| (1..=RETENTION_MAX).contains(&n)),
                "retention.requests lies between 1 and 10^15, or is null to keep all.",
            ),
            (
                self.retention.bytes.is_none_or(|n| (1_000_000..=RETENTION_MAX).contains(&n)),
                "retention.bytes lies between 10^6 and 10^15, or is null to keep all.",
            ),
            (
                self.retention.deliveries.is_none_or(|n| (1..=RETENTION_MAX).contains(&n)),
                "retention.deliveries lies between 1 and 10^15, or is null to keep all.",
            ),
            (
                self.retention.delivery_bytes.is_none_or(|n| (1_000_000..=RETENTION_MAX).contains(&n)),
                "retention.delivery_bytes lies between 10^6 and 10^15, or is null to keep all.",
            ),
            (self.retention.days != Some(0), "retention.days is at least 1, or null to keep all."),
        ];
        rules.iter().find(|(holds, _)| !holds).map(|(_, rule)| *rule)
    }
}

/// Lays `patch` over `base`, object by object (RFC 7396, but null is a value). An object takes
/// nothing but an object: serde would read a list as its fields in order.
pub fn merge(base: &mut Value, patch: Value) -> Result<(), String> {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key.clone()).or_insert(Value::Null), value).map_err(|why| format!("{key}: {why}"))?;
            }
        }
        (Value::Object(_), other) => return Err(format!("an object is expected, not {other}")),
        (base, patch) => *base = patch,
    }
    Ok(())
}
