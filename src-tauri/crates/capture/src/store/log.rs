//! Detection of commits that are missing from SQLite's write-ahead log. The log is read before SQLite opens it, because
//! SQLite silently ignores everything after the first invalid frame (SQLite file format §4, "The Write-Ahead Log";
//! "The WAL-Index File Format").

use std::{
    fs::File,
    io::{self, BufReader, Read as _},
    path::Path,
};

use super::open::with_suffix;

/// Commits at the end of a log that can no longer be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LostCommits {
    /// Number of pages that are known to be missing.
    pub(super) pages: u64,
}

fn be(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn ne(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Continues the checksum of the log over `bytes`, whose length is a multiple of 8.
fn checksum(bytes: &[u8], big: bool, mut sum: (u32, u32)) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| {
            let word = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        sum.0 = sum.0.wrapping_add(word(0)).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(word(4)).wrapping_add(sum.0);
    }
    sum
}

/// Returns the commits that are missing from the log of a database. Returns `None` if the log is complete, if the log
/// ends within a commit that was never acknowledged, or if both log and index are absent, as after a regular shutdown.
pub(super) fn lost(database: &Path) -> io::Result<Option<LostCommits>> {
    let index = index(database);
    // Used when nothing is left of the log, not even its header: only the index tells how many frames it had.
    let everything = || index.as_ref().and_then(|index| LostCommits::of(index.frames.saturating_sub(index.copied)));
    let log = match File::open(with_suffix(database, "-wal")) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(everything()),
        Err(error) => return Err(error),
    };
    let mut log = BufReader::with_capacity(1 << 20, log);
    let mut header = [0; 32];
    if log.read_exact(&mut header).is_err() {
        return Ok(everything());
    }
    let (magic, page) = (be(&header, 0), be(&header, 8));
    let big = magic & 1 == 1;
    let page = if page == 1 { 65_536 } else { page as usize };
    if magic & !1 != 0x377f_0682 || !page.is_power_of_two() || !(512..=65_536).contains(&page) {
        return Ok(None);
    }
    let salts = [be(&header, 16), be(&header, 20)];
    let mut sum = checksum(&header[..24], big, (0, 0));
    let mut whole = sum == (be(&header, 24), be(&header, 28));
    let mut frame = vec![0; 24 + page];
    // Numbers of the last frame of a valid commit (`committed`) and of an invalid commit (`beyond`).
    let (mut number, mut committed, mut beyond) = (0_u64, 0_u64, 0_u64);
    while log.read_exact(&mut frame).is_ok() {
        number += 1;
        if [be(&frame, 8), be(&frame, 12)] != salts {
            // This frame was left by an earlier use of the log file and is not overwritten yet.
            break;
        }
        if whole {
            sum = checksum(&frame[..8], big, sum);
            sum = checksum(&frame[24..], big, sum);
            whole = sum == (be(&frame, 16), be(&frame, 20));
        }
        if be(&frame, 4) != 0 {
            if whole { committed = number } else { beyond = number }
        }
    }
    // If the index still exists, it records how many frames the log had when it was last used.
    if let Some(index) = index
        && index.salts == salts
    {
        beyond = beyond.max(index.frames);
    }
    Ok(LostCommits::of(beyond.saturating_sub(committed)))
}

impl LostCommits {
    fn of(pages: u64) -> Option<Self> {
        (pages > 0).then_some(Self { pages })
    }
}

/// Contents of the index of a log.
struct Index {
    /// Number of frames in the log.
    frames: u64,
    /// Number of frames that were copied to the database.
    copied: u64,
    /// Salts of the log.
    salts: [u32; 2],
}

fn index(database: &Path) -> Option<Index> {
    let mut header = [0; 100];
    File::open(with_suffix(database, "-shm")).ok()?.read_exact(&mut header).ok()?;
    // The header is stored twice. If the copies differ, the header was being written.
    (header[..48] == header[48..96] && header[12] == 1).then(|| Index {
        frames: ne(&header, 16).into(),
        copied: ne(&header, 96).into(),
        salts: [be(&header, 32), be(&header, 36)],
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use rusqlite::Connection;

    use super::*;

    /// Returns the files of a database as a killed program leaves them: a copy made while the database is open.
    fn killed(rows: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("create a folder");
        let open = dir.path().join("open.db");
        let connection = Connection::open(&open).expect("open a database");
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).expect("enable the log");
        connection.execute_batch("CREATE TABLE t (a TEXT)").expect("create a table");
        for row in 0..rows {
            connection.execute("INSERT INTO t VALUES (?1)", [format!("{row:0>500}")]).expect("insert a row");
        }
        let copy = dir.path().join("x.db");
        for suffix in ["", "-wal", "-shm"] {
            fs::copy(with_suffix(&open, suffix), with_suffix(&copy, suffix)).expect("copy the file");
        }
        (dir, copy)
    }

    fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).expect("read the file");
        change(&mut bytes);
        fs::write(path, bytes).expect("write the file");
    }

    #[test]
    fn reports_no_loss_after_a_truncating_checkpoint() {
        let dir = tempfile::tempdir().expect("create a folder");
        let open = dir.path().join("open.db");
        let connection = Connection::open(&open).expect("open a database");
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).expect("enable the log");
        connection.execute_batch("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('a')").expect("insert a row");
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("run a checkpoint");
        assert_eq!(fs::metadata(with_suffix(&open, "-wal")).expect("read the log").len(), 0);
        assert_eq!(lost(&open).expect("read the log"), None);
    }

    #[test]
    fn reports_no_loss_for_a_complete_log() {
        let (_dir, path) = killed(50);
        assert_eq!(lost(&path).expect("read the log"), None);
        // A partial frame was being written when the program was killed.
        change(&with_suffix(&path, "-wal"), |log| log.extend_from_slice(&[7; 900]));
        assert_eq!(lost(&path).expect("read the log"), None);
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(with_suffix(&path, suffix)).expect("remove the file");
        }
        assert_eq!(lost(&path).expect("read the log"), None);
    }

    #[test]
    fn reports_loss_for_a_truncated_or_changed_log() {
        let (_dir, path) = killed(50);
        change(&with_suffix(&path, "-wal"), |log| log.truncate(log.len() / 2));
        assert!(lost(&path).expect("read the log").is_some(), "truncated to half");
        let (_dir, path) = killed(50);
        change(&with_suffix(&path, "-wal"), |log| {
            let middle = log.len() / 2;
            log[middle] ^= 1;
        });
        assert!(lost(&path).expect("read the log").is_some(), "one bit flipped");
        for left in [0, 31] {
            let (_dir, path) = killed(50);
            change(&with_suffix(&path, "-wal"), |log| log.truncate(left));
            assert!(lost(&path).expect("read the log").is_some(), "truncated to {left} bytes");
        }
        let (_other, without) = killed(50);
        fs::remove_file(with_suffix(&without, "-wal")).expect("remove the file");
        assert!(lost(&without).expect("read the log").is_some(), "log deleted");
        // The loss must be found without the index too, which is missing after a power failure.
        fs::remove_file(with_suffix(&path, "-shm")).expect("remove the file");
        assert!(lost(&path).expect("read the log").is_some(), "one bit flipped, without an index");
    }
}
