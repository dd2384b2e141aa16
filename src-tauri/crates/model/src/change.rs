//! Changes of the event stream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CheckRun, Deletion, Delivery, Endpoint, Inbox, Job, Replay, RequestSummary, Tunnel};

/// A change of a resource.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// A request was stored.
    RequestAdded {
        /// Summary of the request.
        request: RequestSummary,
    },
    /// The marks, the status, the signature status or the last outgoing delivery of a request changed.
    RequestChanged {
        /// Summary of the request.
        request: RequestSummary,
    },
    /// Requests were deleted. The deletion can be undone for 10 seconds.
    RequestsDeleted {
        /// The deletion.
        deletion: Deletion,
    },
    /// A deletion was undone.
    RequestsRestored {
        /// The deletion that was undone.
        deletion: Deletion,
    },
    /// Requests were imported. Clients must reload lists of requests.
    RequestsImported {
        /// Names of the inboxes that received requests.
        inboxes: Vec<String>,
    },
    /// The oldest requests were deleted by retention.
    RequestsExpired {
        /// Number of requests deleted.
        requests: u64,
    },
    /// An inbox was created.
    InboxAdded {
        /// The inbox.
        inbox: Inbox,
    },
    /// The settings or the read mark of an inbox changed.
    InboxChanged {
        /// Name of the inbox before the change. The name differs if the inbox was renamed.
        was: String,
        /// The inbox.
        inbox: Inbox,
    },
    /// The settings, the state of the listener or the state of the database changed. Read `/status` and `/settings` for
    /// the current values.
    StatusChanged,
    /// An endpoint was created or changed.
    EndpointChanged {
        /// The endpoint.
        endpoint: Box<Endpoint>,
    },
    /// An endpoint was deleted.
    EndpointDeleted {
        /// ID of the endpoint.
        id: String,
    },
    /// A delivery was created or changed.
    DeliveryChanged {
        /// The delivery.
        delivery: Delivery,
    },
    /// An endpoint was disabled automatically, because of failures or a 410 response.
    EndpointDisabled {
        /// The endpoint, with the reason.
        endpoint: Box<Endpoint>,
    },
    /// A replay was created or changed.
    ReplayChanged {
        /// The replay.
        replay: Box<Replay>,
    },
    /// A check run was created or changed.
    CheckChanged {
        /// The check run.
        check: Box<CheckRun>,
    },
    /// A tunnel was created, or its settings or state changed.
    TunnelChanged {
        /// The tunnel.
        tunnel: Box<Tunnel>,
    },
    /// A tunnel was deleted.
    TunnelDeleted {
        /// ID of the tunnel.
        id: String,
    },
    /// The oldest deliveries were deleted by retention.
    DeliveriesExpired {
        /// Number of deliveries deleted.
        deliveries: u64,
    },
    /// Inferred schemas changed, or one was deleted.
    SchemasChanged,
    /// Requests were refused before they could be stored, or refusals were dismissed.
    RefusalsChanged,
    /// Saved searches were saved or deleted.
    SavedSearchesChanged,
    /// Projects were saved or deleted.
    ProjectsChanged,
    /// Custom providers were saved or deleted, or events were imported.
    ProvidersChanged,
    /// Requests arrived that match a saved search with an alert.
    SavedSearchMatched {
        /// Name of the saved search.
        name: String,
        /// The newest matching request.
        request: Box<RequestSummary>,
        /// Number of matching requests.
        requests: u64,
    },
    /// The state or the progress of a job changed.
    JobChanged {
        /// The job.
        job: Job,
    },
}

/// A numbered change of the event stream.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FeedItem {
    /// Number of the change. Each change increases the number by one. A restart of Hookbench leaves a gap.
    pub seq: i64,
    /// The change.
    #[serde(flatten)]
    pub change: Change,
}
