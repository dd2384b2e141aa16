//! Search index: excludes requests that cannot contain a text, with 2,048 bits per row.
//!
//! The bits of a request are the trigrams of every text that a free-text search covers, and hashes of the values in
//! the JSON body with their paths. Blocks of 4,096 rows store the bits in slices, one per bit. A search reads a few
//! slices of 512 bytes and keeps the requests that have all required bits. The files can always be rebuilt from the
//! store. They are verified before use, and only exclude requests that cannot match.

mod bits;
mod block;
mod build;
mod file;
mod prefilter;
mod rows;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use hookbench_capture::RowId;
use hookbench_model::SearchIndexState;

pub(crate) use block::{Block, Candidates};
pub use build::IndexWriter;
pub(crate) use prefilter::Prefilter;

/// Search index of one store.
#[derive(Debug)]
pub struct SearchIndex {
    folder: PathBuf,
    /// Blocks in the order of the requests that they cover, oldest first.
    blocks: RwLock<Vec<Arc<Block>>>,
    indexing: RwLock<SearchIndexState>,
}

impl SearchIndex {
    /// Creates an empty index with its files in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), blocks: RwLock::default(), indexing: RwLock::default() }
    }

    /// Returns the blocks that cover requests between two rows, newest first.
    pub(crate) fn blocks(&self, after: RowId, until: RowId) -> Vec<Arc<Block>> {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        blocks
            .iter()
            .rev()
            .filter(|block| block.before() < RowId(after.0 - 1) && block.last() > until)
            .cloned()
            .collect()
    }

    /// Returns the newest request that the index covers.
    fn covered(&self) -> RowId {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        blocks.last().map_or(RowId(-1), |block| block.last())
    }

    /// Returns the number of indexed requests. Some may have been deleted from the store.
    fn requests(&self) -> u64 {
        self.blocks.read().unwrap_or_else(PoisonError::into_inner).iter().map(|block| block.requests()).sum()
    }

    /// Returns the progress and the size of the index.
    pub fn state(&self) -> SearchIndexState {
        *self.indexing.read().unwrap_or_else(PoisonError::into_inner)
    }
}
