//! Traces for OpenTelemetry: each request from its arrival to the responses of the apps that it is sent to.
//!
//! A task follows the changes of the engine and turns them into spans, and another sends the spans to a collector over
//! OTLP. Neither delays a request: if the collector is slow or away, spans are dropped and the log says so.

mod collector;
mod span;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use hookbench_engine::{
    Engine, Subscription, TraceContext,
    delivery::{detail, number_of},
    header_list,
};
use hookbench_model::{Change, Delivery, DeliveryState, FeedItem, RequestSummary, SignatureStatus};
use jiff::Timestamp;
use opentelemetry_sdk::trace::SpanData;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

pub(crate) use collector::{CollectorError, endpoint};

/// Maximum number of changes read at once.
const BATCH: usize = 256;

/// Maximum number of batches of spans that wait for the collector.
const WAITING: usize = 64;

/// Maximum number of requests whose verification, and of deliveries whose attempts, are remembered.
const REMEMBERED: usize = 10_000;

/// Maximum time for the last spans when the program stops.
const LAST: Duration = Duration::from_secs(3);

/// The tasks that make and send spans.
#[derive(Debug)]
pub(crate) struct Traces {
    stop: oneshot::Sender<()>,
    sender: JoinHandle<()>,
}

impl Traces {
    /// Starts to trace what the engine receives and sends. `endpoint` is the URL that spans are sent to.
    ///
    /// # Errors
    /// Returns an error if the URL is invalid.
    pub(crate) fn start(engine: &Arc<Engine>, endpoint: &str) -> Result<Self, CollectorError> {
        let exporter = collector::exporter(endpoint, engine.clock.clone())?;
        engine.outbox.trace();
        let (spans, waiting) = mpsc::channel(WAITING);
        let (stop, stopped) = oneshot::channel();
        let changes = engine.feed().subscribe(None).ok();
        tokio::spawn(follow(engine.clone(), changes, spans, stopped));
        Ok(Self { stop, sender: tokio::spawn(collector::send(exporter, waiting)) })
    }

    /// Sends what is left, and stops.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(LAST, self.sender).await;
    }
}

/// Turns changes into spans until `stopped`.
async fn follow(
    engine: Arc<Engine>,
    mut changes: Option<Subscription>,
    spans: mpsc::Sender<Vec<SpanData>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let since = hookbench_model::timestamp(engine.clock.now_us());
    let mut state = TraceState { since, unverified: RecentMap::default(), attempts: RecentMap::default() };
    let mut dropping = false;
    loop {
        let Some(reader) = changes.as_mut() else {
            tracing::warn!("changes arrive faster than they can be traced; some requests have no spans");
            changes = engine.feed().subscribe(None).ok();
            continue;
        };
        let items = tokio::select! {
            biased;
            items = reader.next(BATCH) => items,
            _ = &mut stopped => return,
        };
        let Ok(items) = items else {
            changes = None;
            continue;
        };
        let made = state.spans(&engine, &items).await;
        if made.is_empty() {
            continue;
        }
        let full = spans.try_send(made).is_err();
        if full && !dropping {
            tracing::warn!("the collector of traces is too slow or away; spans are dropped");
        }
        dropping = full;
    }
}

/// What is remembered between two changes of the same thing.
struct TraceState {
    /// Attempts that started earlier belong to another run.
    since: Timestamp,
    /// Requests that are not verified yet: the context of their span, and its end in µs.
    unverified: RecentMap<(TraceContext, i64)>,
    /// Deliveries: the number of the last attempt that has a span.
    attempts: RecentMap<u32>,
}

impl TraceState {
    /// Returns the spans of what these changes say.
    async fn spans(&mut self, engine: &Arc<Engine>, items: &[Arc<FeedItem>]) -> Vec<SpanData> {
        let now_us = engine.clock.now_us();
        let mut spans = Vec::new();
        for item in items {
            match &item.change {
                Change::RequestAdded { request } => spans.extend(self.received(engine, request).await),
                Change::RequestChanged { request } => spans.extend(self.verified(request, now_us)),
                Change::DeliveryChanged { delivery } => spans.extend(self.attempted(engine, delivery).await),
                _ => {}
            }
        }
        spans
    }

    /// Returns the span of a request that was stored, which starts a trace.
    async fn received(&mut self, engine: &Arc<Engine>, request: &RequestSummary) -> Option<SpanData> {
        let row = engine.row_of(&request.id)?;
        let requests = engine.requests();
        let stored = engine.store.readers().read(move |connection| requests.stored(connection, row)).await.ok()??;
        let sender = TraceContext::of_headers(header_list(&stored.header_block));
        let own = TraceContext::starting(&request.id);
        let span = span::received(request, own, sender, row.unix_ms() * 1_000);
        self.unverified.put(&request.id, (own, span::micros(span.end_time)));
        Some(span)
    }

    /// Returns the span of a verification, once per request.
    fn verified(&mut self, request: &RequestSummary, now_us: i64) -> Option<SpanData> {
        if request.signature_status == SignatureStatus::Unverified {
            return None;
        }
        let (parent, from_us) = self.unverified.take(&request.id)?;
        Some(span::verified(request, parent, from_us, now_us))
    }

    /// Returns the spans of the attempts that ended, and of their phases.
    async fn attempted(&mut self, engine: &Arc<Engine>, delivery: &Delivery) -> Vec<SpanData> {
        let last = self.attempts.get(&delivery.id).copied().unwrap_or(0);
        if delivery.state == DeliveryState::Sending || delivery.attempts <= last {
            return Vec::new();
        }
        self.attempts.put(&delivery.id, delivery.attempts);
        let id = delivery.id.clone();
        let found = engine.store.readers().read(move |connection| match number_of(connection, &id)? {
            Some(number) => detail(connection, number),
            None => Ok(None),
        });
        let Ok(Some(found)) = found.await else { return Vec::new() };
        let new =
            (found.attempts_made.iter()).filter(|attempt| attempt.number > last && attempt.started_at >= self.since);
        new.flat_map(|attempt| span::attempted(delivery, attempt)).collect()
    }
}

/// Values by ID, of which the newest are kept.
struct RecentMap<V> {
    values: HashMap<String, V>,
    /// IDs, oldest first. May contain IDs whose value was taken.
    order: VecDeque<String>,
}

impl<V> Default for RecentMap<V> {
    fn default() -> Self {
        Self { values: HashMap::new(), order: VecDeque::new() }
    }
}

impl<V> RecentMap<V> {
    fn put(&mut self, id: &str, value: V) {
        if self.values.insert(id.to_owned(), value).is_none() {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }

    fn get(&self, id: &str) -> Option<&V> {
        self.values.get(id)
    }

    fn take(&mut self, id: &str) -> Option<V> {
        self.values.remove(id)
    }
}
