//! Comparison of bodies that are not JSON, line by line or byte by byte.

use std::time::Duration;

use similar::{DiffOp, TextDiff};

use super::{DiffRow, shown};

/// Maximum time to search for the smallest set of changes.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Number of bytes per hexadecimal row.
const HEX: usize = 16;

/// Number of hexadecimal rows shown, starting with the first that differs.
const HEX_ROWS: usize = 32;

pub(super) fn rows(a: &str, b: &str) -> Vec<DiffRow> {
    let (old, new): (Vec<&str>, Vec<&str>) = (a.split_inclusive('\n').collect(), b.split_inclusive('\n').collect());
    let diff = TextDiff::configure().timeout(TIMEOUT).diff_slices(&old, &new);
    let line =
        |lines: &[&str], at: usize| lines.get(at).map(|line| shown(line.trim_end_matches(['\r', '\n']).as_bytes()));
    let mut rows = Vec::new();
    for op in diff.ops() {
        let (a, b) = (op.old_range(), op.new_range());
        let count = a.len().max(b.len());
        for n in 0..count {
            let first = (n < a.len()).then(|| line(&old, a.start + n)).flatten();
            let second = (n < b.len()).then(|| line(&new, b.start + n)).flatten();
            let mut row = DiffRow::of(0, first, second);
            // Lines with different line endings look equal, so the ending is shown.
            if !matches!(op, DiffOp::Equal { .. }) && row.kind == super::DiffRowKind::Same {
                row.kind = super::DiffRowKind::Changed;
                row.a = row.a.map(|text| format!("{text}{}", ending(old.get(a.start + n).copied())));
                row.b = row.b.map(|text| format!("{text}{}", ending(new.get(b.start + n).copied())));
            }
            rows.push(row);
        }
    }
    rows
}

/// Returns a visible form of a line ending.
fn ending(line: Option<&str>) -> &'static str {
    match line {
        Some(line) if line.ends_with("\r\n") => "␍␊",
        Some(line) if line.ends_with('\n') => "␊",
        _ => " (no end of line)",
    }
}

/// Returns hexadecimal rows, starting with the first byte that differs.
pub(super) fn bytes(a: &[u8], b: &[u8]) -> Vec<DiffRow> {
    if a == b {
        return Vec::new();
    }
    let first = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len())) / HEX * HEX;
    let hex = |bytes: &[u8], at: usize| {
        let piece = bytes.get(at..bytes.len().min(at + HEX)).filter(|piece| !piece.is_empty())?;
        let codes: Vec<String> = piece.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String =
            piece.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        Some(format!("{at:08x}  {:<47}  {text}", codes.join(" ")))
    };
    (0..HEX_ROWS)
        .map(|n| first + n * HEX)
        .take_while(|at| *at < a.len().max(b.len()))
        .map(|at| DiffRow::of(0, hex(a, at), hex(b, at)))
        .collect()
}
