//! Inboxes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Forward, InboxResponse, ReplayTarget, ResponseRule, VerificationSettings};

/// A capture address: everything below `/<name>` belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Inbox {
    /// First segment of its path.
    pub name: String,
    /// What senders are answered.
    pub answer: InboxResponse,
    /// How its requests are verified; secrets are masked.
    pub verification: VerificationSettings,
    /// Which requests are answered in another way; the first that matches answers.
    pub rules: Vec<ResponseRule>,
    /// Whether `/<inbox>/status/503` is answered with that status.
    pub status_by_path: bool,
    /// Where its requests go on to; credentials among their headers are masked.
    pub forwards: Vec<Forward>,
    /// Where its requests were replayed to last.
    pub replayed_to: Option<ReplayTarget>,
    /// Stored requests.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Requests nobody has opened yet.
    pub unread: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
