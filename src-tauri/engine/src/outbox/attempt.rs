//! One HTTP exchange of a delivery: what it took, and what came of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of trouble an attempt had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
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
pub enum Phase {
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
pub struct SendError {
    /// What kind of trouble.
    pub kind: ErrorKind,
    /// Where.
    pub phase: Phase,
    /// It in a sentence.
    pub message: String,
}

/// What an exchange took, in µs; a step that was not needed has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Timings {
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

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// As far as it is kept.
    pub(crate) body: Vec<u8>,
    /// Whole size, as far as it was read.
    pub(crate) body_bytes: u64,
    /// The wait it asks for, in seconds.
    pub(crate) retry_after_s: Option<f64>,
}

/// One exchange.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) timings: Timings,
    pub(crate) peer: Option<String>,
    pub(crate) result: Result<Received, SendError>,
    /// What had arrived of an answer that broke off.
    pub(crate) partial: Option<Received>,
}

impl Exchange {
    /// What the receiver answered, be it whole or not.
    pub(crate) fn received(&self) -> Option<&Received> {
        self.result.as_ref().ok().or(self.partial.as_ref())
    }

    /// One without an answer.
    pub(crate) fn failed(error: SendError) -> Self {
        Self { timings: Timings::default(), peer: None, result: Err(error), partial: None }
    }
}
