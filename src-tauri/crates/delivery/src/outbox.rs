//! Making the attempts: one task looks at the schedule and keeps the ledger, and each attempt is a
//! task of its own, so that a receiver that hangs holds nobody up.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use hookbench_capture::{Clock, RowId, Store};
use hookbench_model::{AttemptError, AttemptErrorKind, AttemptPhase, EndpointSettings, MASK, text_by};
use hookbench_provider::IdOf;
use hookbench_store::{
    Providers,
    delivery::{Exchange, InFlightAttempt},
    endpoint::EndpointRow,
    feed::Feed,
    request::RequestReader,
};
use rusqlite::Connection;
use tokio::sync::Notify;

use super::{
    attempt_log::{FinishedAttempt, ended},
    connection::Connections,
    exchange::{Outgoing, ResponseTap, SendOptions, exchange},
    schedule::Schedule,
    url::target_of,
};
use crate::{
    endpoint::{keys, signing, trust},
    headers::Headers,
    vendor_request::{self, UnsignedRequest},
};

/// Longest pause between two looks: a clock that was set, or a machine that slept, is noticed then.
const LOOK: Duration = Duration::from_millis(500);

/// How long a database that cannot be written is left alone.
const AGAIN: Duration = Duration::from_secs(1);

/// How often connections that wait are looked after.
const TIDY: Duration = Duration::from_secs(10);

/// What an outbox works with.
pub struct Parts {
    /// The store.
    pub store: Arc<Store>,
    /// The stream of changes.
    pub feed: Arc<Feed>,
    /// The clock.
    pub clock: Clock,
    /// The vendors.
    pub providers: Arc<Providers>,
    /// Reads requests as lists show them now.
    pub requests: Box<dyn Fn() -> RequestReader + Send + Sync>,
}

/// What makes the outgoing request of a delivery that sends a captured request.
pub trait RequestSource: Send + Sync {
    /// The outgoing request for the captured request of this row, as its forward or replay changes it.
    fn outgoing<'a>(
        &'a self,
        attempt: &'a InFlightAttempt,
        endpoint: &'a EndpointRow,
        row: RowId,
    ) -> Pin<Box<dyn Future<Output = Result<Outgoing, UnsentRequest>> + Send + 'a>>;
}

/// Makes the attempts that are due, and stores each before it leaves and after it ends.
pub struct Outbox {
    pub(crate) parts: Parts,
    source: OnceLock<Weak<dyn RequestSource>>,
    schedule: Mutex<Schedule>,
    wake: Notify,
    connections: Connections,
    /// Attempts that have ended and are not stored yet.
    done: Mutex<Vec<FinishedAttempt>>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox that continues where the last run ended. Nothing leaves before [`Outbox::spawn`].
    pub fn new(parts: Parts, loaded: Loaded) -> Self {
        let mut schedule = Schedule::default();
        for endpoint in loaded.endpoints {
            schedule.set_endpoint(endpoint, 0);
        }
        for (number, endpoint, due_us) in loaded.waiting {
            schedule.wait(number, endpoint, due_us);
        }
        Self {
            parts,
            source: OnceLock::new(),
            schedule: Mutex::new(schedule),
            wake: Notify::new(),
            connections: Connections::new(),
            done: Mutex::default(),
        }
    }

    /// What the outbox works with.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The schedule, for a moment.
    pub fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds what waits for these endpoints, or lets it continue: the forwards of an inbox that is deleted and may come
    /// back.
    pub fn hold<'e>(&self, endpoints: impl Iterator<Item = &'e str>, held: bool) {
        let mut schedule = self.schedule();
        for id in endpoints {
            schedule.hold(id, held);
        }
        drop(schedule);
        self.wake();
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    fn done(&self) -> MutexGuard<'_, Vec<FinishedAttempt>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something changed: look again.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// What a start reads from the store.
#[derive(Debug, Default)]
pub struct Loaded {
    pub(crate) endpoints: Vec<EndpointRow>,
    waiting: Vec<(i64, i64, i64)>,
}

/// Takes up where the last run ended. What was under way has an unknown outcome, and goes on as
/// after a failure; what a command had started ends with it.
pub fn load(
    connection: &Connection,
    catalogue: &hookbench_provider::Catalogue,
    now_us: i64,
    everything: bool,
) -> rusqlite::Result<Loaded> {
    let under_way = hookbench_store::delivery::interrupted(connection, now_us)?;
    let mut unknown = Vec::new();
    for (number, endpoint) in under_way {
        let error = AttemptError {
            kind: AttemptErrorKind::OutcomeUnknown,
            phase: AttemptPhase::Answer,
            message: "Hookbench ended during this attempt, so nobody knows whether it arrived.".into(),
        };
        let exchange = Exchange::failed(error);
        let (claimed, endpoint) =
            (InFlightAttempt::under_way(connection, number)?, EndpointRow::ever_numbered(connection, endpoint)?);
        if let (Some(claimed), Some(endpoint)) = (claimed, endpoint) {
            unknown.push(FinishedAttempt { claimed, endpoint: Arc::new(endpoint), sent: Vec::new(), exchange });
        }
    }
    ended(connection, &unknown, catalogue, now_us)?;
    let endpoints = EndpointRow::all(connection)?;
    // A command that opens the data folder for a moment sends only what it was told to.
    let waiting = match everything {
        false => Vec::new(),
        true => hookbench_store::delivery::waiting(connection)?,
    };
    Ok(Loaded { endpoints, waiting })
}

impl Outbox {
    /// Makes the attempts that are due until the outbox is dropped. `source` makes the requests of forwards and replays.
    pub fn spawn(self: &Arc<Self>, source: Weak<dyn RequestSource>) {
        let _ = self.source.set(source);
        let outbox: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut tidied = tokio::time::Instant::now();
            loop {
                let pause = {
                    let Some(outbox) = outbox.upgrade() else { return };
                    if tidied.elapsed() > TIDY {
                        outbox.connections.tidy();
                        tidied = tokio::time::Instant::now();
                    }
                    outbox.tick().await
                };
                let Some(outbox) = outbox.upgrade() else { return };
                let _ = tokio::time::timeout(pause, outbox.wake.notified()).await;
            }
        });
    }

    /// Writes down what has ended, starts what is due, both in one commit; how long nothing else is.
    async fn tick(self: &Arc<Self>) -> Duration {
        let now_us = self.parts.clock.now_us();
        // In this order: what has a place because another has ended is marked behind that end.
        let taken = self.schedule().take(now_us);
        let done = Arc::new(std::mem::take(&mut *self.done()));
        if !done.is_empty() || !taken.start.is_empty() || !taken.abandoned.is_empty() {
            let (start, abandoned) = (Arc::new(taken.start), Arc::new(taken.abandoned));
            match self.write(done.clone(), start.clone(), abandoned.clone(), now_us).await {
                Ok(claimed) => self.start(claimed, &start),
                Err(error) => {
                    // Nothing is lost: what ended is written down, and what was due leaves, when the
                    // database can be written again.
                    tracing::error!(%error, "attempts could not be written down");
                    self.requeue(done, &start, &abandoned, now_us);
                    return AGAIN;
                }
            }
        }
        // What has ended may have put its next attempt into the schedule, sooner than what was there before.
        let next_us = [taken.next_us, self.schedule().next_us()].into_iter().flatten().min();
        next_us.map_or(LOOK, |next| Duration::from_micros((next - self.parts.clock.now_us()).max(0) as u64).min(LOOK))
    }

    /// Keeps what could not be written down for the next turn.
    fn requeue(
        &self,
        done: Arc<Vec<FinishedAttempt>>,
        start: &[(i64, Arc<EndpointRow>)],
        abandoned: &[i64],
        now_us: i64,
    ) {
        let mut schedule = self.schedule();
        schedule.again(abandoned, now_us);
        for (number, endpoint) in start {
            schedule.finish(endpoint.number);
            schedule.wait(*number, endpoint.number, now_us + AGAIN.as_micros() as i64);
        }
        let done = Arc::try_unwrap(done).unwrap_or_else(|shared| shared.to_vec());
        self.done().splice(0..0, done);
    }

    /// Makes the attempts that are marked; one that could not be, waits no more.
    fn start(self: &Arc<Self>, claimed: Vec<Option<InFlightAttempt>>, start: &[(i64, Arc<EndpointRow>)]) {
        for (claimed, (_, endpoint)) in claimed.into_iter().zip(start) {
            let Some(claimed) = claimed else {
                self.schedule().finish(endpoint.number);
                continue;
            };
            let (outbox, endpoint) = (self.clone(), endpoint.clone());
            tokio::spawn(async move {
                let (sent, exchange) = outbox.sent(&claimed, &endpoint).await;
                outbox.finish(claimed, endpoint, sent, exchange);
            });
        }
    }

    /// Sends what was claimed.
    async fn sent(&self, claimed: &InFlightAttempt, endpoint: &EndpointRow) -> (Vec<(String, String)>, Exchange) {
        let outgoing = match claimed.request {
            None => self.as_vendor(claimed, endpoint),
            Some(row) => self.request(claimed, endpoint, RowId(row)).await,
        };
        self.exchanged(outgoing, endpoint, None).await
    }

    /// One exchange with a destination, under its policy; what was sent and what came of it.
    pub async fn exchanged(
        &self,
        outgoing: Result<Outgoing, UnsentRequest>,
        endpoint: &EndpointRow,
        tee: Option<ResponseTap>,
    ) -> (Vec<(String, String)>, Exchange) {
        let settings = &endpoint.settings;
        let outgoing = match outgoing {
            Ok(outgoing) => outgoing,
            Err(UnsentRequest { headers, message }) => {
                let error = AttemptError { kind: AttemptErrorKind::Request, phase: AttemptPhase::Dns, message };
                return (shown(headers, settings), Exchange::failed(error));
            }
        };
        let terms = {
            let catalogue = self.parts.providers.catalogue();
            let policy = hookbench_store::endpoint::policy_in_force(settings, &catalogue);
            SendOptions {
                total: Duration::from_millis((*policy.timeout_ms.value()).into()),
                connect: Duration::from_millis((*policy.connect_timeout_ms.value()).into()),
                trust: trust(settings).unwrap_or_default(),
                lower_case: false,
                fresh: false,
                now_s: self.parts.clock.now_us() / 1_000_000,
            }
        };
        let exchange = exchange(&self.connections, &outgoing, &terms, tee).await;
        (shown(outgoing.headers, settings), exchange)
    }

    /// The outgoing request of a forward or a replay.
    async fn request(
        &self,
        attempt: &InFlightAttempt,
        endpoint: &EndpointRow,
        row: RowId,
    ) -> Result<Outgoing, UnsentRequest> {
        match self.source.get().and_then(Weak::upgrade) {
            Some(source) => source.outgoing(attempt, endpoint, row).await,
            None => Err(UnsentRequest { headers: Headers::new(), message: "Hookbench is about to end.".into() }),
        }
    }

    /// An event as its vendor sends it.
    fn as_vendor(&self, claimed: &InFlightAttempt, endpoint: &EndpointRow) -> Result<Outgoing, UnsentRequest> {
        let catalogue = self.parts.providers.catalogue();
        let now_us = self.parts.clock.now_us();
        let settings = &endpoint.settings;
        let shown = &claimed.shown;
        let provider = catalogue.get(&shown.provider);
        let event = shown.event.as_ref().filter(|_| provider.is_some_and(|provider| provider.id_of() == IdOf::Event));
        let id = event.unwrap_or(&shown.id);
        let mut headers =
            provider.map_or_else(Vec::new, |provider| vendor_request::plain_headers(provider, &shown.event_type, id));
        if let (Some(provider), Some(failure)) = (provider, &claimed.failure) {
            headers.extend(vendor_request::retry_headers(
                provider,
                claimed.made().saturating_sub(1),
                failure.slack_reason(),
            ));
        }
        headers.retain(|(name, _)| !settings.headers.iter().any(|own| own.name.eq_ignore_ascii_case(name)));
        headers.extend(settings.headers.iter().map(|own| (own.name.clone(), own.value.clone())));
        let as_bytes = |headers: Vec<(String, String)>| {
            headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect::<Headers>()
        };
        if let Some(record) = signing(settings, &catalogue) {
            let url = claimed.shown.url.as_str();
            let target = target_of(url);
            let request =
                UnsignedRequest { method: "POST", target: &target, url, headers: &headers, body: &claimed.payload };
            let also = provider.filter(|_| settings.scheme.is_none()).and_then(|provider| {
                let ids = &provider.sending.as_ref()?.also_signs;
                Some(ids.iter().filter_map(|id| provider.scheme(Some(id))).collect::<Vec<_>>())
            });
            let mut signatures = Vec::new();
            for record in [record].into_iter().chain(also.unwrap_or_default()) {
                match vendor_request::signature(&record.scheme, &request, &keys(settings, now_us), id, now_us / 1_000) {
                    Ok(signature) => signatures.extend(signature),
                    Err(why) => {
                        let message = format!("It cannot be signed: {why}");
                        return Err(UnsentRequest { headers: as_bytes(headers), message });
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
    pub fn finish(
        &self,
        claimed: InFlightAttempt,
        endpoint: Arc<EndpointRow>,
        sent: Vec<(String, String)>,
        exchange: Exchange,
    ) {
        let number = endpoint.number;
        // In the ledger before the next may start, which may depend on how this one ended.
        self.done().push(FinishedAttempt { claimed, endpoint, sent, exchange });
        self.schedule().finish(number);
        self.wake();
    }
}

/// A request that cannot be made, and why.
pub struct UnsentRequest {
    /// Headers as far as they were put together.
    pub headers: Headers,
    /// Why, in a sentence.
    pub message: String,
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
