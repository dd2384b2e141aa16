//! Building of the index, block by block, from where the last run stopped.

use std::{
    io,
    sync::{Arc, PoisonError},
};

use hookbench_capture::RowId;
use hookbench_model::SearchIndexState;
use hookbench_query::Subject;
use rusqlite::Connection;

use super::{
    SearchIndex,
    block::{BYTES, Block, Building, ROWS},
    file, rows as request_rows,
};

/// Maximum number of waiting requests that are counted exactly.
const COUNTED_MAX: i64 = 2 * ROWS as i64;

/// Writer of the index of a store. There is one per index.
pub struct IndexWriter {
    index: Arc<SearchIndex>,
    /// Number of the store, stored in each block.
    store: u64,
    building: Option<Building>,
    /// Last request that was added, to a finished block or to the current one.
    last: RowId,
}

impl std::fmt::Debug for IndexWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexWriter").field("last", &self.last).finish_non_exhaustive()
    }
}

impl IndexWriter {
    /// Opens the index of an earlier run. Every block is verified before any block is used, which takes a while.
    /// Unusable files are deleted, and their requests are indexed again.
    pub fn open(index: Arc<SearchIndex>, store: u64) -> Self {
        if let Err(error) = index.open(store) {
            tracing::warn!(%error, "cannot open the search index, rebuilding it");
        }
        let last = index.covered();
        Self { index, store, building: None, last }
    }

    /// Returns the last request that was added.
    pub fn last(&self) -> RowId {
        self.last
    }

    /// Adds a request. A block that becomes full is written to disk.
    pub fn add(&mut self, subject: &Subject<'_>) -> io::Result<()> {
        let building = self.building.get_or_insert_with(Building::new);
        if !request_rows::add(building, subject) {
            self.write_block()?;
            request_rows::add(self.building.insert(Building::new()), subject);
        }
        self.last = subject.id;
        Ok(())
    }

    /// Records that all requests up to a row were added.
    pub fn pass(&mut self, last: RowId) {
        self.last = self.last.max(last);
    }

    fn write_block(&mut self) -> io::Result<()> {
        let Some(building) = self.building.take() else { return Ok(()) };
        let written = self.index.add(building, self.index.covered(), self.store);
        if written.is_err() {
            // The requests of the block are indexed again.
            self.last = self.index.covered();
        }
        written.map(drop)
    }

    /// Deletes the index. Searches then read the stored requests one by one.
    pub fn clear(&mut self) {
        self.index.clear();
        (self.building, self.last) = (None, self.index.covered());
    }

    /// Updates the number of requests outside finished blocks, and deletes the files whose requests were all deleted.
    pub fn refresh(index: &SearchIndex, connection: &Connection) -> rusqlite::Result<()> {
        let (covered, indexed) = (index.covered(), index.requests());
        // A small number is counted. A large number is estimated from the totals without reading the requests. The
        // estimate is never too high, because indexed requests may have been deleted.
        let all: i64 = connection
            .prepare_cached("SELECT coalesce(sum(requests), 0) FROM inbox_total")?
            .query_row([], |row| row.get(0))?;
        let about = all - indexed as i64;
        let waiting = match about < COUNTED_MAX {
            true => connection
                .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM request WHERE id > ?1 LIMIT ?2)")?
                .query_row([covered.0, COUNTED_MAX], |row| row.get(0))?,
            false => about,
        };
        let oldest: Option<i64> =
            connection.prepare_cached("SELECT min(id) FROM request")?.query_row([], |row| row.get(0))?;
        index.forget_before(RowId(oldest.unwrap_or(i64::MAX)));
        index.note(waiting as u64);
        Ok(())
    }
}

impl SearchIndex {
    /// Opens the files of an earlier run. Damaged files are deleted and rebuilt.
    fn open(&self, store: u64) -> io::Result<()> {
        let blocks = file::open(&self.folder, store).unwrap_or_default();
        let whole = blocks.iter().all(Block::check);
        if !whole || blocks.is_empty() {
            if !blocks.is_empty() {
                tracing::warn!("the search index is damaged, rebuilding it");
            }
            return file::remove_all(&self.folder);
        }
        *self.blocks.write().unwrap_or_else(PoisonError::into_inner) = blocks.into_iter().map(Arc::new).collect();
        Ok(())
    }

    fn clear(&self) {
        let blocks = std::mem::take(&mut *self.blocks.write().unwrap_or_else(PoisonError::into_inner));
        self.note(0);
        if !blocks.is_empty()
            && let Err(error) = file::remove_all(&self.folder)
        {
            tracing::warn!(%error, "cannot delete the search index");
        }
    }

    /// Appends a block to the index. Returns `false` if the block is empty.
    fn add(&self, building: Building, before: RowId, store: u64) -> io::Result<bool> {
        let last = self.blocks.read().unwrap_or_else(PoisonError::into_inner).last().cloned();
        let Some(bytes) = building.finish(before, store) else { return Ok(false) };
        let block = file::append(&self.folder, last.as_deref(), &bytes, store)?;
        let requests = block.requests();
        self.blocks.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(block));
        let mut indexing = self.indexing.write().unwrap_or_else(PoisonError::into_inner);
        indexing.waiting = indexing.waiting.saturating_sub(requests);
        Ok(true)
    }

    /// Deletes the files whose requests were all deleted from the store.
    fn forget_before(&self, oldest: RowId) {
        let mut blocks = self.blocks.write().unwrap_or_else(PoisonError::into_inner);
        while let Some(first) = blocks.first().cloned() {
            let same = blocks.iter().take_while(|block| Arc::ptr_eq(&block.file, &first.file)).count();
            // The newest file is still being written.
            if same == blocks.len() || blocks[same - 1].last() >= oldest {
                return;
            }
            if let Err(error) = file::remove(&self.folder, &first) {
                tracing::warn!(%error, "cannot delete a file of the search index");
                return;
            }
            blocks.drain(..same);
        }
    }

    fn note(&self, waiting: u64) {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner).len() as u64;
        let noted = SearchIndexState { waiting, busy: waiting >= ROWS as u64, bytes: blocks * BYTES as u64 };
        *self.indexing.write().unwrap_or_else(PoisonError::into_inner) = noted;
    }
}

#[cfg(test)]
impl SearchIndex {
    /// Builds blocks of a few requests each, up to the row `until`.
    pub(crate) fn make_for_test(
        &self,
        connection: &Connection,
        known: &crate::InboxSnapshot,
        until: RowId,
        requests: usize,
    ) {
        use std::ops::ControlFlow;

        use hookbench_query::Uses;

        use crate::scan::{rows, sql};
        file::remove_all(&self.folder).expect("a folder");
        loop {
            let before = self.covered();
            let mut building = Building::new();
            let mut count = 0;
            let between = format!("r.id > {} AND r.id <= {}", before.0, until.0);
            let sql = sql(Uses::default(), false, &between).replace("DESC", "");
            let _ = rows(connection, &sql, &[], known, &mut |subject| {
                assert!(request_rows::add(&mut building, subject), "there is room");
                count += 1;
                if count == requests { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .expect("the store is readable");
            if !self.add(building, before, 7).expect("a block") {
                return;
            }
        }
    }
}
