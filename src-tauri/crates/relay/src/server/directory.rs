//! In-memory index of the inboxes of a relay, used for each request.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::store::InboxRow;
use crate::{
    access::{Access, networks},
    wire::ExposedInbox,
};

/// An inbox with its parsed access rules and its rate limiter.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) number: i64,
    pub(super) device: i64,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) wanted: ExposedInbox,
    pub(super) access: Access,
    rate: DefaultDirectRateLimiter,
}

impl Inbox {
    fn new(row: InboxRow, per_second: u32) -> Self {
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        // Networks were validated before they were stored.
        let allow = networks(&row.wanted.allow).unwrap_or_default();
        let access = Access::new(allow, row.wanted.basic.as_ref().map(|basic| basic.sha256.clone()));
        Self {
            number: row.number,
            device: row.device,
            name: row.name,
            token: row.token,
            access,
            wanted: row.wanted,
            rate: RateLimiter::direct(Quota::per_second(per_second)),
        }
    }

    /// Returns true if the rate limit allows another request, and counts the request.
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
