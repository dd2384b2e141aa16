//! The data directory: one engine owns it at a time, and says where it is reached.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use hookbench_capture::private::{make_dir, options, write};
use serde::{Deserialize, Serialize};

use crate::ballast;

/// Whether a folder has a database of this product in it.
pub fn has_database(folder: &Path) -> bool {
    folder.join(DATABASE).is_file()
}

/// Its database file.
const DATABASE: &str = "hookbench.db";

/// Length of a token: 32 bytes in hexadecimal digits.
const TOKEN_DIGITS: u64 = 64;

/// What kind of process owns a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// The window.
    Window,
    /// `hookbench serve`.
    Serve,
    /// A command that needed an engine for its own duration.
    Command,
}

/// How a live engine is reached; `engine.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LiveEngine {
    /// Its process.
    pub pid: u32,
    /// What it is.
    pub kind: OwnerKind,
    /// Base URL of its HTTP door; none if that is closed.
    pub api: Option<String>,
    /// Base URL of its receiver; none while it does not listen.
    pub receiver: Option<String>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another engine owns it.
    #[error("{path} is in use by {owner}")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other process, as far as it is known.
        owner: String,
    },
    /// It cannot be made, read or written.
    #[error("{path} cannot be used: {source}")]
    Unusable {
        /// The directory or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A data directory this process owns until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    kind: OwnerKind,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if need be and takes it. Its lock ends with the process, however that ends.
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
        let live = LiveEngine { pid: std::process::id(), kind, api: None, receiver: None };
        // What is stored can be read and deleted on a full disk, too.
        if ballast::is_needed(path) && ballast::release(path, &dir.index()) {
            tracing::warn!("the disk is full: released the reserved space and the search index");
        }
        dir.announce(&live).map_err(unusable(&dir.path))?;
        Ok(dir)
    }

    /// What kind of process this is.
    pub(crate) fn kind(&self) -> OwnerKind {
        self.kind
    }

    /// Where the search index is.
    pub(crate) fn index(&self) -> PathBuf {
        self.path.join("search")
    }

    /// Why the database cannot be opened, where it is empty or gone in a folder that was in use: a new one would hide
    /// that everything is lost.
    pub(crate) fn emptied(&self) -> Option<String> {
        let (database, index) = (self.database(), self.index());
        if fs::metadata(&database).is_ok_and(|file| file.len() > 0) {
            return None;
        }
        let indexed = fs::read_dir(&index).is_ok_and(|mut files| files.next().is_some());
        let was_there = indexed || (database.exists() && self.path.join("token").exists());
        let what = if database.exists() { "is empty" } else { "is gone" };
        was_there.then(|| {
            format!(
                "{} {what}, though this folder was in use. Restore it from a backup; or remove the files `hookbench.db` and `token` and the folder `search` there to begin with an empty one",
                database.display()
            )
        })
    }

    /// Writes `engine.json` for others to find this engine.
    pub fn announce(&self, live: &LiveEngine) -> io::Result<()> {
        let (path, text) = (self.path.join("engine.json"), serde_json::to_string(live)?);
        match write(&path, text.as_bytes()) {
            // On a full disk the file that is there is written over: it takes no more room than it has.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => over(&path, text.as_bytes()).map_err(|_| error),
            written => written,
        }
    }

    /// Writes the token that opens this engine's HTTP door.
    pub fn write_token(&self, token: &str) -> Result<(), DataDirError> {
        if self.kept_token().as_deref() == Some(token) {
            return Ok(());
        }
        let path = self.path.join("token");
        write(&path, token.as_bytes()).map_err(|source| DataDirError::Unusable { path, source })
    }

    /// The token of the last run, where it is one that a door made and nobody else can read it.
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

    /// Whether an engine has ever owned the directory.
    pub fn exists(path: &Path) -> bool {
        path.join(DATABASE).exists()
    }

    /// What the directory's engine last wrote of itself, if its process holds the lock.
    pub fn live(path: &Path) -> Option<LiveEngine> {
        let lock = File::open(path.join("lock")).ok()?;
        if lock.try_lock_shared().is_ok() {
            return None;
        }
        serde_json::from_slice(&fs::read(path.join("engine.json")).ok()?).ok()
    }

    /// The token of the directory's live engine.
    pub fn token(path: &Path) -> Result<String, DataDirError> {
        let path = path.join("token");
        fs::read_to_string(&path).map_err(|source| DataDirError::Unusable { path, source })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

/// Writes over the beginning of a file, and cuts off the rest.
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
    fn a_second_engine_is_told_who_holds_the_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = DataDir::own(dir.path(), OwnerKind::Serve).expect("nobody owns it");
        assert_eq!(DataDir::live(dir.path()).expect("it is live").pid, std::process::id());
        let error = DataDir::own(dir.path(), OwnerKind::Window).expect_err("it is owned").to_string();
        assert!(error.contains(&format!("hookbench serve (process {})", std::process::id())), "{error}");
        drop(first);
        assert!(DataDir::live(dir.path()).is_none());
        DataDir::own(dir.path(), OwnerKind::Window).expect("it is free again");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("data");
        let owned = DataDir::own(&path, OwnerKind::Serve).expect("it can be made");
        owned.write_token("secret").expect("it can be written");
        let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        for file in ["lock", "engine.json", "token"] {
            assert_eq!(mode(&path.join(file)), 0o600, "{file}");
        }
    }
}
