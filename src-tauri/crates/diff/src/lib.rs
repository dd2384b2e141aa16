//! Comparison of two requests or responses: first line, headers and body.
#![forbid(unsafe_code)]

mod characters;
mod json;
mod text;

pub use characters::{DiffTextPart, DiffTextPartType, text_parts};
use hookbench_capture::header_list;
use hookbench_model::{BodyKind, MASK, text_by};
use hookbench_provider::is_secret_header;
use hookbench_query::body::content_of;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Maximum size in bytes of a body that is compared line by line. Larger bodies are only tested for equality.
pub const COMPARED_MAX: u64 = 2 * 1024 * 1024;

/// Maximum number of rows of one body. Further rows are omitted with a note.
const ROWS_MAX: usize = 5_000;

/// Number of equal rows shown around a difference.
const CONTEXT: usize = 3;

/// Maximum length of a text in a row, in characters.
const TEXT_MAX: usize = 2_000;

/// Type of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffRowKind {
    /// The row is equal on both sides.
    Same,
    /// The row exists only on the second side.
    Added,
    /// The row exists only on the first side.
    Removed,
    /// The row exists on both sides with different values.
    Changed,
    /// Equal rows are omitted here.
    Skipped,
}

/// Row of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiffRow {
    /// Type of the row.
    pub kind: DiffRowKind,
    /// Depth in the JSON document.
    pub depth: usize,
    /// Text of the first side.
    pub a: Option<String>,
    /// Text of the second side.
    pub b: Option<String>,
    /// Number of omitted rows.
    pub skipped: usize,
}

impl DiffRow {
    fn same(depth: usize, text: String) -> Self {
        Self { kind: DiffRowKind::Same, depth, a: Some(text.clone()), b: Some(text), skipped: 0 }
    }

    /// Creates a row from the text of one or both sides.
    fn of(depth: usize, a: Option<String>, b: Option<String>) -> Self {
        let kind = match (&a, &b) {
            (Some(a), Some(b)) if a == b => DiffRowKind::Same,
            (Some(_), Some(_)) => DiffRowKind::Changed,
            (Some(_), None) => DiffRowKind::Removed,
            _ => DiffRowKind::Added,
        };
        Self { kind, depth, a, b, skipped: 0 }
    }
}

/// Method with which bodies were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffBasis {
    /// As JSON: the order of keys and white space are ignored.
    Json,
    /// Line by line.
    Text,
    /// Byte by byte.
    Bytes,
}

/// Differences between two requests or two responses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// True if line, headers and body are equal. Times and remote addresses are not compared.
    pub same: bool,
    /// Method and target of requests, or status of responses.
    pub line: DiffRow,
    /// Headers by name in the order of the first side, with masked credentials.
    pub headers: Vec<DiffRow>,
    /// Method with which the bodies were compared.
    pub basis: DiffBasis,
    /// Rows of the bodies: the differences with a few equal rows around them.
    pub body: Vec<DiffRow>,
    /// Number of body rows that differ.
    pub changes: usize,
    /// Note on the bodies, in one sentence.
    pub note: Option<String>,
}

/// One side of a comparison.
pub struct Side {
    /// Method and target of a request, or status of a response.
    pub line: String,
    /// Header block as sent.
    pub header_block: Vec<u8>,
    /// Body.
    pub body: SideBody,
    /// Length of the body as sent, in bytes.
    pub body_bytes: u64,
}

/// Body of one side.
#[derive(PartialEq)]
pub enum SideBody {
    /// Complete body without content codings.
    Read(Vec<u8>),
    /// SHA-256 as sent, for a body that is too large to be shown.
    Digest([u8; 32]),
}

/// Compares two sides.
pub fn diff(a: &Side, b: &Side) -> Diff {
    let line = |side: &Side| Some(shown(side.line.as_bytes()));
    let line = DiffRow::of(0, line(a), line(b));
    let headers = headers(&a.header_block, &b.header_block);
    let (basis, rows, mut note) = bodies(a, b);
    let changes = rows.iter().filter(|row| row.kind != DiffRowKind::Same).count();
    let (mut body, cut) = around(rows);
    if cut {
        body.truncate(ROWS_MAX);
        note = Some(format!("Only the first {ROWS_MAX} rows are shown."));
    }
    let bytes_same = a.body == b.body;
    if changes == 0 && !bytes_same && note.is_none() {
        note = Some("The JSON is equal. The bytes differ in key order, white space or escapes.".into());
    }
    let differs = |row: &DiffRow| row.kind != DiffRowKind::Same;
    let same = !differs(&line) && !headers.iter().any(differs) && bytes_same;
    Diff { same, line, headers, basis, body, changes, note }
}

/// Returns text for a row. Bytes that are not valid UTF-8 are shown as `\xNN`, and long text is truncated.
fn shown(bytes: &[u8]) -> String {
    let text = text_by(&bytes[..bytes.len().min(TEXT_MAX * 4)], String::push_str);
    match text.char_indices().nth(TEXT_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Compares headers by name, with a row for each occurrence.
fn headers(a: &[u8], b: &[u8]) -> Vec<DiffRow> {
    let list = |block: &[u8]| -> Vec<(String, String, Vec<u8>)> {
        header_list(block)
            .map(|(name, value)| {
                let (name, secret) = (String::from_utf8_lossy(name).into_owned(), is_secret_header(name));
                let text = if secret { MASK.to_owned() } else { shown(value) };
                (name, text, value.to_vec())
            })
            .collect()
    };
    let (a, mut b) = (list(a), list(b).into_iter().map(Some).collect::<Vec<_>>());
    let mut rows: Vec<DiffRow> = a
        .into_iter()
        .map(|(name, text, value)| {
            let same_name = |other: &&mut Option<(String, String, Vec<u8>)>| {
                other.as_ref().is_some_and(|(other, ..)| other.eq_ignore_ascii_case(&name))
            };
            let other = b.iter_mut().find(same_name).and_then(Option::take);
            let differs = other.as_ref().is_some_and(|(_, _, other)| *other != value);
            let other = other.map(|(name, text, _)| format!("{name}: {text}"));
            let row = DiffRow::of(0, Some(format!("{name}: {text}")), other);
            // Two masked credentials look equal. A difference in the case of a name is ignored.
            match (row.kind, differs) {
                (DiffRowKind::Same, true) => DiffRow { kind: DiffRowKind::Changed, ..row },
                (DiffRowKind::Changed, false) => DiffRow { kind: DiffRowKind::Same, ..row },
                _ => row,
            }
        })
        .collect();
    rows.extend(b.into_iter().flatten().map(|(name, text, _)| DiffRow::of(0, None, Some(format!("{name}: {text}")))));
    rows
}

fn bodies(a: &Side, b: &Side) -> (DiffBasis, Vec<DiffRow>, Option<String>) {
    let (SideBody::Read(first), SideBody::Read(second)) = (&a.body, &b.body) else {
        let row = |side: &Side, name: &str| Some(format!("{} bytes{name}", side.body_bytes));
        let row = match a.body == b.body {
            true => DiffRow::of(0, row(a, ""), row(b, "")),
            false => DiffRow::of(0, row(a, " of the first"), row(b, " of the second")),
        };
        let note = format!(
            "Bodies of more than {COMPARED_MAX} bytes are only tested for equality. Save both to compare the files."
        );
        return (DiffBasis::Bytes, vec![row], Some(note));
    };
    if let Some(rows) = json::rows(first, second) {
        return (DiffBasis::Json, rows, None);
    }
    let is_image = |side: &Side| content_of(&side.header_block).kind == BodyKind::Image;
    match (std::str::from_utf8(first), std::str::from_utf8(second)) {
        (Ok(first), Ok(second)) if !is_image(a) && !is_image(b) => (DiffBasis::Text, text::rows(first, second), None),
        _ => (DiffBasis::Bytes, text::bytes(first, second), None),
    }
}

/// Omits equal rows, except a few around differences. Also returns true if there are still too many rows.
fn around(rows: Vec<DiffRow>) -> (Vec<DiffRow>, bool) {
    let mut keep = vec![false; rows.len()];
    for (at, row) in rows.iter().enumerate() {
        if row.kind != DiffRowKind::Same {
            keep[at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(rows.len())].fill(true);
        }
    }
    let mut kept: Vec<DiffRow> = Vec::new();
    for (row, keep) in rows.into_iter().zip(keep) {
        match (keep, kept.last_mut()) {
            (true, _) => kept.push(row),
            (false, Some(last)) if last.kind == DiffRowKind::Skipped => last.skipped += 1,
            (false, _) => kept.push(DiffRow { kind: DiffRowKind::Skipped, a: None, b: None, skipped: 1, ..row }),
        }
    }
    let cut = kept.len() > ROWS_MAX;
    (kept, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_headers_by_name() {
        let rows = headers(
            b"Host: a\r\nX: 1\r\nX: 2\r\nAuthorization: one\r\nGone: x\r\n",
            b"x: 1\r\nHOST: a\r\nX: 3\r\nAuthorization: two\r\nNew: y\r\n",
        );
        let shown: Vec<_> = rows.iter().map(|row| (row.kind, row.a.as_deref(), row.b.as_deref())).collect();
        let masked = format!("Authorization: {MASK}");
        assert_eq!(
            shown,
            [
                (DiffRowKind::Same, Some("Host: a"), Some("HOST: a")),
                (DiffRowKind::Same, Some("X: 1"), Some("x: 1")),
                (DiffRowKind::Changed, Some("X: 2"), Some("X: 3")),
                (DiffRowKind::Changed, Some(masked.as_str()), Some(masked.as_str())),
                (DiffRowKind::Removed, Some("Gone: x"), None),
                (DiffRowKind::Added, None, Some("New: y")),
            ]
        );
    }

    #[test]
    fn omits_equal_rows() {
        let a = (0..100).map(|n| format!("line {n}\n")).collect::<String>();
        let b = a.replace("line 50\n", "changed\n");
        let (rows, cut) = around(text::rows(&a, &b));
        let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.skipped)).collect();
        assert_eq!(
            (kinds.len(), kinds[0], kinds[4].0, kinds[8], cut),
            (9, (DiffRowKind::Skipped, 47), DiffRowKind::Changed, (DiffRowKind::Skipped, 46), false)
        );
    }
}
