//! Attempts of a delivery.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::HeaderLine;

/// What kind of trouble an attempt had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptErrorKind {
    /// The URL is none that can be sent to.
    Url,
    /// The request cannot be made: what it sends on is gone, or cannot be signed.
    Request,
    /// The host has no address.
    Dns,
    /// Nothing listens there.
    Refused,
    /// It cannot be reached.
    Unreachable,
    /// The other end closed the connection.
    Reset,
    /// TLS failed; the message says why.
    Tls,
    /// It took too long; the phase says what.
    Timeout,
    /// What came back is no HTTP.
    BadResponse,
    /// The proxy of the environment did not let it through.
    Proxy,
    /// Hookline ended while it was under way: nobody knows whether it arrived.
    OutcomeUnknown,
}

/// Where in an exchange something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptPhase {
    /// Looking the host up.
    Dns,
    /// Connecting.
    Connect,
    /// Agreeing on TLS.
    Tls,
    /// Waiting for the first byte of the answer.
    Answer,
    /// Reading the answer.
    Body,
}

/// Why an attempt brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptError {
    /// What kind of trouble.
    pub kind: AttemptErrorKind,
    /// Where.
    pub phase: AttemptPhase,
    /// It in a sentence.
    pub message: String,
}

/// What an exchange took, in µs; a step that was not needed has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptTimings {
    /// Looking the host up.
    pub dns_us: Option<u64>,
    /// Connecting.
    pub connect_us: Option<u64>,
    /// Agreeing on TLS.
    pub tls_us: Option<u64>,
    /// From the request to the first byte of the answer.
    pub first_byte_us: Option<u64>,
    /// From beginning to end.
    pub total_us: u64,
}

/// One attempt, in full but for the bodies.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Which it is, from 1.
    pub number: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Headers sent; credentials masked.
    pub request_headers: Vec<HeaderLine>,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Headers of the answer.
    pub response_headers: Vec<HeaderLine>,
    /// Size of the answer's body, in bytes; the first 64 KiB are kept.
    pub response_bytes: u64,
    /// Whether more arrived than is kept.
    pub response_cut: bool,
    /// Why there is no answer.
    pub error: Option<AttemptError>,
    /// What it took.
    pub timings: AttemptTimings,
    /// The address it went to.
    pub peer: Option<String>,
}

impl Attempt {
    pub fn under_way(number: u32, started_us: i64) -> Self {
        Self {
            number,
            started_at: crate::timestamp(started_us),
            request_headers: Vec::new(),
            status: None,
            response_headers: Vec::new(),
            response_bytes: 0,
            response_cut: false,
            error: None,
            timings: AttemptTimings::default(),
            peer: None,
        }
    }
}
