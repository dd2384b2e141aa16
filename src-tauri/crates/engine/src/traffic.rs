//! Requests per minute by signature status, for the last hour.
//!
//! The counts are read from the store once and then updated as requests are verified, so that a view of a busy hour
//! costs no scan. They are read again after a change that is not an arrival.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hookbench_capture::{ReadError, RowId};
use hookbench_model::{PipelineStage, RequestTraffic, RequestTrafficCounts, SignatureStatus, timestamp};
use hookbench_query::Query;
use hookbench_search::PAGE_TIME;
use hookbench_store::{request::CommittedRequest, traffic};
use tokio::time::Instant;

use crate::Engine;

/// Number of minutes that are counted.
const MINUTES: usize = 60;

/// Length of a minute, in ms.
const MINUTE_MS: i64 = 60_000;

/// Maximum number of entries in memory. More are forgotten: no client has read the traffic for a long time.
const ENTRIES_MAX: usize = 100_000;

/// Counts of an inbox in a minute, by their number.
type Counts = HashMap<(i64, i64), RequestTrafficCounts>;

/// Counts of the last hour, in memory, and totals since the start.
#[derive(Debug, Default)]
pub struct TrafficCounters {
    hour: Mutex<State>,
    /// Totals of verified requests.
    pub totals: traffic::VerifiedTotals,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is counted, because no client has read the traffic yet, or because the requests changed.
    #[default]
    Empty,
    /// The store is being read. Requests that are verified in the meantime are collected.
    Loading(Vec<(RowId, i64, SignatureStatus)>),
    /// The counts include every verified request, except those that `hidden` excludes. The store was read up to `last`.
    Loaded { counts: Counts, hidden: String, last: RowId },
}

impl TrafficCounters {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.hour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the counts after a change that is not an arrival.
    pub fn reset(&self) {
        *self.lock() = State::Empty;
    }

    /// Counts requests that were verified for the first time.
    pub(crate) fn add(&self, requests: &[CommittedRequest]) {
        self.totals.add(requests);
        let mut state = self.lock();
        let entries = match &mut *state {
            State::Empty => 0,
            State::Loading(collected) => {
                collected.extend(requests.iter().map(|request| (request.row, request.inbox, request.signature)));
                collected.len()
            }
            State::Loaded { counts, last, .. } => {
                for request in requests.iter().filter(|request| request.row > *last) {
                    count(counts, request.row, request.inbox, request.signature, 1);
                }
                counts.len()
            }
        };
        if entries > ENTRIES_MAX {
            *state = State::Empty;
        }
    }
}

fn count(counts: &mut Counts, row: RowId, inbox: i64, status: SignatureStatus, number: u32) {
    counts.entry((inbox, row.unix_ms() / MINUTE_MS)).or_default().add(status, number);
}

/// Returns the requests per minute of the last hour, in one inbox or in all, with the number of those that match a
/// query.
///
/// # Errors
/// Returns an error if the database cannot be read.
pub async fn last_hour(engine: &Engine, inbox: Option<i64>, query: Option<Query>) -> Result<RequestTraffic, ReadError> {
    let now_minute = engine.clock.now_us() / 1_000 / MINUTE_MS;
    let first = now_minute - (MINUTES as i64 - 1);
    let mut minutes = counted(engine, inbox, first).await?;
    let mut complete = true;
    if let Some(query) = query {
        let (search, index) = (engine.search(query, inbox), engine.index.clone());
        let (matching, searched) = engine
            .store
            .readers()
            .read(move |connection| {
                let deadline = Instant::now() + PAGE_TIME;
                search.count_by_minute(connection, &index, first * MINUTE_MS, MINUTES, deadline)
            })
            .await?;
        complete = searched;
        for (minute, matching) in minutes.iter_mut().zip(matching) {
            minute.matching = matching;
        }
    }
    Ok(RequestTraffic { from: timestamp(first * MINUTE_MS * 1_000), minutes, complete })
}

/// Returns the counts of the minutes from `first` on, from memory or from the store.
async fn counted(engine: &Engine, inbox: Option<i64>, first: i64) -> Result<Vec<RequestTrafficCounts>, ReadError> {
    let hidden = engine.hidden.condition();
    {
        let mut state = engine.traffic.lock();
        match &mut *state {
            State::Loaded { counts, hidden: counted, .. } if *counted == hidden => {
                counts.retain(|(_, minute), _| *minute >= first);
                return Ok(summed(counts, inbox, first));
            }
            State::Loading(_) => {}
            _ => *state = State::Loading(Vec::new()),
        }
    }
    let last = engine.pipeline.cursor(PipelineStage::Verify);
    let inboxes: Vec<i64> = engine.inboxes.all().iter().map(|inbox| inbox.number).collect();
    let condition = hidden.clone();
    let read = engine
        .store
        .readers()
        .read(move |connection| {
            let range = (RowId::at(first * MINUTE_MS), last);
            traffic::counts(connection, &inboxes, range, MINUTE_MS, &condition)
        })
        .await;
    let mut state = engine.traffic.lock();
    let stored = read.inspect_err(|_| *state = State::Empty)?;
    let mut counts = Counts::new();
    for (inbox, minute, status, number) in stored {
        count(&mut counts, RowId::at(minute * MINUTE_MS), inbox, status, number);
    }
    // A reset in the meantime is not overwritten, so that the next call reads the store again.
    if let State::Loading(collected) = &mut *state {
        for (row, inbox, status) in collected.drain(..).filter(|(row, ..)| *row > last) {
            count(&mut counts, row, inbox, status, 1);
        }
        let minutes = summed(&counts, inbox, first);
        *state = State::Loaded { counts, hidden, last };
        return Ok(minutes);
    }
    Ok(summed(&counts, inbox, first))
}

fn summed(counts: &Counts, inbox: Option<i64>, first: i64) -> Vec<RequestTrafficCounts> {
    let mut minutes = vec![RequestTrafficCounts::default(); MINUTES];
    for ((of, minute), counts) in counts {
        let place = usize::try_from(minute - first).ok().and_then(|place| minutes.get_mut(place));
        if let Some(sum) = place.filter(|_| inbox.is_none_or(|inbox| inbox == *of)) {
            sum.merge(counts);
        }
    }
    minutes
}
