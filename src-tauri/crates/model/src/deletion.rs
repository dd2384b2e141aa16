//! Deletions that can be undone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A deletion of requests or of an inbox.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deletion {
    /// ID of the deletion, used to undo it.
    pub id: i64,
    /// Name of the inbox.
    pub inbox: String,
    /// ID of the request, if a single request was deleted.
    pub request: Option<String>,
    /// True if the inbox itself was deleted.
    pub whole_inbox: bool,
    /// Number of requests deleted.
    pub requests: u64,
    /// Time until which the deletion can be undone.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}
