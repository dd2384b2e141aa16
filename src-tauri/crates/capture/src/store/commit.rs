//! What a commit came to, and how those who wait for it hear.

use std::sync::{Arc, OnceLock};

use hookbench_model::DatabaseFault;
use rusqlite::ErrorCode;
use tokio::sync::Notify;

/// Why a commit did not happen. Nothing of it is in the store.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CommitError {
    /// The kind of trouble.
    pub fault: DatabaseFault,
    /// SQLite's own words.
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

/// Why a piece of work did not take effect.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The work itself said no; it was undone, the rest of its batch was not.
    #[error("{0}")]
    Refused(E),
    /// The database could not commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// One group commit: everyone in it waits on the same notification.
#[derive(Debug, Default)]
pub(super) struct Batch {
    result: OnceLock<Result<(), CommitError>>,
    done: Notify,
}

impl Batch {
    pub(super) fn finish(&self, result: Result<(), CommitError>) {
        // A batch ends once: the writer swaps it out before it runs it.
        let _ = self.result.set(result);
        // One who waits wakes the others, on their own thread: from here each would cost a lock.
        self.done.notify_one();
    }
}

/// Waits for the commit a request is part of. The request is in the queue whether or not
/// anyone waits.
#[derive(Debug)]
#[must_use = "a sender gets its answer only after the commit"]
pub struct CommitWaiter(pub(super) Arc<Batch>);

impl CommitWaiter {
    /// Returns once the request is on disk, or cannot be.
    pub async fn committed(&self) -> Result<(), CommitError> {
        let mut done = std::pin::pin!(self.0.done.notified());
        // Enabled before the look at the result, or a wake-up between the two would be lost.
        done.as_mut().enable();
        if let Some(result) = self.0.result.get() {
            return result.clone();
        }
        done.await;
        // If this is never reached, for the sender is gone, the next in line has been told instead.
        self.0.done.notify_waiters();
        self.0.result.get().cloned().expect("the batch notifies after its result is set")
    }
}
