//! The search index.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far the sieve has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchIndexState {
    /// Requests stored that the sieve does not cover yet; a search looks through them one by one.
    pub waiting: u64,
    /// Whether that will be less in a moment: the newest few thousand always wait for a full block.
    pub busy: bool,
    /// What it takes on disk, in bytes.
    pub bytes: u64,
}
