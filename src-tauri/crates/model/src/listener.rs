//! The listener.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether and where the receiver listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ListenerState {
    /// It has not been started.
    Off,
    /// It listens.
    Listening {
        /// Its address.
        address: String,
        /// Base URL of all inboxes.
        url: String,
    },
    /// It cannot listen.
    Failed {
        /// The address wanted.
        address: String,
        /// What the system says.
        reason: String,
        /// The process that has the port, if it is known.
        holder: Option<String>,
        /// A free address near the wanted one.
        offer: Option<String>,
    },
}
