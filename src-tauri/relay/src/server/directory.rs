//! The inboxes of a relay in memory, as each request asks for them.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use super::store::InboxRow;
use crate::wire::Wanted;

/// An inbox, ready to be asked.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) number: i64,
    pub(super) device: i64,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) wanted: Wanted,
    allow: Vec<IpNet>,
    rate: DefaultDirectRateLimiter,
}

/// Networks as they are written: `192.0.2.0/24`, or one address.
pub(super) fn networks(written: &[String]) -> Result<Vec<IpNet>, String> {
    written
        .iter()
        .map(|text| {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| format!("{text:?} is no network such as 192.0.2.0/24, and no address."))
        })
        .collect()
}

/// An IPv4 address in IPv6 clothes is that IPv4 address.
pub(super) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

impl Inbox {
    fn new(row: InboxRow, per_second: u32) -> Self {
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            number: row.number,
            device: row.device,
            name: row.name,
            token: row.token,
            // What was stored was checked before.
            allow: networks(&row.wanted.allow).unwrap_or_default(),
            wanted: row.wanted,
            rate: RateLimiter::direct(Quota::per_second(per_second)),
        }
    }

    /// Whether a sender at this address may send here.
    pub(super) fn allows(&self, sender: IpAddr) -> bool {
        self.allow.is_empty() || contains(&self.allow, sender)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_held_to() {
        let allowed = networks(&["192.0.2.0/24".into(), "2001:db8::1".into()]).expect("they read");
        for (address, inside) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.3.7", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            assert_eq!(contains(&allowed, address.parse().expect("an address")), inside, "{address}");
        }
        assert!(networks(&["example.com".into()]).is_err());
    }
}
