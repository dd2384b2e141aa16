//! The one writer thread: requests queue up while a commit is on its way to the disk, and the
//! next commit takes them all.
//!
//! The queue is a vector behind a mutex that the writer swaps whole; everyone in a batch is woken
//! by one notification. There is no delay to gather more: while the disk flushes, the next batch
//! gathers by itself.

use std::{
    any::Any,
    collections::{BTreeMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use rusqlite::{Connection, params};
use serde::Serialize;
use tokio::sync::{oneshot, watch};

use super::{
    commit::{Batch, CommitError, CommitWaiter, Fault, WriteError},
    id::{IdTail, RowId},
    open::{self, OpenError, Plan},
    read::Readers,
    schema::CHUNK_PART_BITS,
};
use crate::{
    clock::Clock,
    message::{Body, BodyState, Captured},
};

/// Content written between two background checkpoints: about 6,000 small webhooks.
const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;

/// What a piece of work other than a request is taken to write, for the sum above.
const WORK_BYTES: u64 = 32 * 1024;

/// How often a failing database is tried again when nothing arrives.
const RETRY: Duration = Duration::from_millis(500);

/// How the database fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Health {
    /// The last commit succeeded.
    Ok,
    /// The last commit failed; requests get 503 until one succeeds.
    Failing {
        /// The kind of trouble.
        fault: Fault,
        /// SQLite's own words.
        message: String,
        /// Since when, µs since the Unix epoch.
        since_us: i64,
    },
}

/// Something to do inside the writer's transaction.
trait Work: Send {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    fn end(self: Box<Self>, committed: Result<(), CommitError>);
}

struct Task<F, A, T, E> {
    work: Option<F>,
    after: A,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, WriteError<E>>>,
}

impl<F, A, T, E> Work for Task<F, A, T, E>
where
    F: FnOnce(&Connection) -> Result<T, E> + Send,
    A: FnOnce(&T) + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(work) = self.work.take() else { return Ok(()) };
        connection.execute_batch("SAVEPOINT work")?;
        let outcome = work(connection);
        if outcome.is_err() {
            connection.execute_batch("ROLLBACK TO work")?;
        }
        connection.execute_batch("RELEASE work")?;
        self.outcome = Some(outcome);
        Ok(())
    }

    fn end(self: Box<Self>, committed: Result<(), CommitError>) {
        let Self { after, outcome, reply, .. } = *self;
        let answer = match (committed, outcome) {
            (Ok(()), Some(Ok(value))) => {
                after(&value);
                Ok(value)
            }
            (Ok(()), Some(Err(refusal))) => Err(WriteError::Refused(refusal)),
            (Ok(()), None) => {
                Err(WriteError::Commit(CommitError { fault: Fault::Other, message: "the work did not run".into() }))
            }
            (Err(error), _) => Err(WriteError::Commit(error)),
        };
        // The caller may be gone; the work is done either way.
        let _ = reply.send(answer);
    }
}

enum Job {
    Row(Box<Captured>),
    Chunk { id: i64, bytes: Bytes },
    Work(Box<dyn Work>),
}

#[derive(Default)]
struct Queue {
    jobs: Vec<Job>,
    batch: Arc<Batch>,
    asleep: bool,
    /// No more will come.
    closed: bool,
    /// The writer takes no more.
    ended: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    health: watch::Sender<Health>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> CommitWaiter {
        let mut queue = self.lock();
        if queue.ended {
            drop(queue);
            return closed(job);
        }
        queue.jobs.push(job);
        let waiter = CommitWaiter(queue.batch.clone());
        let asleep = std::mem::take(&mut queue.asleep);
        drop(queue);
        if asleep {
            self.wake.notify_one();
        }
        waiter
    }
}

/// What came after the end is told that it was not stored.
fn closed(job: Job) -> CommitWaiter {
    let error = CommitError { fault: Fault::Other, message: "Hookline is closing".into() };
    let batch = Arc::new(Batch::default());
    batch.finish(Err(error.clone()));
    if let Job::Work(work) = job {
        work.end(Err(error));
    }
    CommitWaiter(batch)
}

/// A database of captured requests. Closing waits for what is queued.
pub struct Store {
    shared: Arc<Shared>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    readers: Arc<Readers>,
    tail: IdTail,
    next_body: AtomicI64,
    path: PathBuf,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Hears of committed requests, on the writer's thread, in commit order.
pub type OnCommit = Box<dyn FnMut(Vec<(RowId, Captured)>) + Send>;

impl Store {
    /// Opens or makes the database at `path`. `on_commit` must be quick: the next commit waits.
    pub fn open(path: &Path, plan: &Plan<'_>, clock: Clock, on_commit: OnCommit) -> Result<Self, OpenError> {
        let connection = open::writing(path, plan)?;
        let damaged = |e: rusqlite::Error| OpenError::Damaged { path: path.into(), reason: e.to_string() };
        let swept = sweep_orphans(&connection).map_err(damaged)?;
        if swept > 0 {
            tracing::info!(chunks = swept, "removed body chunks whose request was never committed");
        }
        let (last, tail, next_body) = connection
            .query_row(
                "SELECT coalesce((SELECT max(id) FROM request), 0), (SELECT id_tail FROM store), coalesce((SELECT max(id) FROM chunk), 0)",
                [],
                |row| Ok((RowId(row.get(0)?), row.get::<_, i64>(1)? as u64, (row.get::<_, i64>(2)? >> CHUNK_PART_BITS) + 1)),
            )
            .map_err(damaged)?;
        let readers = Arc::new(Readers::new(path));
        let shared =
            Arc::new(Shared { queue: Mutex::default(), wake: Condvar::new(), health: watch::Sender::new(Health::Ok) });
        let checkpoints = spawn_checkpoints(path).map_err(damaged)?;
        let mut writer = Writer {
            connection,
            clock,
            on_commit,
            last,
            checkpoints,
            unchecked_bytes: 0,
            lost_bodies: HashSet::new(),
            shared: shared.clone(),
        };
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(|e| OpenError::Unusable { path: path.into(), reason: e.to_string() })?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
            readers,
            tail: IdTail::new(tail),
            next_body: AtomicI64::new(next_body),
            path: path.into(),
        })
    }

    /// Queues a request. The waiter returns once it is on disk.
    pub fn keep(&self, captured: Captured) -> CommitWaiter {
        self.shared.push(Job::Row(Box::new(captured)))
    }

    /// A number for a body that will be kept in chunks.
    pub fn new_body(&self) -> i64 {
        self.next_body.fetch_add(1, Ordering::Relaxed)
    }

    /// Queues the next chunk of a body; parts count from 0.
    pub fn keep_chunk(&self, body: i64, part: u32, bytes: Bytes) -> CommitWaiter {
        self.shared.push(Job::Chunk { id: chunk_id(body, part), bytes })
    }

    /// Queues the removal of a body's chunks, when no request will refer to them.
    pub fn drop_chunks(&self, body: i64) {
        let (reply, _) = oneshot::channel();
        let work = move |connection: &Connection| delete_chunks(connection, body);
        let task = Task { work: Some(work), after: |_: &()| (), outcome: None, reply };
        let _ = self.shared.push(Job::Work(Box::new(task)));
    }

    /// Runs `work` inside the next commit, undone if it fails; `after` runs once it is on disk, in
    /// commit order, on the writer's thread.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let _ = self.shared.push(Job::Work(Box::new(Task { work: Some(work), after, outcome: None, reply })));
        answer.await.unwrap_or_else(|_| {
            Err(WriteError::Commit(CommitError { fault: Fault::Other, message: "the writer has ended".into() }))
        })
    }

    /// The readers of this database.
    pub fn readers(&self) -> &Arc<Readers> {
        &self.readers
    }

    /// How row numbers and UUIDs translate.
    pub fn id_tail(&self) -> IdTail {
        self.tail
    }

    /// How the database fares, now and from now on.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store {
    /// Commits what is queued and empties the log into the database file. Nothing can be kept after.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A writer that panicked has said so in the log.
            let _ = thread.join();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Deletes the chunks of one body.
pub fn delete_chunks(connection: &Connection, body: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2")?
        .execute(params![chunk_id(body, 0), chunk_id(body + 1, 0) - 1])
        .map(drop)
}

/// The row number of a body's chunk.
pub(super) fn chunk_id(body: i64, part: u32) -> i64 {
    (body << CHUNK_PART_BITS) | i64::from(part)
}

/// Chunks are written before the request that owns them; a crash in between leaves them ownerless.
fn sweep_orphans(connection: &Connection) -> rusqlite::Result<usize> {
    // Bodies are few and found by jumping from one to the next; owners are looked up in one set.
    let mut owned = std::collections::HashSet::new();
    let any: bool = connection.query_row("SELECT EXISTS (SELECT 1 FROM chunk)", [], |row| row.get(0))?;
    if !any {
        return Ok(0);
    }
    let mut statement = connection.prepare("SELECT chunks FROM request WHERE chunks IS NOT NULL")?;
    for body in statement.query_map([], |row| row.get::<_, i64>(0))? {
        owned.insert(body?);
    }
    let mut next = connection.prepare("SELECT min(id) FROM chunk WHERE id >= ?1")?;
    let mut from = 0;
    let mut orphans = Vec::new();
    while let Some(id) = next.query_row([from], |row| row.get::<_, Option<i64>>(0))? {
        let body = id >> CHUNK_PART_BITS;
        if !owned.contains(&body) {
            orphans.push(body);
        }
        from = chunk_id(body + 1, 0);
    }
    for body in &orphans {
        delete_chunks(connection, *body)?;
    }
    Ok(orphans.len())
}

struct Writer {
    connection: Connection,
    clock: Clock,
    on_commit: OnCommit,
    last: RowId,
    checkpoints: mpsc::SyncSender<()>,
    unchecked_bytes: u64,
    /// Bodies of which a chunk could not be stored.
    lost_bodies: HashSet<i64>,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(&mut self) {
        while let Some((jobs, batch)) = self.next() {
            self.commit(jobs, &batch);
        }
        // A reader that is still at work keeps the log; the next start takes it up.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// The queue's content, once there is any; empty while a failing database is tried again.
    fn next(&self) -> Option<(Vec<Job>, Arc<Batch>)> {
        let shared = &self.shared;
        let mut queue = shared.lock();
        while queue.jobs.is_empty() {
            if queue.closed {
                queue.ended = true;
                return None;
            }
            queue.asleep = true;
            if *shared.health.borrow() == Health::Ok {
                queue = shared.wake.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner);
            } else {
                let (woken, timeout) =
                    shared.wake.wait_timeout(queue, RETRY).unwrap_or_else(std::sync::PoisonError::into_inner);
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
        let mut ids = Vec::with_capacity(jobs.len());
        let last = self.last;
        let done = catch_unwind(AssertUnwindSafe(|| self.transaction(&mut jobs, &mut ids)));
        let result = done.unwrap_or_else(|panic| {
            Err(CommitError { fault: Fault::Other, message: format!("a write panicked: {}", panic_text(&*panic)) })
        });
        if result.is_err() {
            self.last = last;
            self.lost_bodies.extend(jobs.iter().filter_map(|job| match job {
                Job::Chunk { id, .. } => Some(id >> CHUNK_PART_BITS),
                _ => None,
            }));
            if !self.connection.is_autocommit() {
                // If even this fails, the next BEGIN fails and says so.
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        self.report(&result);
        let mut rows = Vec::with_capacity(ids.len());
        let mut ids = ids.into_iter();
        for job in jobs {
            match job {
                Job::Row(captured) => rows.extend(ids.next().map(|id| (id, *captured))),
                Job::Chunk { .. } => {}
                Job::Work(work) => work.end(result.clone()),
            }
        }
        let committed = result.is_ok();
        batch.finish(result);
        // The senders wait for the commit, not for who else hears of it.
        if committed && !rows.is_empty() {
            (self.on_commit)(rows);
        }
        self.checkpoint_if_due();
    }

    fn transaction(&mut self, jobs: &mut [Job], ids: &mut Vec<RowId>) -> Result<(), CommitError> {
        let now = self.clock.now_ms();
        let connection = &self.connection;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut totals: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        {
            let mut insert = connection.prepare_cached(INSERT)?;
            for job in jobs.iter_mut() {
                match job {
                    Job::Row(row) => {
                        // A sender that broke off did not wait for its chunks: what cannot be
                        // whole is not kept as if it were.
                        if matches!(row.body, Body::Chunks(body) if self.lost_bodies.remove(&body)) {
                            row.body = Body::Inline(Bytes::new());
                            row.body_bytes = 0;
                            row.body_state = BodyState::BrokenOff;
                        }
                        self.last = RowId::next(self.last, now);
                        ids.push(self.last);
                        insert_row(&mut insert, self.last, row)?;
                        let bytes = row.headers.len() as u64 + stored_bytes(row);
                        let total = totals.entry(row.inbox).or_default();
                        total.0 += 1;
                        total.1 += stored_bytes(row) as i64;
                        self.unchecked_bytes += bytes;
                    }
                    Job::Chunk { id, bytes } => {
                        connection
                            .prepare_cached("INSERT INTO chunk (id, bytes) VALUES (?1, ?2)")?
                            .execute(params![*id, bytes.as_ref()])?;
                        self.unchecked_bytes += bytes.len() as u64;
                    }
                    Job::Work(work) => {
                        // Work sees the rows before it, and so must the totals.
                        add_totals(connection, &mut totals)?;
                        work.run(connection)?;
                        self.unchecked_bytes += WORK_BYTES;
                    }
                }
            }
            add_totals(connection, &mut totals)?;
            if jobs.is_empty() {
                // A failing database is tried again by a write that changes nothing.
                connection.execute("UPDATE store SET id_tail = id_tail", [])?;
            }
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    fn report(&self, result: &Result<(), CommitError>) {
        let clock = &self.clock;
        self.shared.health.send_if_modified(|health| match (result, &*health) {
            (Ok(()), Health::Ok) => false,
            (Ok(()), Health::Failing { .. }) => {
                tracing::info!("the database can be written again");
                *health = Health::Ok;
                true
            }
            (Err(error), Health::Failing { fault, .. }) if *fault == error.fault => false,
            (Err(error), _) => {
                tracing::error!(fault = ?error.fault, message = %error.message, "the database cannot be written");
                *health =
                    Health::Failing { fault: error.fault, message: error.message.clone(), since_us: clock.now_us() };
                true
            }
        });
    }

    fn checkpoint_if_due(&mut self) {
        if self.unchecked_bytes >= CHECKPOINT_BYTES && self.checkpoints.try_send(()).is_ok() {
            self.unchecked_bytes = 0;
            // Most of the log was copied by the other thread last time; this short one lets the
            // log start again from its beginning.
            let _ = checkpoint(&self.connection);
        }
    }
}

const INSERT: &str = "INSERT INTO request
 (id, inbox, arrived_us, receiving_us, method, version, names, body_state, status, answer, body_bytes, chunks, peer, target, headers, trailers, body)
 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

fn insert_row(insert: &mut rusqlite::CachedStatement<'_>, id: RowId, row: &Captured) -> rusqlite::Result<()> {
    let (inline, chunks) = match &row.body {
        Body::Inline(bytes) => (Some(bytes.as_ref()), None),
        Body::Chunks(body) => (None, Some(*body)),
    };
    insert
        .execute(params![
            id.0,
            row.inbox,
            row.arrived_us,
            row.receiving_us,
            row.method.as_str(),
            row.version as u8,
            row.names as u8,
            row.body_state as u8,
            row.status,
            row.answer,
            row.body_bytes as i64,
            chunks,
            row.peer.to_string(),
            row.target,
            row.headers,
            (!row.trailers.is_empty()).then_some(&row.trailers),
            inline,
        ])
        .map(drop)
}

/// Adds what a batch has brought to the totals of its inboxes.
fn add_totals(connection: &Connection, totals: &mut BTreeMap<i64, (i64, i64)>) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO inbox_total (inbox, requests, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, bytes = bytes + excluded.bytes",
    )?;
    for (inbox, (requests, bytes)) in std::mem::take(totals) {
        add.execute(params![inbox, requests, bytes])?;
    }
    Ok(())
}

/// What a request's body takes in the store.
pub(super) fn stored_bytes(row: &Captured) -> u64 {
    match (&row.body, row.body_state) {
        (_, BodyState::TooLarge) => 0,
        (Body::Inline(bytes), _) => bytes.len() as u64,
        (Body::Chunks(_), _) => row.body_bytes,
    }
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// A thread that copies the write-ahead log into the database whenever it is asked.
fn spawn_checkpoints(path: &Path) -> rusqlite::Result<mpsc::SyncSender<()>> {
    let connection = open::checkpointing(path)?;
    let (ask, asked) = mpsc::sync_channel::<()>(1);
    let run = move || {
        while asked.recv().is_ok() {
            if let Err(error) = checkpoint(&connection) {
                tracing::warn!(%error, "a checkpoint failed; the log stays longer");
            }
        }
    };
    // Without the thread the log only grows until the database closes.
    let _ = thread::Builder::new().name("store-checkpoint".into()).spawn(run);
    Ok(ask)
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
