//! The inboxes of a relay in memory, as each request asks for them.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::store::InboxRow;
use crate::{
    access::{Gate, networks},
    wire::Wanted,
};

/// An inbox, ready to be asked.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) number: i64,
    pub(super) device: i64,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) wanted: Wanted,
    pub(super) gate: Gate,
    rate: DefaultDirectRateLimiter,
}

impl Inbox {
    fn new(row: InboxRow, per_second: u32) -> Self {
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        // What was stored was checked before.
        let allow = networks(&row.wanted.allow).unwrap_or_default();
        let gate = Gate::new(allow, row.wanted.basic.as_ref().map(|basic| basic.sha256.clone()));
        Self {
            number: row.number,
            device: row.device,
            name: row.name,
            token: row.token,
            gate,
            wanted: row.wanted,
            rate: RateLimiter::direct(Quota::per_second(per_second)),
        }
    }

    /// Whether one more request fits into this second.
    pub(super) fn has_room(&self) -> bool {
        self.rate.check().is_ok()
    }
}

/// All inboxes, by token, by number and by device.
#[derive(Debug, Default)]
pub(super) struct Directory(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    by_token: HashMap<String, Arc<Inbox>>,
    by_number: HashMap<i64, Arc<Inbox>>,
    by_device: HashMap<i64, Vec<Arc<Inbox>>>,
}

impl Maps {
    fn remove(&mut self, number: i64) {
        let Some(inbox) = self.by_number.remove(&number) else { return };
        self.by_token.remove(&inbox.token);
        if let Some(inboxes) = self.by_device.get_mut(&inbox.device) {
            inboxes.retain(|other| other.number != number);
        }
    }
}

impl Directory {
    fn read(&self) -> RwLockReadGuard<'_, Maps> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Maps> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, row: InboxRow, per_second: u32) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox::new(row, per_second));
        let mut maps = self.write();
        maps.remove(inbox.number);
        maps.by_token.insert(inbox.token.clone(), inbox.clone());
        maps.by_number.insert(inbox.number, inbox.clone());
        maps.by_device.entry(inbox.device).or_default().push(inbox.clone());
        inbox
    }

    pub(super) fn remove(&self, number: i64) {
        self.write().remove(number);
    }

    pub(super) fn remove_device(&self, device: i64) {
        let mut maps = self.write();
        for inbox in maps.by_device.remove(&device).unwrap_or_default() {
            maps.remove(inbox.number);
        }
    }

    pub(super) fn with_token(&self, token: &str) -> Option<Arc<Inbox>> {
        self.read().by_token.get(token).cloned()
    }

    pub(super) fn numbered(&self, number: i64) -> Option<Arc<Inbox>> {
        self.read().by_number.get(&number).cloned()
    }

    pub(super) fn of_device(&self, device: i64) -> Vec<Arc<Inbox>> {
        self.read().by_device.get(&device).cloned().unwrap_or_default()
    }
}
