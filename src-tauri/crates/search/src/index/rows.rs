//! Rows of the index: the bits that a request sets.

use hookbench_query::{Subject, Walk, looks_like_json, walk};

use super::{
    bits,
    block::{Building, ROWS},
    prefilter::NEEDLE_MAX,
};

/// Size of a piece of text, in bytes. A larger piece sets so many bits that the row excludes little.
const PIECE: usize = 2_048;

/// Maximum size of the text in one row, in bytes. A typical webhook with its headers is smaller.
const ROW: usize = 3_072;

/// Maximum number of JSON values in one row.
const VALUES: usize = 200;

/// Maximum number of rows of one request. A larger request passes every prefilter and is always read.
const ROWS_MAX: usize = 64;

const _: () = assert!(ROWS_MAX < ROWS);

/// Maximum size of the text of one request, in bytes. Fits into [`ROWS_MAX`] rows.
const TEXT_MAX: usize = ROWS_MAX * PIECE;

/// Adds the rows of a request to a block. Returns true if the block had room for them.
pub(crate) fn add(building: &mut Building, subject: &Subject<'_>) -> bool {
    let Some((pieces, values)) = read(subject) else {
        let row = building.add(subject.id, 1);
        row.into_iter().for_each(|row| building.fill(row));
        return row.is_some();
    };
    let mut row_of_piece = Vec::with_capacity(pieces.len());
    let (mut row, mut taken) = (0, 0);
    for piece in &pieces {
        if taken > 0 && taken + piece.len() > ROW {
            (row, taken) = (row + 1, 0);
        }
        taken += piece.len();
        row_of_piece.push(row);
    }
    let rows = (row + 1).max(values.len().div_ceil(VALUES));
    let Some(first) = building.add(subject.id, rows) else { return false };
    for (piece, row) in pieces.iter().zip(row_of_piece) {
        for trigram in piece.windows(3) {
            building.set(first + row, bits::trigram(trigram));
        }
    }
    for (place, value) in values.iter().enumerate() {
        for bit in value {
            building.set(first + place / VALUES, *bit);
        }
    }
    true
}

/// Returns the texts of a request in pieces, and the bits of its JSON values. `None` if they are too large or the JSON
/// cannot be parsed.
fn read<'s>(subject: &'s Subject<'_>) -> Option<(Vec<&'s [u8]>, ValueBits)> {
    let texts = subject.folded();
    if texts.iter().map(Vec::len).sum::<usize>() > TEXT_MAX {
        return None;
    }
    let pieces = texts
        .iter()
        // Pieces overlap, so that each needle is contained in one of them.
        .flat_map(|text| (0..text.len()).step_by(PIECE).map(|at| &text[at..text.len().min(at + PIECE + NEEDLE_MAX)]))
        .collect();
    let body = subject.json();
    let mut values = Values::default();
    let body = body.trim_ascii_start();
    if looks_like_json(body.strip_prefix(b"\x1e").unwrap_or(body)) {
        walk(body, &mut values).ok().filter(|()| values.bits.len() <= ROWS_MAX * VALUES)?;
    }
    Some((pieces, values.bits))
}

/// Bits of each value.
type ValueBits = Vec<Vec<u16>>;

/// Bits of the values found by a walk through a JSON body.
#[derive(Default)]
struct Values {
    path: String,
    /// Length of the path before each step, and true if the step leads into an array.
    steps: Vec<(usize, bool)>,
    bits: ValueBits,
}

impl Walk for Values {
    fn enter(&mut self, key: Option<&str>) {
        self.steps.push((self.path.len(), key.is_none()));
        match key {
            Some(key) => bits::push_key(&mut self.path, key),
            None => bits::push_element(&mut self.path),
        }
    }

    fn leave(&mut self) {
        let length = self.steps.pop().map_or(0, |(length, _)| length);
        self.path.truncate(length);
    }

    fn scalar(&mut self, text: &str) {
        self.bits.push(bits::value(&self.path, text).collect());
        // A scalar in an array is also found by the path of the array.
        if let Some((length, true)) = self.steps.last() {
            self.bits.push(bits::value(&self.path[..*length], text).collect());
        }
    }
}
