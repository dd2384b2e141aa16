//! Limits of the listener.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The limits a person can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListenerLimits {
    /// Largest body in bytes; a larger one gets 413 and a row that says so.
    pub body_bytes: u64,
    /// Longest silence inside a body, in milliseconds; after it 408 and an incomplete row.
    pub body_stall_ms: u64,
    /// Longest wait for a complete head, in milliseconds; after it the connection closes.
    pub head_timeout_ms: u64,
    /// Open connections at one time; one more gets 503 with Retry-After.
    pub connections: u32,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            // GitHub caps payloads at 25 MB; file uploads to webhooks go higher.
            body_bytes: 100_000_000,
            body_stall_ms: 30_000,
            head_timeout_ms: 30_000,
            connections: 1_024,
        }
    }
}
