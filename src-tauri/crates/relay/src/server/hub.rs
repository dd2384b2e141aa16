//! State that all tasks of a relay share: sessions, waiting senders and counts of deliveries.

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
    store::{DueDelivery, InboxUsage, RelayStore},
};
use crate::wire::{AppResponse, SessionEnd};

/// A message to a session.
#[derive(Debug)]
pub(super) enum Event {
    /// A delivery was stored. Contains the delivery if there is room in memory.
    Stored { inbox: Arc<Inbox>, seq: i64, due: Option<Box<DueDelivery>> },
    /// An inbox was created or changed, or has deliveries to resend.
    Look(Arc<Inbox>),
    /// An inbox was deleted.
    Gone(i64),
    /// The session must end.
    End(SessionEnd),
}

/// Handle of an attached session.
#[derive(Debug)]
struct Session {
    epoch: i64,
    events: mpsc::UnboundedSender<Event>,
    offered: Arc<AtomicUsize>,
}

/// A sender that waits for the response of an agent.
#[derive(Debug)]
struct Live {
    reply: oneshot::Sender<Option<AppResponse>>,
    until: Instant,
}

/// A delivery that an agent has acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct AcknowledgedDelivery {
    pub(super) inbox: i64,
    pub(super) row: i64,
    /// Status that the sender got, if the response came from the agent.
    pub(super) status: Option<u16>,
}

/// State that all tasks of a relay share.
pub(super) struct Hub {
    pub(super) store: RelayStore,
    pub(super) directory: Directory,
    pub(super) quotas: Quotas,
    pub(super) metrics: Metrics,
    sessions: Mutex<HashMap<i64, Session>>,
    live: Mutex<HashMap<i64, Live>>,
    kept: Mutex<HashMap<i64, InboxUsage>>,
    /// Acknowledged deliveries that are not yet marked in the database.
    taken: Mutex<Vec<AcknowledgedDelivery>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(super) fn new(store: RelayStore, quotas: Quotas, kept: HashMap<i64, InboxUsage>) -> Self {
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

    /// Registers a session for a device and ends the older session. Returns `None` if a newer session is attached. The
    /// session gets its messages from the returned channel, and subtracts the bytes of received deliveries from the
    /// returned counter.
    pub(super) fn attach(&self, device: i64, epoch: i64) -> Option<(mpsc::UnboundedReceiver<Event>, Arc<AtomicUsize>)> {
        let (sender, events) = mpsc::unbounded_channel();
        let offered = Arc::new(AtomicUsize::new(0));
        let mut sessions = lock(&self.sessions);
        if sessions.get(&device).is_some_and(|session| session.epoch > epoch) {
            return None;
        }
        if let Some(older) = sessions.insert(device, Session { epoch, events: sender, offered: offered.clone() }) {
            let _ = older.events.send(Event::End(SessionEnd::Superseded));
        }
        Some((events, offered))
    }

    /// Removes a session that has ended.
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

    /// Ends the session of a device, or all sessions if `device` is `None`.
    pub(super) fn end(&self, device: Option<i64>, why: SessionEnd) {
        for (_, session) in lock(&self.sessions).iter().filter(|(number, _)| device.is_none_or(|d| d == **number)) {
            let _ = session.events.send(Event::End(why));
        }
    }

    fn tell(&self, device: i64, event: Event) {
        if let Some(session) = lock(&self.sessions).get(&device) {
            // If the session is just ending, the next session reads the change from the database.
            let _ = session.events.send(event);
        }
    }

    /// Notifies the session that an inbox was created or changed, or has deliveries to resend.
    pub(super) fn look(&self, inbox: &Arc<Inbox>) {
        self.tell(inbox.device, Event::Look(inbox.clone()));
    }

    pub(super) fn gone(&self, device: i64, inbox: i64) {
        self.tell(device, Event::Gone(inbox));
        lock(&self.kept).remove(&inbox);
    }

    /// Passes a delivery that was just committed to the session. Called in the order of commits.
    pub(super) fn offer(&self, inbox: &Arc<Inbox>, seq: i64, due: Option<DueDelivery>) {
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
        let _ = session.events.send(Event::Stored { inbox: inbox.clone(), seq, due: due.map(Box::new) });
    }

    // Senders that wait.

    /// Registers a sender that waits for the response of an agent. With `None`, the sender gets the fallback response.
    pub(super) fn wait_for(&self, row: i64, until: Instant, reply: oneshot::Sender<Option<AppResponse>>) {
        lock(&self.live).insert(row, Live { reply, until });
    }

    /// Returns the remaining time that the sender of a delivery waits, or `None` if the sender does not wait.
    pub(super) fn waits(&self, row: i64) -> Option<std::time::Duration> {
        lock(&self.live).get(&row).map(|live| live.until.saturating_duration_since(Instant::now()))
    }

    /// Sends a response to a waiting sender. Returns true if the sender was still waiting.
    pub(super) fn reply(&self, row: i64, response: Option<AppResponse>) -> bool {
        let live = lock(&self.live).remove(&row);
        live.is_some_and(|live| live.reply.send(response).is_ok())
    }

    /// Sends the fallback response to all waiting senders.
    pub(super) fn release(&self) {
        let waiting = std::mem::take(&mut *lock(&self.live));
        for live in waiting.into_values() {
            // The sender may have disconnected.
            let _ = live.reply.send(None);
        }
    }

    // Counts of deliveries.

    /// Adds a delivery to the counts of its inbox.
    pub(super) fn came(&self, inbox: i64, bytes: u64) {
        let mut usage = lock(&self.kept);
        let usage = usage.entry(inbox).or_default();
        usage.waiting += 1;
        usage.bytes = usage.bytes.saturating_add(bytes);
    }

    /// Subtracts a delivery from the number of waiting deliveries.
    pub(super) fn went(&self, inbox: i64) {
        if let Some(usage) = lock(&self.kept).get_mut(&inbox) {
            usage.waiting = usage.waiting.saturating_sub(1);
        }
    }

    /// Records that an agent has acknowledged a delivery. Acknowledgments are stored later in batches. If one is lost,
    /// the delivery is resent, and the agent acknowledges it again.
    pub(super) fn taken(&self, taken: AcknowledgedDelivery) {
        self.went(taken.inbox);
        lock(&self.taken).push(taken);
    }

    /// Stores the recorded acknowledgments.
    pub(super) async fn keep_taken(&self) {
        let taken = std::mem::take(&mut *lock(&self.taken));
        if taken.is_empty() {
            return;
        }
        if let Err(error) = self.store.taken(taken.clone()).await {
            tracing::warn!(%error, "acknowledgments could not be stored; retrying");
            lock(&self.taken).extend(taken);
        }
    }

    /// Replaces the counts with counts from the database, minus the acknowledgments that are not stored yet.
    pub(super) fn counted(&self, mut found: HashMap<i64, InboxUsage>) {
        for taken in lock(&self.taken).iter() {
            if let Some(usage) = found.get_mut(&taken.inbox) {
                usage.waiting = usage.waiting.saturating_sub(1);
            }
        }
        *lock(&self.kept) = found;
    }

    pub(super) fn kept(&self, inbox: i64) -> InboxUsage {
        lock(&self.kept).get(&inbox).copied().unwrap_or_default()
    }

    /// Returns the number of waiting deliveries of all inboxes.
    pub(super) fn waiting(&self) -> u64 {
        lock(&self.kept).values().map(|usage| usage.waiting).sum()
    }

    /// Checks the quotas of an inbox and its device. Returns the reason if no further request may be stored.
    pub(super) fn has_room(&self, inbox: &Inbox) -> Result<(), &'static str> {
        if self.kept(inbox.number).waiting >= self.quotas.waiting {
            return Err("this inbox has reached the maximum number of waiting deliveries");
        }
        let numbers: Vec<i64> = self.directory.of_device(inbox.device).iter().map(|inbox| inbox.number).collect();
        let kept = lock(&self.kept);
        let bytes: u64 = numbers.iter().filter_map(|number| kept.get(number)).map(|kept| kept.bytes).sum();
        if bytes >= self.quotas.device_bytes { Err("the storage quota of this device is used up") } else { Ok(()) }
    }
}
