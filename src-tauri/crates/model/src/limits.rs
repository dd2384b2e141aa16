//! Limits of the listener.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits of the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListenerLimits {
    /// Maximum body size, in bytes, from 1 to 10737418240. If a body is larger, the sender gets a 413 response, and the
    /// request is stored without its body. Default: 100000000.
    pub body_bytes: u64,
    /// Body idle timeout, in ms, from 100 to 600000. If no byte arrives for this time, the sender gets a 408 response,
    /// and the request is stored as incomplete. Default: 30000.
    pub body_stall_ms: u64,
    /// Header timeout, in ms, from 100 to 600000. If the headers are not complete after this time, the connection is
    /// closed. Default: 30000.
    pub head_timeout_ms: u64,
    /// Maximum number of open connections, from 1 to 65536. Further connections get a 503 response with `Retry-After`.
    /// Default: 1024.
    pub connections: u32,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            // GitHub caps payloads at 25 MB; file uploads to webhooks are larger.
            body_bytes: 100_000_000,
            body_stall_ms: 30_000,
            head_timeout_ms: 30_000,
            connections: 1_024,
        }
    }
}
