//! A captured request, as the listener passes it to the store.

use std::{any::Any, fmt, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use hookbench_model::{BodyState, HeaderNames, HttpVersion};

/// Location of a stored body.
#[derive(Debug, Clone)]
pub enum Body {
    /// In the row of the request.
    Inline(Bytes),
    /// In chunk rows with this body number.
    Chunks(i64),
}

/// Results computed while the response of a request was decided, such as the verification of its signature. They are
/// passed on with the committed request, so that they are not computed again. They are not stored.
#[derive(Clone, Default)]
pub struct Findings(Option<Arc<dyn Any + Send + Sync>>);

impl Findings {
    /// Wraps a result.
    pub fn new<T: Any + Send + Sync>(learned: T) -> Self {
        Self(Some(Arc::new(learned)))
    }

    /// Returns the result, if there is one of type `T`.
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
    /// Number of the inbox.
    pub inbox: i64,
    /// Time at which the head was complete, in µs since the Unix epoch.
    pub arrived_us: i64,
    /// Time from the complete head to the last byte of the body, in µs.
    pub receiving_us: i64,
    /// Method as sent.
    pub method: http::Method,
    /// Request target as sent.
    pub target: String,
    /// HTTP version.
    pub version: HttpVersion,
    /// Remote address of the sender.
    pub remote_address: SocketAddr,
    /// Header block: `Name: value` lines with CRLF, as received.
    pub headers: Vec<u8>,
    /// Fidelity of the header names.
    pub names: HeaderNames,
    /// Trailer block in the same format; usually empty.
    pub trailers: Vec<u8>,
    /// Body bytes after transfer decoding.
    pub body: Body,
    /// Size of the body in bytes. If the body was rejected unread, the size that the sender announced.
    pub body_bytes: u64,
    /// Completeness of the body.
    pub body_state: BodyState,
    /// Status of the response; 0 for none.
    pub status: u16,
    /// Number of the inbox response that was sent; `None` if the listener rejected the request.
    pub response: Option<i64>,
    /// Number of the tunnel that the request came through ([`TunnelOrigin`](crate::TunnelOrigin)); 0 for none.
    pub via: i64,
    /// Results computed while the response was decided.
    pub findings: Findings,
}

/// Parses a header block. Returns the names and values in order, without the optional white space around values
/// (RFC 9112 §5.1).
pub fn header_list(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    block.split(|b| *b == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr::memchr(b':', line)?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}
