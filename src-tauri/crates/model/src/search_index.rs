//! State of the search index.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// State of the search index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchIndexState {
    /// Number of stored requests that are not indexed yet. A search reads them one by one.
    pub waiting: u64,
    /// Whether requests are about to be indexed. The newest requests, up to 4096, always wait until they fill a block.
    pub busy: bool,
    /// Size of the index on disk, in bytes.
    pub bytes: u64,
}
