//! Making the attempts: one task looks at the schedule and keeps the ledger, and each attempt is a
//! task of its own, so that a receiver that hangs holds nobody up.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use hookline_model::{AttemptError, AttemptErrorKind, AttemptPhase, EndpointSettings, MASK, text_by};
use hookline_provider::IdOf;
use hookline_store::{
    delivery::{Exchange, InFlightAttempt},
    endpoint::EndpointRow,
};
use rusqlite::Connection;
use tokio::sync::Notify;

use super::{
    connect::Connections,
    exchange::{Outgoing, Tee, Terms, exchange},
    ledger::{Done, ended},
    schedule::Schedule,
    url::target_of,
};
use crate::{
    Engine,
    compose::{self, Unsigned},
    inbox::Address,
    onward::Headers,
};

/// Longest pause between two looks: a clock that was set, or a machine that slept, is noticed then.
const LOOK: Duration = Duration::from_millis(500);

/// How long a database that cannot be written is left alone.
const AGAIN: Duration = Duration::from_secs(1);

/// How often connections that wait are looked after.
const TIDY: Duration = Duration::from_secs(10);

/// What the outbox keeps in memory.
#[derive(Debug)]
pub(crate) struct Outbox {
    schedule: Mutex<Schedule>,
    wake: Notify,
    connections: Connections,
    /// Attempts that have ended and are not written down yet.
    done: Mutex<Vec<Done>>,
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
        Self {
            schedule: Mutex::new(schedule),
            wake: Notify::new(),
            connections: Connections::new(),
            done: Mutex::default(),
        }
    }

    /// The schedule, for a moment.
    pub(crate) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// While an inbox is removed and may come back, what waits for its forwards waits on.
    pub(crate) fn hold(&self, inbox: &Address, held: bool) {
        let mut schedule = self.schedule();
        for bound in inbox.forwards.iter() {
            schedule.hold(&bound.forward.id, held);
        }
        drop(schedule);
        self.poke();
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    fn done(&self) -> MutexGuard<'_, Vec<Done>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
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
    catalogue: &hookline_provider::Catalogue,
    now_us: i64,
    everything: bool,
) -> rusqlite::Result<Loaded> {
    connection.execute(
        "UPDATE delivery SET state = 7, reason = 'The command that sent it has ended.', ended_us = ?1
         WHERE ended_us IS NULL AND endpoint IN (SELECT number FROM endpoint WHERE purpose = 1)",
        [now_us],
    )?;
    connection.execute("UPDATE endpoint SET removed = 1 WHERE purpose = 1", [])?;
    connection.execute(
        "UPDATE delivery SET state = 5, reason = 'The endpoint was removed.', ended_us = ?1
         WHERE ended_us IS NULL AND state = 0 AND endpoint IN (SELECT number FROM endpoint WHERE removed)",
        [now_us],
    )?;
    let under_way: Vec<(i64, i64)> = connection
        .prepare("SELECT number, endpoint FROM delivery WHERE ended_us IS NULL AND state = 1")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut unknown = Vec::new();
    for (number, endpoint) in under_way {
        let error = AttemptError {
            kind: AttemptErrorKind::OutcomeUnknown,
            phase: AttemptPhase::Answer,
            message: "Hookline ended during this attempt, so nobody knows whether it arrived.".into(),
        };
        let exchange = Exchange::failed(error);
        let (claimed, endpoint) =
            (InFlightAttempt::under_way(connection, number)?, EndpointRow::ever_numbered(connection, endpoint)?);
        if let (Some(claimed), Some(endpoint)) = (claimed, endpoint) {
            unknown.push(Done { claimed, endpoint: Arc::new(endpoint), sent: Vec::new(), exchange });
        }
    }
    ended(connection, &unknown, catalogue, now_us)?;
    let endpoints = EndpointRow::all(connection)?;
    // A command that opens the data folder for a moment sends only what it was told to.
    let waiting = match everything {
        false => Vec::new(),
        true => connection
            .prepare("SELECT number, endpoint, due_us FROM delivery WHERE ended_us IS NULL AND state = 0")?
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
                    engine.turn().await
                };
                let Some(wake) = engine.upgrade().map(|engine| engine.outbox.clone()) else { return };
                let _ = tokio::time::timeout(pause, wake.wake.notified()).await;
            }
        });
    }

    /// Writes down what has ended, starts what is due, both in one commit; how long nothing else is.
    async fn turn(self: &Arc<Self>) -> Duration {
        let now_us = self.clock.now_us();
        // In this order: what has a place because another has ended is marked behind that end.
        let taken = self.outbox.schedule().take(now_us);
        let done = Arc::new(std::mem::take(&mut *self.outbox.done()));
        if !done.is_empty() || !taken.start.is_empty() || !taken.abandoned.is_empty() {
            let (start, abandoned) = (Arc::new(taken.start), Arc::new(taken.abandoned));
            match self.keep_ledger(done.clone(), start.clone(), abandoned.clone(), now_us).await {
                Ok(claimed) => self.start(claimed, &start),
                Err(error) => {
                    // Nothing is lost: what ended is written down, and what was due leaves, when the
                    // database can be written again.
                    tracing::error!(%error, "attempts could not be written down");
                    self.put_off(done, &start, &abandoned, now_us);
                    return AGAIN;
                }
            }
        }
        // What has ended may have put its next attempt into the schedule, sooner than what was there before.
        let next_us = [taken.next_us, self.outbox.schedule().next_us()].into_iter().flatten().min();
        next_us.map_or(LOOK, |next| Duration::from_micros((next - self.clock.now_us()).max(0) as u64).min(LOOK))
    }

    /// Keeps what could not be written down for the next turn.
    fn put_off(&self, done: Arc<Vec<Done>>, start: &[(i64, Arc<EndpointRow>)], abandoned: &[i64], now_us: i64) {
        let mut schedule = self.outbox.schedule();
        schedule.again(abandoned, now_us);
        for (number, endpoint) in start {
            schedule.landed(endpoint.number);
            schedule.wait(*number, endpoint.number, now_us + AGAIN.as_micros() as i64);
        }
        let done = Arc::try_unwrap(done).unwrap_or_else(|shared| shared.to_vec());
        self.outbox.done().splice(0..0, done);
    }

    /// Makes the attempts that are marked; one that could not be, waits no more.
    fn start(self: &Arc<Self>, claimed: Vec<Option<InFlightAttempt>>, start: &[(i64, Arc<EndpointRow>)]) {
        for (claimed, (_, endpoint)) in claimed.into_iter().zip(start) {
            let Some(claimed) = claimed else {
                self.outbox.schedule().landed(endpoint.number);
                continue;
            };
            let (engine, endpoint) = (self.clone(), endpoint.clone());
            tokio::spawn(async move {
                let (sent, exchange) = engine.sent(&claimed, &endpoint).await;
                engine.landed(claimed, endpoint, sent, exchange);
            });
        }
    }

    /// Sends what was claimed.
    async fn sent(&self, claimed: &InFlightAttempt, endpoint: &EndpointRow) -> (Vec<(String, String)>, Exchange) {
        let outgoing = match claimed.request {
            None => self.as_vendor(claimed, endpoint),
            Some(row) => self.onward(claimed, endpoint, hookline_capture::RowId(row)).await,
        };
        self.exchanged(outgoing, endpoint, None).await
    }

    /// One exchange with a destination, under its policy; what was sent and what came of it.
    pub(crate) async fn exchanged(
        &self,
        outgoing: Result<Outgoing, Unmade>,
        endpoint: &EndpointRow,
        tee: Option<Tee>,
    ) -> (Vec<(String, String)>, Exchange) {
        let settings = &endpoint.settings;
        let outgoing = match outgoing {
            Ok(outgoing) => outgoing,
            Err(Unmade { headers, message }) => {
                let error = AttemptError { kind: AttemptErrorKind::Request, phase: AttemptPhase::Dns, message };
                return (shown(headers, settings), Exchange::failed(error));
            }
        };
        let terms = {
            let catalogue = self.providers.catalogue();
            let policy = hookline_store::endpoint::policy_in_force(settings, &catalogue);
            Terms {
                total: Duration::from_millis((*policy.timeout_ms.value()).into()),
                connect: Duration::from_millis((*policy.connect_timeout_ms.value()).into()),
                trust: crate::outbox::trust(settings).unwrap_or_default(),
                lower_case: false,
                fresh: false,
                now_s: self.clock.now_us() / 1_000_000,
            }
        };
        let exchange = exchange(&self.outbox.connections, &outgoing, &terms, tee).await;
        (shown(outgoing.headers, settings), exchange)
    }

    /// One exchange outside of the ledger, over connections of the caller's own.
    pub(crate) async fn tried(&self, connections: &Connections, outgoing: &Outgoing, terms: &Terms) -> Exchange {
        exchange(connections, outgoing, terms, None).await
    }

    /// An event as its vendor sends it.
    fn as_vendor(&self, claimed: &InFlightAttempt, endpoint: &EndpointRow) -> Result<Outgoing, Unmade> {
        let catalogue = self.providers.catalogue();
        let now_us = self.clock.now_us();
        let settings = &endpoint.settings;
        let shown = &claimed.shown;
        let provider = catalogue.get(&shown.provider);
        let event = shown.event.as_ref().filter(|_| provider.is_some_and(|provider| provider.id_of() == IdOf::Event));
        let id = event.unwrap_or(&shown.id);
        let mut headers =
            provider.map_or_else(Vec::new, |provider| compose::plain_headers(provider, &shown.event_type, id));
        if let (Some(provider), Some(failure)) = (provider, &claimed.failure) {
            headers.extend(compose::retry_headers(provider, claimed.made().saturating_sub(1), failure.slack_reason()));
        }
        headers.retain(|(name, _)| !settings.headers.iter().any(|own| own.name.eq_ignore_ascii_case(name)));
        headers.extend(settings.headers.iter().map(|own| (own.name.clone(), own.value.clone())));
        let as_bytes = |headers: Vec<(String, String)>| {
            headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect::<Headers>()
        };
        if let Some(record) = crate::outbox::signing(settings, &catalogue) {
            let url = claimed.shown.url.as_str();
            let target = target_of(url);
            let request = Unsigned { method: "POST", target: &target, url, headers: &headers, body: &claimed.payload };
            let also = provider.filter(|_| settings.scheme.is_none()).and_then(|provider| {
                let ids = &provider.sending.as_ref()?.also_signs;
                Some(ids.iter().filter_map(|id| provider.scheme(Some(id))).collect::<Vec<_>>())
            });
            let mut signatures = Vec::new();
            for record in [record].into_iter().chain(also.unwrap_or_default()) {
                match compose::signature(
                    &record.scheme,
                    &request,
                    &crate::outbox::keys(settings, now_us),
                    id,
                    now_us / 1_000,
                ) {
                    Ok(signature) => signatures.extend(signature),
                    Err(why) => {
                        let message = format!("It cannot be signed: {why}");
                        return Err(Unmade { headers: as_bytes(headers), message });
                    }
                }
            }
            // A header of the vendor's that the signature writes, such as `webhook-id`, stands once.
            headers.retain(|(name, _)| !signatures.iter().any(|(signed, _)| signed.eq_ignore_ascii_case(name)));
            headers.extend(signatures);
        }
        Ok(Outgoing {
            method: "POST".into(),
            url: claimed.shown.url.clone(),
            headers: as_bytes(headers),
            body: claimed.payload.clone().into(),
        })
    }

    /// Takes down an attempt that was made outside the schedule's own tasks.
    pub(crate) fn landed(
        &self,
        claimed: InFlightAttempt,
        endpoint: Arc<EndpointRow>,
        sent: Vec<(String, String)>,
        exchange: Exchange,
    ) {
        let number = endpoint.number;
        // In the ledger before the next may start, which may depend on how this one ended.
        self.outbox.done().push(Done { claimed, endpoint, sent, exchange });
        self.outbox.schedule().landed(number);
        self.outbox.poke();
    }
}

/// A request that cannot be made, and why.
pub(crate) struct Unmade {
    /// Headers as far as they were put together.
    pub(crate) headers: Headers,
    pub(crate) message: String,
}

/// Headers as the log of attempts has them: a value that the settings call secret is not written down.
fn shown(headers: Headers, settings: &EndpointSettings) -> Vec<(String, String)> {
    let secret = |name: &str| settings.headers.iter().any(|own| own.secret && own.name.eq_ignore_ascii_case(name));
    let line = |(name, value): (String, Vec<u8>)| match secret(&name) {
        true => (name, MASK.to_owned()),
        false => (name, text_by(&value, String::push_str)),
    };
    headers.into_iter().map(line).collect()
}
