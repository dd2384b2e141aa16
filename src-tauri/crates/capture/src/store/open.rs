//! Opening a database: what is there is looked at before anything is changed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{log, schema::APPLICATION_ID};

/// 8 KiB pages hold several webhook rows where 4 KiB hold two: 14 % less file.
const PAGE_BYTES: u32 = 8192;

/// Pages a reader keeps, as negative KiB: the inner pages of a million requests take 2 MB, and a
/// request is then found by its number with one page read.
const READER_CACHE: i64 = -6_000;

/// Largest log that opening leaves to the background checkpoint, in bytes. A larger one is copied first, so that the log
/// stays bounded where the program ends again and again before a background checkpoint does.
const LOG_LEFT_MAX: u64 = 64 * 1024 * 1024;

/// How long a connection waits for another program's lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How the owner of a database lays out its tables.
pub struct Plan<'a> {
    /// The schema version this program knows (`PRAGMA user_version`).
    pub version: i32,
    /// Brings the tables from any older version to this one.
    pub migrate: &'a dyn Fn(&mut Connection) -> Result<(), String>,
}

/// Why a database was not opened. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file was written by a later release.
    #[error("{path} was made by a newer Hookbench (its layout is {found}, this one knows {known})")]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its layout.
        found: i32,
        /// The newest layout this program knows.
        known: i32,
    },
    /// The file is no database, is cut short, or does not read.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is a database, but another program's.
    #[error("{path} is a database of another program")]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// The file or its folder cannot be used.
    #[error("{path} cannot be opened: {reason}")]
    Unusable {
        /// The database file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// Looks at an existing file without writing to it.
fn inspect(path: &Path, plan: &Plan<'_>) -> Result<(), OpenError> {
    let damaged = |reason: String| OpenError::Damaged { path: path.into(), reason };
    let classify = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => damaged(error.to_string()),
        _ => OpenError::Unusable { path: path.into(), reason: error.to_string() },
    };
    let length =
        fs::metadata(path).map_err(|e| OpenError::Unusable { path: path.into(), reason: e.to_string() })?.len();
    if length == 0 {
        return Ok(());
    }
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(classify)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(classify)?;
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(classify)?;
    if application != i64::from(APPLICATION_ID) {
        return Err(OpenError::Foreign { path: path.into() });
    }
    let found = pragma("user_version").map_err(classify)? as i32;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(classify)?;
    if found == 0 && tables == 0 {
        // A first start that ended before it made its tables; this one makes them.
        return Ok(());
    }
    if found > plan.version {
        return Err(OpenError::Newer { path: path.into(), found, known: plan.version });
    }
    let wal = fs::metadata(with_suffix(path, "-wal")).map_or(0, |m| m.len());
    let wanted = stated_length(path).map_err(|e| damaged(e.to_string()))?;
    if wal == 0 && length < wanted {
        return Err(damaged(format!("the file holds {length} bytes of {wanted}")));
    }
    // Both ends of the tables, as a whole check would read every page of a large file.
    connection
        .query_row(
            "SELECT (SELECT min(id) FROM request), (SELECT max(id) FROM request), (SELECT id_tail FROM store)",
            [],
            |_| Ok(()),
        )
        .map_err(|e| damaged(e.to_string()))
}

/// The file's length as its own header states it (SQLite file format §1.3): pages of a size at
/// offset 16, and how many at offset 28. `PRAGMA page_count` would count what is left.
fn stated_length(path: &Path) -> std::io::Result<u64> {
    let mut header = [0; 100];
    std::io::Read::read_exact(&mut fs::File::open(path)?, &mut header)?;
    let size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    Ok(size * u64::from(pages))
}

/// Looks at the log before anything opens it, and keeps a copy of one that has lost commits. What was lost, in a
/// sentence; SQLite goes on with what is left.
pub(super) fn lost_of_log(path: &Path, now_us: i64) -> Option<String> {
    let lost = match log::lost(path) {
        Ok(lost) => lost?,
        Err(error) => {
            tracing::warn!(%error, "the database's log could not be looked at before it was opened");
            return None;
        }
    };
    let wal = with_suffix(path, "-wal");
    let copy = with_suffix(path, &format!("-wal.damaged-{}", now_us / 1_000_000));
    let kept = match fs::copy(&wal, &copy) {
        Ok(0) => {
            let _ = fs::remove_file(&copy);
            String::new()
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Ok(_) => format!(" A copy of the log is kept as {}.", copy.display()),
        Err(error) => format!(" No copy of the log could be kept: {error}."),
    };
    Some(format!(
        "{} is missing, damaged or was cut short: {} pages at its end cannot be read. The last requests that were stored may be missing.{kept}",
        wal.display(),
        lost.pages
    ))
}

/// Opens the writing connection, made or migrated as needed.
pub(super) fn writing(path: &Path, plan: &Plan<'_>) -> Result<Connection, OpenError> {
    let unusable = |reason: String| OpenError::Unusable { path: path.into(), reason };
    if path.exists() {
        inspect(path, plan)?;
    } else {
        make_private_file(path).map_err(|e| unusable(e.to_string()))?;
    }
    let mut connection = Connection::open(path).map_err(|e| unusable(e.to_string()))?;
    prepare(&mut connection).map_err(|e| unusable(e.to_string()))?;
    (plan.migrate)(&mut connection).map_err(unusable)?;
    shorten_log(&connection, path, LOG_LEFT_MAX);
    Ok(connection)
}

/// Copies a log of more than `most` bytes into the database. A copy that fails, as on a full disk, leaves the log as it is.
fn shorten_log(connection: &Connection, path: &Path, most: u64) {
    if fs::metadata(with_suffix(path, "-wal")).is_ok_and(|log| log.len() > most) {
        let copied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = copied {
            tracing::warn!(%error, "the database's log could not be shortened");
        }
    }
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Checkpoints run on a thread of their own: on the writer they would cost its p99. This comes before anything is
    // written, for a long log of the last run would be copied now, and a disk that is full has no room for that.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    let known: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if known != APPLICATION_ID {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS fsync alone leaves data in the drive's cache; elsewhere this does nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", true)
}

/// Opens a connection that can only read.
pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Opens the checkpointing connection.
pub(super) fn checkpointing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// SQLite gives its `-wal` and `-shm` files the mode of the database, so only this one is set.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_a_long_log_and_loses_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.db");
        let mut connection = Connection::open(&path).expect("a database");
        prepare(&mut connection).expect("its settings");
        connection.execute_batch("CREATE TABLE t (a BLOB)").expect("a table");
        for _ in 0..50 {
            connection.execute("INSERT INTO t VALUES (zeroblob(4000))", []).expect("a row");
        }
        let log = || fs::metadata(with_suffix(&path, "-wal")).expect("a log").len();
        let before = log();
        shorten_log(&connection, &path, before);
        assert_eq!(log(), before);
        shorten_log(&connection, &path, before - 1);
        assert_eq!(log(), 0);
        let rows: i64 = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("a count");
        assert_eq!(rows, 50);
    }
}
