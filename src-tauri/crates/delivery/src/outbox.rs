//! Outbox: makes the attempts. One task reads the schedule and writes the attempt log. Each attempt is a separate
//! task, so a destination that hangs does not delay others.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hookbench_capture::{Clock, RowId, Store};
use hookbench_model::{AttemptError, AttemptErrorKind, AttemptPhase, Delivery, EndpointSettings, MASK, text_by};
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
    counters::AttemptCounters,
    exchange::{Outgoing, ResponseTap, SendOptions, exchange},
    schedule::Schedule,
    url::target_of,
};
use crate::{
    endpoint::{keys, signing, trust},
    headers::Headers,
    trace_context::propagate,
    vendor_request::{self, UnsignedRequest},
};

/// Maximum time between two reads of the schedule. Limits the delay after a clock change or sleep.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Delay before the next write if the database cannot be written.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Interval at which idle connections are cleaned up.
const TIDY: Duration = Duration::from_secs(10);

/// Dependencies of an outbox.
pub struct Parts {
    /// Request store.
    pub store: Arc<Store>,
    /// Event stream.
    pub feed: Arc<Feed>,
    /// Clock.
    pub clock: Clock,
    /// Provider catalog.
    pub providers: Arc<Providers>,
    /// Creates a reader of requests, as shown in lists.
    pub requests: Box<dyn Fn() -> RequestReader + Send + Sync>,
}

/// Builder of the outgoing requests of forwards and replays.
pub trait RequestSource: Send + Sync {
    /// Builds the outgoing request for the captured request of this row, with the changes of its forward or replay.
    fn outgoing<'a>(
        &'a self,
        attempt: &'a InFlightAttempt,
        endpoint: &'a EndpointRow,
        row: RowId,
    ) -> Pin<Box<dyn Future<Output = Result<Outgoing, UnsentRequest>> + Send + 'a>>;
}

/// Makes the attempts that are due. Each attempt is stored before it is sent and after it ends.
pub struct Outbox {
    pub(crate) parts: Parts,
    source: OnceLock<Weak<dyn RequestSource>>,
    schedule: Mutex<Schedule>,
    wake: Notify,
    connections: Connections,
    /// Counters of ended attempts.
    pub attempts: AttemptCounters,
    /// Attempts that have ended and are not stored yet.
    done: Mutex<Vec<FinishedAttempt>>,
    /// True if each request is sent with its trace context.
    traced: AtomicBool,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl Outbox {
    /// Creates an outbox that continues where the last run ended. Sends nothing before [`Outbox::spawn`].
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
            attempts: AttemptCounters::default(),
            done: Mutex::default(),
            traced: AtomicBool::new(false),
        }
    }

    /// Returns the dependencies of the outbox.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Locks the schedule. Hold the guard only briefly.
    pub fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pauses or resumes the deliveries to these endpoints. Used for the forwards of a deleted inbox while the
    /// deletion can be undone.
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

    /// Sends each request with its trace context from now on.
    pub fn trace(&self) {
        self.traced.store(true, Ordering::Relaxed);
    }

    /// Wakes the task that reads the schedule, after a change.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Stored state read at startup.
#[derive(Debug, Default)]
pub struct Loaded {
    pub(crate) endpoints: Vec<EndpointRow>,
    waiting: Vec<(i64, i64, i64)>,
}

/// Loads the state of the last run. An attempt in flight at that time has an unknown result and is treated as failed.
/// Deliveries of a command end with the command.
pub fn load(
    connection: &Connection,
    catalog: &hookbench_provider::Catalog,
    now_us: i64,
    everything: bool,
) -> rusqlite::Result<Loaded> {
    let under_way = hookbench_store::delivery::interrupted(connection, now_us)?;
    let mut unknown = Vec::new();
    for (number, endpoint) in under_way {
        let error = AttemptError {
            kind: AttemptErrorKind::OutcomeUnknown,
            phase: AttemptPhase::Response,
            message: "Hookbench stopped during this attempt. The request may have arrived.".into(),
        };
        let exchange = Exchange::failed(error);
        let (in_flight, endpoint) =
            (InFlightAttempt::under_way(connection, number)?, EndpointRow::ever_numbered(connection, endpoint)?);
        if let (Some(in_flight), Some(endpoint)) = (in_flight, endpoint) {
            unknown.push(FinishedAttempt { in_flight, endpoint: Arc::new(endpoint), sent: Vec::new(), exchange });
        }
    }
    ended(connection, &unknown, catalog, now_us)?;
    let endpoints = EndpointRow::all(connection)?;
    // A command that opens the data directory for a short time sends only the deliveries that the command created.
    let waiting = match everything {
        false => Vec::new(),
        true => hookbench_store::delivery::waiting(connection)?,
    };
    Ok(Loaded { endpoints, waiting })
}

impl Outbox {
    /// Makes the attempts that are due until the outbox is dropped. `source` builds the requests of forwards and
    /// replays.
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

    /// Stores ended attempts and starts those that are due, in one commit. Returns the time until the next delivery is
    /// due.
    async fn tick(self: &Arc<Self>) -> Duration {
        let now_us = self.parts.clock.now_us();
        // The schedule is read first: an attempt that starts because another ended is then stored after that end.
        let taken = self.schedule().take(now_us);
        let done = Arc::new(std::mem::take(&mut *self.done()));
        if !done.is_empty() || !taken.start.is_empty() || !taken.abandoned.is_empty() {
            let (start, abandoned) = (Arc::new(taken.start), Arc::new(taken.abandoned));
            match self.write(done.clone(), start.clone(), abandoned.clone(), now_us).await {
                Ok(in_flight) => self.start(in_flight, &start),
                Err(error) => {
                    // Nothing is lost: ended attempts are stored, and due deliveries are sent, when the database can
                    // be written again.
                    tracing::error!(%error, "cannot store attempts");
                    self.requeue(done, &start, &abandoned, now_us);
                    return RETRY_DELAY;
                }
            }
        }
        // An ended attempt may have scheduled a retry that is due earlier than the first delivery before.
        let next_us = [taken.next_us, self.schedule().next_us()].into_iter().flatten().min();
        next_us.map_or(POLL_INTERVAL, |next| {
            Duration::from_micros((next - self.parts.clock.now_us()).max(0) as u64).min(POLL_INTERVAL)
        })
    }

    /// Queues attempts and deliveries that could not be stored for the next run.
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
            schedule.wait(*number, endpoint.number, now_us + RETRY_DELAY.as_micros() as i64);
        }
        let done = Arc::try_unwrap(done).unwrap_or_else(|shared| shared.to_vec());
        self.done().splice(0..0, done);
    }

    /// Starts the marked attempts. An attempt that could not be marked no longer waits.
    fn start(self: &Arc<Self>, in_flight: Vec<Option<InFlightAttempt>>, start: &[(i64, Arc<EndpointRow>)]) {
        for (in_flight, (_, endpoint)) in in_flight.into_iter().zip(start) {
            let Some(mut in_flight) = in_flight else {
                self.schedule().finish(endpoint.number);
                continue;
            };
            let (outbox, endpoint) = (self.clone(), endpoint.clone());
            tokio::spawn(async move {
                let (sent, exchange) = outbox.sent(&mut in_flight, &endpoint).await;
                outbox.finish(in_flight, endpoint, sent, exchange);
            });
        }
    }

    /// Sends the request of a claimed attempt. Updates the URL of the attempt if it changed after the claim.
    async fn sent(&self, in_flight: &mut InFlightAttempt, endpoint: &EndpointRow) -> (Vec<(String, String)>, Exchange) {
        let outgoing = match in_flight.request {
            None => self.as_vendor(in_flight, endpoint),
            Some(row) => self.request(in_flight, endpoint, RowId(row)).await,
        };
        if let Ok(outgoing) = &outgoing {
            in_flight.shown.url.clone_from(&outgoing.url);
        }
        self.exchanged(outgoing, in_flight, endpoint, None).await
    }

    /// Sends a request to a destination under its policy. Returns the sent headers and the exchange.
    pub async fn exchanged(
        &self,
        outgoing: Result<Outgoing, UnsentRequest>,
        in_flight: &InFlightAttempt,
        endpoint: &EndpointRow,
        tap: Option<ResponseTap>,
    ) -> (Vec<(String, String)>, Exchange) {
        let settings = &endpoint.settings;
        let mut outgoing = match outgoing {
            Ok(outgoing) => outgoing,
            Err(UnsentRequest { headers, message }) => {
                let error = AttemptError { kind: AttemptErrorKind::Request, phase: AttemptPhase::Dns, message };
                return (shown(headers, settings), Exchange::failed(error));
            }
        };
        if self.traced.load(Ordering::Relaxed) {
            let Delivery { id, event, request, attempts, .. } = &in_flight.shown;
            let origin = request.as_ref().or(event.as_ref()).unwrap_or(id);
            propagate(&mut outgoing.headers, origin, id, *attempts);
        }
        let options = {
            let catalog = self.parts.providers.catalog();
            let policy = hookbench_store::endpoint::policy_in_force(settings, &catalog);
            SendOptions {
                total: Duration::from_millis((*policy.timeout_ms.value()).into()),
                connect: Duration::from_millis((*policy.connect_timeout_ms.value()).into()),
                trust: trust(settings).unwrap_or_default(),
                lower_case: false,
                fresh: false,
                now_s: self.parts.clock.now_us() / 1_000_000,
            }
        };
        let exchange = exchange(&self.connections, &outgoing, &options, tap).await;
        (shown(outgoing.headers, settings), exchange)
    }

    /// Builds the outgoing request of a forward or a replay.
    async fn request(
        &self,
        attempt: &InFlightAttempt,
        endpoint: &EndpointRow,
        row: RowId,
    ) -> Result<Outgoing, UnsentRequest> {
        match self.source.get().and_then(Weak::upgrade) {
            Some(source) => source.outgoing(attempt, endpoint, row).await,
            None => Err(UnsentRequest { headers: Headers::new(), message: "Hookbench is shutting down.".into() }),
        }
    }

    /// Builds the outgoing request of an event like its vendor.
    fn as_vendor(&self, in_flight: &InFlightAttempt, endpoint: &EndpointRow) -> Result<Outgoing, UnsentRequest> {
        let catalog = self.parts.providers.catalog();
        let now_us = self.parts.clock.now_us();
        let settings = &endpoint.settings;
        let shown = &in_flight.shown;
        let provider = catalog.get(&shown.provider);
        let event = shown.event.as_ref().filter(|_| provider.is_some_and(|provider| provider.id_of() == IdOf::Event));
        let id = event.unwrap_or(&shown.id);
        let mut headers =
            provider.map_or_else(Vec::new, |provider| vendor_request::plain_headers(provider, &shown.event_type, id));
        if let (Some(provider), Some(failure)) = (provider, &in_flight.failure) {
            headers.extend(vendor_request::retry_headers(
                provider,
                in_flight.made().saturating_sub(1),
                failure.slack_reason(),
            ));
        }
        headers.retain(|(name, _)| !settings.headers.iter().any(|own| own.name.eq_ignore_ascii_case(name)));
        headers.extend(settings.headers.iter().map(|own| (own.name.clone(), own.value.clone())));
        let as_bytes = |headers: Vec<(String, String)>| {
            headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect::<Headers>()
        };
        if let Some(record) = signing(settings, &catalog) {
            let url = in_flight.shown.url.as_str();
            let target = target_of(url);
            let request =
                UnsignedRequest { method: "POST", target: &target, url, headers: &headers, body: &in_flight.payload };
            let also = provider.filter(|_| settings.scheme.is_none()).and_then(|provider| {
                let ids = &provider.sending.as_ref()?.also_signs;
                Some(ids.iter().filter_map(|id| provider.scheme(Some(id))).collect::<Vec<_>>())
            });
            let mut signatures = Vec::new();
            for record in [record].into_iter().chain(also.unwrap_or_default()) {
                match vendor_request::signature(&record.scheme, &request, &keys(settings, now_us), id, now_us / 1_000) {
                    Ok(signature) => signatures.extend(signature),
                    Err(why) => {
                        let message = format!("The event cannot be signed: {why}");
                        return Err(UnsentRequest { headers: as_bytes(headers), message });
                    }
                }
            }
            // A vendor header that the signature also sets, such as `webhook-id`, must occur only once.
            headers.retain(|(name, _)| !signatures.iter().any(|(signed, _)| signed.eq_ignore_ascii_case(name)));
            headers.extend(signatures);
        }
        Ok(Outgoing {
            method: "POST".into(),
            url: in_flight.shown.url.clone(),
            headers: as_bytes(headers),
            body: in_flight.payload.clone().into(),
        })
    }

    /// Queues the result of an attempt for storage. Also used for attempts made outside of the schedule.
    pub fn finish(
        &self,
        in_flight: InFlightAttempt,
        endpoint: Arc<EndpointRow>,
        sent: Vec<(String, String)>,
        exchange: Exchange,
    ) {
        let number = endpoint.number;
        // The result is queued before the next attempt may start, because that attempt may depend on it.
        self.done().push(FinishedAttempt { in_flight, endpoint, sent, exchange });
        self.schedule().finish(number);
        self.wake();
    }
}

/// Request that cannot be built.
pub struct UnsentRequest {
    /// Headers built before the error.
    pub headers: Headers,
    /// Reason, in one sentence.
    pub message: String,
}

/// Returns headers for the attempt log, with values that the settings mark as secret masked.
fn shown(headers: Headers, settings: &EndpointSettings) -> Vec<(String, String)> {
    let secret = |name: &str| settings.headers.iter().any(|own| own.secret && own.name.eq_ignore_ascii_case(name));
    let line = |(name, value): (String, Vec<u8>)| match secret(&name) {
        true => (name, MASK.to_owned()),
        false => (name, text_by(&value, String::push_str)),
    };
    headers.into_iter().map(line).collect()
}
