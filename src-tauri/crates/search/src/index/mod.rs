//! The index: which requests cannot hold a text, told from 2,048 bits for each.
//!
//! A request's bits are the trigrams of everything free text is looked for in, and the values in its
//! JSON body with their paths. Blocks of 4,096 rows hold them bit by bit, so that a search reads a
//! few slices of 512 bytes and is left with the requests that have all the bits it asks for. The
//! files can always be made again from the store: they are checked before they are used, and are
//! never right about more than "cannot match".

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

use hookline_capture::RowId;
use hookline_model::SearchIndexState;

pub(crate) use block::{Block, Candidates};
pub use build::Indexer;
pub(crate) use prefilter::Prefilter;

/// The index of one store.
#[derive(Debug)]
pub struct SearchIndex {
    folder: PathBuf,
    /// By the requests they cover, oldest first.
    blocks: RwLock<Vec<Arc<Block>>>,
    indexing: RwLock<SearchIndexState>,
}

impl SearchIndex {
    /// A index without anything in it, whose files stand in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), blocks: RwLock::default(), indexing: RwLock::default() }
    }

    /// Blocks that cover requests between two, newest first.
    pub(crate) fn blocks(&self, after: RowId, until: RowId) -> Vec<Arc<Block>> {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        blocks
            .iter()
            .rev()
            .filter(|block| block.before() < RowId(after.0 - 1) && block.last() > until)
            .cloned()
            .collect()
    }

    /// The newest request it covers.
    fn covered(&self) -> RowId {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        blocks.last().map_or(RowId(-1), |block| block.last())
    }

    /// Requests it covers; some may be gone from the store.
    fn requests(&self) -> u64 {
        self.blocks.read().unwrap_or_else(PoisonError::into_inner).iter().map(|block| block.requests()).sum()
    }

    /// How far it has come.
    pub fn state(&self) -> SearchIndexState {
        *self.indexing.read().unwrap_or_else(PoisonError::into_inner)
    }
}
