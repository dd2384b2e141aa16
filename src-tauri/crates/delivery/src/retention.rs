//! Retention: deletes the oldest deliveries that have ended. Waiting deliveries are kept.

use hookbench_model::{Change, RetentionPolicy};
use rusqlite::Connection;

use crate::outbox::Outbox;

impl Outbox {
    /// Deletes deliveries that exceed the limits, and endpoints of commands that have ended.
    pub async fn tidy(&self, retention: &RetentionPolicy) {
        let now_us = self.parts.clock.now_us();
        let ended = self.schedule().drop_passed(now_us);
        if !ended.is_empty() {
            let forget = move |connection: &Connection| {
                ended.iter().try_for_each(|endpoint| hookbench_store::endpoint::remove(connection, *endpoint))
            };
            if let Err(error) = self.parts.store.write(forget, |()| ()).await {
                tracing::warn!(%error, "cannot delete the endpoints of ended commands");
            }
        }
        let (mut expired, mut after) = (0, 0);
        loop {
            let limits = retention.clone();
            let work = move |connection: &Connection| {
                hookbench_store::delivery::expire_deliveries(connection, &limits, after, now_us)
            };
            match self.parts.store.write(work, |_| ()).await {
                Ok((deleted, more)) => {
                    expired += deleted;
                    match more {
                        Some(last) => after = last,
                        None => break,
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot delete old deliveries");
                    break;
                }
            }
        }
        if expired > 0 {
            self.parts.feed.publish([Change::DeliveriesExpired { deliveries: expired }]);
        }
    }
}
