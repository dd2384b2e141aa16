//! One attached laptop: what waits for it is sent in order per inbox, inboxes in turn, until each is
//! acknowledged. Nothing is forgotten here that the store has not written down.

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
    hub::{Event, Hub, Taken},
    limits::{ACK_WITHIN, AGAIN, ANSWER_MAX, CREDIT_MAX, PAGE, PAGE_BYTES, SLOWEST},
    metrics::count,
    store::Due,
};
use crate::wire::{Ack, BodyPlace, DELIVER, Ended, STATUS, STATUS_EVERY, Standing};

/// Margin between what a laptop is given to answer a sender and what the sender is kept waiting.
const MARGIN: Duration = Duration::from_millis(400);

/// Bytes of bodies under way at a time, or one body: more of them on a slow line would all be late.
const FLYING_MAX: usize = 8 * 1024 * 1024;

/// How long the last word of a session may take.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What of one inbox is to be sent.
struct Queue {
    inbox: Arc<Inbox>,
    items: VecDeque<Due>,
    /// The last place that was in `items`.
    after: i64,
    /// Whether nothing is on the disk that is not here.
    drained: bool,
    not_before: Option<Instant>,
    pause: Duration,
    /// Deliveries under way, and those of them whose senders wait for the laptop.
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
            pause: AGAIN.0,
            flying: 0,
            awaited: 0,
        }
    }

    /// Whether it has something to send, and may: no inbox takes all of what a laptop takes at a time.
    fn ready(&self, now: Instant, credit: usize) -> bool {
        self.not_before.is_none_or(|then| then <= now)
            && (!self.drained || !self.items.is_empty())
            && self.flying <= credit * 3 / 4
    }

    /// Whether one more fits into memory.
    fn has_room(&self) -> bool {
        self.items.len() < PAGE && self.items.iter().map(|due| due.body.len() as u64).sum::<u64>() < PAGE_BYTES
    }
}

/// A delivery that has been sent, and what was said to it.
struct Flight {
    inbox: i64,
    due: Due,
    /// Whether its sender waited for the laptop.
    awaited: bool,
    ack: Option<Ack>,
    /// The status of the laptop's own answer, where its sender got that.
    status: Option<u16>,
}

type Send = SendRequest<Full<Bytes>>;

/// One session, from its first delivery to its end.
pub(super) struct Session {
    hub: Arc<Hub>,
    send: Send,
    credit: usize,
    queues: Vec<Queue>,
    turn: usize,
    flights: JoinSet<Flight>,
    /// Bytes of bodies under way.
    flying_bytes: usize,
    standings: JoinSet<Option<Duration>>,
    round_trip: Duration,
    device: i64,
    /// Whether the laptop was told of something that waits, and is to hear when nothing does.
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
            standings: JoinSet::new(),
            round_trip: Duration::ZERO,
            device,
            told_waiting: false,
        }
    }

    /// Sends until the connection is over or the session is ended; why it was ended, if so.
    pub(super) async fn run(
        &mut self,
        mut told: mpsc::UnboundedReceiver<Event>,
        offered: &AtomicUsize,
        connection: impl Future<Output = ()>,
    ) -> Option<Ended> {
        tokio::pin!(connection);
        let mut status = interval(STATUS_EVERY);
        loop {
            let next = self.fill().await;
            tokio::select! {
                event = told.recv() => match event? {
                    Event::Kept { inbox, seq, due } => self.kept(inbox, seq, due, offered),
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
                Some(trip) = self.standings.join_next() => {
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

    fn kept(&mut self, inbox: Arc<Inbox>, seq: i64, due: Option<Box<Due>>, offered: &AtomicUsize) {
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
            // What is on the disk before it comes first.
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

    /// Sends as long as the laptop takes more; when there is something to look at again.
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
                        tracing::warn!(%error, "deliveries could not be read; it is tried again");
                        self.queues[index].not_before = Some(now + AGAIN.1 / 10);
                    }
                }
                continue;
            }
            if let Some(due) = queue.items.pop_front() {
                self.dispatch(due, index);
            }
        }
        if self.flights.len() >= self.credit || self.flying_bytes >= FLYING_MAX {
            // Whatever lands next makes room.
            return None;
        }
        self.queues.iter().filter_map(|queue| queue.not_before).filter(|then| *then > Instant::now()).min()
    }

    fn dispatch(&mut self, mut due: Due, index: usize) {
        let all_awaited: usize = self.queues.iter().map(|queue| queue.awaited).sum();
        let (credit, flying_bytes) = (self.credit, self.flying_bytes + due.body.len());
        let queue = &mut self.queues[index];
        // Senders that wait for a slow app must not keep out what has only to be kept.
        let may_wait = queue.awaited < credit / 2 && all_awaited < credit * 3 / 4;
        // The seconds a laptop is given are whole ones; the sender waits a little longer than that.
        let left = self.hub.waits(due.row).filter(|_| may_wait);
        let wait = left.map(|left| left.saturating_sub(MARGIN).as_secs() as u32).filter(|s| *s > 0);
        if wait.is_none() {
            // The laptop is not asked for an answer, so its sender gets the fallback now and not at the end of the
            // time it would wait.
            self.hub.reply(due.row, None);
        }
        queue.flying += 1;
        queue.awaited += usize::from(wait.is_some());
        self.flying_bytes = flying_bytes;
        let inbox = &queue.inbox;
        due.delivery.age_us = self.hub.store.now_us() - due.delivery.received_us;
        let mut request = Request::new(Full::new(due.body.clone()));
        *request.method_mut() = Method::PUT;
        let path = format!("http://laptop{DELIVER}{}/{}", inbox.name, due.delivery.id);
        match path.parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(error) => tracing::error!(%error, inbox = inbox.number, "an inbox's name makes no path"),
        }
        *request.headers_mut() = due.delivery.headers(wait);
        // All bodies under way share one line.
        let fetching = match due.delivery.body {
            BodyPlace::Here => flying_bytes as u64 / SLOWEST,
            BodyPlace::Relay => due.delivery.body_bytes / SLOWEST,
        };
        let within = ACK_WITHIN + Duration::from_secs(u64::from(wait.unwrap_or_default()) + fetching);
        // Streams begin in the order of these calls.
        let answer = self.send.send_request(request);
        let (number, hub) = (inbox.number, self.hub.clone());
        self.flights.spawn(async move {
            let ack = async {
                let (parts, body) = answer.await.ok()?.into_parts();
                let body = Limited::new(body, ANSWER_MAX).collect().await.ok()?.to_bytes();
                Ack::from_response(parts.status, &parts.headers, body)
            };
            let mut ack = timeout(within, ack).await.ok().flatten();
            let mut status = None;
            // Its sender hears before the session does.
            if let Some(Ack::Stored(answer)) = &mut ack {
                status = answer.as_ref().map(|answer| answer.status);
                status = status.filter(|_| hub.reply(due.row, answer.take()));
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
                // Where no answer came with it, none will.
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
                tracing::error!(delivery = %due.delivery.id, "a laptop has other bytes under this id");
                self.never(inbox, row, "The laptop has other bytes under this id.".into());
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
                let pause = self.queue(inbox).map(|queue| queue.pause).unwrap_or(AGAIN.0);
                Some(pause)
            }
        };
        let Some(queue) = self.queue(inbox) else { return };
        match pause {
            None => queue.pause = AGAIN.0,
            Some(pause) => {
                queue.not_before = Some(Instant::now() + pause);
                queue.pause = (queue.pause * 2).min(AGAIN.1);
                // In its place again among those that came back before it.
                let seq = due.delivery.seq;
                let at = queue.items.iter().position(|item| item.delivery.seq > seq).unwrap_or(queue.items.len());
                queue.items.insert(at, due);
            }
        }
    }

    fn taken(&self, inbox: i64, row: i64, status: Option<u16>) {
        count(&self.hub.metrics.deliveries_taken_total);
        self.hub.taken(Taken { inbox, row, status });
    }

    fn never(&self, inbox: i64, row: i64, why: String) {
        count(&self.hub.metrics.deliveries_refused_total);
        self.hub.reply(row, None);
        self.hub.went(inbox);
        let hub = self.hub.clone();
        tokio::spawn(async move {
            if let Err(error) = hub.store.refused(row, why).await {
                tracing::warn!(%error, "a refusal could not be written down");
            }
        });
    }

    /// Says how things stand, and measures how long that takes.
    fn say(&mut self, ended: Option<Ended>) {
        let waiting: BTreeMap<String, u64> = self
            .hub
            .directory
            .of_device(self.device)
            .iter()
            .map(|inbox| (inbox.name.clone(), self.hub.kept(inbox.number).waiting))
            .collect();
        self.told_waiting = waiting.values().any(|count| *count > 0);
        let standing = Standing { round_trip_us: self.round_trip.as_micros() as u64, waiting, ended };
        let body = Bytes::from(serde_json::to_vec(&standing).unwrap_or_default());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::PUT;
        if let Ok(uri) = format!("http://laptop{STATUS}").parse() {
            *request.uri_mut() = uri;
        }
        let (began, answer) = (Instant::now(), self.send.send_request(request));
        self.standings.spawn(async move { answer.await.ok().map(|_| began.elapsed()) });
    }

    async fn last_word(&mut self, why: Ended) {
        self.say(Some(why));
        let said = async { while self.standings.join_next().await.is_some() {} };
        // A laptop that is asleep hears nothing.
        let _ = timeout(LAST_WORD, said).await;
    }
}
