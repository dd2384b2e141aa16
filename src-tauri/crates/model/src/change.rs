//! The event stream: what changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CheckRun, Deletion, Delivery, Endpoint, Inbox, Job, Replay, RequestSummary, Tunnel};

/// Something that changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// A request was committed.
    RequestAdded {
        /// The request as a list shows it.
        request: RequestSummary,
    },
    /// A request's pin, note or read mark changed.
    RequestChanged {
        /// The request as a list shows it.
        request: RequestSummary,
    },
    /// Requests are hidden and will be deleted; undo is possible for a while.
    RequestsRemoved {
        /// What was removed.
        removal: Deletion,
    },
    /// A removal was undone.
    RequestsRestored {
        /// What is back.
        removal: Deletion,
    },
    /// Requests were imported; lists that show them must be read again.
    RequestsImported {
        /// Inboxes that have more now.
        inboxes: Vec<String>,
    },
    /// The oldest requests rolled over.
    RequestsExpired {
        /// How many.
        requests: u64,
    },
    /// An inbox was made.
    InboxAdded {
        /// The inbox.
        inbox: Inbox,
    },
    /// An inbox's settings or read mark changed.
    InboxChanged {
        /// Its name before, which differs if it was renamed.
        was: String,
        /// The inbox.
        inbox: Inbox,
    },
    /// Settings, receiver or database state changed; `/status` and `/settings` say how.
    StatusChanged,
    /// An endpoint was made or changed.
    EndpointChanged {
        /// The endpoint.
        endpoint: Box<Endpoint>,
    },
    /// An endpoint was removed.
    EndpointRemoved {
        /// Its id.
        id: String,
    },
    /// A delivery was made or went on.
    DeliveryChanged {
        /// The delivery as a list shows it.
        delivery: Delivery,
    },
    /// An endpoint's receiver failed so often, or said so, that it was switched off.
    EndpointDisabled {
        /// The endpoint, with the reason.
        endpoint: Box<Endpoint>,
    },
    /// A replay was begun, went on or ended.
    ReplayChanged {
        /// The replay.
        replay: Box<Replay>,
    },
    /// A run of handler checks was begun, went on or ended.
    CheckChanged {
        /// The run.
        check: Box<CheckRun>,
    },
    /// A tunnel was made, changed, or stands otherwise than before.
    TunnelChanged {
        /// The tunnel.
        tunnel: Box<Tunnel>,
    },
    /// A tunnel was removed.
    TunnelRemoved {
        /// Its id.
        id: String,
    },
    /// The oldest deliveries rolled over.
    DeliveriesExpired {
        /// How many.
        deliveries: u64,
    },
    /// Shapes learned from more bodies, or one was forgotten.
    ShapesChanged,
    /// Requests were refused before they could be stored, or refusals were dismissed.
    RefusalsChanged,
    /// Saved queries were saved or removed.
    QueriesChanged,
    /// Requests arrived that match a saved query which is to be told of.
    QueryMatched {
        /// The saved query's name.
        name: String,
        /// The newest of them.
        request: Box<RequestSummary>,
        /// How many.
        requests: u64,
    },
    /// A job moved on.
    JobChanged {
        /// The job.
        job: Job,
    },
}

/// One change with its number.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FeedItem {
    /// Grows by one with each change; survives restarts, with gaps.
    pub seq: i64,
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
}
