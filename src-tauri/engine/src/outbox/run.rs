//! Making the attempts: one task looks at the schedule, and each attempt is a task of its own, so
//! that a receiver that hangs holds nobody up.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use rusqlite::Connection;
use tokio::sync::Notify;

use super::{
    attempt::{ErrorKind, Exchange, Phase, SendError, Timings},
    connect::Connections,
    delivery::{self, Claimed, Delivery, DeliveryState, Origin},
    endpoint::{EndpointRow, once},
    exchange::{Outgoing, Terms, exchange},
    outcome::{Next, Outcome, outcome},
    schedule::Schedule,
};
use crate::{
    Engine,
    compose::{self, Unsigned},
    feed::Change,
};

/// Longest pause between two looks: a clock that was set, or a machine that slept, is noticed then.
const LOOK: Duration = Duration::from_millis(500);

/// How often connections that wait are looked after.
const TIDY: Duration = Duration::from_secs(10);

/// What the outbox keeps in memory.
#[derive(Debug)]
pub(crate) struct Outbox {
    schedule: Mutex<Schedule>,
    wake: Notify,
    connections: Connections,
}

impl Outbox {
    pub(crate) fn new(loaded: Loaded) -> Self {
        let mut schedule = Schedule::default();
        for endpoint in loaded.endpoints {
            schedule.set_endpoint(endpoint, 0);
        }
        for (number, endpoint, due_us) in loaded.waiting {
            schedule.wait(number, endpoint, due_us);
        }
        Self { schedule: Mutex::new(schedule), wake: Notify::new(), connections: Connections::new() }
    }

    /// The schedule, for a moment.
    pub(crate) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Something changed: look again.
    pub(crate) fn poke(&self) {
        self.wake.notify_one();
    }
}

/// What a start reads from the store.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) endpoints: Vec<EndpointRow>,
    waiting: Vec<(i64, i64, i64)>,
}

/// Takes up where the last run ended. What was under way has an unknown outcome, and goes on as
/// after a failure; what a command had started ends with it.
pub(crate) fn load(
    connection: &Connection,
    engine: &hookline_provider::Catalogue,
    now_us: i64,
    everything: bool,
) -> rusqlite::Result<Loaded> {
    connection.execute(
        "UPDATE delivery SET state = 7, reason = 'The command that sent it has ended.', ended_us = ?1
         WHERE state IN (0, 1) AND endpoint IN (SELECT number FROM endpoint WHERE passing)",
        [now_us],
    )?;
    connection.execute("UPDATE endpoint SET removed = 1 WHERE passing", [])?;
    let endpoints = EndpointRow::all(connection)?;
    let under_way: Vec<(i64, i64, u32)> = connection
        .prepare("SELECT number, endpoint, attempts FROM delivery WHERE state = 1")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (number, endpoint, made) in under_way {
        let error = SendError {
            kind: ErrorKind::OutcomeUnknown,
            phase: Phase::Answer,
            message: "Hookline ended during this attempt, so nobody knows whether it arrived.".into(),
        };
        connection.execute(
            "UPDATE attempt SET error = ?3 WHERE delivery = ?1 AND number = ?2",
            rusqlite::params![number, made, serde_json::to_string(&error).unwrap_or_default()],
        )?;
        let exchange = Exchange { timings: Timings::default(), peer: None, result: Err(error) };
        let row = endpoints.iter().find(|row| row.number == endpoint);
        let next = match row {
            Some(row) => {
                let policy = row.settings.policy_in_force(engine);
                outcome(&policy, &exchange, made, row.failed_attempts, row.exhausted, 0.0).next
            }
            None => Next::Failed { reason: "Its endpoint is gone.".into() },
        };
        let after = Outcome { next, disable: None, failed_attempts: 0, exhausted: 0 };
        let speed = row.map_or(1.0, |row| row.settings.speed);
        delivery::go_on(connection, number, &after, &exchange, speed, now_us)?;
    }
    // A command that opens the data folder for a moment sends only what it was told to.
    let waiting = match everything {
        false => Vec::new(),
        true => connection
            .prepare("SELECT number, endpoint, due_us FROM delivery WHERE state = 0")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?,
    };
    Ok(Loaded { endpoints, waiting })
}

impl Engine {
    /// Makes the attempts that are due, as long as the engine lives.
    pub(crate) fn spawn_outbox(self: &Arc<Self>) {
        let engine: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut tidied = tokio::time::Instant::now();
            loop {
                let pause = {
                    let Some(engine) = engine.upgrade() else { return };
                    if tidied.elapsed() > TIDY {
                        engine.outbox.connections.tidy();
                        tidied = tokio::time::Instant::now();
                    }
                    engine.look().await
                };
                let Some(wake) = engine.upgrade().map(|engine| engine.outbox.clone()) else { return };
                let _ = tokio::time::timeout(pause, wake.wake.notified()).await;
            }
        });
    }

    /// Starts what is due; how long nothing else is.
    async fn look(self: &Arc<Self>) -> Duration {
        let now_us = self.clock.now_us();
        let taken = self.outbox.schedule().take(now_us);
        for (number, endpoint) in taken.start {
            let engine = self.clone();
            tokio::spawn(async move { engine.attempt(number, &endpoint).await });
        }
        for number in taken.abandoned {
            self.end_delivery(number, DeliveryState::Cancelled, "The command that sent it has ended.").await;
        }
        taken.next_us.map_or(LOOK, |next| Duration::from_micros((next - now_us).max(0) as u64).min(LOOK))
    }

    /// Ends a delivery that waits.
    pub(crate) async fn end_delivery(&self, number: i64, state: DeliveryState, reason: &'static str) {
        let now_us = self.clock.now_us();
        let work = move |connection: &Connection| {
            delivery::end(connection, number, state, reason, now_us)?;
            delivery::one(connection, number)
        };
        self.outbox.schedule().forget(number);
        let feed = self.feed.clone();
        let after = move |changed: &Option<Delivery>| {
            feed.publish(changed.iter().map(|delivery| Change::DeliveryChanged { delivery: delivery.clone() }));
        };
        if let Err(error) = self.store.write(work, after).await {
            tracing::warn!(%error, "a delivery could not be ended");
        }
    }

    /// One attempt, from the mark in the store to what came of it.
    async fn attempt(self: Arc<Self>, number: i64, endpoint: &Arc<EndpointRow>) {
        let now_us = self.clock.now_us();
        let feed = self.feed.clone();
        let work = move |connection: &Connection| {
            let claimed = delivery::claim(connection, number, now_us)?;
            Ok::<_, rusqlite::Error>((claimed, delivery::one(connection, number)?))
        };
        let after = move |(_, changed): &(Option<Claimed>, Option<Delivery>)| {
            feed.publish(changed.iter().map(|delivery| Change::DeliveryChanged { delivery: delivery.clone() }));
        };
        match self.store.write(work, after).await {
            Ok((Some(claimed), _)) => {
                let (sent, exchange) = self.sent(&claimed, endpoint).await;
                self.recorded(claimed, endpoint, sent, exchange).await;
            }
            Ok((None, _)) => {}
            Err(error) => {
                // Nothing left: it is due again when the database can be written.
                tracing::warn!(%error, "an attempt could not be written down, so it was not made");
                self.outbox.schedule().wait(number, endpoint.number, now_us + 1_000_000);
            }
        }
        self.outbox.schedule().landed(endpoint.number);
        self.outbox.poke();
    }

    /// Signs and sends.
    async fn sent(&self, claimed: &Claimed, endpoint: &EndpointRow) -> (Vec<(String, String)>, Exchange) {
        let catalogue = self.providers.catalogue();
        let now_us = self.clock.now_us();
        let settings = &endpoint.settings;
        let policy = settings.policy_in_force(&catalogue);
        let mut headers = match catalogue.get(&claimed.provider) {
            Some(provider) => compose::plain_headers(provider, &claimed.kind, &claimed.id),
            None => Vec::new(),
        };
        for header in &settings.headers {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&header.name));
            headers.push((header.name.clone(), header.value.clone()));
        }
        let unsent = |message: String| {
            let error = SendError { kind: ErrorKind::Url, phase: Phase::Dns, message };
            Exchange { timings: Timings::default(), peer: None, result: Err(error) }
        };
        if let Some(record) = settings.signing(&catalogue) {
            let url = claimed.url.as_str();
            let target =
                url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("/");
            let request = Unsigned { method: "POST", target, url, headers: &headers, body: &claimed.payload };
            match compose::signature(&record.scheme, &request, &settings.keys(now_us), &claimed.id, now_us / 1_000) {
                Ok(signature) => headers.extend(signature),
                Err(why) => return (headers, unsent(format!("It cannot be signed: {why}"))),
            }
        }
        let terms = Terms {
            total: Duration::from_millis((*policy.timeout_ms.value()).into()),
            connect: Duration::from_millis((*policy.connect_timeout_ms.value()).into()),
            trusted: settings.trusted(),
            now_s: now_us / 1_000_000,
        };
        let outgoing = Outgoing {
            method: "POST".into(),
            url: claimed.url.clone(),
            headers,
            body: Bytes::from(claimed.payload.clone()),
        };
        let exchange = exchange(&self.outbox.connections, &outgoing, &terms).await;
        (outgoing.headers, exchange)
    }

    /// Writes down what came of an attempt, and what follows from it.
    async fn recorded(
        &self,
        claimed: Claimed,
        endpoint: &EndpointRow,
        sent: Vec<(String, String)>,
        exchange: Exchange,
    ) {
        let now_us = self.clock.now_us();
        let catalogue = self.providers.catalogue();
        let jitter = f64::from(uuid::Uuid::now_v7().as_bytes()[15]) / 127.5 - 1.0;
        let (number, endpoint_number) = (claimed.delivery, endpoint.number);
        let work = move |connection: &Connection| {
            // The endpoint as it is now: others of its deliveries have ended meanwhile.
            let mut row = EndpointRow::numbered(connection, endpoint_number)?;
            let mut policy = row.as_ref().map(|row| row.settings.policy_in_force(&catalogue)).unwrap_or_default();
            if claimed.origin == Origin::Test {
                policy = policy.with(&once());
            }
            let (failed, exhausted) = row.as_ref().map_or((0, 0), |row| (row.failed_attempts, row.exhausted));
            let mut outcome = outcome(&policy, &exchange, claimed.made, failed, exhausted, jitter);
            if claimed.hurried
                && let Next::Retry { wait_s } = &mut outcome.next
            {
                *wait_s = 0.0;
            }
            delivery::record(connection, &claimed, &sent, &exchange)?;
            let speed = row.as_ref().map_or(1.0, |row| row.settings.speed);
            let due = delivery::go_on(connection, number, &outcome, &exchange, speed, now_us)?;
            let mut skipped = Vec::new();
            let mut changed = None;
            if let Some(row) = row.as_mut().filter(|_| claimed.origin != Origin::Test) {
                let counted = (row.failed_attempts, row.exhausted) != (outcome.failed_attempts, outcome.exhausted);
                (row.failed_attempts, row.exhausted) = (outcome.failed_attempts, outcome.exhausted);
                if let Some(reason) = outcome.disable.filter(|_| row.enabled && !row.passing) {
                    (row.enabled, row.reason, row.since_us) = (false, reason, now_us);
                    let why = format!("The endpoint was switched off: {}", row.reason);
                    skipped = delivery::skip_waiting(connection, endpoint_number, &why, now_us)?;
                    changed = Some(row.clone());
                }
                if counted || changed.is_some() {
                    row.update(connection)?;
                }
            }
            // What this very delivery would have done next is stopped with the rest.
            let due = due.filter(|_| !skipped.contains(&number));
            let mut shown = vec![number];
            shown.extend(skipped.iter().filter(|one| **one != number));
            let shown: Vec<Delivery> = shown
                .into_iter()
                .filter_map(|one| delivery::one(connection, one).transpose())
                .collect::<Result<_, _>>()?;
            Ok::<_, rusqlite::Error>((due, skipped, changed, shown))
        };
        let (feed, outbox, catalogue) = (self.feed.clone(), self.outbox.clone(), self.providers.catalogue());
        type Recorded = (Option<i64>, Vec<i64>, Option<EndpointRow>, Vec<Delivery>);
        let after = move |(due, skipped, changed, shown): &Recorded| {
            let mut schedule = outbox.schedule();
            if let Some(due) = due {
                schedule.wait(number, endpoint_number, *due);
            }
            for one in skipped {
                schedule.forget(*one);
            }
            if let Some(row) = changed {
                schedule.set_endpoint(row.clone(), 0);
            }
            drop(schedule);
            let endpoint =
                changed.iter().map(|row| Change::EndpointDisabled { endpoint: Box::new(row.shown(&catalogue)) });
            let deliveries = shown.iter().map(|delivery| Change::DeliveryChanged { delivery: delivery.clone() });
            feed.publish(endpoint.chain(deliveries));
        };
        if let Err(error) = self.store.write(work, after).await {
            // The mark of the attempt stands: after a restart its outcome is unknown, which is true.
            tracing::error!(%error, "what came of an attempt could not be written down");
        }
    }
}
