//! Backups: the complete database as one compact file, written while the engine runs.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hookbench_model::{Change, Job, JobKind, JobState};
use hookbench_store::database_file;
use rusqlite::Connection;

use crate::Engine;

/// Interval between two progress updates of a backup.
const PROGRESS: Duration = Duration::from_millis(200);

/// Error that prevented a backup from starting.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The path is not absolute.
    #[error("The path must be absolute: {0}.")]
    Relative(String),
    /// The file exists.
    #[error("The file already exists: {0}.")]
    Exists(String),
    /// The file cannot be written.
    #[error("The file cannot be written: {0}: {1}.")]
    Unwritable(String, io::Error),
    /// The database cannot be read.
    #[error("The database cannot be read: {0}.")]
    Unreadable(#[from] rusqlite::Error),
}

/// Starts a backup into a new file. The backup contains all secrets, so only the file's owner can read it.
///
/// # Errors
/// Returns an error if the path is not absolute, the file exists or cannot be written, or the database cannot be read.
pub async fn start(engine: &Arc<Engine>, path: &str) -> Result<Job, BackupError> {
    let target = PathBuf::from(path);
    if !target.is_absolute() {
        return Err(BackupError::Relative(path.into()));
    }
    let (source, into) = (engine.store.path().to_owned(), target.clone());
    let opened = tokio::task::spawn_blocking(move || open(&source, &into)).await;
    let (connection, total_bytes) =
        opened.unwrap_or_else(|error| Err(BackupError::Unwritable(path.into(), io::Error::other(error))))?;
    let id = uuid::Uuid::now_v7().to_string();
    let job = Job {
        id: id.clone(),
        kind: JobKind::Backup,
        state: JobState::Running,
        done: 0,
        total: total_bytes,
        path: Some(path.into()),
        inbox: None,
        imported: None,
        error: None,
    };
    let interrupt = connection.get_interrupt_handle();
    engine.jobs.start(job.clone(), Box::new(move || interrupt.interrupt()));
    tokio::spawn(run(engine.clone(), id, connection, target));
    Ok(job)
}

/// Opens the database and creates the backup file. Returns the size of the database, in bytes.
fn open(source: &Path, target: &Path) -> Result<(Connection, u64), BackupError> {
    let connection = database_file::open(source)?;
    let total_bytes = hookbench_store::size(&connection)?;
    let shown = target.to_string_lossy();
    database_file::create_private(target).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(shown.into()),
        _ => BackupError::Unwritable(shown.into(), e),
    })?;
    Ok((connection, total_bytes))
}

async fn run(engine: Arc<Engine>, id: String, connection: Connection, target: PathBuf) {
    let into = target.clone();
    let mut copying = tokio::task::spawn_blocking(move || database_file::copy(&connection, &into));
    let result = loop {
        tokio::select! {
            result = &mut copying => break result,
            () = tokio::time::sleep(PROGRESS) => {
                let written = tokio::fs::metadata(&target).await.map_or(0, |file| file.len());
                tell(&engine, &id, |job| job.done = written.min(job.total));
            }
        }
    };
    let error = match result {
        Ok(copied) => copied.err(),
        Err(error) => Some(error.to_string()),
    };
    let canceled = engine.jobs.get(&id).is_some_and(|job| job.state == JobState::Canceled);
    if error.is_some() || canceled {
        let _ = tokio::fs::remove_file(&target).await;
    }
    tell(&engine, &id, |job| match error {
        _ if canceled => {}
        None => {
            job.state = JobState::Done;
            job.done = job.total;
        }
        Some(error) => {
            job.state = JobState::Failed;
            job.error = Some(error);
        }
    });
}

fn tell(engine: &Engine, id: &str, change: impl FnOnce(&mut Job)) {
    if let Some(job) = engine.jobs.update(id, change) {
        engine.feed.publish([Change::JobChanged { job }]);
    }
}
