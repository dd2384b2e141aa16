//! Events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An event as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Id of the vendor.
    pub provider: String,
    /// The event type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Size of its payload, in bytes.
    pub body_bytes: u64,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
