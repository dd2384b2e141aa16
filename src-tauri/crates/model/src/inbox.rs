//! Inboxes and their secrets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Forward, InboxResponse, ReplayTarget, ResponseRule, VerificationSettings};

/// An inbox. Requests to `/<name>` and to every path below it belong to the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Inbox {
    /// Name of the inbox, which is the first segment of the path.
    pub name: String,
    /// Default response. Used if no response rule and no proxy forward provides the response.
    pub response: InboxResponse,
    /// Verification of signatures. Secrets are masked.
    pub verification: VerificationSettings,
    /// Response rules. The first enabled rule that matches a request provides the response.
    pub rules: Vec<ResponseRule>,
    /// True if requests to `/<inbox>/status/<code>` get a response with that status.
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

/// Result of sending a test event to an inbox.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InboxTestResult {
    /// Status of the response of the inbox.
    pub status: u16,
}

/// The signing secrets of an inbox, unmasked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InboxSecretList {
    /// The items.
    pub items: Vec<String>,
}
