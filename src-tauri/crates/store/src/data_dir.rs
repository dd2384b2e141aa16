//! The data directory, which one engine locks at a time, and the file with the addresses of that engine.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use hookbench_capture::private::{make_dir, options, write};
use serde::{Deserialize, Serialize};

use hookbench_capture::ballast;

use crate::database_file::NAME;

/// Returns true if a directory contains a Hookbench database.
pub fn has_database(folder: &Path) -> bool {
    folder.join(NAME).is_file()
}

/// Length of a token: 32 bytes in hexadecimal digits.
const TOKEN_DIGITS: u64 = 64;

/// Kind of process that owns a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// The desktop app.
    Window,
    /// `hookbench serve`.
    Serve,
    /// A command that opened an engine while it runs.
    Command,
}

/// Content of `engine.json`: the process and the addresses of a running engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LiveEngine {
    /// Process id.
    pub pid: u32,
    /// Kind of process.
    pub kind: OwnerKind,
    /// Base URL of the local HTTP API. Absent if the API is disabled.
    pub api: Option<String>,
    /// Base URL of the listener. Absent while the listener is not running.
    pub listener: Option<String>,
}

/// Error of a data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another engine has locked the directory.
    #[error("{path} is in use by {owner}")]
    InUse {
        /// Path of the directory.
        path: PathBuf,
        /// Description of the other process.
        owner: String,
    },
    /// The directory or a file in it cannot be created, read or written.
    #[error("{path} cannot be used: {source}")]
    Unusable {
        /// Path of the directory or file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// A data directory, locked until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    kind: OwnerKind,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if needed and locks it. The operating system releases the lock when the process ends.
    ///
    /// # Errors
    /// Returns an error if another engine has locked the directory, or if the directory cannot be written.
    pub fn own(path: &Path, kind: OwnerKind) -> Result<Self, DataDirError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Unusable { path, source }
        };
        make_dir(path).map_err(unusable(path))?;
        let lock_path = path.join("lock");
        let lock = options().create(true).write(true).open(&lock_path).map_err(unusable(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = Self::live(path).map_or_else(
                    || "another Hookbench process".to_owned(),
                    |live| match live.kind {
                        OwnerKind::Window => format!("the Hookbench window (process {})", live.pid),
                        OwnerKind::Serve => format!("hookbench serve (process {})", live.pid),
                        OwnerKind::Command => format!("a hookbench command (process {})", live.pid),
                    },
                );
                return Err(DataDirError::InUse { path: path.into(), owner });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(&lock_path)(source)),
        }
        let dir = Self { path: path.into(), kind, _lock: lock };
        let live = LiveEngine { pid: std::process::id(), kind, api: None, listener: None };
        // Releasing the reserve lets the user read and delete requests on a full disk.
        if ballast::is_needed(path) && ballast::release(path, &dir.index()) {
            tracing::warn!("the disk is full: deleted the reserved space and the search index");
        }
        dir.announce(&live).map_err(unusable(&dir.path))?;
        Ok(dir)
    }

    /// Returns the kind of this process.
    pub fn kind(&self) -> OwnerKind {
        self.kind
    }

    /// Returns the directory of the search index.
    pub fn index(&self) -> PathBuf {
        self.path.join("search")
    }

    /// Returns an error message if the database is empty or missing in a directory that was in use. Creating a new
    /// database there would hide the loss.
    pub fn emptied(&self) -> Option<String> {
        let (database, index) = (self.database(), self.index());
        if fs::metadata(&database).is_ok_and(|file| file.len() > 0) {
            return None;
        }
        let indexed = fs::read_dir(&index).is_ok_and(|mut files| files.next().is_some());
        let was_there = indexed || (database.exists() && self.path.join("token").exists());
        let what = if database.exists() { "is empty" } else { "is missing" };
        was_there.then(|| {
            format!(
                "{} {what}, but the data folder was in use before. Restore the database from a backup. To start with an empty database, delete the files `hookbench.db` and `token` and the folder `search` there",
                database.display()
            )
        })
    }

    /// Writes `engine.json`, by which other processes find this engine.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn announce(&self, live: &LiveEngine) -> io::Result<()> {
        let (path, text) = (self.path.join("engine.json"), serde_json::to_string(live)?);
        match write(&path, text.as_bytes()) {
            // On a full disk, overwriting the existing file needs no further space.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => over(&path, text.as_bytes()).map_err(|_| error),
            written => written,
        }
    }

    /// Writes the token of the local HTTP API.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn write_token(&self, token: &str) -> Result<(), DataDirError> {
        if self.kept_token().as_deref() == Some(token) {
            return Ok(());
        }
        let path = self.path.join("token");
        write(&path, token.as_bytes()).map_err(|source| DataDirError::Unusable { path, source })
    }

    /// Returns the token of the previous run, if the token is valid and only the owner can read the file.
    pub fn kept_token(&self) -> Option<String> {
        let path = self.path.join("token");
        let file = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if file.permissions().mode() & 0o077 != 0 {
                return None;
            }
        }
        (file.len() == TOKEN_DIGITS)
            .then(|| fs::read_to_string(&path).ok())?
            .filter(|token| token.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)))
    }

    /// Returns true if the directory contains a database.
    pub fn exists(path: &Path) -> bool {
        path.join(NAME).exists()
    }

    /// Returns the `engine.json` of the engine that holds the lock. Returns `None` if no engine holds it.
    pub fn live(path: &Path) -> Option<LiveEngine> {
        let lock = File::open(path.join("lock")).ok()?;
        if lock.try_lock_shared().is_ok() {
            return None;
        }
        serde_json::from_slice(&fs::read(path.join("engine.json")).ok()?).ok()
    }

    /// Reads the API token of the running engine.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn token(path: &Path) -> Result<String, DataDirError> {
        let path = path.join("token");
        fs::read_to_string(&path).map_err(|source| DataDirError::Unusable { path, source })
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the database file in a directory that may not exist.
    pub fn database_in(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// Returns the path of the database file.
    pub fn database(&self) -> PathBuf {
        self.path.join(NAME)
    }
}

/// Overwrites a file in place and truncates it to the new length.
fn over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = options().write(true).create(true).truncate(false).open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path.join("engine.json"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_owner_of_a_locked_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = DataDir::own(dir.path(), OwnerKind::Serve).expect("the directory is free");
        assert_eq!(DataDir::live(dir.path()).expect("a running engine").pid, std::process::id());
        let error = DataDir::own(dir.path(), OwnerKind::Window).expect_err("the directory is locked").to_string();
        assert!(error.contains(&format!("hookbench serve (process {})", std::process::id())), "{error}");
        drop(first);
        assert!(DataDir::live(dir.path()).is_none());
        DataDir::own(dir.path(), OwnerKind::Window).expect("the directory is free again");
    }

    #[cfg(unix)]
    #[test]
    fn restricts_access_to_the_owner() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("data");
        let owned = DataDir::own(&path, OwnerKind::Serve).expect("a data directory");
        owned.write_token("secret").expect("a token");
        let mode = |path: &Path| fs::metadata(path).expect("an existing file").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        for file in ["lock", "engine.json", "token"] {
            assert_eq!(mode(&path.join(file)), 0o600, "{file}");
        }
    }
}
