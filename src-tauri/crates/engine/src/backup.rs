//! Backups: the whole database as one compact file, made while everything goes on.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hookline_model::{Change, Job, JobKind, JobState};
use rusqlite::{Connection, OpenFlags};

use crate::Engine;

/// How often a backup's progress is told.
const PROGRESS: Duration = Duration::from_millis(200);

/// Why a backup did not start.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The path is not absolute.
    #[error("{0} is not an absolute path.")]
    Relative(String),
    /// The file exists.
    #[error("{0} exists already.")]
    Exists(String),
    /// The file cannot be written.
    #[error("{0} cannot be written: {1}.")]
    Unwritable(String, io::Error),
    /// The database cannot be read.
    #[error("The database cannot be read: {0}.")]
    Unreadable(#[from] rusqlite::Error),
}

/// Starts a backup into a new file. It holds every secret, so only its owner may read it.
pub fn start(engine: &Arc<Engine>, path: &str) -> Result<Job, BackupError> {
    let target = PathBuf::from(path);
    if !target.is_absolute() {
        return Err(BackupError::Relative(path.into()));
    }
    let source = engine.store.path().to_owned();
    let connection =
        Connection::open_with_flags(&source, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let total_bytes = hookline_store::size(&connection)?;
    make_private(&target).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(path.into()),
        _ => BackupError::Unwritable(path.into(), e),
    })?;
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

async fn run(engine: Arc<Engine>, id: String, connection: Connection, target: PathBuf) {
    let into = target.to_string_lossy().into_owned();
    let mut copying = tokio::task::spawn_blocking(move || connection.execute("VACUUM INTO ?1", [into]));
    let result = loop {
        tokio::select! {
            result = &mut copying => break result,
            () = tokio::time::sleep(PROGRESS) => {
                let written = fs::metadata(&target).map_or(0, |m| m.len());
                tell(&engine, &id, |job| job.done = written.min(job.total));
            }
        }
    };
    let error = match result {
        Ok(Ok(_)) => sync(&target).err().map(|e| e.to_string()),
        Ok(Err(error)) => Some(error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let cancelled = engine.jobs.get(&id).is_some_and(|job| job.state == JobState::Cancelled);
    if error.is_some() || cancelled {
        let _ = fs::remove_file(&target);
    }
    tell(&engine, &id, |job| match error {
        _ if cancelled => {}
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

/// SQLite does not flush the file of a `VACUUM INTO`.
fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
