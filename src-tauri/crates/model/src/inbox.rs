//! Inboxes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Forward, InboxResponse, ReplayTarget, ResponseRule, VerificationSettings};

/// An inbox. Requests to `/<name>` and to every path below it belong to the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Inbox {
    /// Name of the inbox, which is the first segment of the path.
    pub name: String,
    /// Response that senders get if no rule and no forward provides another.
    pub answer: InboxResponse,
    /// Verification of signatures. Secrets are masked.
    pub verification: VerificationSettings,
    /// Response rules. The first enabled rule that matches a request provides the response.
    pub rules: Vec<ResponseRule>,
    /// Whether requests to `/<inbox>/status/<code>` get a response with that status.
    pub status_by_path: bool,
    /// Forwards. Credentials in URLs and headers are masked.
    pub forwards: Vec<Forward>,
    /// Target of the last replay from this inbox. Credentials in a URL are masked.
    pub replayed_to: Option<ReplayTarget>,
    /// Number of stored requests.
    pub requests: u64,
    /// Total size of the stored bodies, in bytes.
    pub bytes: u64,
    /// Number of unread requests.
    pub unread: u64,
    /// Time at which the inbox was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// List of inboxes, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InboxList {
    /// The items.
    pub items: Vec<Inbox>,
    /// Number of the last change that the list includes.
    pub seq: i64,
}

/// Response to the test event of an inbox.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InboxTestResult {
    /// Status of the response.
    pub status: u16,
}

/// The signing secrets of an inbox, unmasked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InboxSecretList {
    /// The items.
    pub items: Vec<String>,
}
