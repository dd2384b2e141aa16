//! Everything that happened to one event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Delivery, RequestSummary};

/// How a request stands to those of its event before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimelineRepeat {
    /// It is the first.
    First,
    /// The same bytes once more, after an answer that was no 2xx: a retry.
    Retry,
    /// The same bytes once more, though they had been taken.
    Duplicate,
    /// The same id with other bytes.
    Altered,
    /// Too large to be compared.
    Unknown,
}

/// One thing that belongs to an event.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TimelineItem {
    /// A request that arrived.
    Request {
        /// The request.
        request: Box<RequestSummary>,
        /// How it stands to those before it.
        repeat: TimelineRepeat,
        /// Since the request before it, in ms.
        after_ms: Option<f64>,
    },
    /// A delivery of Hookline's own that carries the event's id, or sends one of its requests on.
    Delivery {
        /// The delivery.
        delivery: Box<Delivery>,
    },
}

impl TimelineItem {
    /// The item of a delivery.
    pub fn of(delivery: Delivery) -> Self {
        Self::Delivery { delivery: Box::new(delivery) }
    }

    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Request { request, .. } => request.arrived_at,
            Self::Delivery { delivery } => delivery.created_at,
        }
    }
}

/// All that belongs to one event, the oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// The event's id; none where the request has none, and is alone.
    pub event_id: Option<String>,
    pub items: Vec<TimelineItem>,
    /// Whether there are more than are shown.
    pub more: bool,
}
