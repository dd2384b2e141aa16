//! What a commit came to, and how those who wait for it hear.

use std::sync::{Arc, OnceLock};

use rusqlite::ErrorCode;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// What kind of trouble the database is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No space is left for the database file.
    DiskFull,
    /// The file or its disk refuses to be written.
    Unwritable,
    /// Another program holds the database locked.
    Locked,
    /// The file's content makes no sense.
    Damaged,
    /// The file was removed or replaced while it was open.
    Removed,
    /// Anything else SQLite reports.
    Other,
}

impl Fault {
    /// Stable name for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::Unwritable => "unwritable",
            Self::Locked => "locked",
            Self::Damaged => "damaged",
            Self::Removed => "removed",
            Self::Other => "not_stored",
        }
    }
}

/// Why a commit did not happen. Nothing of it is in the store.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CommitError {
    /// The kind of trouble.
    pub fault: Fault,
    /// SQLite's own words.
    pub message: String,
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        let fault = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Fault::DiskFull,
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied,
            ) => Fault::Unwritable,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Locked,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Damaged,
            _ => Fault::Other,
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

/// How the database fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Health {
    /// The last commit succeeded.
    #[default]
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
