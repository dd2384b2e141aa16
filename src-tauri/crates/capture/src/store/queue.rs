//! The queue of jobs for the next commit.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use bytes::Bytes;
use hookbench_model::{DatabaseFault, DatabaseHealth};
use tokio::sync::{oneshot, watch};

use super::{
    commit::{Batch, CommitError, CommitWaiter, WriteError},
    writer::Transaction,
};
use crate::message::Captured;

/// Work that runs inside the transaction of the writer.
pub(super) trait Work: Send {
    /// Runs the work. Returns false if the work failed and was rolled back.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<bool>;
    fn end(self: Box<Self>, committed: Result<(), CommitError>);
}

/// Work whose caller waits for the result.
pub(super) struct Task<F, A, T, E> {
    work: Option<F>,
    after: A,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, WriteError<E>>>,
}

impl<F, A, T, E> Task<F, A, T, E> {
    pub(super) fn new(work: F, after: A) -> (Self, oneshot::Receiver<Result<T, WriteError<E>>>) {
        let (reply, response) = oneshot::channel();
        (Self { work: Some(work), after, outcome: None, reply }, response)
    }
}

impl<F, A, T, E> Work for Task<F, A, T, E>
where
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
    A: FnOnce(&T) + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<bool> {
        let Some(work) = self.work.take() else { return Ok(false) };
        let connection = transaction.connection;
        connection.execute_batch("SAVEPOINT work")?;
        let outcome = work(transaction);
        let took_effect = outcome.is_ok();
        if !took_effect {
            connection.execute_batch("ROLLBACK TO work")?;
        }
        connection.execute_batch("RELEASE work")?;
        self.outcome = Some(outcome);
        Ok(took_effect)
    }

    fn end(self: Box<Self>, committed: Result<(), CommitError>) {
        let Self { after, outcome, reply, .. } = *self;
        let result = match (committed, outcome) {
            (Ok(()), Some(Ok(value))) => {
                after(&value);
                Ok(value)
            }
            (Ok(()), Some(Err(refusal))) => Err(WriteError::Refused(refusal)),
            (Ok(()), None) => Err(WriteError::Commit(CommitError {
                fault: DatabaseFault::Other,
                message: "the write did not run".into(),
            })),
            (Err(error), _) => Err(WriteError::Commit(error)),
        };
        // The caller may have been dropped. The work is committed in any case.
        let _ = reply.send(result);
    }
}

pub(super) enum Job {
    Row(Box<Captured>),
    Chunk { id: i64, bytes: Bytes },
    Work(Box<dyn Work>),
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) jobs: Vec<Job>,
    pub(super) batch: Arc<Batch>,
    pub(super) asleep: bool,
    /// True if no more jobs will be queued.
    pub(super) closed: bool,
    /// True if the writer has stopped.
    pub(super) ended: bool,
}

/// State that the store and its writer share.
#[derive(Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    pub(super) wake: Condvar,
    pub(super) health: watch::Sender<DatabaseHealth>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn push(&self, job: Job) -> CommitWaiter {
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

/// Fails a job that was queued after the writer stopped.
fn closed(job: Job) -> CommitWaiter {
    let error = CommitError { fault: DatabaseFault::Other, message: "Hookbench is shutting down".into() };
    let batch = Arc::new(Batch::default());
    batch.finish(Err(error.clone()));
    if let Job::Work(work) = job {
        work.end(Err(error));
    }
    CommitWaiter(batch)
}
