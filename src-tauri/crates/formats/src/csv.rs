//! CSV (RFC 4180): exports for spreadsheets, and imports from webhook.site and other tools.

use std::io::BufRead;

use hookbench_model::HeaderNames;
use serde_json::json;

use super::{
    ImportError, Record, Take,
    bytes::{self, Exact},
    record::is_absolute,
};

/// Columns of an export.
const COLUMNS: &[&str] = &[
    "id",
    "arrived_at",
    "inbox",
    "method",
    "target",
    "status",
    "provider",
    "event_type",
    "event_id",
    "signature_status",
    "reason",
    "remote_address",
    "bytes",
    "content_type",
    "note",
    "headers",
    "body",
    "body_base64",
    "version",
    "header_names",
    "trailers",
    "body_state",
    "receiving_ms",
    "pinned",
];

/// Characters at the start of a cell that a spreadsheet parses as a formula (OWASP, "CSV Injection").
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Fields and their accepted column names, in lower case.
const READ: &[(&str, &[&str])] = &[
    ("method", &["method", "http_method", "verb"]),
    ("target", &["target", "url", "path", "uri"]),
    ("headers", &["headers", "header"]),
    ("body", &["body", "content", "payload", "data", "raw_body"]),
    ("body_base64", &["body_base64"]),
    ("arrived_at", &["arrived_at", "created_at", "timestamp", "date", "time", "received_at"]),
    ("remote_address", &["remote_address", "ip", "remote_addr"]),
    ("status", &["status"]),
    ("note", &["note"]),
    ("inbox", &["inbox"]),
    ("version", &["version"]),
    ("names", &["header_names"]),
    ("trailers", &["trailers"]),
    ("body_state", &["body_state"]),
    ("bytes", &["bytes"]),
    ("receiving_ms", &["receiving_ms"]),
    ("pinned", &["pinned"]),
];

/// Escapes a cell that a spreadsheet would parse as a formula with an apostrophe.
fn harmless(text: &str) -> String {
    if text.starts_with(FORMULA) || text.starts_with('\'') { format!("'{text}") } else { text.to_owned() }
}

/// Returns the header row.
pub(super) fn begin() -> Result<Vec<u8>, String> {
    row(COLUMNS.iter().map(|name| (*name).to_owned()))
}

/// Returns the row of a request.
pub(super) fn line(record: &Record) -> Result<Vec<u8>, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let body = String::from_utf8(record.body.0.clone());
    let json = |pairs: &Vec<(Exact, Exact)>| serde_json::to_string(pairs).map_err(|e| e.to_string());
    // A missing value becomes an empty cell.
    let word = |value: Option<serde_json::Value>| {
        value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let or_none = |value: &Option<String>| value.clone().unwrap_or_default();
    let cells = [
        or_none(&record.id),
        record.arrived_at.map(|at| at.to_string()).unwrap_or_default(),
        or_none(&record.inbox),
        record.method.clone(),
        record.target.clone(),
        record.status.map(|status| status.to_string()).unwrap_or_default(),
        or_none(&record.provider),
        or_none(&record.event_type),
        or_none(&record.event_id),
        record.signature_status.map(|signature_status| signature_status.as_str().to_owned()).unwrap_or_default(),
        or_none(&record.reason),
        or_none(&record.remote_address),
        record.body_bytes.unwrap_or(record.body.0.len() as u64).to_string(),
        record.header("content-type").map(text).unwrap_or_default(),
        record.note.clone(),
        json(&record.headers)?,
        body.as_ref().map_or(String::new(), Clone::clone),
        body.map_or_else(
            |e| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, e.as_bytes()),
            |_| String::new(),
        ),
        word(record.version.map(|version| json!(version))),
        word(record.names.map(|names| json!(names))),
        if record.trailers.is_empty() { String::new() } else { json(&record.trailers)? },
        word(record.body_state.map(|state| json!(state))),
        if record.receiving_ms == 0.0 { String::new() } else { record.receiving_ms.to_string() },
        if record.pinned { "true".into() } else { String::new() },
    ];
    row(cells.iter().map(|cell| harmless(cell)))
}

fn row(cells: impl Iterator<Item = String>) -> Result<Vec<u8>, String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells).map_err(|e| e.to_string())?;
    writer.into_inner().map_err(|e| e.to_string())
}

/// Returns true if a line has the columns that a table of requests needs.
pub(super) fn is_head(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line).to_ascii_lowercase();
    let cells: Vec<&str> =
        line.split(',').map(|cell| cell.trim().trim_matches('"').trim_start_matches('\u{feff}')).collect();
    let has = |wanted: &str| {
        READ.iter().any(|(name, names)| *name == wanted && cells.iter().any(|cell| names.contains(cell)))
    };
    has("method") && has("target")
}

/// Reads rows by their column names.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), ImportError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let head = reader.byte_headers().map_err(|e| ImportError::new("row 1", e.to_string()))?.clone();
    let name = |cell: &[u8]| {
        let text = String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_ascii_lowercase();
        READ.iter().find(|(_, names)| names.contains(&text.as_str())).map(|(name, _)| *name)
    };
    let columns: Vec<Option<&str>> = head.iter().map(name).collect();
    let ours = head.iter().any(|cell| cell == b"header_names");
    if !columns.contains(&Some("method")) || !columns.contains(&Some("target")) {
        return Err(ImportError::new("row 1", "the header row must have the columns method and url (or target)"));
    }
    for (number, row) in reader.byte_records().enumerate() {
        let entry = row.map_err(|e| e.to_string()).and_then(|row| {
            record(ours, columns.iter().copied().zip(row.iter()).filter_map(|(name, cell)| Some((name?, cell))))
        });
        if take(number as u64 + 2, entry).is_break() {
            break;
        }
    }
    Ok(())
}

/// Parses a row as a request. `ours` is true for an export of Hookbench, in which header names are exact.
fn record<'c>(ours: bool, cells: impl Iterator<Item = (&'static str, &'c [u8])>) -> Result<Record, String> {
    let names = if ours { HeaderNames::Exact } else { HeaderNames::Normalized };
    let mut record = Record { names: Some(names), ..Record::default() };
    let (mut url, mut bytes) = (String::new(), None);
    let word = |text: String| serde_json::Value::from(text);
    for (name, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
        // Removes the apostrophe that an export adds before formulas.
        let escaped = |rest: &&[u8]| rest.starts_with(b"'") || String::from_utf8_lossy(rest).starts_with(FORMULA);
        let own = cell.strip_prefix(b"'").filter(escaped);
        let cell = own.unwrap_or(cell);
        let text = || String::from_utf8_lossy(cell).into_owned();
        match name {
            "method" => record.method = text(),
            "target" => url = text(),
            "headers" => record.headers = headers(&text())?,
            "body" => record.body = Exact(cell.into()),
            "body_base64" => record.body = Exact(bytes::decoded(&text())?),
            "arrived_at" => record.arrived_at = Some(super::moment(&text())?),
            "remote_address" => record.remote_address = Some(text()),
            "status" => record.set_status(&text()),
            "note" => {
                let noted = std::mem::replace(&mut record.note, text());
                if !noted.is_empty() {
                    record.add_note(&noted);
                }
            }
            "version" => record.version = serde_json::from_value(word(text())).map_err(|e| format!("version: {e}"))?,
            "names" => record.names = serde_json::from_value(word(text())).map_err(|e| format!("header_names: {e}"))?,
            "trailers" => record.trailers = headers(&text())?,
            "body_state" => {
                record.body_state = serde_json::from_value(word(text())).map_err(|e| format!("body_state: {e}"))?;
            }
            "bytes" => match text().parse::<u64>() {
                Ok(count) => bytes = Some(count),
                Err(_) => record.add_note(&format!("The bytes {:?} were not imported: not a number.", text())),
            },
            "receiving_ms" => record.receiving_ms = text().parse().map_err(|e| format!("receiving_ms: {e}"))?,
            "pinned" => record.pinned = text() == "true",
            _ => record.inbox = Some(text()),
        }
    }
    match is_absolute(&url) && !ours {
        true => record.set_url(&url),
        false => record.target = url,
    }
    record.body_bytes = bytes.filter(|bytes| *bytes != record.body.0.len() as u64 && record.body_state.is_some());
    record.named()
}

/// Parses headers as JSON, or as one header per line.
fn headers(cell: &str) -> Result<Vec<(Exact, Exact)>, String> {
    if cell.starts_with(['{', '[']) {
        let line = format!("{{\"headers\":{cell}}}");
        return serde_json::from_str::<Record>(&line).map(|record| record.headers).map_err(|e| e.to_string());
    }
    cell.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("the header is invalid: {line:?}"))?;
            Ok((Exact(name.trim().into()), Exact(value.trim().into())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn escapes_formulas_and_round_trips_rows() {
        let record = Record {
            method: "POST".into(),
            target: "/x".into(),
            note: "=HYPERLINK(\"http://evil\")".into(),
            body: Exact(b"@SUM(A1)\r\n\"quoted\", and more".to_vec()),
            headers: vec![(Exact(b"X-A".to_vec()), Exact(b"-1+2".to_vec()))],
            ..Record::default()
        };
        let file = [begin().expect("a head"), line(&record).expect("a row")].concat();
        let text = String::from_utf8(file.clone()).expect("text");
        assert!(text.contains("\"'=HYPERLINK(") && text.contains("\"'@SUM("), "{text}");
        let mut read_back = Vec::new();
        read(&mut file.as_slice(), &mut |_, entry| {
            read_back.push(entry.expect("a request"));
            ControlFlow::Continue(())
        })
        .expect("it reads");
        assert_eq!(
            (&read_back[0].note, &read_back[0].body, &read_back[0].headers),
            (&record.note, &record.body, &record.headers)
        );
    }

    #[test]
    fn notes_invalid_numbers() {
        let file = b"method,url,status,bytes,note\nPOST,/x,teapot,many,mine\nPOST,/x,418,3,\n";
        let mut all = Vec::new();
        read(&mut file.as_slice(), &mut |_, entry| {
            all.push(entry.expect("a request"));
            ControlFlow::Continue(())
        })
        .expect("it reads");
        assert_eq!(all[0].status, None);
        for noted in ["mine", "status \"teapot\"", "bytes \"many\""] {
            assert!(all[0].note.contains(noted), "{}", all[0].note);
        }
        assert_eq!((all[1].status, all[1].note.as_str()), (Some(418), ""));
    }
}
