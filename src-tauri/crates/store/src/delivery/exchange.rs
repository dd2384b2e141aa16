//! An HTTP exchange of a delivery: durations and result.

use hookbench_model::{AttemptError, AttemptTimings};

/// Maximum number of bytes of a response body that are stored. The rest is only counted.
pub const RESPONSE_KEPT: usize = 64 * 1024;

/// Response to an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Status of the response.
    pub status: u16,
    /// Headers in order, including repeated ones.
    pub headers: Vec<(String, String)>,
    /// Beginning of the body, at most [`RESPONSE_KEPT`] bytes.
    pub body: Vec<u8>,
    /// Number of body bytes that were read.
    pub body_bytes: u64,
    /// Delay that the response requests with `Retry-After`, in seconds.
    pub retry_after_s: Option<f64>,
}

/// An HTTP exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Durations of the phases.
    pub timings: AttemptTimings,
    /// Remote address that the request was sent to. `None` if no connection was opened.
    pub remote_address: Option<String>,
    /// Complete response, or the error that ended the exchange.
    pub result: Result<Received, AttemptError>,
    /// Received part of an incomplete response.
    pub partial: Option<Received>,
}

impl Exchange {
    /// Returns the response, complete or partial.
    pub fn received(&self) -> Option<&Received> {
        self.result.as_ref().ok().or(self.partial.as_ref())
    }

    /// Creates an exchange that failed without a response.
    pub fn failed(error: AttemptError) -> Self {
        Self { timings: AttemptTimings::default(), remote_address: None, result: Err(error), partial: None }
    }
}
