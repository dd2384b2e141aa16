//! Events that Hookline sends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An event that was sent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Id of the event.
    pub id: String,
    /// Id of the provider.
    pub provider: String,
    /// Event type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Size of the payload, in bytes.
    pub body_bytes: u64,
    /// Time at which the event was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
