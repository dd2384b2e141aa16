//! Pauses before the next connection attempt.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep};

/// First pause, without its random part.
const SHORTEST: Duration = Duration::from_millis(125);

/// Longest pause, without its random part.
const LONGEST: Duration = Duration::from_secs(15);

/// Interval at which the clocks are compared.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Minimum excess duration of an interval that counts as a sleep of the computer.
const SLEPT: Duration = Duration::from_secs(5);

/// Pauses that double, each with a random part of up to its own length. The random part spreads the reconnects of
/// agents that lost the relay at the same time.
#[derive(Debug)]
pub struct Backoff(ExponentialBackoff);

impl Default for Backoff {
    fn default() -> Self {
        let pauses = ExponentialBuilder::default().with_min_delay(SHORTEST).with_max_delay(LONGEST).with_factor(2.0);
        Self(pauses.with_jitter().without_max_times().build())
    }
}

impl Backoff {
    /// Returns the next pause, at most 30 seconds.
    pub fn pause(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST)
    }
}

/// Returns after the computer has slept, or after this process was stopped. During a sleep, the monotonic clock stops
/// and the wall clock continues.
pub async fn woke() {
    loop {
        let (wall, counted) = (SystemTime::now(), Instant::now());
        sleep(POLL_INTERVAL).await;
        let wall = wall.elapsed().unwrap_or_default();
        if wall.max(counted.elapsed()) > POLL_INTERVAL + SLEPT {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_maximum_and_vary() {
        let mut backoff = Backoff::default();
        let mut shortest = SHORTEST;
        let mut last = Vec::new();
        for _ in 0..40 {
            let pause = backoff.pause();
            assert!((shortest..=shortest * 2).contains(&pause), "{pause:?} after {shortest:?}");
            if shortest == LONGEST {
                last.push(pause);
            }
            shortest = (shortest * 2).min(LONGEST);
        }
        last.sort();
        last.dedup();
        assert!(last.len() > 20, "{last:?}");
    }
}
