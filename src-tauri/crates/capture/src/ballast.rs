//! Reserved disk space. Hookbench releases the reserve when it starts on a full disk. Stored requests can then be read
//! and deleted.

use std::{fs, io, path::Path};

/// Name of the file that reserves the space.
const FILE: &str = "ballast";

/// Size of the reserve in bytes: enough to open a database and delete some thousand requests.
const BYTES: u64 = 8 * 1024 * 1024;

/// Divisor of the free disk space. The reserve takes at most this fraction.
const PART: u64 = 8;

/// Disk space that opening a database requires, with its log and a migration, in bytes.
const NEEDED: u64 = 1024 * 1024;

/// Minimum size of the reserve, in bytes.
const LEAST: u64 = 256 * 1024;

/// Reserves the space unless it is reserved already or the disk is nearly full.
pub fn keep(dir: &Path) {
    let path = dir.join(FILE);
    if path.exists() {
        return;
    }
    if let Err(error) = fill(dir, &path) {
        let _ = fs::remove_file(&path);
        tracing::debug!(%error, "disk space could not be reserved");
    }
}

#[cfg(unix)]
fn fill(dir: &Path, path: &Path) -> io::Result<()> {
    let bytes = (free_bytes(dir).unwrap_or(0) / PART).min(BYTES);
    if bytes < LEAST {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let file = crate::private::options().create_new(true).write(true).open(path)?;
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        // File systems without preallocation get zeros. Some file systems compress these to nothing.
        Err(_) => io::copy(&mut io::Read::take(io::repeat(0), bytes), &mut &file).map(drop),
    }
}

#[cfg(not(unix))]
fn fill(_: &Path, path: &Path) -> io::Result<()> {
    let file = crate::private::options().create_new(true).write(true).open(path)?;
    file.set_len(BYTES)
}

/// Returns the disk space that this user can use in a directory, in bytes. `None` if it is unknown.
pub fn free_bytes(dir: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        rustix::fs::statvfs(dir).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        None
    }
}

/// Returns true if the free disk space is too small to open a database.
pub fn is_needed(dir: &Path) -> bool {
    free_bytes(dir).is_some_and(|free| free < NEEDED)
}

/// Releases the reserve and deletes the search index, which is rebuilt later. Returns true if one of them existed.
pub fn release(dir: &Path, index: &Path) -> bool {
    let ballast = fs::remove_file(dir.join(FILE)).is_ok();
    // The index is usually larger than the reserve, and can be rebuilt completely.
    let index = fs::remove_dir_all(index).is_ok();
    ballast || index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_the_reserve_and_the_index_once() {
        let dir = tempfile::tempdir().expect("a folder");
        keep(dir.path());
        keep(dir.path());
        let index = dir.path().join("search");
        fs::create_dir(&index).expect("an index");
        assert!(release(dir.path(), &index) && !index.exists() && !dir.path().join(FILE).exists());
        assert!(!release(dir.path(), &index));
    }
}
