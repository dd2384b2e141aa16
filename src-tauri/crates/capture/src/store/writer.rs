//! The writer thread. Requests are queued while a commit is being written to disk, and the next commit stores all of
//! them.
//!
//! The queue is a vector in a mutex, and the writer swaps the whole vector. One notification wakes all waiters of a
//! batch. The writer does not delay commits to collect more requests, because the next batch fills while the disk
//! flushes.

use std::{
    any::Any,
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hookbench_model::{BodyState, DatabaseFault, DatabaseHealth};
use rusqlite::{Connection, params};

use super::{
    checkpoint::Checkpoints,
    commit::{Batch, CommitError},
    id::RowId,
    place::Place,
    queue::{Job, Shared},
    row::{self, Totals, add_totals, insert_row, stored_bytes},
    schema::CHUNK_PART_BITS,
};
use crate::{
    clock::Clock,
    message::{Body, Captured},
};

/// Bytes written between two background checkpoints: about 6,000 small webhooks.
const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;

/// Number of bytes that a job other than a request is assumed to write.
const WORK_BYTES: u64 = 32 * 1024;

/// Interval between attempts to write to a failing database when no request arrives.
const RETRY: Duration = Duration::from_millis(500);

/// The requests of one commit.
#[derive(Debug)]
pub struct Committed {
    /// Last row id before this commit.
    pub before: RowId,
    /// Last row id of this commit.
    pub last: RowId,
    /// Requests that arrived at a listener, with their row ids.
    pub arrived: Vec<(RowId, Captured)>,
    /// Requests that work stored with [`Transaction::keep`], with their row ids. The work publishes these requests.
    pub kept: Vec<(RowId, Captured)>,
    /// Number of imported requests ([`Transaction::keep_imported`]), which are not listed here.
    pub imported: u64,
}

/// Callback for committed requests. Runs on the writer thread, in commit order.
pub type OnCommit = Box<dyn FnMut(Committed) + Send>;

/// The writer's transaction, as passed to [`Store::transact`](crate::Store::transact).
pub struct Transaction<'w> {
    /// Connection of the writer. Changes made through it are part of the commit.
    pub connection: &'w Connection,
    last: &'w mut RowId,
    stored: &'w mut StoredRequests,
    now_ms: i64,
}

/// Requests that were stored by work of one batch.
#[derive(Debug, Default)]
struct StoredRequests {
    kept: Vec<(RowId, Captured)>,
    imported: u64,
}

impl Transaction<'_> {
    /// Stores a request that arrived. The caller publishes the request.
    pub fn keep(&mut self, row: &mut Captured) -> rusqlite::Result<RowId> {
        let id = self.insert(row)?;
        self.stored.kept.push((id, row.clone()));
        Ok(id)
    }

    /// Stores an imported request, for which the caller stores more data than [`Captured`] has.
    pub fn keep_imported(&mut self, row: &mut Captured) -> rusqlite::Result<RowId> {
        let id = self.insert(row)?;
        self.stored.imported += 1;
        Ok(id)
    }

    fn insert(&mut self, row: &mut Captured) -> rusqlite::Result<RowId> {
        *self.last = RowId::next(*self.last, self.now_ms);
        let mut insert = self.connection.prepare_cached(row::INSERT)?;
        number_and_insert(&mut insert, *self.last, row)?;
        let mut totals = Totals::from([(row.inbox, (1, stored_bytes(row) as i64))]);
        add_totals(self.connection, &mut totals)?;
        Ok(*self.last)
    }
}

/// Inserts a request with a row id. The arrival time is limited to the time of the row id, because time searches stop
/// at row ids: a request must not have arrived after its commit, even if the clock was set back.
fn number_and_insert(
    insert: &mut rusqlite::CachedStatement<'_>,
    id: RowId,
    row: &mut Captured,
) -> rusqlite::Result<()> {
    row.arrived_us = row.arrived_us.min(id.unix_ms() * 1_000 + 999);
    insert_row(insert, id, row)
}

pub(super) struct Writer {
    connection: Connection,
    clock: Clock,
    on_commit: OnCommit,
    last: RowId,
    checkpoints: Checkpoints,
    place: Place,
    unchecked_bytes: u64,
    /// Numbers of bodies with a chunk that could not be stored.
    lost_bodies: HashSet<i64>,
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        path: &Path,
        clock: Clock,
        on_commit: OnCommit,
        last: RowId,
        shared: Arc<Shared>,
    ) -> rusqlite::Result<Self> {
        let checkpoints = Checkpoints::spawn(path)?;
        Ok(Self {
            connection,
            clock,
            on_commit,
            last,
            checkpoints,
            place: Place::of(path),
            unchecked_bytes: 0,
            lost_bodies: HashSet::new(),
            shared,
        })
    }

    pub(super) fn run(&mut self) {
        while let Some((jobs, batch)) = self.next() {
            self.commit(jobs, &batch);
        }
        // If a reader is still active, the log stays and the next start copies it. The log also stays on a full disk,
        // because the space that a copy would take is needed to open the database again.
        if *self.shared.health.borrow() != DatabaseHealth::Ok {
            return;
        }
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// Waits for jobs and takes them all. Returns no jobs if a failing database is to be tried again, and `None` if the
    /// store is closed.
    fn next(&self) -> Option<(Vec<Job>, Arc<Batch>)> {
        let shared = &self.shared;
        let mut queue = shared.lock();
        while queue.jobs.is_empty() {
            if queue.closed {
                queue.ended = true;
                return None;
            }
            queue.asleep = true;
            if *shared.health.borrow() == DatabaseHealth::Ok {
                queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            } else {
                let (woken, timeout) = shared.wake.wait_timeout(queue, RETRY).unwrap_or_else(PoisonError::into_inner);
                queue = woken;
                if timeout.timed_out() {
                    break;
                }
            }
        }
        queue.asleep = false;
        Some((std::mem::take(&mut queue.jobs), std::mem::take(&mut queue.batch)))
    }

    fn commit(&mut self, mut jobs: Vec<Job>, batch: &Batch) {
        let (mut ids, mut stored) = (Vec::with_capacity(jobs.len()), StoredRequests::default());
        let last = self.last;
        // Data written into a removed file would be lost.
        let there = self.place.check();
        let done =
            catch_unwind(AssertUnwindSafe(|| there.and_then(|()| self.transaction(&mut jobs, &mut ids, &mut stored))));
        let result = done.unwrap_or_else(|panic| {
            Err(CommitError {
                fault: DatabaseFault::Other,
                message: format!("a write panicked: {}", panic_text(&*panic)),
            })
        });
        // The files are checked again, so that a commit into a file that was just removed is not reported as a success.
        let result = result.and_then(|written| self.place.check().map(|()| written));
        if !matches!(result, Ok(true)) {
            self.last = last;
        }
        if result.is_err() {
            self.lost_bodies.extend(jobs.iter().filter_map(|job| match job {
                Job::Chunk { id, .. } => Some(id >> CHUNK_PART_BITS),
                _ => None,
            }));
            if !self.connection.is_autocommit() {
                // If the rollback fails, the next BEGIN fails and reports the error.
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        // A batch without changes does not show if the database can be written.
        let written = !matches!(result, Ok(false));
        let result = result.map(drop);
        if written {
            self.report(&result);
        }
        let mut rows = Vec::with_capacity(ids.len());
        let mut ids = ids.into_iter();
        for job in jobs {
            match job {
                Job::Row(captured) => rows.extend(ids.next().map(|id| (id, *captured))),
                Job::Chunk { .. } => {}
                Job::Work(work) => unharmed(|| work.end(result.clone())),
            }
        }
        let committed = result.is_ok();
        batch.finish(result);
        // The callback runs after the waiters were notified, so that senders do not wait for the callback.
        let StoredRequests { kept, imported } = stored;
        if committed && self.last != last {
            let committed = Committed { before: last, last: self.last, arrived: rows, kept, imported };
            unharmed(|| (self.on_commit)(committed));
        }
        self.checkpoint_if_due();
    }

    /// Runs all jobs in one transaction. Returns true if the transaction was committed. If every job is work that
    /// failed, the transaction is rolled back, which also succeeds on a full disk.
    fn transaction(
        &mut self,
        jobs: &mut [Job],
        ids: &mut Vec<RowId>,
        stored: &mut StoredRequests,
    ) -> Result<bool, CommitError> {
        let now = self.clock.now_ms();
        let connection = &self.connection;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut totals = Totals::new();
        // A batch without jobs tests if a failing database can be written again.
        let mut took_effect = jobs.is_empty();
        {
            let mut insert = connection.prepare_cached(row::INSERT)?;
            for job in jobs.iter_mut() {
                match job {
                    Job::Row(row) => {
                        took_effect = true;
                        // A request whose sender disconnected did not wait for its chunks. If a chunk was lost, the
                        // body is stored as empty and incomplete.
                        if matches!(row.body, Body::Chunks(body) if self.lost_bodies.remove(&body)) {
                            row.body = Body::Inline(Bytes::new());
                            row.body_bytes = 0;
                            row.body_state = BodyState::BrokenOff;
                        }
                        self.last = RowId::next(self.last, now);
                        ids.push(self.last);
                        number_and_insert(&mut insert, self.last, row)?;
                        let bytes = row.headers.len() as u64 + stored_bytes(row);
                        let total = totals.entry(row.inbox).or_default();
                        total.0 += 1;
                        total.1 += stored_bytes(row) as i64;
                        self.unchecked_bytes += bytes;
                    }
                    Job::Chunk { id, bytes } => {
                        took_effect = true;
                        connection
                            .prepare_cached("INSERT INTO chunk (id, bytes) VALUES (?1, ?2)")?
                            .execute(params![*id, bytes.as_ref()])?;
                        self.unchecked_bytes += bytes.len() as u64;
                    }
                    Job::Work(work) => {
                        // Work sees the rows of earlier jobs, so the totals must include them.
                        add_totals(connection, &mut totals)?;
                        let kept = stored.kept.len();
                        let mut within = Transaction { connection, last: &mut self.last, stored, now_ms: now };
                        match work.run(&mut within)? {
                            true => took_effect = true,
                            false => stored.kept.truncate(kept),
                        }
                        self.unchecked_bytes += WORK_BYTES;
                    }
                }
            }
            add_totals(connection, &mut totals)?;
            if jobs.is_empty() {
                connection.execute("UPDATE store SET id_tail = id_tail", [])?;
            }
        }
        connection.prepare_cached(if took_effect { "COMMIT" } else { "ROLLBACK" })?.execute([])?;
        Ok(took_effect)
    }

    fn report(&self, result: &Result<(), CommitError>) {
        let clock = &self.clock;
        self.shared.health.send_if_modified(|health| match (result, &*health) {
            (Ok(()), DatabaseHealth::Ok) => false,
            (Ok(()), DatabaseHealth::Failing { .. }) => {
                tracing::info!("the database can be written again");
                *health = DatabaseHealth::Ok;
                true
            }
            (Err(error), DatabaseHealth::Failing { fault, .. }) if *fault == error.fault => false,
            (Err(error), _) => {
                tracing::error!(fault = ?error.fault, message = %error.message, "the database cannot be written");
                *health = DatabaseHealth::Failing {
                    fault: error.fault,
                    message: error.message.clone(),
                    since_us: clock.now_us(),
                };
                true
            }
        });
    }

    fn checkpoint_if_due(&mut self) {
        self.checkpoints.finish(&self.connection);
        if self.unchecked_bytes >= CHECKPOINT_BYTES && self.checkpoints.ask() {
            self.unchecked_bytes = 0;
        }
    }
}

/// Runs a callback and logs its panic, so that a faulty callback does not stop the writer.
fn unharmed(tell: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(tell)) {
        tracing::error!(panic = panic_text(&*panic), "a commit callback panicked; this is a bug in Hookbench");
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
