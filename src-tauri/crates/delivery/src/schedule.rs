//! What is due when, in memory: the store has it too, and a start reads it from there.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use hookbench_store::endpoint::{EndpointRow, Purpose};

/// How long a command's own deliveries go on without being asked about, in µs: the command has
/// ended then.
const ASKED_US: i64 = 10_000_000;

/// Most deliveries started, and most given up, in one look: more would be one long commit.
const STARTS_MAX: usize = 500;

/// How much of a rate is made up for after a pause, in µs.
const LATE_US: i64 = 250_000;

/// A look that is later than this, in µs, tells of a machine that slept or a clock that was set.
const JUMP_US: i64 = 5_000_000;

/// One endpoint's part.
#[derive(Debug, Default)]
struct EndpointQueue {
    row: Option<Arc<EndpointRow>>,
    /// Due, and waiting for a place.
    ready: VecDeque<i64>,
    in_flight: u32,
    /// When the next may leave, where there is a rate, µs since the Unix epoch.
    next_us: i64,
    /// When a command last asked about its delivery.
    asked_us: i64,
    /// Whether nothing leaves for now.
    held: bool,
}

/// What is due when.
#[derive(Debug, Default)]
pub struct Schedule {
    due: BinaryHeap<Reverse<(i64, i64)>>,
    /// Each waiting delivery's endpoint and time: an entry of the heap that disagrees is old.
    waiting: HashMap<i64, (i64, i64)>,
    lanes: HashMap<i64, EndpointQueue>,
    /// Their numbers by id.
    ids: HashMap<String, i64>,
    /// Endpoints with something ready.
    active: HashSet<i64>,
    /// When it was looked at last, µs since the Unix epoch.
    looked_us: i64,
}

/// What a look at the schedule found.
#[derive(Debug, Default)]
pub(crate) struct DueBatch {
    /// Deliveries to attempt now, each with its endpoint.
    pub start: Vec<(i64, Arc<EndpointRow>)>,
    /// Deliveries of commands that have ended.
    pub abandoned: Vec<i64>,
    /// When to look again, µs since the Unix epoch.
    pub next_us: Option<i64>,
}

impl Schedule {
    /// An endpoint as it is now.
    pub fn set_endpoint(&mut self, row: EndpointRow, now_us: i64) {
        let lane = self.lanes.entry(row.number).or_default();
        if lane.row.is_none() {
            lane.asked_us = now_us;
        }
        self.ids.insert(row.id.clone(), row.number);
        lane.row = Some(Arc::new(row));
    }

    /// An attempt that was begun elsewhere is under way.
    pub fn start(&mut self, endpoint: i64) {
        self.lanes.entry(endpoint).or_default().in_flight += 1;
    }

    /// What waits for a destination waits on, until it is held no more.
    pub fn hold(&mut self, id: &str, held: bool) {
        if let Some(lane) = self.ids.get(id).and_then(|number| self.lanes.get_mut(number)) {
            lane.held = held;
        }
    }

    /// Forgets an endpoint, and what waits for it.
    pub fn remove_endpoint(&mut self, endpoint: i64) {
        if let Some(row) = self.lanes.remove(&endpoint).and_then(|lane| lane.row) {
            self.ids.remove(&row.id);
        }
        self.active.remove(&endpoint);
        self.waiting.retain(|_, (of, _)| *of != endpoint);
    }

    /// All endpoints that are listed.
    pub fn endpoints(&self) -> Vec<Arc<EndpointRow>> {
        let mut all: Vec<_> = self
            .lanes
            .values()
            .filter_map(|lane| lane.row.clone())
            .filter(|row| row.purpose == Purpose::Listed)
            .collect();
        all.sort_by_key(|row| row.number);
        all
    }

    /// A destination of any kind, by its id.
    pub fn with_id(&self, id: &str) -> Option<Arc<EndpointRow>> {
        self.lanes.get(self.ids.get(id)?)?.row.clone()
    }

    /// A destination of any kind, by its number.
    pub fn numbered(&self, number: i64) -> Option<Arc<EndpointRow>> {
        self.lanes.get(&number)?.row.clone()
    }

    /// Attempts under way to one destination.
    pub fn in_flight_to(&self, endpoint: i64) -> u32 {
        self.lanes.get(&endpoint).map_or(0, |lane| lane.in_flight)
    }

    /// Schedules an attempt, the first or a retry, for a time.
    pub fn wait(&mut self, delivery: i64, endpoint: i64, due_us: i64) {
        self.waiting.insert(delivery, (endpoint, due_us));
        self.due.push(Reverse((due_us, delivery)));
    }

    /// Removes an attempt that is scheduled.
    pub fn forget(&mut self, delivery: i64) {
        self.waiting.remove(&delivery);
    }

    /// Somebody asked about a delivery of this endpoint.
    pub fn asked(&mut self, endpoint: &str, now_us: i64) {
        if let Some(lane) = self.ids.get(endpoint).and_then(|number| self.lanes.get_mut(number)) {
            lane.asked_us = now_us;
        }
    }

    /// Forgets the endpoints of commands that have ended and left nothing to do; their numbers.
    pub fn drop_passed(&mut self, now_us: i64) -> Vec<i64> {
        let quiet = |lane: &EndpointQueue| {
            lane.row.as_ref().is_some_and(|row| row.purpose == Purpose::Passing)
                && lane.in_flight == 0
                && lane.ready.is_empty()
                && now_us - lane.asked_us > ASKED_US
        };
        let passed: Vec<i64> =
            self.lanes.iter().filter(|(_, lane)| quiet(lane)).map(|(endpoint, _)| *endpoint).collect();
        let waited_for: HashSet<i64> = match passed.is_empty() {
            true => HashSet::new(),
            false => self.waiting.values().map(|(endpoint, _)| *endpoint).collect(),
        };
        let passed: Vec<i64> = passed.into_iter().filter(|endpoint| !waited_for.contains(endpoint)).collect();
        for endpoint in &passed {
            self.remove_endpoint(*endpoint);
        }
        passed
    }

    /// An attempt has ended.
    pub fn finish(&mut self, endpoint: i64) {
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
        }
    }

    /// When the next delivery is due, µs since the Unix epoch.
    pub fn next_us(&self) -> Option<i64> {
        self.due.peek().map(|Reverse((due_us, _))| *due_us)
    }

    /// Deliveries that wait.
    pub fn queued(&self) -> usize {
        self.waiting.len()
    }

    /// What could not be given up is given up later.
    pub fn again(&mut self, abandoned: &[i64], now_us: i64) {
        for delivery in abandoned {
            if let Some((endpoint, _)) = self.waiting.get(delivery).copied() {
                self.wait(*delivery, endpoint, now_us);
            }
        }
    }

    /// What is to be attempted now.
    pub(crate) fn take(&mut self, now_us: i64) -> DueBatch {
        // Nobody could ask while nothing ran.
        if now_us - self.looked_us > JUMP_US {
            for lane in self.lanes.values_mut() {
                lane.asked_us = now_us;
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
                self.lanes.entry(endpoint).or_default().ready.push_back(delivery);
                self.active.insert(endpoint);
            }
        }
        let mut taken = DueBatch { next_us: self.next_us(), ..DueBatch::default() };
        let mut quiet = Vec::new();
        for endpoint in &self.active {
            if taken.start.len() >= STARTS_MAX || taken.abandoned.len() >= STARTS_MAX {
                taken.next_us = Some(now_us);
                break;
            }
            let Some(lane) = self.lanes.get_mut(endpoint) else {
                quiet.push(*endpoint);
                continue;
            };
            lane.take(now_us, &mut self.waiting, &mut taken);
            if lane.ready.is_empty() {
                quiet.push(*endpoint);
            }
        }
        for endpoint in quiet {
            self.active.remove(&endpoint);
        }
        taken
    }
}

impl EndpointQueue {
    fn take(&mut self, now_us: i64, waiting: &mut HashMap<i64, (i64, i64)>, taken: &mut DueBatch) {
        let Some(row) = self.row.clone() else {
            // Its endpoint was removed, and what waited for it was ended in the store.
            for delivery in self.ready.drain(..) {
                waiting.remove(&delivery);
            }
            return;
        };
        if row.purpose == Purpose::Passing && now_us - self.asked_us > ASKED_US {
            let some = self.ready.len().min(STARTS_MAX);
            taken.abandoned.extend(self.ready.drain(..some));
            return;
        }
        // A test is made of an endpoint that is switched off or stands still, too: nothing else waits there.
        while self.in_flight < row.settings.concurrency && !row.settings.paused && !self.held {
            if let Some(rate) = row.settings.rate {
                let gap_us = (1e6 / rate) as i64;
                // A clock that was set back does not stretch a gap.
                self.next_us = self.next_us.min(now_us.saturating_add(gap_us));
                if self.next_us > now_us {
                    taken.next_us = Some(taken.next_us.map_or(self.next_us, |next| next.min(self.next_us)));
                    return;
                }
                if !self.ready.is_empty() {
                    // What a busy machine put off is made up for, so that the rate holds; the first is not early.
                    let from_us = if self.next_us == 0 { now_us } else { self.next_us.max(now_us - LATE_US) };
                    self.next_us = from_us.saturating_add(gap_us);
                }
            }
            let Some(delivery) = self.ready.pop_front() else { return };
            // Ended or put off since it became ready.
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
            purpose: Purpose::Listed,
        }
    }

    fn started(taken: &DueBatch) -> Vec<i64> {
        taken.start.iter().map(|(delivery, _)| *delivery).collect()
    }

    #[test]
    fn what_is_due_leaves_in_order_and_one_endpoint_never_holds_up_another() {
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
    fn what_was_put_off_or_ended_does_not_leave() {
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
    fn a_rate_is_kept() {
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
    fn a_command_that_has_ended_is_not_delivered_for() {
        let mut schedule = Schedule::default();
        schedule.set_endpoint(EndpointRow { purpose: Purpose::Passing, ..endpoint(1, serde_json::json!({})) }, 0);
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
        assert_eq!(schedule.drop_passed(30_000_000), Vec::<i64>::new(), "something waits");
        assert_eq!(schedule.take(30_000_000).abandoned, [2]);
        schedule.forget(2);
        assert_eq!(schedule.drop_passed(30_000_000), Vec::<i64>::new(), "something is under way");
        schedule.finish(1);
        assert_eq!(schedule.drop_passed(24_000_000), Vec::<i64>::new(), "it may still ask");
        assert_eq!(schedule.drop_passed(30_000_000), [1]);
    }

    #[test]
    fn a_machine_that_slept_gives_up_nothing() {
        let mut schedule = Schedule::default();
        schedule
            .set_endpoint(EndpointRow { purpose: Purpose::Passing, ..endpoint(1, serde_json::json!({})) }, 1_000_000);
        schedule.take(1_000_000);
        schedule.wait(1, 1, 2_000_000);
        let taken = schedule.take(3_600_000_000);
        assert_eq!((started(&taken), taken.abandoned), (vec![1], Vec::new()));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_a_rate() {
        let mut schedule = Schedule::default();
        schedule.set_endpoint(endpoint(1, serde_json::json!({ "rate": 10.0 })), 0);
        schedule.wait(1, 1, 1);
        schedule.wait(2, 1, 1);
        assert_eq!(started(&schedule.take(3_600_000_000)), [1]);
        assert_eq!(started(&schedule.take(1_000_000)), Vec::<i64>::new());
        assert_eq!(started(&schedule.take(1_100_001)), [2]);
    }
}
