//! What is known of a captured HTTP message.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How truly the header names and their order are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[repr(u8)]
pub enum HttpVersion {
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

impl HttpVersion {
    /// The name as it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}
