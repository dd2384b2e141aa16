//! Attempts of a delivery.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::HeaderLine;

/// Kind of error that an attempt ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptErrorKind {
    /// Requests cannot be sent to the URL.
    Url,
    /// The request cannot be built: the stored request was deleted, or the request cannot be signed.
    Request,
    /// The host name cannot be resolved.
    Dns,
    /// The host refused the connection.
    Refused,
    /// The host cannot be reached.
    Unreachable,
    /// The host closed the connection.
    Reset,
    /// TLS failed. `message` contains the cause.
    Tls,
    /// The attempt timed out in `phase`.
    Timeout,
    /// The response is not valid HTTP.
    BadResponse,
    /// The proxy set in the environment refused the connection.
    Proxy,
    /// Hookbench stopped during the attempt, so the request may or may not have arrived.
    OutcomeUnknown,
}

/// Phase of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptPhase {
    /// DNS lookup.
    Dns,
    /// TCP connection, including the connection to a proxy.
    Connect,
    /// TLS handshake.
    Tls,
    /// Wait for the first byte of the response.
    Response,
    /// Reading of the response body.
    Body,
}

/// Error that an attempt ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptError {
    /// Kind of the error.
    pub kind: AttemptErrorKind,
    /// Phase in which the error occurred.
    pub phase: AttemptPhase,
    /// Description of the error, in one sentence.
    pub message: String,
}

/// Durations of the phases of an exchange, in µs. A phase that did not take place is null.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptTimings {
    /// Duration of the DNS lookup.
    pub dns_us: Option<u64>,
    /// Duration of the TCP connection.
    pub connect_us: Option<u64>,
    /// Duration of the TLS handshake.
    pub tls_us: Option<u64>,
    /// Time from sending the request to the first byte of the response.
    pub first_byte_us: Option<u64>,
    /// Total duration.
    pub total_us: u64,
}

/// An attempt of a delivery, without the bodies.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Number of the attempt within its delivery, from 1.
    pub number: u32,
    /// Time at which the attempt started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Headers that were sent. Credentials are masked.
    pub request_headers: Vec<HeaderLine>,
    /// Status of the response. Null if there was no response.
    pub status: Option<u16>,
    /// Headers of the response. Credentials are masked.
    pub response_headers: Vec<HeaderLine>,
    /// Size of the response body, in bytes. The first 64 KiB are stored.
    pub response_bytes: u64,
    /// True if only the first part of the response body is stored.
    pub response_cut: bool,
    /// Error that the attempt ended with. Null if a complete response arrived.
    pub error: Option<AttemptError>,
    /// Durations of the phases.
    pub timings: AttemptTimings,
    /// Remote address that the request was sent to. Null if no connection was made.
    pub remote_address: Option<String>,
}

impl Attempt {
    /// Returns an attempt that is in flight. `started_us` is in µs since the Unix epoch.
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
            remote_address: None,
        }
    }
}
