//! Opening of a database. An existing file is checked before anything is changed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{log, schema::APPLICATION_ID};

/// Page size of a new database. A page of 8 KiB holds several webhook rows and a page of 4 KiB only two, so the file is
/// 14 % smaller.
const PAGE_BYTES: u32 = 8192;

/// Page cache of a reader, as negative KiB. The inner pages of a million requests take 2 MB; with these in the cache, a
/// request is found by its row id with one page read.
const READER_CACHE: i64 = -6_000;

/// Largest log that is left to the background checkpoint at startup, in bytes. A larger log is copied first. Otherwise
/// the log would grow without bound if the program repeatedly stopped before a background checkpoint.
const LOG_LEFT_MAX: u64 = 64 * 1024 * 1024;

/// Time a connection waits for a lock of another program.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Tables that the owner of a database wants.
pub struct Plan<'a> {
    /// Newest schema version that this program supports (`PRAGMA user_version`).
    pub version: i32,
    /// Migrates the tables from any older version to this version.
    pub migrate: &'a dyn Fn(&mut Connection) -> Result<(), String>,
}

/// An error from opening a database. The file is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file was written by a newer version of Hookbench.
    #[error(
        "{path} was created by a newer version of Hookbench (schema version {found}; this version supports {known})"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Schema version of the file.
        found: i32,
        /// Newest schema version that this program supports.
        known: i32,
    },
    /// The file is not a database, is truncated, or cannot be read.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// Description of the damage.
        reason: String,
    },
    /// The file is a database of another program.
    #[error("{path} is not a Hookbench database")]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// The file or its folder cannot be used.
    #[error("{path} cannot be opened: {reason}")]
    Unusable {
        /// The database file.
        path: PathBuf,
        /// Error message of the system or of SQLite.
        reason: String,
    },
}

/// Checks an existing file without writing to it.
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
        // An earlier start ended before it created the tables. The migration creates them now.
        return Ok(());
    }
    if found > plan.version {
        return Err(OpenError::Newer { path: path.into(), found, known: plan.version });
    }
    let wal = fs::metadata(with_suffix(path, "-wal")).map_or(0, |m| m.len());
    let wanted = stated_length(path).map_err(|e| damaged(e.to_string()))?;
    if wal == 0 && length < wanted {
        return Err(damaged(format!("the file has {length} of {wanted} bytes")));
    }
    // Only both ends of the tables are read, because a full check would read every page of a large file.
    connection
        .query_row(
            "SELECT (SELECT min(id) FROM request), (SELECT max(id) FROM request), (SELECT id_tail FROM store)",
            [],
            |_| Ok(()),
        )
        .map_err(|e| damaged(e.to_string()))
}

/// Returns the length of the file that its header states: the page size at offset 16 times the number of pages at
/// offset 28 (SQLite file format §1.3). `PRAGMA page_count` would return the pages that are left of a truncated file.
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

/// Checks the log before SQLite opens it, and copies a log with missing commits. Returns a message about the loss, or
/// `None` if nothing is missing. SQLite uses the rest of the log.
pub(super) fn lost_of_log(path: &Path, now_us: i64) -> Option<String> {
    let lost = match log::lost(path) {
        Ok(lost) => lost?,
        Err(error) => {
            tracing::warn!(%error, "the database log could not be checked before opening");
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
        Ok(_) => format!(" The log was copied to {}.", copy.display()),
        Err(error) => format!(" The log could not be copied: {error}."),
    };
    Some(format!(
        "{} is missing, damaged or truncated: {} pages at its end cannot be read. The most recent requests may be missing.{kept}",
        wal.display(),
        lost.pages
    ))
}

/// Opens the writing connection. Creates or migrates the database if necessary.
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

/// Copies a log of more than `most` bytes into the database. If the copy fails, for example because the disk is full,
/// the log is unchanged.
fn shorten_log(connection: &Connection, path: &Path, most: u64) {
    if fs::metadata(with_suffix(path, "-wal")).is_ok_and(|log| log.len() > most) {
        let copied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = copied {
            tracing::warn!(%error, "the database log could not be shortened");
        }
    }
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Checkpoints run on a separate thread, because they would raise the p99 latency of the writer. Automatic
    // checkpoints are disabled before the first write. Otherwise that write would copy a long log of the last run,
    // which fails on a full disk.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    let known: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if known != APPLICATION_ID {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS, fsync alone leaves data in the cache of the drive. On other systems, this setting has no effect.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", true)
}

/// Opens a read-only connection.
pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Opens the connection for background checkpoints.
pub(super) fn checkpointing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Creates the database file with mode 0600 on Unix. SQLite gives the `-wal` and `-shm` files the mode of the database.
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
    fn shortens_a_long_log_without_loss() {
        let dir = tempfile::tempdir().expect("create a folder");
        let path = dir.path().join("x.db");
        let mut connection = Connection::open(&path).expect("open a database");
        prepare(&mut connection).expect("apply the settings");
        connection.execute_batch("CREATE TABLE t (a BLOB)").expect("create a table");
        for _ in 0..50 {
            connection.execute("INSERT INTO t VALUES (zeroblob(4000))", []).expect("insert a row");
        }
        let log = || fs::metadata(with_suffix(&path, "-wal")).expect("read the log").len();
        let before = log();
        shorten_log(&connection, &path, before);
        assert_eq!(log(), before);
        shorten_log(&connection, &path, before - 1);
        assert_eq!(log(), 0);
        let rows: i64 = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("count the rows");
        assert_eq!(rows, 50);
    }
}
