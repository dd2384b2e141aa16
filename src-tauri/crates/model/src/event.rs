//! Events that Hookbench sends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Delivery;

/// An event that was sent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// ID of the event.
    pub id: String,
    /// ID of the provider.
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

/// Result of a call that sends events.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventSendResult {
    /// IDs of the events. Empty if no endpoint subscribes to them.
    pub events: Vec<String>,
    /// The first 500 deliveries.
    pub deliveries: Vec<Delivery>,
    /// ID of the scenario run. Absent if the events belong to no scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// A page of events, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// The items.
    pub items: Vec<Event>,
    /// Value of `after` for the next page. `null` on the last page.
    pub next: Option<String>,
}
