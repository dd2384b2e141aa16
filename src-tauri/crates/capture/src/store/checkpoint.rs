//! Copying the write-ahead log into the database beside the writer.
//!
//! The log can begin anew only where all of it has been copied, which while requests arrive it never
//! has. So a thread of its own copies most of it, twice, the second time what came during the first,
//! and brings it to the disk; then the writer copies the little that is left between two commits.

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

/// Times the log is copied before the writer copies the rest.
const PASSES: usize = 2;

/// The thread that copies, as the writer sees it.
pub(super) struct Checkpoints {
    ask: mpsc::SyncSender<()>,
    /// Whether little is left.
    little_left: Arc<AtomicBool>,
}

impl Checkpoints {
    /// A thread that copies the log whenever it is asked.
    pub(super) fn spawn(path: &Path) -> rusqlite::Result<Self> {
        let connection = open::checkpointing(path)?;
        // As long as somebody else is writing, SQLite leaves it to the last copy to bring the database to
        // the disk, and then it is the writer that waits for all of it.
        let database = File::options().read(true).write(true).open(path).ok();
        let (ask, asked) = mpsc::sync_channel::<()>(1);
        let little_left = Arc::new(AtomicBool::new(false));
        let tell = little_left.clone();
        let run = move || {
            while asked.recv().is_ok() {
                match (0..PASSES).try_for_each(|_| copy(&connection, database.as_ref())) {
                    Ok(()) => tell.store(true, Ordering::Release),
                    Err(error) => tracing::warn!(error, "a checkpoint failed; the log stays longer"),
                }
            }
            // POSIX lets go of all locks a process has on a file when it closes any of its handles on it
            // (fcntl(2)), and readers may still have theirs.
            #[cfg(unix)]
            std::mem::forget(database);
        };
        // Without the thread the log only grows until the database closes.
        let _ = thread::Builder::new().name("store-checkpoint".into()).spawn(run);
        Ok(Self { ask, little_left })
    }

    /// Asks for the log to be copied; whether it will be.
    pub(super) fn ask(&self) -> bool {
        self.ask.try_send(()).is_ok()
    }

    /// Copies the rest on the writer's connection, if little is left.
    pub(super) fn finish(&self, writing: &Connection) {
        if self.little_left.swap(false, Ordering::Acquire) {
            // If it fails, the log begins anew after the next one.
            let _ = checkpoint(writing);
        }
    }
}

fn copy(connection: &Connection, database: Option<&File>) -> Result<(), String> {
    checkpoint(connection).map_err(|e| e.to_string())?;
    database.map_or(Ok(()), File::sync_data).map_err(|e| e.to_string())
}

/// Copies what no reader still needs as it was, and waits for nobody.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
