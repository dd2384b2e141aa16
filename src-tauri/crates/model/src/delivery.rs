//! Deliveries.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Attempt;

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DeliveryState {
    /// Its next attempt is due at a time.
    Waiting = 0,
    /// An attempt is under way.
    Sending = 1,
    /// The receiver took it.
    Delivered = 2,
    /// An answer was final.
    Failed = 3,
    /// Its retries are used up.
    Exhausted = 4,
    /// Its endpoint is switched off; it can be sent late.
    Skipped = 5,
    /// Its endpoint does not take such events; it can be sent all the same.
    Filtered = 6,
    /// Somebody ended it.
    Cancelled = 7,
}

/// Every state, in the order of their numbers.
const STATES: &[DeliveryState] = &[
    DeliveryState::Waiting,
    DeliveryState::Sending,
    DeliveryState::Delivered,
    DeliveryState::Failed,
    DeliveryState::Exhausted,
    DeliveryState::Skipped,
    DeliveryState::Filtered,
    DeliveryState::Cancelled,
];

impl DeliveryState {
    pub fn of(number: u8) -> Self {
        STATES.get(usize::from(number)).copied().unwrap_or(Self::Cancelled)
    }
}

/// Why a delivery was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DeliveryOrigin {
    /// An event was sent.
    Event = 0,
    /// An endpoint was tested; it counts toward nothing.
    Test = 1,
    /// A request that arrived goes on by a forward of its inbox.
    Forward = 2,
    /// A stored request is sent again.
    Replay = 3,
}

impl DeliveryOrigin {
    pub fn of(number: u8) -> Self {
        [Self::Event, Self::Test, Self::Forward, Self::Replay]
            .into_iter()
            .find(|origin| *origin as u8 == number)
            .unwrap_or(Self::Event)
    }
}

/// A delivery as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its id, which receivers recognise repeats by.
    pub id: String,
    /// The id of the event it delivers; none where it sends on a request.
    pub event: Option<String>,
    /// The id of the request it sends on.
    pub request: Option<String>,
    /// The id of the replay it is part of.
    pub replay: Option<String>,
    /// The event type; empty where a request has none.
    pub event_type: String,
    /// Id of the vendor; empty where a request's is not known.
    pub provider: String,
    /// Its destination's id: an endpoint, a forward, or one that a replay or a command made for itself.
    pub endpoint: String,
    /// Its method.
    pub method: String,
    /// Where it goes; a password in it is masked.
    #[serde(serialize_with = "crate::url::serialize_masked")]
    pub url: String,
    /// Whether a request's signature is made anew.
    pub resigned: bool,
    /// Why it was made.
    pub origin: DeliveryOrigin,
    /// How it stands.
    pub state: DeliveryState,
    /// Why it ended so, in a sentence.
    pub reason: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// When the next attempt is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// Why the last attempt brought none.
    pub error: Option<String>,
    /// What the last attempt took, in ms.
    pub took_ms: Option<f64>,
}

/// A delivery with its attempts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryDetail {
    /// What lists show of it.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Size of its payload, in bytes.
    pub body_bytes: u64,
    /// Its attempts, the first first.
    pub attempts_made: Vec<Attempt>,
}

/// A filter of deliveries. A delivery matches if it meets every condition that is set.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilter {
    /// Only deliveries to this endpoint, by id or name.
    pub endpoint: Option<String>,
    /// Only in this state.
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
    /// Whether no condition is set, so that every delivery matches.
    pub fn is_empty(&self) -> bool {
        let texts = [&self.endpoint, &self.since, &self.until, &self.kind, &self.status, &self.url, &self.text];
        self.state.is_none() && texts.iter().all(|text| text.is_none())
    }
}
