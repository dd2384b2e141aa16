//! Background checkpoints: copying the write-ahead log into the database.
//!
//! SQLite can restart the log only when all of it has been copied, which is never the case while requests arrive. A
//! background thread therefore copies the log twice (the second pass copies what was written during the first) and
//! flushes the database file to disk. The writer then copies the small remainder between two commits.

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use rusqlite::Connection;

use super::open;

/// Number of background copies before the writer copies the rest.
const PASSES: usize = 2;

/// Handle of the writer to the checkpoint thread.
pub(super) struct Checkpoints {
    ask: mpsc::SyncSender<()>,
    /// True if the thread has finished and the writer can copy the rest.
    little_left: Arc<AtomicBool>,
}

impl Checkpoints {
    /// Starts the thread that copies the log on request.
    pub(super) fn spawn(path: &Path) -> rusqlite::Result<Self> {
        let connection = open::checkpointing(path)?;
        // While another connection writes, SQLite flushes the database file only with the last copy, so the writer
        // would wait for all of it. The thread flushes the file itself instead.
        let database = File::options().read(true).write(true).open(path).ok();
        let (ask, asked) = mpsc::sync_channel::<()>(1);
        let little_left = Arc::new(AtomicBool::new(false));
        let tell = little_left.clone();
        let run = move || {
            while asked.recv().is_ok() {
                match (0..PASSES).try_for_each(|_| copy(&connection, database.as_ref())) {
                    Ok(()) => tell.store(true, Ordering::Release),
                    Err(error) => {
                        tracing::warn!(error, "a checkpoint failed; the write-ahead log grows until the next one")
                    }
                }
            }
            // POSIX releases all locks of a process on a file when the process closes any descriptor of that file
            // (fcntl(2)), and readers may still hold locks.
            #[cfg(unix)]
            std::mem::forget(database);
        };
        // Without the thread, the log grows until the database is closed.
        let _ = thread::Builder::new().name("store-checkpoint".into()).spawn(run);
        Ok(Self { ask, little_left })
    }

    /// Requests a copy of the log. Returns false if a copy is already requested.
    pub(super) fn ask(&self) -> bool {
        self.ask.try_send(()).is_ok()
    }

    /// Copies the rest of the log on the writer's connection, if the thread has finished.
    pub(super) fn finish(&self, writing: &Connection) {
        if self.little_left.swap(false, Ordering::Acquire) {
            // If this fails, the log restarts after the next checkpoint.
            let _ = checkpoint(writing);
        }
    }
}

fn copy(connection: &Connection, database: Option<&File>) -> Result<(), String> {
    checkpoint(connection).map_err(|e| e.to_string())?;
    database.map_or(Ok(()), File::sync_data).map_err(|e| e.to_string())
}

/// Copies the pages that no reader needs in their old state, without waiting for readers.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
