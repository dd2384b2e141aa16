//! What is written down: attempts that have ended, and marks of those about to begin, many in one
//! commit. A mark is on disk before anything leaves, and an end before anything follows from it.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
};

use hookbench_capture::{RowId, WriteError};
use hookbench_model::{Change, Delivery, DeliveryOrigin, DeliveryState, RequestSummary};
use hookbench_provider::Catalogue;
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

/// An attempt that has ended.
#[derive(Debug, Clone)]
pub(crate) struct FinishedAttempt {
    pub(crate) claimed: InFlightAttempt,
    pub(crate) endpoint: Arc<EndpointRow>,
    /// The headers that were sent.
    pub(crate) sent: Vec<(String, String)>,
    pub(crate) exchange: Exchange,
}

/// What follows from what was written down, for the schedule and the feed.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Deliveries that changed.
    changed: Vec<Delivery>,
    /// Those that wait for their next attempt: delivery, endpoint and time.
    due: Vec<(i64, i64, i64)>,
    /// Those that wait no more, for their endpoint was switched off.
    skipped: Vec<i64>,
    /// Endpoints that were switched off.
    disabled: Vec<EndpointRow>,
    /// Endpoints whose counts changed.
    counted: Vec<EndpointRow>,
    /// Requests that went on, as lists show them now.
    requests: Vec<RequestSummary>,
    /// Attempts that may begin, in the order they were asked for.
    claimed: Vec<Option<InFlightAttempt>>,
}

impl Outbox {
    /// Writes down what has ended and marks what is to start; the marks, in order.
    pub(crate) async fn write(
        self: &Arc<Self>,
        done: Arc<Vec<FinishedAttempt>>,
        start: Arc<Vec<(i64, Arc<EndpointRow>)>>,
        abandoned: Arc<Vec<i64>>,
        now_us: i64,
    ) -> Result<Vec<Option<InFlightAttempt>>, WriteError<rusqlite::Error>> {
        let catalogue = self.parts.providers.catalogue();
        let (feed, outbox, shown_by) = (self.parts.feed.clone(), self.clone(), catalogue.clone());
        let requests = (self.parts.requests)();
        let work = move |connection: &Connection| {
            let mut written = ended(connection, &done, &catalogue, now_us)?;
            for row in done.iter().filter_map(|done| done.claimed.request) {
                written.requests.extend(requests.one(connection, RowId(row))?);
            }
            for number in abandoned.iter() {
                let reason = "The command that sent it has ended.";
                if delivery::end(connection, *number, DeliveryState::Cancelled, reason, now_us)? {
                    written.changed.extend(delivery::one(connection, *number)?);
                }
                written.skipped.push(*number);
            }
            for (number, endpoint) in start.iter() {
                let claimed = delivery::claim(connection, *number, endpoint, now_us)?;
                written.changed.extend(claimed.iter().map(|claimed| claimed.shown.clone()));
                written.claimed.push(claimed);
            }
            Ok(written)
        };
        let after = move |written: &Written| {
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
        Ok(self.parts.store.write(work, after).await?.claimed)
    }
}

/// An endpoint as it is now, read once for all its attempts.
struct Account {
    row: Option<EndpointRow>,
    changed: bool,
}

/// Writes down attempts that have ended, and what follows from each, in their order.
pub(crate) fn ended(
    connection: &Connection,
    done: &[FinishedAttempt],
    catalogue: &Catalogue,
    now_us: i64,
) -> rusqlite::Result<Written> {
    let mut written = Written::default();
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
        kept += delivery::record(connection, &one.claimed, &one.sent, &one.exchange)? as i64;
        let mut shown = one.claimed.shown.clone();
        let next = account.next(connection, one, catalogue, now_us, &mut written)?;
        let row = account.row.as_ref().unwrap_or(&one.endpoint);
        let advance = next.advance(one.claimed.made(), row.time_us(now_us), row.settings.speed);
        let due = advance.due_us;
        delivery::advance(connection, one.claimed.number, &mut shown, advance, &one.exchange, now_us)?;
        written.due.extend(due.map(|due_us| (one.claimed.number, number, due_us)));
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
    /// How a delivery goes on by its endpoint's policy; the endpoint is switched off where that says so.
    fn next(
        &mut self,
        connection: &Connection,
        done: &FinishedAttempt,
        catalogue: &Catalogue,
        now_us: i64,
        written: &mut Written,
    ) -> rusqlite::Result<Next> {
        let tested = done.claimed.shown.origin == DeliveryOrigin::Test;
        let Some(row) = &mut self.row else {
            let policy = hookbench_store::endpoint::policy_in_force(&done.endpoint.settings, catalogue);
            let next = outcome(&policy, &done.exchange, done.claimed.made(), 0, 0, 0.0).next;
            return Ok(match next {
                Next::Retry { .. } => Next::Skipped { reason: "Its endpoint was removed.".into() },
                other => other,
            });
        };
        let policy = hookbench_store::endpoint::policy_in_force(&row.settings, catalogue);
        let policy = if tested { Cow::Owned(policy.into_owned().with(&once())) } else { policy };
        // Random, and no call to the system for each.
        let jitter = (RandomState::new().build_hasher().finish() as u8 as f64) / 127.5 - 1.0;
        let made = done.claimed.made();
        let found = outcome(&policy, &done.exchange, made, row.failed_attempts, row.exhausted, jitter);
        if !tested {
            self.changed |= (row.failed_attempts, row.exhausted) != (found.failed_attempts, found.exhausted);
            (row.failed_attempts, row.exhausted) = (found.failed_attempts, found.exhausted);
            if let Some(reason) = found.disable.filter(|_| row.enabled && row.purpose != Purpose::Passing) {
                (row.enabled, row.reason, row.since_us) = (false, reason, now_us);
                self.changed = true;
                let why = row.stopped();
                let skipped = delivery::skip_waiting(connection, row.number, &why, now_us)?;
                for number in &skipped {
                    written.changed.extend(delivery::one(connection, *number)?);
                }
                written.skipped.extend(skipped);
                if row.purpose == Purpose::Listed {
                    written.disabled.push(row.clone());
                }
            }
        }
        Ok(match found.next {
            // What was under way when its endpoint was switched off is stopped with the rest.
            Next::Retry { .. } if !row.enabled => Next::Skipped { reason: row.stopped() },
            Next::Retry { .. } if done.claimed.hurried => Next::Retry { wait_s: 0.0 },
            other => other,
        })
    }
}
