//! Building of the index: after requests are stored, outside the capture path, from where the last run stopped.

use std::{
    io,
    ops::ControlFlow,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use hookline_capture::{RowId, Store};
use hookline_model::SearchIndexState;
use hookline_query::Uses;
use rusqlite::Connection;
use tokio::time::Instant;

use super::{
    SearchIndex,
    block::{BYTES, Block, Building, ROWS},
    file, rows as request_rows,
};
use crate::{
    scan,
    scan::{InboxSnapshot, rows},
};

/// Interval at which the index checks whether there are enough requests for a block.
const TICK: Duration = Duration::from_millis(500);

/// Number of arrivals per interval above which capturing has priority, and the maximum number of intervals for which
/// the index waits.
const FLOOD: u64 = 2_000;
const WAITED_MAX: u32 = 20;

/// Maximum number of waiting requests that are counted exactly.
const COUNTED_MAX: i64 = 2 * ROWS as i64;

/// Pause between two blocks, as a multiple of the time that the last block took. The pause leaves the machine to other
/// programs, and is longer while many requests arrive.
const PAUSE: u32 = 1;
const FLOOD_PAUSE: u32 = 6;

/// Background task that builds the index of a store.
pub struct Indexer {
    /// The index.
    pub index: Arc<SearchIndex>,
    /// The store. The task ends when the store is dropped.
    pub store: Weak<Store>,
    /// Returns the current inboxes.
    pub inboxes: Box<dyn Fn() -> InboxSnapshot + Send + Sync>,
    /// Returns whether an index is wanted.
    pub wanted: Box<dyn Fn() -> bool + Send + Sync>,
    /// Returns a number that grows with each change. The speed of its growth shows how busy the engine is.
    pub changes: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Indexer {
    /// Follows the store until the store is dropped.
    pub async fn run(self) {
        let Some(store) = self.store.upgrade().map(|store| store.id_tail().get()) else { return };
        let index = self.index.clone();
        let opening = index.clone();
        // Every block is checked completely before any block is used.
        let _ = tokio::task::spawn_blocking(move || opening.open(store)).await;
        let mut waited = 0;
        loop {
            tokio::time::sleep(TICK).await;
            let Some(opened) = self.store.upgrade() else { return };
            if !(self.wanted)() {
                index.clear();
                continue;
            }
            let before = index.state().waiting;
            if let Err(error) = self.follow(&opened).await {
                tracing::warn!(%error, "the search index could not look at the store");
                continue;
            }
            let waiting = index.state().waiting;
            let flooded = waiting > before + FLOOD && waited < WAITED_MAX;
            waited = if flooded { waited + 1 } else { 0 };
            if !flooded && waiting >= ROWS as u64 {
                self.make_blocks(&opened, store).await;
            }
        }
    }

    /// Updates the number of waiting requests, and deletes files whose requests were all deleted.
    async fn follow(&self, opened: &Store) -> Result<(), String> {
        let (covered, index) = (self.index.covered(), self.index.clone());
        let indexed = index.requests();
        let counted = opened.readers().read(move |connection| {
            // A small number is counted. A large one is estimated from the totals without reading the requests. The
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
            Ok((waiting as u64, oldest))
        });
        let (waiting, oldest) = counted.await.map_err(|e| e.to_string())?;
        index.forget_before(RowId(oldest.unwrap_or(i64::MAX)));
        index.note(waiting);
        Ok(())
    }

    /// Builds blocks from the waiting requests, one at a time.
    async fn make_blocks(&self, opened: &Store, store: u64) {
        loop {
            let (began, changes) = (Instant::now(), (self.changes)());
            let (known, before, made) = ((self.inboxes)(), self.index.covered(), self.index.clone());
            let more = opened
                .readers()
                .read(move |connection| match build(connection, &known, before)? {
                    Some(building) => Ok(made.add(building, before, store)),
                    None => Ok(Ok(false)),
                })
                .await;
            match more {
                Ok(Ok(true)) => {
                    let came = ((self.changes)() - changes) as f64;
                    let flooded = came > FLOOD as f64 * began.elapsed().div_duration_f64(TICK);
                    tokio::time::sleep(began.elapsed() * if flooded { FLOOD_PAUSE } else { PAUSE }).await;
                }
                Ok(Ok(false)) => return,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the search index cannot be written; searches go without");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the search index could not read the store");
                    return;
                }
            }
        }
    }
}

/// Builds a block from the requests after `before`. Returns `None` if the requests do not fill a block.
fn build(connection: &Connection, known: &InboxSnapshot, before: RowId) -> rusqlite::Result<Option<Building>> {
    let mut building = Building::new();
    let mut full = false;
    let sql = scan::oldest_first(Uses { content: true, ..Uses::default() }, &format!("r.id > {}", before.0));
    let _ = rows(connection, &sql, &[], known, &mut |subject| {
        full = !request_rows::add(&mut building, subject);
        if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(full.then_some(building))
}

impl SearchIndex {
    /// Opens the files of an earlier run. Damaged files are deleted and built again.
    fn open(&self, store: u64) -> io::Result<()> {
        let blocks = file::open(&self.folder, store).unwrap_or_default();
        let whole = blocks.iter().all(Block::check);
        if !whole || blocks.is_empty() {
            if !blocks.is_empty() {
                tracing::warn!("the search index was damaged; it is made again");
            }
            return file::remove_all(&self.folder);
        }
        *self.blocks.write().unwrap_or_else(PoisonError::into_inner) = blocks.into_iter().map(Arc::new).collect();
        Ok(())
    }

    /// Deletes the index. Searches then read the stored requests one by one.
    fn clear(&self) {
        let blocks = std::mem::take(&mut *self.blocks.write().unwrap_or_else(PoisonError::into_inner));
        self.note(0);
        if !blocks.is_empty()
            && let Err(error) = file::remove_all(&self.folder)
        {
            tracing::warn!(%error, "the search index could not be removed");
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
                tracing::warn!(%error, "a file of the search index could not be removed");
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
    /// Builds blocks of a few requests each, up to the row `upto`.
    pub(crate) fn make_for_test(&self, connection: &Connection, known: &InboxSnapshot, upto: RowId, requests: usize) {
        file::remove_all(&self.folder).expect("a folder");
        loop {
            let before = self.covered();
            let mut building = Building::new();
            let mut count = 0;
            let sql = scan::oldest_first(Uses::default(), &format!("r.id > {} AND r.id <= {}", before.0, upto.0));
            let _ = rows(connection, &sql, &[], known, &mut |subject| {
                assert!(request_rows::add(&mut building, subject), "there is room");
                count += 1;
                if count == requests { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .expect("the store reads");
            if !self.add(building, before, 7).expect("a block") {
                return;
            }
        }
    }
}
