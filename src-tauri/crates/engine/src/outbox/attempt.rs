//! One HTTP exchange of a delivery: what it took, and what came of it.

use hookline_model::{AttemptError, AttemptTimings};

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
    pub(crate) timings: AttemptTimings,
    pub(crate) peer: Option<String>,
    pub(crate) result: Result<Received, AttemptError>,
    /// What had arrived of an answer that broke off.
    pub(crate) partial: Option<Received>,
}

impl Exchange {
    /// What the receiver answered, be it whole or not.
    pub(crate) fn received(&self) -> Option<&Received> {
        self.result.as_ref().ok().or(self.partial.as_ref())
    }

    /// One without an answer.
    pub(crate) fn failed(error: AttemptError) -> Self {
        Self { timings: AttemptTimings::default(), peer: None, result: Err(error), partial: None }
    }
}
