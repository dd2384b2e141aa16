//! Deliveries and their attempts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Attempt;

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DeliveryState {
    /// The next attempt is scheduled.
    Waiting = 0,
    /// An attempt is in flight.
    Sending = 1,
    /// An attempt succeeded.
    Delivered = 2,
    /// The last attempt failed and is not retried.
    Failed = 3,
    /// All retries failed.
    Exhausted = 4,
    /// The endpoint was disabled or deleted. A skipped delivery can be resent.
    Skipped = 5,
    /// The endpoint is not subscribed to the event type. A filtered delivery can be sent anyway.
    Filtered = 6,
    /// The delivery was canceled, or the command that created it ended.
    Canceled = 7,
}

/// Every state, in the order of the stored numbers.
const STATES: &[DeliveryState] = &[
    DeliveryState::Waiting,
    DeliveryState::Sending,
    DeliveryState::Delivered,
    DeliveryState::Failed,
    DeliveryState::Exhausted,
    DeliveryState::Skipped,
    DeliveryState::Filtered,
    DeliveryState::Canceled,
];

impl DeliveryState {
    /// Returns the state that is stored as `number`. An unknown number is [`Self::Canceled`].
    pub fn of(number: u8) -> Self {
        STATES.get(usize::from(number)).copied().unwrap_or(Self::Canceled)
    }
}

/// Reason why a delivery was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DeliveryOrigin {
    /// An event was sent.
    Event = 0,
    /// An endpoint was tested. A test does not count in statistics.
    Test = 1,
    /// A forward of an inbox matched a request.
    Forward = 2,
    /// A stored request was replayed.
    Replay = 3,
}

impl DeliveryOrigin {
    /// Returns the origin that is stored as `number`. An unknown number is [`Self::Event`].
    pub fn of(number: u8) -> Self {
        [Self::Event, Self::Test, Self::Forward, Self::Replay]
            .into_iter()
            .find(|origin| *origin as u8 == number)
            .unwrap_or(Self::Event)
    }
}

/// A delivery, without its attempts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// ID of the delivery. Handlers can use the ID to detect duplicates.
    pub id: String,
    /// ID of the event. Null if the delivery sends a captured request.
    pub event: Option<String>,
    /// ID of the captured request. Null if the delivery sends an event.
    pub request: Option<String>,
    /// ID of the replay, if the delivery is part of one.
    pub replay: Option<String>,
    /// Event type. Empty if the request has none.
    pub event_type: String,
    /// ID of the provider. Empty if the provider of the request is not known.
    pub provider: String,
    /// ID of the destination: an endpoint, a forward, or the destination that was created for a replay or a command.
    pub endpoint: String,
    /// Method of the request.
    pub method: String,
    /// URL of the destination. Credentials are masked.
    #[serde(serialize_with = "crate::url::serialize_masked")]
    pub url: String,
    /// True if the request is re-signed.
    pub re_signed: bool,
    /// Reason why the delivery was created.
    pub origin: DeliveryOrigin,
    /// State of the delivery.
    pub state: DeliveryState,
    /// Reason for the state, in one sentence.
    pub reason: Option<String>,
    /// Number of attempts so far, including the one in flight.
    pub attempts: u32,
    /// Time at which the next attempt is due. Null unless the delivery is waiting.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// Time at which the delivery was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time at which the delivery ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Status of the last response. Null if the last attempt got no response.
    pub status: Option<u16>,
    /// Error of the last attempt. Null if the last attempt got a response.
    pub error: Option<String>,
    /// Duration of the last attempt, in ms.
    pub duration_ms: Option<f64>,
}

/// A delivery with its attempts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryDetail {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Size of the payload, in bytes.
    pub body_bytes: u64,
    /// Attempts, oldest first.
    pub attempts_made: Vec<Attempt>,
}

/// A filter of deliveries. A delivery matches if it meets every condition that is set.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilter {
    /// Only deliveries to this endpoint, by ID or name.
    pub endpoint: Option<String>,
    /// Only deliveries in this state.
    pub state: Option<DeliveryState>,
    /// Only deliveries created at or after this time: RFC 3339, a date, `yesterday`, or an age such as `2h`.
    pub since: Option<String>,
    /// Only deliveries created before this time, in the same forms.
    pub until: Option<String>,
    /// Only deliveries of this event type; a trailing `*` matches any suffix.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Only deliveries whose last response has this status, such as `500` or `4xx,5xx`; `none` for no response.
    pub status: Option<String>,
    /// Only deliveries whose URL contains this text.
    pub url: Option<String>,
    /// Only deliveries with this text in the payload, URL, event type, reason or error.
    pub text: Option<String>,
}

impl DeliveryFilter {
    /// Returns true if no condition is set. An empty filter matches every delivery.
    pub fn is_empty(&self) -> bool {
        let texts = [&self.endpoint, &self.since, &self.until, &self.kind, &self.status, &self.url, &self.text];
        self.state.is_none() && texts.iter().all(|text| text.is_none())
    }
}

/// A page of deliveries, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryList {
    /// The items.
    pub items: Vec<Delivery>,
    /// Value of `after` for the next page. `null` on the last page.
    pub next: Option<String>,
    /// Number of the last change that the page includes.
    pub seq: i64,
}

/// Result of resending deliveries.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryRetryResult {
    /// Number of deliveries that are resent.
    pub deliveries: u64,
    /// Number of deliveries that are not resent, because their endpoints are disabled or deleted.
    pub left: u64,
}
