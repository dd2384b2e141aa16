//! Properties of a captured HTTP message.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Fidelity of the header names and their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum HeaderNames {
    /// Names and order are exactly as sent.
    Exact = 0,
    /// Names are in lower case, as HTTP/2 requires. The order of different names is kept.
    Lowercase = 1,
    /// Names are in lower case and repeated headers are grouped, because the raw bytes and the parsed request differ.
    #[serde(alias = "normalised")]
    Normalized = 2,
}

/// Completeness of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum BodyState {
    /// Every byte that the sender announced has arrived.
    Complete = 0,
    /// The sender closed the connection before the end of the body.
    BrokenOff = 1,
    /// The sender paused for longer than the body idle timeout.
    Stalled = 2,
    /// The body is larger than the limit. No part of it is stored.
    TooLarge = 3,
}

/// HTTP version of a request.
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
    /// Returns the version as written in a request line, such as `HTTP/1.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}
