//! Schedule of deliveries, in memory. The schedule is also stored and loaded at startup.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use hookbench_store::endpoint::{EndpointRow, Purpose};

/// Time in µs after which the deliveries of a command are canceled if the command does not poll them. The command has
/// then ended.
const ASKED_US: i64 = 10_000_000;

/// Maximum number of deliveries started, and of deliveries canceled, per run. The limit bounds the length of a
/// commit.
const STARTS_MAX: usize = 500;

/// Maximum time in µs for which a rate limit catches up after a pause.
const LATE_US: i64 = 250_000;

/// Minimum gap in µs between two runs that indicates sleep or a clock change.
const JUMP_US: i64 = 5_000_000;

/// Queue of one endpoint.
#[derive(Debug, Default)]
struct EndpointQueue {
    row: Option<Arc<EndpointRow>>,
    /// Deliveries that are due and wait for a free slot.
    ready: VecDeque<i64>,
    in_flight: u32,
    /// Earliest time of the next attempt under the rate limit, in µs since the Unix epoch.
    next_us: i64,
    /// Time at which a command last polled its delivery, in µs since the Unix epoch.
    asked_us: i64,
    /// True while nothing may be sent.
    held: bool,
}

/// Schedule of deliveries.
#[derive(Debug, Default)]
pub struct Schedule {
    due: BinaryHeap<Reverse<(i64, i64)>>,
    /// Endpoint and due time of each waiting delivery. A heap entry with another time is outdated.
    waiting: HashMap<i64, (i64, i64)>,
    queues: HashMap<i64, EndpointQueue>,
    /// Endpoint numbers by ID.
    ids: HashMap<String, i64>,
    /// Endpoints with deliveries that are ready.
    active: HashSet<i64>,
    /// Time of the last run, in µs since the Unix epoch.
    looked_us: i64,
}

/// Deliveries that are due.
#[derive(Debug, Default)]
pub(crate) struct DueBatch {
    /// Deliveries to attempt now, each with its endpoint.
    pub start: Vec<(i64, Arc<EndpointRow>)>,
    /// Deliveries of commands that have ended.
    pub abandoned: Vec<i64>,
    /// Time of the next run, in µs since the Unix epoch.
    pub next_us: Option<i64>,
}

impl Schedule {
    /// Adds an endpoint or updates its row.
    pub fn set_endpoint(&mut self, row: EndpointRow, now_us: i64) {
        let queue = self.queues.entry(row.number).or_default();
        if queue.row.is_none() {
            queue.asked_us = now_us;
        }
        self.ids.insert(row.id.clone(), row.number);
        queue.row = Some(Arc::new(row));
    }

    /// Counts an attempt that was started outside of the schedule.
    pub fn start(&mut self, endpoint: i64) {
        self.queues.entry(endpoint).or_default().in_flight += 1;
    }

    /// Pauses or resumes the deliveries to a destination.
    pub fn hold(&mut self, id: &str, held: bool) {
        if let Some(queue) = self.ids.get(id).and_then(|number| self.queues.get_mut(number)) {
            queue.held = held;
        }
    }

    /// Removes an endpoint and its waiting deliveries.
    pub fn remove_endpoint(&mut self, endpoint: i64) {
        if let Some(row) = self.queues.remove(&endpoint).and_then(|queue| queue.row) {
            self.ids.remove(&row.id);
        }
        self.active.remove(&endpoint);
        self.waiting.retain(|_, (of, _)| *of != endpoint);
    }

    /// Returns all endpoints created by users.
    pub fn endpoints(&self) -> Vec<Arc<EndpointRow>> {
        let mut all: Vec<_> = self
            .queues
            .values()
            .filter_map(|queue| queue.row.clone())
            .filter(|row| row.purpose == Purpose::User)
            .collect();
        all.sort_by_key(|row| row.number);
        all
    }

    /// Returns a destination of any purpose by its ID.
    pub fn with_id(&self, id: &str) -> Option<Arc<EndpointRow>> {
        self.queues.get(self.ids.get(id)?)?.row.clone()
    }

    /// Returns a destination of any purpose by its number.
    pub fn numbered(&self, number: i64) -> Option<Arc<EndpointRow>> {
        self.queues.get(&number)?.row.clone()
    }

    /// Returns the number of attempts in flight to a destination.
    pub fn in_flight_to(&self, endpoint: i64) -> u32 {
        self.queues.get(&endpoint).map_or(0, |queue| queue.in_flight)
    }

    /// Schedules an attempt, the first or a retry. `due_us` is in µs on the retry clock of the endpoint.
    pub fn wait(&mut self, delivery: i64, endpoint: i64, due_us: i64) {
        self.waiting.insert(delivery, (endpoint, due_us));
        self.due.push(Reverse((due_us, delivery)));
    }

    /// Removes a scheduled attempt.
    pub fn forget(&mut self, delivery: i64) {
        self.waiting.remove(&delivery);
    }

    /// Records that a command polled a delivery of this endpoint.
    pub fn asked(&mut self, endpoint: &str, now_us: i64) {
        if let Some(queue) = self.ids.get(endpoint).and_then(|number| self.queues.get_mut(number)) {
            queue.asked_us = now_us;
        }
    }

    /// Removes the endpoints of commands that have ended and have no open deliveries. Returns their numbers.
    pub fn drop_passed(&mut self, now_us: i64) -> Vec<i64> {
        let is_abandoned = |queue: &EndpointQueue| {
            queue.row.as_ref().is_some_and(|row| row.purpose == Purpose::Ephemeral)
                && queue.in_flight == 0
                && queue.ready.is_empty()
                && now_us - queue.asked_us > ASKED_US
        };
        let ended: Vec<i64> =
            self.queues.iter().filter(|(_, queue)| is_abandoned(queue)).map(|(endpoint, _)| *endpoint).collect();
        let waited_for: HashSet<i64> = match ended.is_empty() {
            true => HashSet::new(),
            false => self.waiting.values().map(|(endpoint, _)| *endpoint).collect(),
        };
        let ended: Vec<i64> = ended.into_iter().filter(|endpoint| !waited_for.contains(endpoint)).collect();
        for endpoint in &ended {
            self.remove_endpoint(*endpoint);
        }
        ended
    }

    /// Counts an attempt that has ended.
    pub fn finish(&mut self, endpoint: i64) {
        if let Some(queue) = self.queues.get_mut(&endpoint) {
            queue.in_flight = queue.in_flight.saturating_sub(1);
        }
    }

    /// Returns the time at which the next delivery is due, in µs since the Unix epoch.
    pub fn next_us(&self) -> Option<i64> {
        self.due.peek().map(|Reverse((due_us, _))| *due_us)
    }

    /// Returns the number of waiting deliveries.
    pub fn queued(&self) -> usize {
        self.waiting.len()
    }

    /// Schedules deliveries to cancel again, because they could not be canceled.
    pub fn again(&mut self, abandoned: &[i64], now_us: i64) {
        for delivery in abandoned {
            if let Some((endpoint, _)) = self.waiting.get(delivery).copied() {
                self.wait(*delivery, endpoint, now_us);
            }
        }
    }

    /// Returns the deliveries to attempt now.
    pub(crate) fn take(&mut self, now_us: i64) -> DueBatch {
        // After sleep, all polls count as recent, because no command could poll.
        if now_us - self.looked_us > JUMP_US {
            for queue in self.queues.values_mut() {
                queue.asked_us = now_us;
            }
        }
        self.looked_us = now_us;
        while let Some(Reverse((due_us, delivery))) = self.due.peek().copied() {
            if due_us > now_us {
                break;
            }
            self.due.pop();
            if let Some((endpoint, known)) = self.waiting.get(&delivery).copied()
                && known == due_us
            {
                self.queues.entry(endpoint).or_default().ready.push_back(delivery);
                self.active.insert(endpoint);
            }
        }
        let mut taken = DueBatch { next_us: self.next_us(), ..DueBatch::default() };
        let mut idle = Vec::new();
        for endpoint in &self.active {
            if taken.start.len() >= STARTS_MAX || taken.abandoned.len() >= STARTS_MAX {
                taken.next_us = Some(now_us);
                break;
            }
            let Some(queue) = self.queues.get_mut(endpoint) else {
                idle.push(*endpoint);
                continue;
            };
            queue.take(now_us, &mut self.waiting, &mut taken);
            if queue.ready.is_empty() {
                idle.push(*endpoint);
            }
        }
        for endpoint in idle {
            self.active.remove(&endpoint);
        }
        taken
    }
}

impl EndpointQueue {
    fn take(&mut self, now_us: i64, waiting: &mut HashMap<i64, (i64, i64)>, taken: &mut DueBatch) {
        let Some(row) = self.row.clone() else {
            // The endpoint was deleted, and its waiting deliveries were ended in the store.
            for delivery in self.ready.drain(..) {
                waiting.remove(&delivery);
            }
            return;
        };
        if row.purpose == Purpose::Ephemeral && now_us - self.asked_us > ASKED_US {
            let some = self.ready.len().min(STARTS_MAX);
            taken.abandoned.extend(self.ready.drain(..some));
            return;
        }
        // A test is also sent to a disabled endpoint. No other delivery waits there.
        while self.in_flight < row.settings.concurrency && !row.settings.paused && !self.held {
            if let Some(rate) = row.settings.rate {
                let gap_us = (1e6 / rate) as i64;
                // A clock that was set back must not extend the gap.
                self.next_us = self.next_us.min(now_us.saturating_add(gap_us));
                if self.next_us > now_us {
                    taken.next_us = Some(taken.next_us.map_or(self.next_us, |next| next.min(self.next_us)));
                    return;
                }
                if !self.ready.is_empty() {
                    // A late attempt does not delay the next ones, so the rate is kept on a busy computer. The first
                    // attempt is not early.
                    let from_us = if self.next_us == 0 { now_us } else { self.next_us.max(now_us - LATE_US) };
                    self.next_us = from_us.saturating_add(gap_us);
                }
            }
            let Some(delivery) = self.ready.pop_front() else { return };
            // The delivery was ended or postponed after it became ready.
            if waiting.get(&delivery).is_none_or(|(_, due_us)| *due_us > now_us) {
                continue;
            }
            waiting.remove(&delivery);
            self.in_flight += 1;
            taken.start.push((delivery, row.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(number: i64, change: serde_json::Value) -> EndpointRow {
        let mut settings = serde_json::json!({ "url": "http://127.0.0.1:1/", "provider": "github" });
        settings.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        EndpointRow {
            number,
            id: number.to_string(),
            settings: serde_json::from_value(settings).expect("settings"),
            enabled: true,
            reason: String::new(),
            since_us: 0,
            failed_attempts: 0,
            exhausted: 0,
            created_us: 0,
            paused_us: None,
            purpose: Purpose::User,
        }
    }

    fn started(taken: &DueBatch) -> Vec<i64> {
        taken.start.iter().map(|(delivery, _)| *delivery).collect()
    }

    #[test]
    fn starts_due_deliveries_in_order_per_endpoint() {
        let mut schedule = Schedule::default();
        schedule.set_endpoint(endpoint(1, serde_json::json!({ "concurrency": 2 })), 0);
        schedule.set_endpoint(endpoint(2, serde_json::json!({})), 0);
        for (delivery, to, due) in [(10, 1, 5), (11, 1, 3), (12, 1, 4), (20, 2, 6), (21, 2, 900)] {
            schedule.wait(delivery, to, due);
        }
        assert_eq!((started(&schedule.take(2)), schedule.take(2).next_us), (vec![], Some(3)));
        let taken = schedule.take(10);
        let mut first: Vec<i64> = started(&taken).into_iter().filter(|delivery| *delivery < 20).collect();
        first.sort_unstable();
        assert_eq!((first, started(&taken).contains(&20), taken.next_us), (vec![11, 12], true, Some(900)));
        assert_eq!(started(&schedule.take(10)), Vec::<i64>::new());
        schedule.finish(1);
        assert_eq!(started(&schedule.take(10)), [10]);
    }

    #[test]
    fn skips_postponed_and_ended_deliveries() {
        let mut schedule = Schedule::default();
        schedule.set_endpoint(endpoint(1, serde_json::json!({})), 0);
        schedule.wait(1, 1, 5);
        schedule.wait(2, 1, 5);
        schedule.wait(1, 1, 50);
        schedule.forget(2);
        assert_eq!(started(&schedule.take(10)), Vec::<i64>::new());
        assert_eq!(started(&schedule.take(50)), [1]);
        schedule.set_endpoint(endpoint(1, serde_json::json!({ "paused": true })), 0);
        schedule.wait(3, 1, 60);
        assert_eq!(started(&schedule.take(100)), Vec::<i64>::new());
        schedule.set_endpoint(endpoint(1, serde_json::json!({})), 0);
        assert_eq!(started(&schedule.take(100)), [3]);
    }

    #[test]
    fn keeps_the_rate_limit() {
        let mut schedule = Schedule::default();
        schedule.set_endpoint(endpoint(1, serde_json::json!({ "rate": 10.0, "concurrency": 100 })), 0);
        for delivery in 0..50 {
            schedule.wait(delivery, 1, 1);
        }
        let mut left = 0;
        for now_ms in 0..=2_000 {
            let taken = schedule.take(1_000_000 + now_ms * 1_000);
            left += taken.start.len();
        }
        assert!((20..=22).contains(&left), "{left}");
    }

    #[test]
    fn cancels_deliveries_of_ended_commands() {
        let mut schedule = Schedule::default();
        schedule.set_endpoint(EndpointRow { purpose: Purpose::Ephemeral, ..endpoint(1, serde_json::json!({})) }, 0);
        schedule.wait(1, 1, 20_000_000);
        for now_us in (0..20_000_000).step_by(500_000) {
            assert_eq!(started(&schedule.take(now_us)), Vec::<i64>::new());
        }
        schedule.asked("1", 15_000_000);
        schedule.wait(2, 1, 30_000_000);
        assert_eq!(started(&schedule.take(20_000_000)), [1]);
        for now_us in (20_000_000..30_000_000).step_by(500_000) {
            assert_eq!(schedule.take(now_us).abandoned, Vec::<i64>::new());
        }
        assert_eq!(schedule.drop_passed(30_000_000), Vec::<i64>::new(), "a delivery waits");
        assert_eq!(schedule.take(30_000_000).abandoned, [2]);
        schedule.forget(2);
        assert_eq!(schedule.drop_passed(30_000_000), Vec::<i64>::new(), "an attempt is in flight");
        schedule.finish(1);
        assert_eq!(schedule.drop_passed(24_000_000), Vec::<i64>::new(), "the command may still poll");
        assert_eq!(schedule.drop_passed(30_000_000), [1]);
    }

    #[test]
    fn cancels_nothing_after_sleep() {
        let mut schedule = Schedule::default();
        schedule
            .set_endpoint(EndpointRow { purpose: Purpose::Ephemeral, ..endpoint(1, serde_json::json!({})) }, 1_000_000);
        schedule.take(1_000_000);
        schedule.wait(1, 1, 2_000_000);
        let taken = schedule.take(3_600_000_000);
        assert_eq!((started(&taken), taken.abandoned), (vec![1], Vec::new()));
    }

    #[test]
    fn keeps_the_rate_after_the_clock_is_set_back() {
        let mut schedule = Schedule::default();
        schedule.set_endpoint(endpoint(1, serde_json::json!({ "rate": 10.0 })), 0);
        schedule.wait(1, 1, 1);
        schedule.wait(2, 1, 1);
        assert_eq!(started(&schedule.take(3_600_000_000)), [1]);
        assert_eq!(started(&schedule.take(1_000_000)), Vec::<i64>::new());
        assert_eq!(started(&schedule.take(1_100_001)), [2]);
    }
}
