//! The public handle of the store.

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

/// A database of captured requests. Dropping the store commits the queued work first.
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
    /// Opens the database at `path`, or creates the database if the file is missing. `on_commit` must return quickly,
    /// because the next commit waits for this callback.
    ///
    /// # Errors
    /// See [`OpenError`]. The file is not changed if it is damaged, from a newer version or from another program.
    pub fn open(path: &Path, plan: &Plan<'_>, clock: Clock, on_commit: OnCommit) -> Result<Self, OpenError> {
        let lost = open::lost_of_log(path, clock.now_us());
        if let Some(lost) = &lost {
            tracing::error!("{lost}");
        }
        let connection = open::writing(path, plan)?;
        let damaged = |e: rusqlite::Error| OpenError::Damaged { path: path.into(), reason: e.to_string() };
        let swept = sweep_orphans(&connection).map_err(damaged)?;
        if swept > 0 {
            tracing::info!(chunks = swept, "deleted body chunks without a committed request");
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

    /// Returns a message about the commits that were missing when the database was opened; `None` if none were.
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Queues a request. The returned waiter completes when the request is on disk.
    pub fn keep(&self, captured: Captured) -> CommitWaiter {
        self.shared.push(Job::Row(Box::new(captured)))
    }

    /// Returns a new number for a body that is stored in chunks.
    pub fn new_body(&self) -> i64 {
        self.next_body.fetch_add(1, Ordering::Relaxed)
    }

    /// Queues the next chunk of a body; `part` counts from 0.
    pub fn keep_chunk(&self, body: i64, part: u32, bytes: Bytes) -> CommitWaiter {
        self.shared.push(Job::Chunk { id: chunk_id(body, part), bytes })
    }

    /// Queues the deletion of the chunks of a body to which no request will refer.
    pub fn drop_chunks(&self, body: i64) {
        let (task, _) =
            Task::new(move |within: &mut Transaction<'_>| delete_chunks(within.connection, body), |_: &()| ());
        let _ = self.shared.push(Job::Work(Box::new(task)));
    }

    /// Runs `work` inside the next commit, and rolls the work back if it fails. `after` runs on the writer thread when
    /// the work is on disk, in commit order.
    ///
    /// # Errors
    /// Returns [`WriteError::Refused`] if `work` failed, and [`WriteError::Commit`] if the commit failed.
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

    /// Runs work that also stores requests; otherwise like [`write`](Self::write).
    ///
    /// # Errors
    /// See [`write`](Self::write).
    pub async fn transact<T, E>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (task, response) = Task::new(work, after);
        let _ = self.shared.push(Job::Work(Box::new(task)));
        response.await.unwrap_or_else(|_| {
            Err(WriteError::Commit(CommitError {
                fault: DatabaseFault::Other,
                message: "the database writer has stopped".into(),
            }))
        })
    }

    /// Returns the read-only connections of this database.
    pub fn readers(&self) -> &Arc<Readers> {
        &self.readers
    }

    /// Returns the UUID tail of this database, which converts between row ids and UUIDs.
    pub fn id_tail(&self) -> IdTail {
        self.tail
    }

    /// Subscribes to the health of the database.
    pub fn health(&self) -> watch::Receiver<DatabaseHealth> {
        self.shared.health.subscribe()
    }

    /// Returns the path of the database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Commits the queued work, copies the write-ahead log into the database file, and closes the store. Later writes
    /// fail.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The panic of a writer was logged already.
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
    async fn work_sees_totals_of_earlier_requests_in_its_batch() {
        let dir = tempfile::tempdir().expect("create a directory");
        let store = Arc::new(for_tests::open(&dir.path().join("test.db")));
        // The writer is blocked, so that all jobs below end up in one batch.
        let (free, held) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<()>();
        let holding = tokio::spawn({
            let store = store.clone();
            async move {
                let hold = move |_: &Connection| {
                    began.send(()).expect("the test waits");
                    held.recv().expect("the test releases the writer");
                    Ok::<_, rusqlite::Error>(())
                };
                store.write(hold, |()| ()).await
            }
        });
        tokio::task::spawn_blocking(move || begun.recv())
            .await
            .expect("join the task")
            .expect("the writer runs the first job");
        let total = |connection: &Connection| {
            connection.query_row("SELECT requests, bytes FROM inbox_total WHERE inbox = 1", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
        };
        let one = store.keep(for_tests::request(1, b"abc"));
        let two = store.keep(for_tests::request(1, b"de"));
        let between = store.write(total, |_| ());
        let mut between = std::pin::pin!(between);
        // The first poll queues the work. The totals it reads must not include the next request.
        assert!(between.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
        let three = store.keep(for_tests::request(1, b"fgh"));
        free.send(()).expect("the writer waits");
        assert_eq!(between.await.expect("commit the work"), (2, 5));
        for waiter in [one, two, three] {
            waiter.committed().await.expect("store the request");
        }
        assert_eq!(store.write(total, |_| ()).await.expect("commit the work"), (3, 8));
        holding.await.expect("join the task").expect("commit the work");
    }

    /// The waiter that gets the notification first may have been dropped by then.
    #[tokio::test]
    async fn wakes_all_waiters_of_a_batch() {
        let dir = tempfile::tempdir().expect("create a directory");
        let store = Arc::new(for_tests::open(&dir.path().join("test.db")));
        let (free, held) = mpsc::channel::<()>();
        let hold = move |_: &Connection| {
            held.recv().expect("the test releases the writer");
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
        holding.await.expect("commit the work");
        store.write(|_| Ok::<_, rusqlite::Error>(()), |()| ()).await.expect("commit the work");
        drop(waiting.remove(0));
        let all = waiting.into_iter().collect::<tokio::task::JoinSet<_>>().join_all();
        let all = tokio::time::timeout(std::time::Duration::from_secs(5), all).await.expect("all waiters finish");
        assert!(all.iter().all(Result::is_ok));
    }

    /// The log is copied while other tasks write, and restarts nevertheless.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn keeps_the_log_short_under_load() {
        static BODY: [u8; 8192] = [7; 8192];
        let dir = tempfile::tempdir().expect("create a directory");
        let path = dir.path().join("test.db");
        let store = Arc::new(for_tests::open(&path));
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let store = store.clone();
            senders.spawn(async move {
                for _ in 0..800 {
                    store.keep(for_tests::request(1, &BODY)).committed().await.expect("store the request");
                }
            });
        }
        senders.join_all().await;
        let (log, written) =
            (std::fs::metadata(path.with_extension("db-wal")).expect("read the log").len(), 16 * 800 * 8192);
        assert!(log < written / 2, "{log} bytes of log for {written}");
    }
}
