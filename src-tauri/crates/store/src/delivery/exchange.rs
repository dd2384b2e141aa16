//! One HTTP exchange of a delivery: what it took, and what came of it.

use hookline_model::{AttemptError, AttemptTimings};

/// Bytes of a response body that are kept; the rest is only counted.
pub const RESPONSE_KEPT: usize = 64 * 1024;

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// As far as it is kept.
    pub body: Vec<u8>,
    /// Whole size, as far as it was read.
    pub body_bytes: u64,
    /// The wait it asks for, in seconds.
    pub retry_after_s: Option<f64>,
}

/// One exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    pub timings: AttemptTimings,
    pub peer: Option<String>,
    pub result: Result<Received, AttemptError>,
    /// What had arrived of an answer that broke off.
    pub partial: Option<Received>,
}

impl Exchange {
    /// What the receiver answered, be it whole or not.
    pub fn received(&self) -> Option<&Received> {
        self.result.as_ref().ok().or(self.partial.as_ref())
    }

    /// One without an answer.
    pub fn failed(error: AttemptError) -> Self {
        Self { timings: AttemptTimings::default(), peer: None, result: Err(error), partial: None }
    }
}
