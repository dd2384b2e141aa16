//! Making the sieve: behind the store, off the capture path, from where it was left.

use std::{
    io,
    ops::ControlFlow,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use hookline_capture::RowId;
use hookline_model::SearchIndexState;
use hookline_query::Uses;
use rusqlite::Connection;
use tokio::time::Instant;

use super::{
    Sieve,
    block::{BYTES, Block, Building, ROWS},
    file, rows as request_rows,
};
use crate::{
    Engine,
    search::{
        scan,
        scan::{Known, rows},
    },
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

/// Follows the store as long as the engine lives.
pub(crate) fn spawn(engine: &Arc<Engine>) {
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let Some(opened) = engine.upgrade() else { return };
        let store = opened.store.id_tail().get();
        let sieve = opened.sieve.clone();
        drop(opened);
        let opening = sieve.clone();
        // Opened blocks are checked, whole, before any is believed.
        let _ = tokio::task::spawn_blocking(move || opening.open(store)).await;
        let mut waited = 0;
        loop {
            tokio::time::sleep(TICK).await;
            let Some(engine) = engine.upgrade() else { return };
            if !engine.settings().search_index {
                sieve.clear();
                continue;
            }
            let before = sieve.indexing().waiting;
            if let Err(error) = engine.follow(&sieve).await {
                tracing::warn!(%error, "the search index could not look at the store");
                continue;
            }
            let waiting = sieve.indexing().waiting;
            let flooded = waiting > before + FLOOD && waited < WAITED_MAX;
            waited = if flooded { waited + 1 } else { 0 };
            if !flooded && waiting >= ROWS as u64 {
                engine.make_blocks(&sieve, store).await;
            }
        }
    });
}

impl Engine {
    /// Notes how much waits, and lets go of what has rolled over.
    async fn follow(&self, sieve: &Arc<Sieve>) -> Result<(), String> {
        let (covered, sieve) = (sieve.covered(), sieve.clone());
        let indexed = sieve.requests();
        let counted = self.store.readers().read(move |connection| {
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
        sieve.forget_before(RowId(oldest.unwrap_or(i64::MAX)));
        sieve.note(waiting);
        Ok(())
    }

    /// Makes blocks of what waits, one by one.
    async fn make_blocks(self: &Arc<Self>, sieve: &Arc<Sieve>, store: u64) {
        loop {
            let (began, changes) = (Instant::now(), self.feed.last());
            let (known, before, made) = (self.known(), sieve.covered(), sieve.clone());
            let more = self
                .store
                .readers()
                .read(move |connection| match build(connection, &known, before)? {
                    Some(building) => Ok(made.add(building, before, store)),
                    None => Ok(Ok(false)),
                })
                .await;
            match more {
                Ok(Ok(true)) => {
                    let came = (self.feed.last() - changes) as f64;
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
fn build(connection: &Connection, known: &Known, before: RowId) -> rusqlite::Result<Option<Building>> {
    let mut building = Building::new();
    let mut full = false;
    let sql = scan::oldest_first(Uses { content: true, ..Uses::default() }, &format!("r.id > {}", before.0));
    let _ = rows(connection, &sql, &[], known, &mut |subject| {
        full = !request_rows::add(&mut building, subject);
        if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(full.then_some(building))
}

impl Sieve {
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
impl Sieve {
    /// Makes blocks of a few requests each, up to one.
    pub(in crate::search) fn make_for_test(
        &self,
        connection: &Connection,
        known: &Known,
        upto: RowId,
        requests: usize,
    ) {
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
