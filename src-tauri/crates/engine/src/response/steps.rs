//! Positions of the response sequences.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hookbench_store::sequence;
use rusqlite::Connection;

/// Maximum number of positions in memory. The oldest ones are dropped, and their sequences restart.
const KEPT: usize = 20_000;

/// Key of a sequence: inbox, rule, and the event if the sequence is counted per event.
pub(crate) type Key = sequence::SequenceKey;

/// Next position of every sequence, with the time of the last use in µs. The store has a copy.
#[derive(Debug, Default)]
pub struct Steps(Mutex<HashMap<Key, (u32, i64)>>);

impl Steps {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self(Mutex::new(sequence::load(connection, KEPT)?.into_iter().collect())))
    }

    /// Returns the number of responses sent so far.
    pub(super) fn given(&self, key: &Key) -> u32 {
        self.lock().get(key).map_or(0, |(step, _)| *step)
    }

    /// Advances a sequence. Returns the number of responses that were sent before.
    pub(super) fn take(&self, key: &Key, now_us: i64) -> u32 {
        let mut steps = self.lock();
        if steps.len() >= KEPT && !steps.contains_key(key) {
            let mut times: Vec<i64> = steps.values().map(|(_, at_us)| *at_us).collect();
            let (_, middle, _) = times.select_nth_unstable(KEPT / 10);
            let oldest = *middle;
            steps.retain(|_, (_, at_us)| *at_us > oldest);
        }
        let (step, at_us) = steps.entry(key.clone()).or_default();
        *at_us = now_us;
        *step = step.saturating_add(1);
        *step - 1
    }

    /// Restarts the sequences of a rule, or of all rules of an inbox.
    pub fn forget(&self, inbox: i64, rule: Option<&str>) {
        self.lock().retain(|(of, own, _), _| *of != inbox || rule.is_some_and(|rule| rule != own));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, (u32, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_event_and_drops_the_oldest() {
        let steps = Steps::default();
        let key = |event: usize| (1, "r".to_owned(), event.to_string());
        assert_eq!([steps.take(&key(0), 0), steps.take(&key(0), 0), steps.take(&key(1), 0)], [0, 1, 0]);
        for event in 2..KEPT + 5 {
            steps.take(&key(event), event as i64);
        }
        assert!(steps.lock().len() <= KEPT);
        assert_eq!((steps.given(&key(0)), steps.given(&key(KEPT + 4))), (0, 1));
        steps.forget(1, Some("other"));
        assert_eq!(steps.given(&key(KEPT + 4)), 1);
        steps.forget(1, None);
        assert_eq!(steps.given(&key(KEPT + 4)), 0);
    }
}
