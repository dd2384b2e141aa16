//! File formats for the import and export of requests, one module per format.
//!
//! A [`Record`] is an imported or exported request. [`read`] reads the records of a file, and [`Writer`] writes them.
#![forbid(unsafe_code)]

mod archive;
mod bytes;
mod csv;
mod curl;
mod har;
mod json_array;
mod jsonl;
mod object;
mod raw;
mod record;
mod redaction;
mod report;
mod shell;
#[cfg(test)]
mod tests;
mod webhook_site;
mod writer;

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
};

use hookbench_model::{FileFormat, ImportError};
use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};

pub use bytes::Exact;
pub use record::{Record, UNKNOWN_ADDRESS, pairs};
pub use redaction::Redaction;
pub use report::{ReportDelivery, ReportEntry, ReportLeftOut, ReportResponse, render_report, report_body, report_line};
pub use writer::Writer;

/// Maximum size of an entry of a file, in bytes: the default maximum body size (100 MB) in base64, with headers. Only
/// one entry at a time is in memory.
const ENTRY_MAX: u64 = 128 * 1024 * 1024;

/// Maximum size of an entry that is read into a growing buffer, in bytes. A larger entry gets a buffer of full size at
/// once, because growth copies the content and needs twice the memory. Reserved but unused memory costs nothing.
const GROWN_MAX: u64 = 1024 * 1024;

/// Byte order mark, which some tools write before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Number of bytes that format detection reads.
pub const SNIFFED: u64 = 64 * 1024;

/// Properties of an export format.
pub struct OutputFormat {
    /// Format.
    pub format: FileFormat,
    /// File name extension.
    pub extension: &'static str,
    /// Media type.
    pub media_type: &'static str,
}

/// Export formats.
pub const WRITTEN: &[OutputFormat] = &[
    OutputFormat { format: FileFormat::Har, extension: "har", media_type: "application/json" },
    OutputFormat { format: FileFormat::Jsonl, extension: "jsonl", media_type: "application/jsonl" },
    OutputFormat { format: FileFormat::Csv, extension: "csv", media_type: "text/csv; charset=utf-8" },
    OutputFormat { format: FileFormat::Raw, extension: "http", media_type: "application/octet-stream" },
    OutputFormat { format: FileFormat::Archive, extension: "hookbench.zip", media_type: "application/zip" },
];

/// Callback for the entries of a file, with the number of each. Returning `Break` stops the reading.
pub type Take<'t> = &'t mut dyn FnMut(u64, Result<Record, String>) -> ControlFlow<()>;

/// Reads the entries of a file. Calls `seen` with the number of bytes read so far.
///
/// # Errors
/// Returns the place in the file that cannot be read, and the reason. Entries before that place are already handled.
pub fn read(format: FileFormat, file: &mut File, seen: &mut dyn FnMut(u64), take: Take<'_>) -> Result<(), ImportError> {
    file.seek(SeekFrom::Start(0)).map_err(|e| ImportError::new("the file", e.to_string()))?;
    if format == FileFormat::Archive {
        return archive::read(file, take);
    }
    if format == FileFormat::WebhookSite && !webhook_site::is_list(file)? {
        return webhook_site::read_one(file, take);
    }
    let mut file = BufReader::new(Counted { file, seen, read: 0 });
    if file.fill_buf().is_ok_and(|first| first.starts_with(BOM)) {
        file.consume(BOM.len());
    }
    match format {
        FileFormat::Har => har::read(&mut file, take),
        FileFormat::Jsonl => jsonl::read(&mut file, take),
        FileFormat::Csv => csv::read(&mut file, take),
        FileFormat::Raw => raw::read(&mut file, take),
        FileFormat::Curl => curl::read(&mut file, take),
        FileFormat::WebhookSite => webhook_site::read(&mut file, take),
        FileFormat::Archive => Ok(()),
    }
}

/// Reader that reports the number of bytes read.
struct Counted<'f> {
    file: &'f mut File,
    seen: &'f mut dyn FnMut(u64),
    read: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(into)?;
        self.read += read as u64;
        (self.seen)(self.read);
        Ok(read)
    }
}

/// Detects the format of a file from its first [`SNIFFED`] bytes, or returns `None` if they match no format.
pub fn sniff(first: &[u8]) -> Option<FileFormat> {
    let text = first.strip_prefix(BOM).unwrap_or(first).trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let has = |needle: &str| memchr::memmem::find(text, needle.as_bytes()).is_some();
    match text.first()? {
        b'P' if first.starts_with(b"PK\x03\x04") => Some(FileFormat::Archive),
        b'[' if has("\"token_id\"") || has("\"uuid\"") => Some(FileFormat::WebhookSite),
        b'[' => Some(FileFormat::Jsonl),
        b'{' if has("\"log\"") && (has("\"creator\"") || has("\"entries\"")) => Some(FileFormat::Har),
        b'{' if has("\"token_id\"") => Some(FileFormat::WebhookSite),
        b'{' => Some(FileFormat::Jsonl),
        _ if curl::is_command(line) || text.starts_with(b"#") && has("\ncurl ") => Some(FileFormat::Curl),
        _ if raw::is_a_file(text) => Some(FileFormat::Raw),
        _ => csv::is_head(line).then_some(FileFormat::Csv),
    }
}

/// Returns a description of a file in no supported format, if its first bytes are recognized.
pub fn looks_like(first: &[u8]) -> Option<&'static str> {
    let text = first.trim_ascii_start();
    let starts = |start: &str| text.starts_with(start.as_bytes());
    match () {
        () if starts("fetch(") || starts("await fetch(") => Some("a fetch call; copy as curl"),
        () if starts("Invoke-WebRequest") || starts("$session") => Some("a PowerShell command; copy as curl (bash)"),
        () if starts("http ") || starts("https ") => Some("an HTTPie command"),
        () if starts("wget ") => Some("a wget command"),
        () if starts("<?xml") || starts("<!DOCTYPE") || starts("<html") => Some("an XML or HTML document"),
        () if first.starts_with(b"\x1f\x8b") => Some("a gzip file; decompress the file first"),
        () => None,
    }
}

/// Parses a time in RFC 3339 or RFC 2822, or without a time zone, which means UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    // Some tools write a space before the zone.
    let packed = text.strip_suffix(" Z").map_or_else(|| text.to_owned(), |bare| format!("{bare}Z"));
    packed
        .parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(|at| at.to_zoned(TimeZone::UTC)).map(|at| at.timestamp()))
        .or_else(|_| rfc2822::parse(text).map(|at| at.timestamp()))
        .map_err(|_| format!("{text:?} is not a date and time"))
}
