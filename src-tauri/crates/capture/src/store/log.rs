//! Detects commits that SQLite's write-ahead log has lost. The log is read before SQLite opens it, because SQLite
//! silently ignores everything after the first frame that it cannot read (SQLite file format §4, "The Write-Ahead Log"; "The WAL-Index File Format").

use std::{
    fs::File,
    io::{self, BufReader, Read as _},
    path::Path,
};

use super::open::with_suffix;

/// Commits at the end of a log that cannot be read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    /// Pages that are known to be missing.
    pub(super) pages: u64,
}

fn be(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn ne(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The log's running checksum over a whole number of pairs of words.
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

/// Returns what a database's log has lost. Returns none if the log is complete, if it ends within a commit that was never
/// acknowledged, or if it is absent together with its index, as after a regular end.
pub(super) fn lost(database: &Path) -> io::Result<Option<Lost>> {
    let index = index(database);
    // What the index knows of a log of which nothing is left, not even its header.
    let everything = || index.as_ref().and_then(|index| Lost::of(index.frames.saturating_sub(index.copied)));
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
    // The number of the last frame of a commit that reads, and of one that does not.
    let (mut number, mut committed, mut beyond) = (0_u64, 0_u64, 0_u64);
    while log.read_exact(&mut frame).is_ok() {
        number += 1;
        if [be(&frame, 8), be(&frame, 12)] != salts {
            // Of an earlier round of the log, which this one has not come to yet.
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
    // The index tells how far the log went when it was last used, where that is still there.
    if let Some(index) = index
        && index.salts == salts
    {
        beyond = beyond.max(index.frames);
    }
    Ok(Lost::of(beyond.saturating_sub(committed)))
}

impl Lost {
    fn of(pages: u64) -> Option<Self> {
        (pages > 0).then_some(Self { pages })
    }
}

/// What the log's index knows of its log.
struct Index {
    /// Frames in the log.
    frames: u64,
    /// How many of them are in the database, too.
    copied: u64,
    /// Salts of the log.
    salts: [u32; 2],
}

fn index(database: &Path) -> Option<Index> {
    let mut header = [0; 100];
    File::open(with_suffix(database, "-shm")).ok()?.read_exact(&mut header).ok()?;
    // It is there twice; where the copies differ, it was being written.
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

    /// The files of a database whose program was killed: a copy made while it is open.
    fn killed(rows: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a folder");
        let open = dir.path().join("open.db");
        let connection = Connection::open(&open).expect("a database");
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).expect("a log");
        connection.execute_batch("CREATE TABLE t (a TEXT)").expect("a table");
        for row in 0..rows {
            connection.execute("INSERT INTO t VALUES (?1)", [format!("{row:0>500}")]).expect("a row");
        }
        let copy = dir.path().join("x.db");
        for suffix in ["", "-wal", "-shm"] {
            fs::copy(with_suffix(&open, suffix), with_suffix(&copy, suffix)).expect("a copy");
        }
        (dir, copy)
    }

    fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).expect("a file");
        change(&mut bytes);
        fs::write(path, bytes).expect("it is written");
    }

    #[test]
    fn a_log_that_was_copied_before_it_was_cut_has_lost_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let open = dir.path().join("open.db");
        let connection = Connection::open(&open).expect("a database");
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).expect("a log");
        connection.execute_batch("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('a')").expect("a row");
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
        assert_eq!(fs::metadata(with_suffix(&open, "-wal")).expect("a log").len(), 0);
        assert_eq!(lost(&open).expect("it reads"), None);
    }

    #[test]
    fn a_log_that_is_whole_has_lost_nothing() {
        let (_dir, path) = killed(50);
        assert_eq!(lost(&path).expect("it reads"), None);
        // What was being written when the program was killed.
        change(&with_suffix(&path, "-wal"), |log| log.extend_from_slice(&[7; 900]));
        assert_eq!(lost(&path).expect("it reads"), None);
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(with_suffix(&path, suffix)).expect("it is removed");
        }
        assert_eq!(lost(&path).expect("it reads"), None);
    }

    #[test]
    fn a_log_that_is_cut_or_changed_has_lost_something() {
        let (_dir, path) = killed(50);
        change(&with_suffix(&path, "-wal"), |log| log.truncate(log.len() / 2));
        assert!(lost(&path).expect("it reads").is_some(), "cut in half");
        let (_dir, path) = killed(50);
        change(&with_suffix(&path, "-wal"), |log| {
            let middle = log.len() / 2;
            log[middle] ^= 1;
        });
        assert!(lost(&path).expect("it reads").is_some(), "one bit is another");
        for left in [0, 31] {
            let (_dir, path) = killed(50);
            change(&with_suffix(&path, "-wal"), |log| log.truncate(left));
            assert!(lost(&path).expect("it reads").is_some(), "{left} bytes are left");
        }
        let (_other, without) = killed(50);
        fs::remove_file(with_suffix(&without, "-wal")).expect("it is removed");
        assert!(lost(&without).expect("it reads").is_some(), "it was deleted");
        // Also where the index is gone, as after a power failure.
        fs::remove_file(with_suffix(&path, "-shm")).expect("it is removed");
        assert!(lost(&path).expect("it reads").is_some(), "one bit is another, without an index");
    }
}
