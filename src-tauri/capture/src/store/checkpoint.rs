//! Copying the write-ahead log into the database, mostly beside the writer.

use std::{path::Path, sync::mpsc, thread};

use rusqlite::Connection;

use super::open;

pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// A thread that copies the write-ahead log into the database whenever it is asked.
pub(super) fn spawn_checkpoints(path: &Path) -> rusqlite::Result<mpsc::SyncSender<()>> {
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
