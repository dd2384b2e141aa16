//! Takes over the data of earlier releases, which had the name Hookline.
//!
//! The folder moves to its new place first, and the database gets its new name last, after its log. A takeover that was
//! interrupted therefore continues at the next start, and the database never opens without its log.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use hookbench_capture::{APPLICATION_ID, private::make_dir};

use crate::database_file::NAME as DATABASE;

/// File name of the database in earlier releases.
const OLD_DATABASE: &str = "hookline.db";

/// Database of a relay, in the folder `relay` of the data folder.
const RELAY_DATABASE: &str = "relay/relay.db";

/// Files that belong to a running process.
const TRANSIENT: &[&str] = &["lock", "engine.json"];

/// An error from a takeover. Nothing is lost: the data is in the old folder, in the new one, or partly in both.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// A process of an earlier release uses the folder.
    #[error("{0} is in use by Hookline, the earlier name of this program. Quit Hookline, then start Hookbench again")]
    InUse(PathBuf),
    /// A file cannot be moved.
    #[error("the data in {path} cannot be taken over: {source}")]
    Unmovable {
        /// Folder of the earlier release.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Moves the data of an earlier release from the folder `old` to the folder `new`, which can be the same folder.
///
/// Returns true if data was moved. Leaves `old` alone if it has no database of this program, and `new` if it has one.
///
/// # Errors
///
/// Returns [`TakeoverError::InUse`] if an earlier release is running, and [`TakeoverError::Unmovable`] if a file cannot
/// be moved.
pub fn take_over(old: &Path, new: &Path) -> Result<bool, TakeoverError> {
    if new.join(DATABASE).exists() {
        return Ok(false);
    }
    let moves_folder = old != new;
    if moves_folder && is_ours(&new.join(OLD_DATABASE)) {
        // An interrupted takeover moved the folder and did not rename the database.
        return take_over(new, new);
    }
    let has_relay = || moves_folder && !old.join(OLD_DATABASE).exists() && is_ours(&old.join(RELAY_DATABASE));
    if !is_ours(&old.join(OLD_DATABASE)) && !has_relay() {
        return Ok(false);
    }
    let unmovable = |source| TakeoverError::Unmovable { path: old.to_owned(), source };
    let _locks = lock(old)?;
    if moves_folder {
        move_folder(old, new).map_err(unmovable)?;
    }
    rename_database(new).map_err(unmovable)?;
    Ok(true)
}

/// Returns true if `path` is a SQLite database with the application id of this program.
fn is_ours(path: &Path) -> bool {
    let mut header = [0; 72];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.starts_with(b"SQLite format 3\0") && header[68..72] == APPLICATION_ID.to_be_bytes()
}

/// Locks the folder and its relay against an earlier release. A lock file that is missing belongs to no process.
fn lock(folder: &Path) -> Result<Vec<File>, TakeoverError> {
    let mut locks = Vec::new();
    for name in ["lock", "relay/lock"] {
        let Ok(file) = File::open(folder.join(name)) else { continue };
        match file.try_lock() {
            Ok(()) => locks.push(file),
            Err(TryLockError::WouldBlock) => return Err(TakeoverError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => {
                return Err(TakeoverError::Unmovable { path: folder.to_owned(), source });
            }
        }
    }
    Ok(locks)
}

/// Moves the folder, or its entries one by one if `new` exists. The database comes last.
fn move_folder(old: &Path, new: &Path) -> io::Result<()> {
    if !new.exists() {
        if let Some(parent) = new.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(old, new)?;
        return make_dir(new);
    }
    make_dir(new)?;
    let mut entries: Vec<PathBuf> = fs::read_dir(old)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort_by_key(|path| path.file_name().is_some_and(|name| name == OLD_DATABASE));
    for path in entries {
        let Some(name) = path.file_name() else { continue };
        let transient = TRANSIENT.iter().any(|transient| name == *transient);
        if transient || new.join(name).exists() {
            continue;
        }
        fs::rename(&path, new.join(name))?;
    }
    for name in TRANSIENT {
        let _ = fs::remove_file(old.join(name));
    }
    // An old folder with other files stays.
    let _ = fs::remove_dir(old);
    Ok(())
}

/// Gives the database its new name. The log moves first: SQLite finds the log by the name of the database.
fn rename_database(folder: &Path) -> io::Result<()> {
    let old = folder.join(OLD_DATABASE);
    if !old.exists() {
        return Ok(());
    }
    for end in ["-wal", "-shm"] {
        match fs::rename(folder.join(format!("{OLD_DATABASE}{end}")), folder.join(format!("{DATABASE}{end}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(old, folder.join(DATABASE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a database with one row, of which the last change is only in the log.
    fn database(path: &Path, application_id: i32) {
        let connection = rusqlite::Connection::open(path).expect("a database");
        connection
            .execute_batch(&format!(
                "PRAGMA application_id = {application_id}; PRAGMA journal_mode = WAL; CREATE TABLE t (a);
                 PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (7);"
            ))
            .expect("a row");
        // A closed connection would write the log back.
        std::mem::forget(connection);
    }

    fn row(path: &Path) -> i64 {
        let connection = rusqlite::Connection::open(path).expect("a database");
        connection.query_row("SELECT a FROM t", [], |row| row.get(0)).expect("a row")
    }

    #[test]
    fn moves_a_folder_with_the_log_of_its_database() {
        let home = tempfile::tempdir().expect("a folder");
        let (old, new) = (home.path().join("hookline"), home.path().join("hookbench"));
        fs::create_dir(&old).expect("the old folder");
        database(&old.join(OLD_DATABASE), APPLICATION_ID);
        fs::write(old.join("token"), "t").expect("a token");
        assert!(take_over(&old, &new).expect("it is taken over"));
        assert!(!old.exists() && new.join("token").exists() && !new.join(OLD_DATABASE).exists());
        assert_eq!(row(&new.join(DATABASE)), 7);
        assert!(!take_over(&old, &new).expect("nothing is left to do"));
    }

    #[test]
    fn continues_an_interrupted_takeover() {
        let home = tempfile::tempdir().expect("a folder");
        let (old, new) = (home.path().join("hookline"), home.path().join("hookbench"));
        fs::create_dir(&new).expect("the new folder");
        // The folder was moved, and the log was renamed.
        database(&new.join(OLD_DATABASE), APPLICATION_ID);
        fs::rename(new.join("hookline.db-wal"), new.join("hookbench.db-wal")).expect("the log");
        assert!(take_over(&old, &new).expect("it is taken over"));
        assert_eq!(row(&new.join(DATABASE)), 7);
    }

    #[test]
    fn moves_into_an_existing_folder() {
        let home = tempfile::tempdir().expect("a folder");
        let (old, new) = (home.path().join("hookline"), home.path().join("hookbench"));
        fs::create_dir(&old).expect("the old folder");
        fs::create_dir(&new).expect("the new folder");
        fs::write(new.join("lock"), "").expect("a lock file");
        database(&old.join(OLD_DATABASE), APPLICATION_ID);
        assert!(take_over(&old, &new).expect("it is taken over"));
        assert_eq!(row(&new.join(DATABASE)), 7);
        assert!(!old.exists());
    }

    #[test]
    fn leaves_a_folder_of_another_program_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let (old, new) = (home.path().join("hookline"), home.path().join("hookbench"));
        fs::create_dir(&old).expect("the old folder");
        fs::write(old.join("config.toml"), "x").expect("a file");
        assert!(!take_over(&old, &new).expect("nothing to do"));
        database(&old.join(OLD_DATABASE), 0);
        assert!(!take_over(&old, &new).expect("nothing to do"));
        assert!(old.join("config.toml").exists() && old.join(OLD_DATABASE).exists() && !new.exists());
    }

    #[test]
    fn rejects_a_folder_in_use() {
        let home = tempfile::tempdir().expect("a folder");
        let (old, new) = (home.path().join("hookline"), home.path().join("hookbench"));
        fs::create_dir(&old).expect("the old folder");
        database(&old.join(OLD_DATABASE), APPLICATION_ID);
        fs::create_dir(old.join("relay")).expect("the folder of the relay");
        let locks = ["lock", "relay/lock"].map(|name| File::create(old.join(name)).expect("a lock file"));
        // An engine or a relay of an earlier release can use the folder.
        for lock in &locks {
            lock.try_lock().expect("the lock");
            assert!(matches!(take_over(&old, &new), Err(TakeoverError::InUse(path)) if path == old));
            assert!(old.join(OLD_DATABASE).exists() && !new.exists());
            lock.unlock().expect("the lock");
        }
        assert!(take_over(&old, &new).expect("it is taken over"));
    }
}
