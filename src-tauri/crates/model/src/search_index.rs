//! State of the search index.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// State of the search index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchIndexState {
    /// Number of stored requests that are not indexed yet. A search scans these requests one by one.
    pub waiting: u64,
    /// True if requests are being indexed. Up to 4096 of the newest requests are not indexed until they fill a block.
    pub busy: bool,
    /// Size of the index on disk, in bytes.
    pub bytes: u64,
}
