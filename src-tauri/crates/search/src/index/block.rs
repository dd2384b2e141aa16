//! A block: up to 4,096 rows, bit by bit.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hookline_capture::RowId;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    bits::{BITS, FORM},
    file::read_at,
    prefilter::Prefilter,
};

/// Rows of a block. A request takes one, a long one several.
pub(crate) const ROWS: usize = 4_096;

/// Bytes of one bit's slice: a bit for each row.
const SLICE: usize = ROWS / 8;

const HEAD: usize = 64;
const IDS: usize = ROWS * 8;
const SLICES: usize = BITS * SLICE;

/// Bytes of a block in its file.
pub(crate) const BYTES: usize = HEAD + IDS + SLICES;

const MAGIC: &[u8; 8] = b"hooksift";

/// Above this share of a block's requests it is faster to read all of them.
const SCANNED_ABOVE: f64 = 0.1;

/// What a block says of its requests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Candidates {
    /// Any of them may match.
    All,
    /// Only these may, newest first.
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
    /// Whether a request takes several rows.
    long: bool,
    /// Whether it was found to be as it was written.
    checked: AtomicBool,
}

impl Block {
    /// It covers every request behind this one, up to its last.
    pub(crate) fn before(&self) -> RowId {
        self.before
    }

    /// The newest request it covers.
    pub(crate) fn last(&self) -> RowId {
        self.last
    }

    /// Requests it holds.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// The requests that may match.
    pub(crate) fn prefilter(&self, prefilter: &Prefilter) -> Candidates {
        if !self.checked.load(Ordering::Acquire) {
            return Candidates::All;
        }
        // What cannot be read is searched without.
        let Ok(Some(rows)) = self.rows(prefilter) else { return Candidates::All };
        let mut ids: Vec<RowId> = ones(&rows).filter_map(|row| Some(RowId(*self.ids.get(row)?))).collect();
        ids.dedup();
        if ids.len() as f64 > self.ids.len() as f64 * SCANNED_ABOVE {
            return Candidates::All;
        }
        ids.reverse();
        Candidates::Some(ids)
    }

    /// A bit for each row that may match; none if all may.
    fn rows(&self, prefilter: &Prefilter) -> io::Result<Option<Vec<u64>>> {
        match prefilter {
            Prefilter::Everything => Ok(None),
            Prefilter::Bits(bits) => {
                let mut rows = vec![u64::MAX; SLICE / 8];
                let mut slice = [0; SLICE];
                for bit in bits {
                    read_at(&self.file, &mut slice, self.offset + (HEAD + IDS + usize::from(*bit) * SLICE) as u64)?;
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
                let mut any = vec![0; SLICE / 8];
                for prefilter in filters {
                    let Some(rows) = self.rows(prefilter)? else { return Ok(None) };
                    any.iter_mut().zip(&rows).for_each(|(a, b)| *a |= b);
                }
                Ok(Some(any))
            }
        }
    }

    /// Terms may stand in different rows of one long request: a row that has one stands for all.
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

    /// Reads what stands at a place in a file; none if it is no block of this store. What it says of
    /// its requests is believed after [`Self::check`].
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

    /// Reads all of it; whether it is as it was written.
    pub(crate) fn check(&self) -> bool {
        let mut bytes = vec![0; BYTES];
        let whole = read_at(&self.file, &mut bytes, self.offset).is_ok() && sum(&bytes) == bytes[56..64];
        self.checked.store(whole, Ordering::Release);
        whole
    }
}

/// Numbers of the bits that are set, ascending.
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

/// The checksum of a block but for the place where it stands.
fn sum(bytes: &[u8]) -> [u8; 8] {
    (xxh3_64(&bytes[..56]) ^ xxh3_64(&bytes[HEAD..])).to_le_bytes()
}

/// A block being made.
pub(crate) struct Building {
    bytes: Vec<u8>,
    ids: Vec<i64>,
}

impl Building {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BYTES], ids: Vec::with_capacity(ROWS) }
    }

    /// Takes a request of so many rows; its first row, or none if there is no room left.
    pub(crate) fn add(&mut self, id: RowId, rows: usize) -> Option<usize> {
        let first = self.ids.len();
        if first + rows > ROWS {
            return None;
        }
        self.ids.extend(std::iter::repeat_n(id.0, rows));
        Some(first)
    }

    pub(crate) fn set(&mut self, row: usize, bit: u16) {
        self.bytes[HEAD + IDS + usize::from(bit) * SLICE + row / 8] |= 1 << (row % 8);
    }

    /// Sets every bit of a row: it may match anything.
    pub(crate) fn fill(&mut self, row: usize) {
        (0..BITS as u16).for_each(|bit| self.set(row, bit));
    }

    /// The block as it stands in its file; none if it is empty.
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
