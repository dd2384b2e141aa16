//! Who is attached, and how what arrives reaches them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::sync::{mpsc, oneshot};

use super::{
    directory::{Directory, Inbox},
    limits::{OFFERED_MAX, Quotas},
    metrics::Metrics,
    store::{Due, Kept, RelayStore},
};
use crate::wire::{AppAnswer, Ended};

/// What a session is told.
#[derive(Debug)]
pub(super) enum Event {
    /// A delivery was kept; it comes along where there is room in memory.
    Kept { inbox: Arc<Inbox>, seq: i64, due: Option<Box<Due>> },
    /// An inbox of the device may have something to send that it did not have before.
    Look(Arc<Inbox>),
    /// An inbox is gone.
    Gone(i64),
    /// The session is over.
    End(Ended),
}

/// A session as others see it.
#[derive(Debug)]
struct Session {
    epoch: i64,
    events: mpsc::UnboundedSender<Event>,
    offered: Arc<AtomicUsize>,
}

/// A sender that waits for a laptop's answer.
#[derive(Debug)]
struct Live {
    reply: oneshot::Sender<Option<AppAnswer>>,
    until: Instant,
}

/// A delivery that a laptop has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) inbox: i64,
    pub(super) row: i64,
    /// What its sender was answered, where that was the laptop's.
    pub(super) status: Option<u16>,
}

/// Everything that tasks of a relay share.
pub(super) struct Hub {
    pub(super) store: RelayStore,
    pub(super) directory: Directory,
    pub(super) quotas: Quotas,
    pub(super) metrics: Metrics,
    sessions: Mutex<HashMap<i64, Session>>,
    live: Mutex<HashMap<i64, Live>>,
    kept: Mutex<HashMap<i64, Kept>>,
    /// Acknowledged and not yet written down, with what each sender was answered by its laptop.
    taken: Mutex<Vec<Taken>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(super) fn new(store: RelayStore, quotas: Quotas, kept: HashMap<i64, Kept>) -> Self {
        Self {
            store,
            directory: Directory::default(),
            quotas,
            metrics: Metrics::default(),
            sessions: Mutex::default(),
            live: Mutex::default(),
            kept: Mutex::new(kept),
            taken: Mutex::default(),
        }
    }

    // Sessions.

    /// Makes a session the device's, unless a newer one is there; the older one ends. What it is told
    /// comes out of the receiver; what it has read of offered bytes it takes off the counter.
    pub(super) fn attach(&self, device: i64, epoch: i64) -> Option<(mpsc::UnboundedReceiver<Event>, Arc<AtomicUsize>)> {
        let (events, told) = mpsc::unbounded_channel();
        let offered = Arc::new(AtomicUsize::new(0));
        let mut sessions = lock(&self.sessions);
        if sessions.get(&device).is_some_and(|session| session.epoch > epoch) {
            return None;
        }
        if let Some(older) = sessions.insert(device, Session { epoch, events, offered: offered.clone() }) {
            let _ = older.events.send(Event::End(Ended::Superseded));
        }
        Some((told, offered))
    }

    /// Forgets a session that has ended.
    pub(super) fn detach(&self, device: i64, epoch: i64) {
        let mut sessions = lock(&self.sessions);
        if sessions.get(&device).is_some_and(|session| session.epoch == epoch) {
            sessions.remove(&device);
        }
    }

    pub(super) fn attached(&self, device: i64) -> bool {
        lock(&self.sessions).contains_key(&device)
    }

    pub(super) fn sessions(&self) -> usize {
        lock(&self.sessions).len()
    }

    /// Ends a device's session, or with no device every one.
    pub(super) fn end(&self, device: Option<i64>, why: Ended) {
        for (_, session) in lock(&self.sessions).iter().filter(|(number, _)| device.is_none_or(|d| d == **number)) {
            let _ = session.events.send(Event::End(why));
        }
    }

    fn tell(&self, device: i64, event: Event) {
        if let Some(session) = lock(&self.sessions).get(&device) {
            // A session that ends this moment leaves it to the next one.
            let _ = session.events.send(event);
        }
    }

    /// An inbox was made or changed, or has something again that was thought delivered.
    pub(super) fn look(&self, inbox: &Arc<Inbox>) {
        self.tell(inbox.device, Event::Look(inbox.clone()));
    }

    pub(super) fn gone(&self, device: i64, inbox: i64) {
        self.tell(device, Event::Gone(inbox));
        lock(&self.kept).remove(&inbox);
    }

    /// Hands on what was committed this moment. Called in the order of commits.
    pub(super) fn offer(&self, inbox: &Arc<Inbox>, seq: i64, due: Option<Due>) {
        let sessions = lock(&self.sessions);
        let Some(session) = sessions.get(&inbox.device) else { return };
        let due = due.filter(|due| {
            let bytes = due.body.len();
            let fits = session.offered.fetch_add(bytes, Ordering::Relaxed) + bytes <= OFFERED_MAX;
            if !fits {
                session.offered.fetch_sub(bytes, Ordering::Relaxed);
            }
            fits
        });
        let _ = session.events.send(Event::Kept { inbox: inbox.clone(), seq, due: due.map(Box::new) });
    }

    // Senders that wait.

    /// Lets a sender wait for what a laptop says to a delivery; none said is the fallback.
    pub(super) fn wait_for(&self, row: i64, until: Instant, reply: oneshot::Sender<Option<AppAnswer>>) {
        lock(&self.live).insert(row, Live { reply, until });
    }

    /// How long the sender of a delivery still waits.
    pub(super) fn waits(&self, row: i64) -> Option<std::time::Duration> {
        lock(&self.live).get(&row).map(|live| live.until.saturating_duration_since(Instant::now()))
    }

    /// Answers a sender that waits, if it still does; whether it did.
    pub(super) fn reply(&self, row: i64, answer: Option<AppAnswer>) -> bool {
        let live = lock(&self.live).remove(&row);
        live.is_some_and(|live| live.reply.send(answer).is_ok())
    }

    /// Lets every sender that waits have the fallback.
    pub(super) fn release(&self) {
        let waiting = std::mem::take(&mut *lock(&self.live));
        for live in waiting.into_values() {
            // A sender that has left wants none.
            let _ = live.reply.send(None);
        }
    }

    // What is kept.

    /// Counts a delivery in.
    pub(super) fn came(&self, inbox: i64, bytes: u64) {
        let mut kept = lock(&self.kept);
        let kept = kept.entry(inbox).or_default();
        kept.waiting += 1;
        kept.bytes = kept.bytes.saturating_add(bytes);
    }

    /// Counts a delivery out of what waits.
    pub(super) fn went(&self, inbox: i64) {
        if let Some(kept) = lock(&self.kept).get_mut(&inbox) {
            kept.waiting = kept.waiting.saturating_sub(1);
        }
    }

    /// A laptop has a delivery. It is written down a little later, with others: where that is lost, the
    /// delivery is sent again, and the laptop says that it has it.
    pub(super) fn taken(&self, taken: Taken) {
        self.went(taken.inbox);
        lock(&self.taken).push(taken);
    }

    /// Writes down what laptops have taken.
    pub(super) async fn keep_taken(&self) {
        let taken = std::mem::take(&mut *lock(&self.taken));
        if taken.is_empty() {
            return;
        }
        if let Err(error) = self.store.taken(taken.clone()).await {
            tracing::warn!(%error, "acknowledgements could not be written down; it is tried again");
            lock(&self.taken).extend(taken);
        }
    }

    /// Sets the counts to what was found in the store, which does not know yet of what was taken last.
    pub(super) fn counted(&self, mut found: HashMap<i64, Kept>) {
        for taken in lock(&self.taken).iter() {
            if let Some(kept) = found.get_mut(&taken.inbox) {
                kept.waiting = kept.waiting.saturating_sub(1);
            }
        }
        *lock(&self.kept) = found;
    }

    pub(super) fn kept(&self, inbox: i64) -> Kept {
        lock(&self.kept).get(&inbox).copied().unwrap_or_default()
    }

    /// Deliveries that wait, in all.
    pub(super) fn waiting(&self) -> u64 {
        lock(&self.kept).values().map(|kept| kept.waiting).sum()
    }

    /// Whether an inbox may take one more request, or why not.
    pub(super) fn has_room(&self, inbox: &Inbox) -> Result<(), &'static str> {
        if self.kept(inbox.number).waiting >= self.quotas.waiting {
            return Err("as many deliveries wait for this inbox as its relay keeps");
        }
        let numbers: Vec<i64> = self.directory.of_device(inbox.device).iter().map(|inbox| inbox.number).collect();
        let kept = lock(&self.kept);
        let bytes: u64 = numbers.iter().filter_map(|number| kept.get(number)).map(|kept| kept.bytes).sum();
        if bytes >= self.quotas.device_bytes { Err("the relay keeps no more bytes for this device") } else { Ok(()) }
    }
}
