//! One captured request, as the receiver hands it to the store.

use std::{any::Any, fmt, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use hookbench_model::{BodyState, HeaderNames, HttpVersion};

/// Where a body is kept.
#[derive(Debug, Clone)]
pub enum Body {
    /// In the request's own row.
    Inline(Bytes),
    /// In chunk rows under this body number.
    Chunks(i64),
}

/// What was learned of a request while its response was decided, such as the verification of its signature. It is handed
/// on with the committed request, so that nothing is computed twice. It is not stored.
#[derive(Clone, Default)]
pub struct Findings(Option<Arc<dyn Any + Send + Sync>>);

impl Findings {
    /// Wraps what was learned.
    pub fn new<T: Any + Send + Sync>(learned: T) -> Self {
        Self(Some(Arc::new(learned)))
    }

    /// Returns what was learned, if it is of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.as_deref()?.downcast_ref()
    }
}

impl fmt::Debug for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Findings").field(&self.0.is_some()).finish()
    }
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
    pub version: HttpVersion,
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
    /// What was learned of it while its response was decided.
    pub findings: Findings,
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
