//! Making the index: behind the store, off the capture path, from where it was left.

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

/// How often it looks whether there is enough for a block.
const TICK: Duration = Duration::from_millis(500);

/// Arrivals within a tick above which receiving comes first, and the most ticks it waits for that.
const FLOOD: u64 = 2_000;
const WAITED_MAX: u32 = 20;

/// Requests that wait are counted up to here.
const COUNTED_MAX: i64 = 2 * ROWS as i64;

/// Pause between two blocks, as a multiple of the time that one took: the rest of the machine is others',
/// and more of it while they need it.
const PAUSE: u32 = 1;
const FLOOD_PAUSE: u32 = 6;

/// What makes an index: the store it follows, and what it asks of the engine.
pub struct Indexer {
    /// The index.
    pub index: Arc<SearchIndex>,
    /// The store. The index is made until it is dropped.
    pub store: Weak<Store>,
    /// The inboxes as they are now.
    pub inboxes: Box<dyn Fn() -> InboxSnapshot + Send + Sync>,
    /// Whether an index is wanted.
    pub wanted: Box<dyn Fn() -> bool + Send + Sync>,
    /// A number that grows with each change: how fast it grows tells how busy the engine is.
    pub changes: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Indexer {
    /// Follows the store until it is dropped.
    pub async fn run(self) {
        let Some(store) = self.store.upgrade().map(|store| store.id_tail().get()) else { return };
        let index = self.index.clone();
        let opening = index.clone();
        // Opened blocks are checked, whole, before any is believed.
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

    /// Notes how much waits, and lets go of what has rolled over.
    async fn follow(&self, opened: &Store) -> Result<(), String> {
        let (covered, index) = (self.index.covered(), self.index.clone());
        let indexed = index.requests();
        let counted = opened.readers().read(move |connection| {
            // Few are counted. Of many the totals tell about how many there are, without reading them:
            // at least as many, for what was indexed may be gone.
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

    /// Makes blocks of what waits, one by one.
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

/// A block of the requests behind one; none if they do not fill it.
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
    /// Opens what a run before has left; what is damaged is made again.
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

    /// Goes on without: searches look through what is stored, one by one.
    fn clear(&self) {
        let blocks = std::mem::take(&mut *self.blocks.write().unwrap_or_else(PoisonError::into_inner));
        self.note(0);
        if !blocks.is_empty()
            && let Err(error) = file::remove_all(&self.folder)
        {
            tracing::warn!(%error, "the search index could not be removed");
        }
    }

    /// Keeps a block; whether there is more to do.
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

    /// Lets go of files whose requests are all gone.
    fn forget_before(&self, oldest: RowId) {
        let mut blocks = self.blocks.write().unwrap_or_else(PoisonError::into_inner);
        while let Some(first) = blocks.first().cloned() {
            let same = blocks.iter().take_while(|block| Arc::ptr_eq(&block.file, &first.file)).count();
            // The newest file goes on being written.
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
    /// Makes blocks of a few requests each, up to one.
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
