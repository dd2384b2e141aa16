//! The formats that requests are imported from and exported to, a module for each: files of other tools and of Hookline.
//!
//! A [`Record`] is a request on its way in or out. [`read`] reads the records of a file, [`Writer`] writes them.
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

use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use bytes::Exact;
pub use record::{Record, UNKNOWN_PEER, pairs};
pub use redaction::Redaction;
pub use writer::Writer;

/// Largest single entry of a file, in bytes: the largest body that is received by default (100 MB), in base64, with
/// its headers. One entry at a time is in memory.
const ENTRY_MAX: u64 = 128 * 1024 * 1024;

/// Entry that is read into memory that grows, in bytes. A larger one gets all the room it may need at once: where memory
/// grows, what was there before takes as much again. Room that is not written to takes none.
const GROWN_MAX: u64 = 1024 * 1024;

/// What some tools begin UTF-8 with.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Bytes from which a format is told.
pub const SNIFFED: u64 = 64 * 1024;

/// A file format of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// HTTP Archive 1.2, of browsers and proxies.
    Har,
    /// JSON Lines: a request a line; read from an array too.
    Jsonl,
    /// A table for spreadsheets.
    Csv,
    /// HTTP messages as on the wire, one after the other; read from `.http` files too.
    Raw,
    /// curl commands.
    Curl,
    /// The JSON of webhook.site's API.
    WebhookSite,
    /// Hookline's own: everything, compressed, byte for byte.
    Archive,
}

/// How a format is written, where it is.
pub struct Written {
    /// The format.
    pub format: Format,
    /// Extension of its files.
    pub extension: &'static str,
    /// Their media type.
    pub media_type: &'static str,
}

/// The formats that are written.
pub const WRITTEN: &[Written] = &[
    Written { format: Format::Har, extension: "har", media_type: "application/json" },
    Written { format: Format::Jsonl, extension: "jsonl", media_type: "application/jsonl" },
    Written { format: Format::Csv, extension: "csv", media_type: "text/csv; charset=utf-8" },
    Written { format: Format::Raw, extension: "http", media_type: "application/octet-stream" },
    Written { format: Format::Archive, extension: "hookline.zip", media_type: "application/zip" },
];

/// An entry of a file that is no request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bad {
    /// Where it stands, such as `line 12` or `entry 3`.
    pub place: String,
    /// Why it is none.
    pub why: String,
}

impl Bad {
    /// An entry at a place with the reason why it is none.
    pub fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}

/// Takes the entries of a file one after the other with the number of each, until it breaks off.
pub type Take<'t> = &'t mut dyn FnMut(u64, Result<Record, String>) -> ControlFlow<()>;

impl Format {
    /// What a number counts in such a file.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Har => "entry",
            Self::Jsonl | Self::Archive | Self::Curl => "line",
            Self::Csv => "row",
            Self::Raw => "message",
            Self::WebhookSite => "request",
        }
    }
}

/// Reads the entries of a file. `seen` is called with the number of bytes that have been read.
///
/// # Errors
/// The place in the file that cannot be read, and why. Entries before that place have been taken.
pub fn read(format: Format, file: &mut File, seen: &mut dyn FnMut(u64), take: Take<'_>) -> Result<(), Bad> {
    file.seek(SeekFrom::Start(0)).map_err(|e| Bad::new("the file", e.to_string()))?;
    if format == Format::Archive {
        return archive::read(file, take);
    }
    if format == Format::WebhookSite && !webhook_site::is_list(file)? {
        return webhook_site::read_one(file, take);
    }
    let mut file = BufReader::new(Counted { file, seen, read: 0 });
    if file.fill_buf().is_ok_and(|first| first.starts_with(BOM)) {
        file.consume(BOM.len());
    }
    match format {
        Format::Har => har::read(&mut file, take),
        Format::Jsonl => jsonl::read(&mut file, take),
        Format::Csv => csv::read(&mut file, take),
        Format::Raw => raw::read(&mut file, take),
        Format::Curl => curl::read(&mut file, take),
        Format::WebhookSite => webhook_site::read(&mut file, take),
        Format::Archive => Ok(()),
    }
}

/// Tells how far a file was read.
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

/// Returns the format of a file by its first [`SNIFFED`] bytes, or none if they match no format.
pub fn sniff(first: &[u8]) -> Option<Format> {
    let text = first.strip_prefix(BOM).unwrap_or(first).trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let has = |needle: &str| memchr::memmem::find(text, needle.as_bytes()).is_some();
    match text.first()? {
        b'P' if first.starts_with(b"PK\x03\x04") => Some(Format::Archive),
        b'[' if has("\"token_id\"") || has("\"uuid\"") => Some(Format::WebhookSite),
        b'[' => Some(Format::Jsonl),
        b'{' if has("\"log\"") && (has("\"creator\"") || has("\"entries\"")) => Some(Format::Har),
        b'{' if has("\"token_id\"") => Some(Format::WebhookSite),
        b'{' => Some(Format::Jsonl),
        _ if curl::is_command(line) || text.starts_with(b"#") && has("\ncurl ") => Some(Format::Curl),
        _ if raw::is_a_file(text) => Some(Format::Raw),
        _ => csv::is_head(line).then_some(Format::Csv),
    }
}

/// Returns what a file in none of the formats looks like, where its first bytes tell.
pub fn looks_like(first: &[u8]) -> Option<&'static str> {
    let text = first.trim_ascii_start();
    let starts = |start: &str| text.starts_with(start.as_bytes());
    match () {
        () if starts("fetch(") || starts("await fetch(") => Some("a call of fetch; copy it as curl"),
        () if starts("Invoke-WebRequest") || starts("$session") => Some("a PowerShell command; copy it as curl (bash)"),
        () if starts("http ") || starts("https ") => Some("an HTTPie command"),
        () if starts("wget ") => Some("a wget command"),
        () if starts("<?xml") || starts("<!DOCTYPE") || starts("<html") => Some("an XML or HTML document"),
        () if first.starts_with(b"\x1f\x8b") => Some("a gzip file; unpack it first"),
        () => None,
    }
}

/// RFC 3339, or a date and time without a zone, which is taken as UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    // Some write a space before the zone.
    let packed = text.strip_suffix(" Z").map_or_else(|| text.to_owned(), |bare| format!("{bare}Z"));
    packed
        .parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(|at| at.to_zoned(TimeZone::UTC)).map(|at| at.timestamp()))
        .or_else(|_| rfc2822::parse(text).map(|at| at.timestamp()))
        .map_err(|_| format!("{text:?} is not a date and time"))
}
