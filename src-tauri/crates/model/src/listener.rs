//! State of the listener.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// State of the listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ListenerState {
    /// The listener has not been started.
    Off,
    /// The listener accepts connections.
    Listening {
        /// Address of the listener.
        address: String,
        /// Base URL of all inboxes.
        url: String,
    },
    /// The listener could not be started.
    Failed {
        /// Address that was requested.
        address: String,
        /// Error message of the operating system.
        reason: String,
        /// Process that uses the port, if known.
        holder: Option<String>,
        /// Free address near the requested one.
        offer: Option<String>,
    },
}
