//! One captured request, as the receiver hands it to the store.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// How truly the header names and their order are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum HeaderNames {
    /// As on the wire: spelling and order are the sender's own.
    Exact = 0,
    /// HTTP/2 has only lower-case names on the wire; order is kept between different names.
    Lowercase = 1,
    /// The bytes seen and the parsed request disagreed: names are lower-cased, repeats grouped.
    Normalised = 2,
}

/// Whether the body is the whole body, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum BodyState {
    /// Every byte the sender announced has arrived.
    Complete = 0,
    /// The sender broke off before the end.
    BrokenOff = 1,
    /// The sender fell silent for longer than the limit allows.
    Stalled = 2,
    /// The body was larger than the limit; none of it is kept.
    TooLarge = 3,
}

/// HTTP version of the request line or connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Version {
    /// HTTP/1.0
    #[serde(rename = "HTTP/1.0")]
    Http10 = 10,
    /// HTTP/1.1
    #[serde(rename = "HTTP/1.1")]
    Http11 = 11,
    /// HTTP/2
    #[serde(rename = "HTTP/2")]
    Http2 = 20,
}

impl Version {
    /// The name as it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// Where a body is kept.
#[derive(Debug, Clone)]
pub enum Body {
    /// In the request's own row.
    Inline(Bytes),
    /// In chunk rows under this body number.
    Chunks(i64),
}

/// A request ready to be stored.
#[derive(Debug, Clone)]
pub struct Captured {
    /// Number of the inbox it belongs to.
    pub inbox: i64,
    /// When its head was complete, µs since the Unix epoch.
    pub arrived_us: i64,
    /// From the head to the last byte of the body, µs.
    pub receiving_us: i64,
    /// Method as sent.
    pub method: http::Method,
    /// Request target as sent.
    pub target: String,
    /// HTTP version.
    pub version: Version,
    /// The sender's address.
    pub peer: SocketAddr,
    /// Header block: `Name: value` lines with CRLF, as on the wire.
    pub headers: Vec<u8>,
    /// What is known of the header names.
    pub names: HeaderNames,
    /// Trailer block in the same form; mostly empty.
    pub trailers: Vec<u8>,
    /// The body, exact after transfer decoding.
    pub body: Body,
    /// Size of the body in bytes: received, or announced where it was refused unread.
    pub body_bytes: u64,
    /// Whether the body is whole.
    pub body_state: BodyState,
    /// Status the sender gets.
    pub status: u16,
    /// Number of the inbox answer given; none where the receiver refused by itself.
    pub answer: Option<i64>,
    /// Number of the way from outside it came by ([`Through`](crate::Through)); 0 for none.
    pub via: i64,
}

/// Reads a header block back into its list: one pair a line, in order, values without the
/// optional white space around them (RFC 9112 §5.1).
pub fn header_list(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    block.split(|b| *b == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr::memchr(b':', line)?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}
