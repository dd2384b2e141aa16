//! Blocks of the index: up to 4,096 rows, stored bit by bit.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hookbench_capture::RowId;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    bits::{BITS, FORM},
    file::read_at,
    prefilter::Prefilter,
};

/// Number of rows per block. A request takes one row, a large one several.
pub(crate) const ROWS: usize = 4_096;

/// Size of the slice of one bit, in bytes: one bit per row.
const BATCH_SIZE: usize = ROWS / 8;

const HEAD: usize = 64;
const IDS: usize = ROWS * 8;
const SLICES: usize = BITS * BATCH_SIZE;

/// Size of a block in its file, in bytes.
pub(crate) const BYTES: usize = HEAD + IDS + SLICES;

const MAGIC: &[u8; 8] = b"hooksift";

/// Share of the rows of a block above which reading all requests is faster.
const SCANNED_ABOVE: f64 = 0.1;

/// Requests of a block that may match a query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Candidates {
    /// Every request may match.
    All,
    /// Only these requests may match, newest first.
    Some(Vec<RowId>),
}

/// A block in its file.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    before: RowId,
    last: RowId,
    ids: Vec<i64>,
    requests: u64,
    /// True if a request has several rows.
    long: bool,
    /// True if the checksum was verified.
    checked: AtomicBool,
}

impl Block {
    /// Returns the row before the first request of the block. The block covers every request after it, up to
    /// [`Self::last`].
    pub(crate) fn before(&self) -> RowId {
        self.before
    }

    /// Returns the newest request that the block covers.
    pub(crate) fn last(&self) -> RowId {
        self.last
    }

    /// Returns the number of requests in the block.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// Returns the requests that may match.
    pub(crate) fn prefilter(&self, prefilter: &Prefilter) -> Candidates {
        if !self.checked.load(Ordering::Acquire) {
            return Candidates::All;
        }
        // A block that cannot be read is searched without the index.
        let Ok(Some(rows)) = self.rows(prefilter) else { return Candidates::All };
        let mut ids: Vec<RowId> = ones(&rows).filter_map(|row| Some(RowId(*self.ids.get(row)?))).collect();
        ids.dedup();
        if ids.len() as f64 > self.ids.len() as f64 * SCANNED_ABOVE {
            return Candidates::All;
        }
        ids.reverse();
        Candidates::Some(ids)
    }

    /// Returns a bit for each row that may match. `None` if all may match.
    fn rows(&self, prefilter: &Prefilter) -> io::Result<Option<Vec<u64>>> {
        match prefilter {
            Prefilter::Everything => Ok(None),
            Prefilter::Bits(bits) => {
                let mut rows = vec![u64::MAX; BATCH_SIZE / 8];
                let mut slice = [0; BATCH_SIZE];
                for bit in bits {
                    read_at(
                        &self.file,
                        &mut slice,
                        self.offset + (HEAD + IDS + usize::from(*bit) * BATCH_SIZE) as u64,
                    )?;
                    for (row, word) in rows.iter_mut().zip(slice.as_chunks::<8>().0) {
                        *row &= u64::from_le_bytes(*word);
                    }
                    if rows.iter().all(|row| *row == 0) {
                        break;
                    }
                }
                if self.long {
                    self.spread(&mut rows);
                }
                Ok(Some(rows))
            }
            Prefilter::All(filters) => {
                let mut all: Option<Vec<u64>> = None;
                for prefilter in filters {
                    let Some(rows) = self.rows(prefilter)? else { continue };
                    all = Some(match all {
                        None => rows,
                        Some(all) => all.iter().zip(&rows).map(|(a, b)| a & b).collect(),
                    });
                    if all.as_ref().is_some_and(|all| all.iter().all(|row| *row == 0)) {
                        break;
                    }
                }
                Ok(all)
            }
            Prefilter::Any(filters) => {
                let mut any = vec![0; BATCH_SIZE / 8];
                for prefilter in filters {
                    let Some(rows) = self.rows(prefilter)? else { return Ok(None) };
                    any.iter_mut().zip(&rows).for_each(|(a, b)| *a |= b);
                }
                Ok(Some(any))
            }
        }
    }

    /// Extends the found rows to all rows of the same request, because the terms of a query may match in different
    /// rows of a large request.
    fn spread(&self, rows: &mut [u64]) {
        let found: Vec<usize> = ones(rows).collect();
        for row in found {
            let Some(id) = self.ids.get(row) else { continue };
            let same = |place: &usize| self.ids.get(*place) == Some(id);
            let behind = (row + 1..).take_while(same);
            let before = (0..row).rev().take_while(same);
            for place in behind.chain(before) {
                rows[place / 64] |= 1 << (place % 64);
            }
        }
    }

    /// Opens the block at an offset of a file. Returns `None` if the bytes are not a block of this store. The block
    /// excludes no request before [`Self::check`] succeeds.
    pub(crate) fn open(file: &Arc<File>, offset: u64, store: u64) -> io::Result<Option<Self>> {
        let mut head = vec![0; HEAD + IDS];
        read_at(file, &mut head, offset)?;
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap_or_default());
        let rows = number(40) as usize;
        if &head[..8] != MAGIC || number(8) != FORM || number(16) != store || rows > ROWS {
            return Ok(None);
        }
        let ids: Vec<i64> = (0..rows).map(|row| number(HEAD + row * 8) as i64).collect();
        let (before, last) = (RowId(number(24) as i64), RowId(number(32) as i64));
        let ordered = ids.is_sorted() && ids.first().is_some_and(|id| *id > before.0) && ids.last() == Some(&last.0);
        let requests = ids.chunk_by(|a, b| a == b).count();
        let (file, long, checked) = (file.clone(), requests < ids.len(), AtomicBool::new(false));
        Ok(ordered.then(|| Self { file, offset, before, last, requests: requests as u64, ids, long, checked }))
    }

    /// Reads the whole block and verifies its checksum. Returns true if the checksum is correct.
    pub(crate) fn check(&self) -> bool {
        let mut bytes = vec![0; BYTES];
        let whole = read_at(&self.file, &mut bytes, self.offset).is_ok() && sum(&bytes) == bytes[56..64];
        self.checked.store(whole, Ordering::Release);
        whole
    }
}

/// Returns the positions of the bits that are set, ascending.
fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(place, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(place * 64 + bit)
        })
    })
}

/// Computes the checksum of a block, without the bytes of the checksum itself.
fn sum(bytes: &[u8]) -> [u8; 8] {
    (xxh3_64(&bytes[..56]) ^ xxh3_64(&bytes[HEAD..])).to_le_bytes()
}

/// Block under construction.
pub(crate) struct Building {
    bytes: Vec<u8>,
    ids: Vec<i64>,
}

impl Building {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BYTES], ids: Vec::with_capacity(ROWS) }
    }

    /// Adds a request of `rows` rows. Returns its first row, or `None` if the block has no room left.
    pub(crate) fn add(&mut self, id: RowId, rows: usize) -> Option<usize> {
        let first = self.ids.len();
        if first + rows > ROWS {
            return None;
        }
        self.ids.extend(std::iter::repeat_n(id.0, rows));
        Some(first)
    }

    pub(crate) fn set(&mut self, row: usize, bit: u16) {
        self.bytes[HEAD + IDS + usize::from(bit) * BATCH_SIZE + row / 8] |= 1 << (row % 8);
    }

    /// Sets every bit of a row, which then may match any query.
    pub(crate) fn fill(&mut self, row: usize) {
        (0..BITS as u16).for_each(|bit| self.set(row, bit));
    }

    /// Returns the bytes of the block. `None` if the block is empty.
    pub(crate) fn finish(mut self, before: RowId, store: u64) -> Option<Vec<u8>> {
        let last = *self.ids.last()?;
        let numbers = [FORM, store, before.0 as u64, last as u64, self.ids.len() as u64];
        self.bytes[..8].copy_from_slice(MAGIC);
        let words = numbers.into_iter().enumerate().map(|(place, number)| (8 + place * 8, number));
        let ids = self.ids.iter().enumerate().map(|(row, id)| (HEAD + row * 8, *id as u64));
        for (at, number) in words.chain(ids) {
            self.bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        let sum = sum(&self.bytes);
        self.bytes[56..64].copy_from_slice(&sum);
        Some(self.bytes)
    }
}
