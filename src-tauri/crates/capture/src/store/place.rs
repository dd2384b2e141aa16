//! Whether the files that a store has open are still the ones at their path. What is written into a file that
//! was removed is gone when the program ends, though every write succeeds.

use std::path::{Path, PathBuf};

use hookbench_model::DatabaseFault;

use super::commit::CommitError;

/// What tells one file from every other on this machine.
type Identity = (u64, u64);

/// A file, and which one it was when it was first seen.
#[derive(Debug)]
struct Seen {
    path: PathBuf,
    identity: Option<Identity>,
}

/// The database file and its log.
#[derive(Debug)]
pub(super) struct Place {
    files: [Seen; 2],
}

fn identity(path: &Path) -> Option<Identity> {
    // Only the number is asked for: Linux notes when somebody asks for the times of a file, and from then on each write
    // gives it a new one, which the next fsync has to bring to the disk (kernel documentation, "Multigrain Timestamps").
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
    // Elsewhere a file that is open can be neither removed nor replaced.
    #[cfg(not(unix))]
    {
        let _ = path;
        Some((0, 0))
    }
}

impl Place {
    /// The files of a database that was opened this moment.
    pub(super) fn of(database: &Path) -> Self {
        let seen = |path: PathBuf| Seen { identity: identity(&path), path };
        Self { files: [seen(database.to_owned()), seen(super::open::with_suffix(database, "-wal"))] }
    }

    /// Whether both are where they were. A file that was not there when it was looked for first is taken as it
    /// is now: SQLite makes the log with the first write.
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
                            "{} was {what} while Hookbench had it open. Put the file back, or restore a backup",
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
    fn a_file_that_is_gone_or_another_is_noticed_and_one_that_comes_back_is_right() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.db");
        fs::write(&path, "1").expect("a file");
        let mut place = Place::of(&path);
        let wal = dir.path().join("x.db-wal");
        assert!(place.check().is_ok());
        fs::write(&wal, "1").expect("a log");
        assert!(place.check().is_ok());
        for file in [&path, &wal] {
            let aside = dir.path().join("aside");
            fs::rename(file, &aside).expect("it moves");
            let error = place.check().expect_err("it is gone");
            assert!(error.fault == DatabaseFault::Removed && error.message.contains("was removed"), "{error}");
            fs::write(file, "2").expect("another file");
            assert!(place.check().expect_err("another").message.contains("replaced"));
            fs::rename(&aside, file).expect("it comes back");
            assert!(place.check().is_ok());
        }
    }
}
