//! Counters of ended attempts, for monitoring.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::attempt_log::FinishedAttempt;

/// Upper bounds of the durations that are counted separately, in ms.
pub const DURATIONS_MS: [u64; 9] = [5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000];

/// Ended attempts since the start of the process: by result, and by duration.
#[derive(Debug, Default)]
pub struct AttemptCounters {
    succeeded: AtomicU64,
    rejected: AtomicU64,
    unanswered: AtomicU64,
    duration_us: AtomicU64,
    durations: [AtomicU64; DURATIONS_MS.len()],
}

/// Values of [`AttemptCounters`] at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttemptCounts {
    /// Attempts with a 2xx response.
    pub succeeded: u64,
    /// Attempts with another response.
    pub rejected: u64,
    /// Attempts without a complete response.
    pub unanswered: u64,
    /// Sum of the durations, in µs.
    pub duration_us: u64,
    /// Attempts that took at most the duration of [`DURATIONS_MS`] at the same position.
    pub durations: [u64; DURATIONS_MS.len()],
}

impl AttemptCounters {
    pub(crate) fn add(&self, attempts: &[FinishedAttempt]) {
        let increment = |counter: &AtomicU64, by: u64| {
            counter.fetch_add(by, Ordering::Relaxed);
        };
        for FinishedAttempt { exchange, .. } in attempts {
            increment(
                match &exchange.result {
                    Ok(response) if (200..300).contains(&response.status) => &self.succeeded,
                    Ok(_) => &self.rejected,
                    Err(_) => &self.unanswered,
                },
                1,
            );
            let took_us = exchange.timings.total_us;
            increment(&self.duration_us, took_us);
            for (counter, most_ms) in self.durations.iter().zip(DURATIONS_MS) {
                if took_us <= most_ms * 1_000 {
                    increment(counter, 1);
                }
            }
        }
    }

    /// Returns the current values.
    pub fn counts(&self) -> AttemptCounts {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AttemptCounts {
            succeeded: value(&self.succeeded),
            rejected: value(&self.rejected),
            unanswered: value(&self.unanswered),
            duration_us: value(&self.duration_us),
            durations: std::array::from_fn(|place| value(&self.durations[place])),
        }
    }
}
