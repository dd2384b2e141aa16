//! When to dial again.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use crate::wire::random;

/// The longest pause after a first failure.
const FIRST: Duration = Duration::from_millis(250);

/// The longest pause of all.
const LONGEST: Duration = Duration::from_secs(30);

/// How often the clocks are compared.
const LOOK: Duration = Duration::from_secs(1);

/// A second that took this much longer was a sleep.
const SLEPT: Duration = Duration::from_secs(5);

/// Pauses that grow, each anywhere between nothing and its length: laptops that lost a relay together
/// do not come back together.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let longest = self.0;
        self.0 = (self.0 * 2).min(LONGEST);
        longest.mul_f64(f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX))
    }
}

/// Returns when the machine has slept, or this process was stopped: the time that timers count stands
/// still in a sleep, the wall's does not.
pub async fn woke() {
    loop {
        let (wall, counted) = (SystemTime::now(), Instant::now());
        sleep(LOOK).await;
        let wall = wall.elapsed().unwrap_or_default();
        if wall.max(counted.elapsed()) > LOOK + SLEPT {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_longest_and_differ() {
        let mut backoff = Backoff::default();
        let mut longest = FIRST;
        let mut pauses = Vec::new();
        for _ in 0..20 {
            let pause = backoff.pause();
            assert!(pause <= longest, "{pause:?} of {longest:?}");
            longest = (longest * 2).min(LONGEST);
            pauses.push(pause);
        }
        pauses.dedup();
        assert!(pauses.len() > 15);
    }
}
