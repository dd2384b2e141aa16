//! The database as a file: copies for backups, restoration, and checks without an engine.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hookbench_capture::RowId;
use hookbench_model::Settings;
use rusqlite::{Connection, OpenFlags};

pub use crate::migrations::VERSION as LAYOUT;

/// File name of the database in a data folder.
pub const NAME: &str = "hookbench.db";

/// Error of a file that cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, io::Error),
    /// The file is not a database of Hookbench.
    #[error("{0} is not a backup of Hookbench: {1}")]
    NotABackup(PathBuf, String),
    /// A newer version of Hookbench wrote the file.
    #[error(
        "{file} was written by a newer version of Hookbench (layout {found}, this program knows up to {LAYOUT}). \
         Restore it with that version"
    )]
    Newer {
        /// Path of the file.
        file: PathBuf,
        /// Version of its layout.
        found: i32,
    },
    /// The folder already has a database.
    #[error("{0} already has data. Name an empty folder with --data, or move that data away")]
    Occupied(PathBuf),
    /// The database cannot be written.
    #[error("{0} cannot be written: {1}")]
    Unwritable(PathBuf, String),
}

/// Contents of a restored database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Number of requests.
    pub requests: u64,
    /// Size of the database file, in bytes.
    pub bytes: u64,
}

fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Opens a database to copy it.
///
/// # Errors
///
/// Returns the error of SQLite if the file cannot be opened.
pub fn open(database: &Path) -> rusqlite::Result<Connection> {
    read_only(database)
}

/// Creates an empty file that only its owner can read.
///
/// # Errors
///
/// Returns an error if the file exists or cannot be created.
pub fn create_private(path: &Path) -> io::Result<()> {
    hookbench_capture::private::options().write(true).create_new(true).open(path).map(drop)
}

/// Copies a database into an empty file and flushes it, because SQLite does not flush the file of a `VACUUM INTO`.
///
/// # Errors
///
/// Returns the message of SQLite or of the operating system.
pub fn copy(connection: &Connection, target: &Path) -> Result<(), String> {
    connection.execute("VACUUM INTO ?1", [target.to_string_lossy()]).map_err(|e| e.to_string())?;
    fs::File::open(target).and_then(|file| file.sync_all()).map_err(|e| e.to_string())
}

/// Returns what is wrong with a database file, at most ten lines. Empty if every page is sound.
///
/// # Errors
///
/// Returns the error of SQLite if the file cannot be read as a database.
pub fn faults(database: &Path) -> rusqlite::Result<Vec<String>> {
    let connection = read_only(database)?;
    let lines: Vec<String> =
        connection.prepare("PRAGMA quick_check(10)")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(if lines == ["ok"] { Vec::new() } else { lines })
}

/// Returns the version of the layout of a database.
///
/// # Errors
///
/// Returns the error of SQLite if the file cannot be read as a database.
pub fn layout(database: &Path) -> rusqlite::Result<i32> {
    read_only(database)?.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Returns the settings that a database stores, and the time of the newest request in µs since the epoch.
///
/// # Errors
///
/// Returns the error of SQLite if the file cannot be read as a database of this version.
pub fn settings(database: &Path) -> rusqlite::Result<(Settings, Option<i64>)> {
    let connection = read_only(database)?;
    let newest: Option<i64> = connection.query_row("SELECT max(id) FROM request", [], |row| row.get(0))?;
    Ok((crate::settings::load(&connection)?, newest.map(|row| RowId(row).unix_ms() * 1_000)))
}

/// Copies the database in `file` to the path `database`, which must not exist. The copy appears complete or not at all.
///
/// # Errors
///
/// See [`RestoreError`].
pub fn restore(file: &Path, database: &Path) -> Result<Restored, RestoreError> {
    let folder = database.parent().unwrap_or(database);
    // SQLite would replay the log of another database into the restored one.
    let log = database.with_extension("db-wal");
    if database.exists() || log.exists() {
        return Err(RestoreError::Occupied(folder.to_owned()));
    }
    fs::File::open(file).map_err(|error| RestoreError::Unreadable(file.to_owned(), error))?;
    let not_one = |why: String| RestoreError::NotABackup(file.to_owned(), why);
    let connection = read_only(file).map_err(|error| not_one(error.to_string()))?;
    let found = connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0))
        .map_err(|error| not_one(error.to_string()))?;
    if found > LAYOUT {
        return Err(RestoreError::Newer { file: file.to_owned(), found });
    }
    let requests: i64 = connection
        .query_row("SELECT count(*) FROM request JOIN inbox ON inbox.number = request.inbox", [], |row| row.get(0))
        .map_err(|error| not_one(error.to_string()))?;
    let part = database.with_extension("restoring");
    let _ = fs::remove_file(&part);
    let placed = create_private(&part)
        .map_err(|error| error.to_string())
        .and_then(|()| copy(&connection, &part))
        .and_then(|()| fs::rename(&part, database).map_err(|error| error.to_string()));
    if let Err(why) = placed {
        let _ = fs::remove_file(&part);
        return Err(RestoreError::Unwritable(database.to_owned(), why));
    }
    // Blocks of an index of other data must not take part in searches.
    let _ = fs::remove_dir_all(folder.join("search"));
    #[cfg(unix)]
    let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    let bytes = fs::metadata(database).map_or(0, |file| file.len());
    Ok(Restored { requests: requests.max(0) as u64, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::migrate;

    fn database(path: &Path) {
        let mut connection = Connection::open(path).expect("a database");
        migrate(&mut connection).expect("migrations");
    }

    #[test]
    fn restores_a_copy_that_only_its_owner_can_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let (source, backup, restored) = (dir.path().join("a.db"), dir.path().join("b.db"), dir.path().join("c.db"));
        database(&source);
        create_private(&backup).expect("a file");
        copy(&open(&source).expect("opened"), &backup).expect("copied");
        let result = restore(&backup, &restored).expect("restored");
        assert_eq!((result.requests, result.bytes > 0), (0, true));
        assert_eq!((faults(&restored).expect("checked"), layout(&restored).expect("a layout")), (vec![], LAYOUT));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&restored).expect("a file").permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(restore(&backup, &restored), Err(RestoreError::Occupied(_))));
        // The log of a database that is gone counts as data.
        let other = dir.path().join("d.db");
        fs::write(dir.path().join("d.db-wal"), "a log").expect("a file");
        assert!(matches!(restore(&backup, &other), Err(RestoreError::Occupied(_))));
    }

    #[test]
    fn rejects_files_that_are_no_backup() {
        let dir = tempfile::tempdir().expect("a directory");
        let target = dir.path().join("new/hookbench.db");
        let file = |name: &str| dir.path().join(name);
        fs::create_dir(dir.path().join("new")).expect("a folder");
        assert!(matches!(restore(&file("missing"), &target), Err(RestoreError::Unreadable(..))));
        fs::write(file("text"), "hello").expect("a file");
        assert!(matches!(restore(&file("text"), &target), Err(RestoreError::NotABackup(..))));
        Connection::open(file("other.db")).and_then(|other| other.execute("CREATE TABLE t (a)", [])).expect("a table");
        assert!(matches!(restore(&file("other.db"), &target), Err(RestoreError::NotABackup(..))));
        database(&file("newer.db"));
        Connection::open(file("newer.db"))
            .and_then(|newer| newer.pragma_update(None, "user_version", 9_999))
            .expect("set");
        let error = restore(&file("newer.db"), &target).expect_err("newer");
        assert!(error.to_string().contains("newer version"), "{error}");
        assert!(fs::read_dir(dir.path().join("new")).expect("a folder").next().is_none());
    }
}
