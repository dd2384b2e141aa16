//! Detection of database files that were removed or replaced while the store has them open. Writes into a removed file
//! succeed, but their data is lost when the program ends.

use std::path::{Path, PathBuf};

use hookbench_model::DatabaseFault;

use super::commit::CommitError;

/// Device and inode number of a file.
type Identity = (u64, u64);

/// A path and the identity of the file that was first found there.
#[derive(Debug)]
struct FirstFile {
    path: PathBuf,
    identity: Option<Identity>,
}

/// The database file and its log.
#[derive(Debug)]
pub(super) struct Place {
    files: [FirstFile; 2],
}

fn identity(path: &Path) -> Option<Identity> {
    // Only the inode number is requested. After a program has queried the timestamps of a file, Linux updates them on
    // each write, and the next fsync has to write them to disk (kernel documentation, "Multigrain Timestamps").
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        let file = statx(CWD, path, AtFlags::empty(), StatxFlags::INO).ok()?;
        Some((u64::from(file.stx_dev_major) << 32 | u64::from(file.stx_dev_minor), file.stx_ino))
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
    }
    // On Windows, an open file can be neither removed nor replaced.
    #[cfg(not(unix))]
    {
        let _ = path;
        Some((0, 0))
    }
}

impl Place {
    /// Records the files of a database that was just opened.
    pub(super) fn of(database: &Path) -> Self {
        let seen = |path: PathBuf| FirstFile { identity: identity(&path), path };
        Self { files: [seen(database.to_owned()), seen(super::open::with_suffix(database, "-wal"))] }
    }

    /// Checks that both files are still at their paths. A file that did not exist before is recorded now, because
    /// SQLite creates the log with the first write.
    pub(super) fn check(&mut self) -> Result<(), CommitError> {
        for seen in &mut self.files {
            let now = identity(&seen.path);
            match (seen.identity, now) {
                (None, now) => seen.identity = now,
                (Some(was), Some(now)) if was == now => {}
                (Some(_), now) => {
                    let what = if now.is_none() { "removed" } else { "replaced by another file" };
                    return Err(CommitError {
                        fault: DatabaseFault::Removed,
                        message: format!(
                            "{} was {what} while Hookbench was using it. Restore the file, or restore a backup",
                            seen.path.display()
                        ),
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn detects_removed_and_replaced_files() {
        let dir = tempfile::tempdir().expect("create a folder");
        let path = dir.path().join("x.db");
        fs::write(&path, "1").expect("write the database");
        let mut place = Place::of(&path);
        let wal = dir.path().join("x.db-wal");
        assert!(place.check().is_ok());
        fs::write(&wal, "1").expect("write the log");
        assert!(place.check().is_ok());
        for file in [&path, &wal] {
            let aside = dir.path().join("aside");
            fs::rename(file, &aside).expect("move the file away");
            let error = place.check().expect_err("the file is gone");
            assert!(error.fault == DatabaseFault::Removed && error.message.contains("was removed"), "{error}");
            fs::write(file, "2").expect("write another file");
            assert!(place.check().expect_err("the file was replaced").message.contains("replaced"));
            fs::rename(&aside, file).expect("move the file back");
            assert!(place.check().is_ok());
        }
    }
}
