//! Results of commits, and the notification of the tasks that wait for them.

use std::sync::{Arc, OnceLock};

use hookbench_model::DatabaseFault;
use rusqlite::ErrorCode;
use tokio::sync::Notify;

/// A failed commit. Nothing of the commit is in the store.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CommitError {
    /// Category of the failure.
    pub fault: DatabaseFault,
    /// Error message, usually from SQLite.
    pub message: String,
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        let fault = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => DatabaseFault::DiskFull,
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied,
            ) => DatabaseFault::Unwritable,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DatabaseFault::Locked,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => DatabaseFault::Damaged,
            _ => DatabaseFault::Other,
        };
        Self { fault, message: error.to_string() }
    }
}

/// An error of [`Store::write`](crate::Store::write).
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The work returned an error. Its changes were rolled back; the rest of the batch was committed.
    #[error("{0}")]
    Refused(E),
    /// The database could not commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// A group commit. All waiters of the batch share one notification.
#[derive(Debug, Default)]
pub(super) struct Batch {
    result: OnceLock<Result<(), CommitError>>,
    done: Notify,
}

impl Batch {
    pub(super) fn finish(&self, result: Result<(), CommitError>) {
        // A batch finishes once, because the writer takes the batch out of the queue before running it.
        let _ = self.result.set(result);
        // The first waiter wakes the others on its own thread, because waking each from here would take a lock per
        // waiter.
        self.done.notify_one();
    }
}

/// Waits for the commit of a queued request. The request is committed even if the waiter is dropped.
#[derive(Debug)]
#[must_use = "a response must be sent only after the commit"]
pub struct CommitWaiter(pub(super) Arc<Batch>);

impl CommitWaiter {
    /// Waits until the request is on disk.
    ///
    /// # Errors
    /// Returns the error of the commit if the request could not be stored.
    pub async fn committed(&self) -> Result<(), CommitError> {
        let mut done = std::pin::pin!(self.0.done.notified());
        // The notification must be enabled before the result is checked, or a wake-up between the two would be lost.
        done.as_mut().enable();
        if let Some(result) = self.0.result.get() {
            return result.clone();
        }
        done.await;
        // If this waiter is dropped before it gets here, `Notify` passes the wake-up to the next waiter.
        self.0.done.notify_waiters();
        self.0.result.get().cloned().expect("the batch notifies after its result is set")
    }
}
