//! The store as everyone but its writer sees it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    thread,
};

use bytes::Bytes;
use hookbench_model::{DatabaseFault, DatabaseHealth};
use rusqlite::Connection;
use tokio::sync::watch;

use super::{
    chunk::{chunk_id, delete_chunks, sweep_orphans},
    commit::{CommitError, CommitWaiter, WriteError},
    id::{IdTail, RowId},
    open::{self, OpenError, Plan},
    queue::{Job, Shared, Task},
    read::Readers,
    schema::CHUNK_PART_BITS,
    writer::{OnCommit, Transaction, Writer},
};
use crate::{clock::Clock, message::Captured};

/// A database of captured requests. Closing waits for what is queued.
pub struct Store {
    shared: Arc<Shared>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    readers: Arc<Readers>,
    tail: IdTail,
    next_body: AtomicI64,
    path: PathBuf,
    lost: Option<String>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or makes the database at `path`. `on_commit` must be quick: the next commit waits.
    pub fn open(path: &Path, plan: &Plan<'_>, clock: Clock, on_commit: OnCommit) -> Result<Self, OpenError> {
        let lost = open::lost_of_log(path, clock.now_us());
        if let Some(lost) = &lost {
            tracing::error!("{lost}");
        }
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
        let shared = Arc::new(Shared::default());
        let mut writer = Writer::new(connection, path, clock, on_commit, last, shared.clone()).map_err(damaged)?;
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
            lost,
        })
    }

    /// What the database had lost when it was opened, in a sentence.
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
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
        let (task, _) =
            Task::new(move |within: &mut Transaction<'_>| delete_chunks(within.connection, body), |_: &()| ());
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
        self.transact(move |within| work(within.connection), after).await
    }

    /// As [`write`](Self::write), for work that also keeps requests.
    pub async fn transact<T, E>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (task, answer) = Task::new(work, after);
        let _ = self.shared.push(Job::Work(Box::new(task)));
        answer.await.unwrap_or_else(|_| {
            Err(WriteError::Commit(CommitError { fault: DatabaseFault::Other, message: "the writer has ended".into() }))
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
    pub fn health(&self) -> watch::Receiver<DatabaseHealth> {
        self.shared.health.subscribe()
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::{super::for_tests, *};

    #[tokio::test]
    async fn work_sees_the_totals_of_the_requests_before_it_in_its_batch() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Arc::new(for_tests::open(&dir.path().join("test.db")));
        // The writer is held up, so that all that follows is one batch.
        let (free, held) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<()>();
        let holding = tokio::spawn({
            let store = store.clone();
            async move {
                let hold = move |_: &Connection| {
                    began.send(()).expect("the test waits");
                    held.recv().expect("the test lets go");
                    Ok::<_, rusqlite::Error>(())
                };
                store.write(hold, |()| ()).await
            }
        });
        tokio::task::spawn_blocking(move || begun.recv()).await.expect("it runs").expect("the writer has begun");
        let total = |connection: &Connection| {
            connection.query_row("SELECT requests, bytes FROM inbox_total WHERE inbox = 1", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
        };
        let one = store.keep(for_tests::request(1, b"abc"));
        let two = store.keep(for_tests::request(1, b"de"));
        let between = store.write(total, |_| ());
        let mut between = std::pin::pin!(between);
        // Queued by being looked at; the request after it must not be in what it sees.
        assert!(between.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
        let three = store.keep(for_tests::request(1, b"fgh"));
        free.send(()).expect("the writer waits");
        assert_eq!(between.await.expect("it is committed"), (2, 5));
        for waiter in [one, two, three] {
            waiter.committed().await.expect("it is stored");
        }
        assert_eq!(store.write(total, |_| ()).await.expect("it is committed"), (3, 8));
        holding.await.expect("it ran").expect("it is committed");
    }

    /// Who is told first may be gone by then.
    #[tokio::test]
    async fn all_of_a_batch_hear_of_their_commit() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Arc::new(for_tests::open(&dir.path().join("test.db")));
        let (free, held) = mpsc::channel::<()>();
        let hold = move |_: &Connection| {
            held.recv().expect("the test lets go");
            Ok::<_, rusqlite::Error>(())
        };
        let mut unseen = std::task::Context::from_waker(std::task::Waker::noop());
        let mut holding = Box::pin(store.write(hold, |()| ()));
        assert!(holding.as_mut().poll(&mut unseen).is_pending());
        let mut waiting: Vec<_> = (0..4)
            .map(|_| store.keep(for_tests::request(1, b"abc")))
            .map(|waiter| Box::pin(async move { waiter.committed().await }))
            .collect();
        for one in &mut waiting {
            assert!(one.as_mut().poll(&mut unseen).is_pending());
        }
        free.send(()).expect("the writer waits");
        holding.await.expect("it is committed");
        store.write(|_| Ok::<_, rusqlite::Error>(()), |()| ()).await.expect("it is committed");
        drop(waiting.remove(0));
        let all = waiting.into_iter().collect::<tokio::task::JoinSet<_>>().join_all();
        let all = tokio::time::timeout(std::time::Duration::from_secs(5), all).await.expect("all hear");
        assert!(all.iter().all(Result::is_ok));
    }

    /// It is copied while others write, and begins anew all the same.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_log_stays_short_while_much_is_written() {
        static BODY: [u8; 8192] = [7; 8192];
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("test.db");
        let store = Arc::new(for_tests::open(&path));
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let store = store.clone();
            senders.spawn(async move {
                for _ in 0..800 {
                    store.keep(for_tests::request(1, &BODY)).committed().await.expect("it is stored");
                }
            });
        }
        senders.join_all().await;
        let (log, written) = (std::fs::metadata(path.with_extension("db-wal")).expect("a log").len(), 16 * 800 * 8192);
        assert!(log < written / 2, "{log} bytes of log for {written}");
    }
}
