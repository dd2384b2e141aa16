//! The session of an attached agent. Deliveries are sent in order per inbox, with inboxes in turn, and are resent until
//! they are acknowledged. A lost session loses no delivery, because all deliveries are in the database.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2::SendRequest;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{interval, sleep_until, timeout},
};

use super::{
    directory::Inbox,
    hub::{AcknowledgedDelivery, Event, Hub},
    limits::{ACK_WITHIN, CREDIT_MAX, PAGE, PAGE_BYTES, RESPONSE_MAX, RETRY_DELAY, SLOWEST},
    metrics::count,
    store::DueDelivery,
};
use crate::wire::{Ack, BodyPlace, DELIVER, STATUS, STATUS_EVERY, SessionEnd, SessionStatus};

/// Difference between the time that a sender waits and the time that the agent has to respond.
const MARGIN: Duration = Duration::from_millis(400);

/// Maximum bytes of bodies that are sent at a time, exceeded by a single larger body. With more bytes on a slow
/// connection, all deliveries would exceed their timeout.
const FLYING_MAX: usize = 8 * 1024 * 1024;

/// Maximum time for the last status message of a session.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Deliveries of one inbox that are to be sent.
struct Queue {
    inbox: Arc<Inbox>,
    items: VecDeque<DueDelivery>,
    /// Last sequence number that was added to `items`.
    after: i64,
    /// True if `items` contains all waiting deliveries after `after` of the database.
    drained: bool,
    not_before: Option<Instant>,
    pause: Duration,
    /// Number of deliveries in flight, and of those whose senders wait for the agent (`awaited`).
    flying: usize,
    awaited: usize,
}

impl Queue {
    fn new(inbox: Arc<Inbox>) -> Self {
        Self {
            inbox,
            items: VecDeque::new(),
            after: 0,
            drained: false,
            not_before: None,
            pause: RETRY_DELAY.0,
            flying: 0,
            awaited: 0,
        }
    }

    /// Returns true if the inbox may send another delivery. An inbox uses at most about 3/4 of the concurrent
    /// deliveries of the agent.
    fn ready(&self, now: Instant, credit: usize) -> bool {
        self.not_before.is_none_or(|then| then <= now)
            && (!self.drained || !self.items.is_empty())
            && self.flying <= credit * 3 / 4
    }

    /// Returns true if another delivery fits into memory.
    fn has_room(&self) -> bool {
        self.items.len() < PAGE && self.items.iter().map(|due| due.body.len() as u64).sum::<u64>() < PAGE_BYTES
    }
}

/// A delivery that was sent, and its acknowledgment.
struct Flight {
    inbox: i64,
    due: DueDelivery,
    /// True if the sender waited for the agent.
    awaited: bool,
    ack: Option<Ack>,
    /// Status of the agent's response, if the sender got this response.
    status: Option<u16>,
}

type Send = SendRequest<Full<Bytes>>;

/// A session, from its first delivery to its end.
pub(super) struct Session {
    hub: Arc<Hub>,
    send: Send,
    credit: usize,
    queues: Vec<Queue>,
    turn: usize,
    flights: JoinSet<Flight>,
    /// Bytes of bodies in flight.
    flying_bytes: usize,
    statuses: JoinSet<Option<Duration>>,
    round_trip: Duration,
    device: i64,
    /// True if the last status reported waiting deliveries. A new status is sent when none wait any longer.
    told_waiting: bool,
}

impl Session {
    pub(super) fn new(hub: Arc<Hub>, send: Send, device: i64, credit: u32) -> Self {
        let queues = hub.directory.of_device(device).into_iter().map(Queue::new).collect();
        Self {
            hub,
            send,
            credit: credit.clamp(1, CREDIT_MAX) as usize,
            queues,
            turn: 0,
            flights: JoinSet::new(),
            flying_bytes: 0,
            statuses: JoinSet::new(),
            round_trip: Duration::ZERO,
            device,
            told_waiting: false,
        }
    }

    /// Sends deliveries until the connection closes or the session is ended. Returns the reason if the session was
    /// ended.
    pub(super) async fn run(
        &mut self,
        mut events: mpsc::UnboundedReceiver<Event>,
        offered: &AtomicUsize,
        connection: impl Future<Output = ()>,
    ) -> Option<SessionEnd> {
        tokio::pin!(connection);
        let mut status = interval(STATUS_EVERY);
        loop {
            let next = self.fill().await;
            tokio::select! {
                event = events.recv() => match event? {
                    Event::Stored { inbox, seq, due } => self.kept(inbox, seq, due, offered),
                    Event::Look(inbox) => self.look(inbox),
                    Event::Gone(number) => self.queues.retain(|queue| queue.inbox.number != number),
                    Event::End(why) => {
                        self.last_word(why).await;
                        return Some(why);
                    }
                },
                Some(flight) = self.flights.join_next() => {
                    if let Ok(flight) = flight { self.landed(flight) }
                    if self.told_waiting && self.flights.is_empty() && self.queues.iter().all(|queue| queue.items.is_empty()) {
                        self.say(None);
                    }
                }
                Some(trip) = self.statuses.join_next() => {
                    if let Ok(Some(trip)) = trip { self.round_trip = trip }
                }
                _ = status.tick() => self.say(None),
                () = async { match next { Some(then) => sleep_until(then.into()).await, None => std::future::pending().await } } => {}
                () = &mut connection => return None,
            }
        }
    }

    fn queue(&mut self, number: i64) -> Option<&mut Queue> {
        self.queues.iter_mut().find(|queue| queue.inbox.number == number)
    }

    fn kept(&mut self, inbox: Arc<Inbox>, seq: i64, due: Option<Box<DueDelivery>>, offered: &AtomicUsize) {
        if let Some(due) = &due {
            offered.fetch_sub(due.body.len(), Ordering::Relaxed);
        }
        let number = inbox.number;
        if self.queue(number).is_none() {
            self.queues.push(Queue::new(inbox));
        }
        let Some(queue) = self.queue(number) else { return };
        if seq <= queue.after {
            return;
        }
        match due {
            Some(due) if queue.drained && queue.has_room() => {
                queue.after = seq;
                queue.items.push_back(*due);
            }
            // Earlier deliveries on disk must be sent first.
            _ => queue.drained = false,
        }
    }

    fn look(&mut self, inbox: Arc<Inbox>) {
        match self.queue(inbox.number) {
            Some(queue) => {
                queue.inbox = inbox;
                queue.drained = false;
            }
            None => self.queues.push(Queue::new(inbox)),
        }
    }

    /// Sends deliveries up to the limits. Returns the time at which a paused inbox continues, if any.
    async fn fill(&mut self) -> Option<Instant> {
        while self.flights.len() < self.credit && (self.flying_bytes < FLYING_MAX || self.flights.is_empty()) {
            let (now, count) = (Instant::now(), self.queues.len());
            let Some(index) =
                (0..count).map(|step| (self.turn + step) % count).find(|at| self.queues[*at].ready(now, self.credit))
            else {
                break;
            };
            self.turn = index + 1;
            let queue = &mut self.queues[index];
            if queue.items.is_empty() {
                let (number, name, after) = (queue.inbox.number, queue.inbox.name.clone(), queue.after);
                match self.hub.store.due(number, name, after).await {
                    Ok(page) => {
                        let queue = &mut self.queues[index];
                        queue.drained = page.is_empty();
                        queue.after = page.last().map_or(after, |due| due.delivery.seq);
                        queue.items.extend(page);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "deliveries could not be read; retrying");
                        self.queues[index].not_before = Some(now + RETRY_DELAY.1 / 10);
                    }
                }
                continue;
            }
            if let Some(due) = queue.items.pop_front() {
                self.dispatch(due, index);
            }
        }
        if self.flights.len() >= self.credit || self.flying_bytes >= FLYING_MAX {
            // The next acknowledgment makes room.
            return None;
        }
        self.queues.iter().filter_map(|queue| queue.not_before).filter(|then| *then > Instant::now()).min()
    }

    fn dispatch(&mut self, mut due: DueDelivery, index: usize) {
        let all_awaited: usize = self.queues.iter().map(|queue| queue.awaited).sum();
        let (credit, flying_bytes) = (self.credit, self.flying_bytes + due.body.len());
        let queue = &mut self.queues[index];
        // Senders that wait for a slow app must not block deliveries that only have to be stored.
        let may_wait = queue.awaited < credit / 2 && all_awaited < credit * 3 / 4;
        // The agent gets a whole number of seconds. The sender waits a little longer.
        let left = self.hub.waits(due.row).filter(|_| may_wait);
        let wait = left.map(|left| left.saturating_sub(MARGIN).as_secs() as u32).filter(|s| *s > 0);
        if wait.is_none() {
            // The agent is not asked for a response, so the sender gets the fallback response now.
            self.hub.reply(due.row, None);
        }
        queue.flying += 1;
        queue.awaited += usize::from(wait.is_some());
        self.flying_bytes = flying_bytes;
        let inbox = &queue.inbox;
        due.delivery.age_us = self.hub.store.now_us() - due.delivery.received_us;
        let mut request = Request::new(Full::new(due.body.clone()));
        *request.method_mut() = Method::PUT;
        let path = format!("http://agent{DELIVER}{}/{}", inbox.name, due.delivery.id);
        match path.parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(error) => tracing::error!(%error, inbox = inbox.number, "the name of an inbox is not valid in a path"),
        }
        *request.headers_mut() = due.delivery.headers(wait);
        // All bodies in flight share the bandwidth of the connection.
        let fetching = match due.delivery.body {
            BodyPlace::Here => flying_bytes as u64 / SLOWEST,
            BodyPlace::Relay => due.delivery.body_bytes / SLOWEST,
        };
        let within = ACK_WITHIN + Duration::from_secs(u64::from(wait.unwrap_or_default()) + fetching);
        // Streams start in the order of these calls.
        let response = self.send.send_request(request);
        let (number, hub) = (inbox.number, self.hub.clone());
        self.flights.spawn(async move {
            let ack = async {
                let (parts, body) = response.await.ok()?.into_parts();
                let body = Limited::new(body, RESPONSE_MAX).collect().await.ok()?.to_bytes();
                Ack::from_response(parts.status, &parts.headers, body)
            };
            let mut ack = timeout(within, ack).await.ok().flatten();
            let mut status = None;
            // The sender gets its response before the session handles the acknowledgment.
            if let Some(Ack::Stored(response)) = &mut ack {
                status = response.as_ref().map(|response| response.status);
                status = status.filter(|_| hub.reply(due.row, response.take()));
            }
            Flight { inbox: number, due, awaited: wait.is_some(), ack, status }
        });
    }

    fn landed(&mut self, Flight { inbox, mut due, awaited, ack, status }: Flight) {
        let (hub, row) = (self.hub.clone(), due.row);
        self.flying_bytes = self.flying_bytes.saturating_sub(due.body.len());
        if let Some(queue) = self.queue(inbox) {
            queue.flying = queue.flying.saturating_sub(1);
            queue.awaited = queue.awaited.saturating_sub(usize::from(awaited));
        }
        let pause = match ack {
            Some(Ack::Stored(_)) => {
                // If the acknowledgment has no response, none will follow.
                self.hub.reply(row, None);
                self.taken(inbox, row, status);
                None
            }
            Some(Ack::Had | Ack::Pending) => {
                self.hub.reply(row, None);
                self.taken(inbox, row, None);
                None
            }
            Some(Ack::Conflict) => {
                tracing::error!(delivery = %due.delivery.id, "an agent has a different request with this id");
                self.never(inbox, row, "The agent has a different request with this id.".into());
                None
            }
            Some(Ack::Never(why)) => {
                self.never(inbox, row, why);
                None
            }
            Some(Ack::Later { after_s, .. }) => Some(Duration::from_secs(after_s.into())),
            None => {
                count(&self.hub.metrics.deliveries_again_total);
                tokio::spawn(async move { hub.store.tried(row).await });
                due.delivery.attempt += 1;
                let pause = self.queue(inbox).map(|queue| queue.pause).unwrap_or(RETRY_DELAY.0);
                Some(pause)
            }
        };
        let Some(queue) = self.queue(inbox) else { return };
        match pause {
            None => queue.pause = RETRY_DELAY.0,
            Some(pause) => {
                queue.not_before = Some(Instant::now() + pause);
                queue.pause = (queue.pause * 2).min(RETRY_DELAY.1);
                // The delivery returns to its place in the order of the inbox.
                let seq = due.delivery.seq;
                let at = queue.items.iter().position(|item| item.delivery.seq > seq).unwrap_or(queue.items.len());
                queue.items.insert(at, due);
            }
        }
    }

    fn taken(&self, inbox: i64, row: i64, status: Option<u16>) {
        count(&self.hub.metrics.deliveries_taken_total);
        self.hub.taken(AcknowledgedDelivery { inbox, row, status });
    }

    fn never(&self, inbox: i64, row: i64, why: String) {
        count(&self.hub.metrics.deliveries_refused_total);
        self.hub.reply(row, None);
        self.hub.went(inbox);
        let hub = self.hub.clone();
        tokio::spawn(async move {
            if let Err(error) = hub.store.refused(row, why).await {
                tracing::warn!(%error, "a rejected delivery could not be stored");
            }
        });
    }

    /// Sends the status, and measures the round-trip time.
    fn say(&mut self, ended: Option<SessionEnd>) {
        let waiting: BTreeMap<String, u64> = self
            .hub
            .directory
            .of_device(self.device)
            .iter()
            .map(|inbox| (inbox.name.clone(), self.hub.kept(inbox.number).waiting))
            .collect();
        self.told_waiting = waiting.values().any(|count| *count > 0);
        let status = SessionStatus { round_trip_us: self.round_trip.as_micros() as u64, waiting, ended };
        let body = Bytes::from(serde_json::to_vec(&status).unwrap_or_default());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::PUT;
        if let Ok(uri) = format!("http://agent{STATUS}").parse() {
            *request.uri_mut() = uri;
        }
        let (began, response) = (Instant::now(), self.send.send_request(request));
        self.statuses.spawn(async move { response.await.ok().map(|_| began.elapsed()) });
    }

    async fn last_word(&mut self, why: SessionEnd) {
        self.say(Some(why));
        let sent = async { while self.statuses.join_next().await.is_some() {} };
        // An agent whose computer is asleep does not respond, so the wait is limited.
        let _ = timeout(LAST_WORD, sent).await;
    }
}
