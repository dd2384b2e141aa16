//! Timeline of an event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Delivery, RequestSummary, RequestViolation};

/// Relation of a request to the earlier requests of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimelineRepeat {
    /// The request is the first of its event.
    First,
    /// Retry: the same bytes, after a response other than 2xx.
    Retry,
    /// Duplicate: the same bytes, although the previous request got a 2xx response.
    Duplicate,
    /// Payload changed: the same event ID with other bytes.
    Altered,
    /// The bodies could not be compared, because they are too large.
    Unknown,
}

/// An item of a timeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TimelineItem {
    /// A captured request.
    Request {
        /// The request.
        request: Box<RequestSummary>,
        /// Relation of the request to the earlier requests of the event.
        repeat: TimelineRepeat,
        /// Time since the previous request, in ms. Null for the first request.
        after_ms: Option<f64>,
        /// Differences between the payload and the schema of its event, at most 20.
        violations: Vec<RequestViolation>,
    },
    /// A delivery of the event, or a forward or replay of a request of the event.
    Delivery {
        /// The delivery.
        delivery: Box<Delivery>,
    },
}

impl TimelineItem {
    /// Creates the item of a delivery.
    pub fn of(delivery: Delivery) -> Self {
        Self::Delivery { delivery: Box::new(delivery) }
    }

    /// Returns the time at which the request arrived or the delivery was created.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Request { request, .. } => request.arrived_at,
            Self::Delivery { delivery } => delivery.created_at,
        }
    }
}

/// Timeline of one event, oldest item first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// ID of the event. Null if the request has no event ID. The timeline then contains only this request and its
    /// deliveries.
    pub event_id: Option<String>,
    /// Requests and deliveries of the event.
    pub items: Vec<TimelineItem>,
    /// True if the event has more requests than the 200 shown.
    pub more: bool,
}
