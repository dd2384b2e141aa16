//! Attempt log: stores attempts that have ended, and marks deliveries whose attempt is about to start, many in one
//! commit. A mark is committed before the request is sent. An ended attempt is committed before the next step follows
//! from it.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
};

use hookbench_capture::{RowId, WriteError};
use hookbench_model::{Change, Delivery, DeliveryOrigin, DeliveryState, RequestSummary};
use hookbench_provider::Catalog;
use hookbench_store::{
    delivery,
    delivery::{Exchange, InFlightAttempt, count},
    endpoint::{EndpointRow, Purpose},
};
use rusqlite::Connection;

use super::{
    endpoint::once,
    next_attempt::{Next, outcome},
};
use crate::outbox::Outbox;

/// Attempt that has ended.
#[derive(Debug, Clone)]
pub(crate) struct FinishedAttempt {
    pub(crate) in_flight: InFlightAttempt,
    pub(crate) endpoint: Arc<EndpointRow>,
    /// Headers that were sent.
    pub(crate) sent: Vec<(String, String)>,
    pub(crate) exchange: Exchange,
}

/// Results of a commit, for the schedule and the event stream.
#[derive(Debug, Default)]
pub(crate) struct WriteOutcome {
    /// Deliveries that changed.
    changed: Vec<Delivery>,
    /// Deliveries that wait for their next attempt: delivery, endpoint and due time in µs.
    due: Vec<(i64, i64, i64)>,
    /// Deliveries that no longer wait because their endpoint was disabled.
    skipped: Vec<i64>,
    /// Endpoints that were disabled.
    disabled: Vec<EndpointRow>,
    /// Endpoints with changed counters.
    counted: Vec<EndpointRow>,
    /// Forwarded or replayed requests, as shown in lists.
    requests: Vec<RequestSummary>,
    /// Attempts that may start, in the requested order.
    in_flight: Vec<Option<InFlightAttempt>>,
}

impl Outbox {
    /// Stores ended attempts and marks the deliveries to start. Returns the marked attempts, in order.
    pub(crate) async fn write(
        self: &Arc<Self>,
        done: Arc<Vec<FinishedAttempt>>,
        start: Arc<Vec<(i64, Arc<EndpointRow>)>>,
        abandoned: Arc<Vec<i64>>,
        now_us: i64,
    ) -> Result<Vec<Option<InFlightAttempt>>, WriteError<rusqlite::Error>> {
        let catalog = self.parts.providers.catalog();
        let (feed, outbox, shown_by) = (self.parts.feed.clone(), self.clone(), catalog.clone());
        let requests = (self.parts.requests)();
        let stored = done.clone();
        let work = move |connection: &Connection| {
            let mut written = ended(connection, &done, &catalog, now_us)?;
            for row in done.iter().filter_map(|done| done.in_flight.request) {
                written.requests.extend(requests.one(connection, RowId(row))?);
            }
            for number in abandoned.iter() {
                let reason = "The command that created the delivery has ended.";
                if delivery::end(connection, *number, DeliveryState::Canceled, reason, now_us)? {
                    written.changed.extend(delivery::one(connection, *number)?);
                }
                written.skipped.push(*number);
            }
            for (number, endpoint) in start.iter() {
                let in_flight = delivery::claim(connection, *number, endpoint, now_us)?;
                written.changed.extend(in_flight.iter().map(|in_flight| in_flight.shown.clone()));
                written.in_flight.push(in_flight);
            }
            Ok(written)
        };
        let after = move |written: &WriteOutcome| {
            outbox.attempts.add(&stored);
            let mut schedule = outbox.schedule();
            for (delivery, endpoint, due_us) in &written.due {
                schedule.wait(*delivery, *endpoint, *due_us);
            }
            for delivery in &written.skipped {
                schedule.forget(*delivery);
            }
            for row in &written.counted {
                schedule.set_endpoint(row.clone(), 0);
            }
            drop(schedule);
            let disabled = written.disabled.iter();
            let disabled = disabled.map(|row| Change::EndpointDisabled { endpoint: Box::new(row.shown(&shown_by)) });
            let deliveries =
                written.changed.iter().map(|delivery| Change::DeliveryChanged { delivery: delivery.clone() });
            let requests = written.requests.iter().map(|request| Change::RequestChanged { request: request.clone() });
            feed.publish(disabled.chain(deliveries).chain(requests));
        };
        Ok(self.parts.store.write(work, after).await?.in_flight)
    }
}

/// Current state of an endpoint, read once for all its attempts.
struct Account {
    row: Option<EndpointRow>,
    changed: bool,
}

/// Stores ended attempts and the resulting state of each delivery, in order.
pub(crate) fn ended(
    connection: &Connection,
    done: &[FinishedAttempt],
    catalog: &Catalog,
    now_us: i64,
) -> rusqlite::Result<WriteOutcome> {
    let mut written = WriteOutcome::default();
    let mut accounts: HashMap<i64, Account> = HashMap::new();
    let mut kept = 0;
    for one in done {
        let number = one.endpoint.number;
        let account = match accounts.entry(number) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Account { row: EndpointRow::numbered(connection, number)?, changed: false })
            }
        };
        kept += delivery::record(connection, &one.in_flight, &one.sent, &one.exchange)? as i64;
        let mut shown = one.in_flight.shown.clone();
        let next = account.next(connection, one, catalog, now_us, &mut written)?;
        let row = account.row.as_ref().unwrap_or(&one.endpoint);
        let advance = next.advance(one.in_flight.made(), row.time_us(now_us), row.settings.time_scale);
        let due = advance.due_us;
        delivery::advance(connection, one.in_flight.number, &mut shown, advance, &one.exchange, now_us)?;
        written.due.extend(due.map(|due_us| (one.in_flight.number, number, due_us)));
        written.changed.push(shown);
    }
    for account in accounts.into_values().filter(|account| account.changed) {
        account.row.iter().try_for_each(|row| row.update(connection))?;
        written.counted.extend(account.row);
    }
    if kept > 0 {
        count(connection, 0, kept)?;
    }
    Ok(written)
}

impl Account {
    /// Returns the next step of a delivery under the policy of its endpoint. Disables the endpoint if the policy
    /// requires it.
    fn next(
        &mut self,
        connection: &Connection,
        done: &FinishedAttempt,
        catalog: &Catalog,
        now_us: i64,
        written: &mut WriteOutcome,
    ) -> rusqlite::Result<Next> {
        let tested = done.in_flight.shown.origin == DeliveryOrigin::Test;
        let Some(row) = &mut self.row else {
            let policy = hookbench_store::endpoint::policy_in_force(&done.endpoint.settings, catalog);
            let next = outcome(&policy, &done.exchange, done.in_flight.made(), 0, 0, 0.0).next;
            return Ok(match next {
                Next::Retry { .. } => Next::Skipped { reason: "The endpoint was deleted.".into() },
                other => other,
            });
        };
        let policy = hookbench_store::endpoint::policy_in_force(&row.settings, catalog);
        let policy = if tested { Cow::Owned(policy.into_owned().with(&once())) } else { policy };
        // Random number without a system call for each attempt.
        let jitter = (RandomState::new().build_hasher().finish() as u8 as f64) / 127.5 - 1.0;
        let made = done.in_flight.made();
        let found = outcome(&policy, &done.exchange, made, row.failed_attempts, row.exhausted, jitter);
        if !tested {
            self.changed |= (row.failed_attempts, row.exhausted) != (found.failed_attempts, found.exhausted);
            (row.failed_attempts, row.exhausted) = (found.failed_attempts, found.exhausted);
            if let Some(reason) = found.disable.filter(|_| row.enabled && row.purpose != Purpose::Ephemeral) {
                (row.enabled, row.reason, row.since_us) = (false, reason, now_us);
                self.changed = true;
                let why = row.stopped();
                let skipped = delivery::skip_waiting(connection, row.number, &why, now_us)?;
                for number in &skipped {
                    written.changed.extend(delivery::one(connection, *number)?);
                }
                written.skipped.extend(skipped);
                if row.purpose == Purpose::User {
                    written.disabled.push(row.clone());
                }
            }
        }
        Ok(match found.next {
            // An attempt in flight when its endpoint was disabled is skipped like the waiting deliveries.
            Next::Retry { .. } if !row.enabled => Next::Skipped { reason: row.stopped() },
            Next::Retry { .. } if done.in_flight.hurried => Next::Retry { wait_s: 0.0 },
            other => other,
        })
    }
}
