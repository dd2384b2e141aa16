//! Room that is kept for the day the disk is full: a file that is given up at start, so that what is stored can be
//! read and deleted.

use std::{fs, io, path::Path};

/// Its file.
const FILE: &str = "ballast";

/// Its size, in bytes: enough to open a database, and to delete some thousand requests from it.
const BYTES: u64 = 8 * 1024 * 1024;

/// It takes no more than this part of what is free.
const PART: u64 = 8;

/// What opening a database takes, in bytes, with its log and a change of its tables.
const NEEDED: u64 = 1024 * 1024;

/// Less than this is of no use, in bytes.
const LEAST: u64 = 256 * 1024;

/// Makes it, if it is not there and there is room. A disk that is nearly full keeps what it has.
pub(crate) fn keep(dir: &Path) {
    let path = dir.join(FILE);
    if path.exists() {
        return;
    }
    if let Err(error) = fill(dir, &path) {
        let _ = fs::remove_file(&path);
        tracing::debug!(%error, "no room is kept for a full disk");
    }
}

#[cfg(unix)]
fn fill(dir: &Path, path: &Path) -> io::Result<()> {
    let disk = rustix::fs::statvfs(dir)?;
    let bytes = (disk.f_bavail.saturating_mul(disk.f_frsize) / PART).min(BYTES);
    if bytes < LEAST {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let file = hookline_capture::private::options().create_new(true).write(true).open(path)?;
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        // A file system that does not set room aside gets zeros, which some compress to nothing.
        Err(_) => io::copy(&mut io::Read::take(io::repeat(0), bytes), &mut &file).map(drop),
    }
}

#[cfg(not(unix))]
fn fill(_: &Path, path: &Path) -> io::Result<()> {
    let file = hookline_capture::private::options().create_new(true).write(true).open(path)?;
    file.set_len(BYTES)
}

/// Whether so little is free that a database cannot be opened.
pub(crate) fn is_needed(dir: &Path) -> bool {
    #[cfg(unix)]
    {
        rustix::fs::statvfs(dir).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < NEEDED)
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        false
    }
}

/// Gives it up, and with it the search index, which is made again from what is stored; whether there was anything.
pub(crate) fn release(dir: &Path, index: &Path) -> bool {
    let ballast = fs::remove_file(dir.join(FILE)).is_ok();
    // The index is larger than the ballast as a rule, and nobody misses a byte of it.
    let index = fs::remove_dir_all(index).is_ok();
    ballast || index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_given_up_with_the_index() {
        let dir = tempfile::tempdir().expect("a folder");
        keep(dir.path());
        keep(dir.path());
        let index = dir.path().join("search");
        fs::create_dir(&index).expect("an index");
        assert!(release(dir.path(), &index) && !index.exists() && !dir.path().join(FILE).exists());
        assert!(!release(dir.path(), &index));
    }
}
