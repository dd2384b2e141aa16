//! Deletions that can be undone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something a person removed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deletion {
    /// Number to undo it by.
    pub id: i64,
    /// Name of the inbox.
    pub inbox: String,
    /// The one request, if it is one.
    pub request: Option<String>,
    /// Whether the inbox itself is removed.
    pub whole_inbox: bool,
    /// Requests hidden by it.
    pub requests: u64,
    /// Until when it can be undone.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}
