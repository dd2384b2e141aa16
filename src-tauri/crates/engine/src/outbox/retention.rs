//! Retention: the oldest deliveries that have ended roll over; what waits stays.

use std::sync::Arc;

use hookline_model::{Change, RetentionPolicy};
use rusqlite::Connection;

use crate::Engine;

impl Engine {
    /// Deliveries past the limits, and endpoints of commands that have ended.
    pub(crate) async fn tidy_outbox(self: &Arc<Self>, retention: &RetentionPolicy) {
        let now_us = self.clock.now_us();
        let ended = self.outbox.schedule().drop_passed(now_us);
        if !ended.is_empty() {
            let forget = move |connection: &Connection| {
                let mut statement = connection.prepare_cached("UPDATE endpoint SET removed = 1 WHERE number = ?1")?;
                ended.iter().try_for_each(|endpoint| statement.execute([endpoint]).map(drop))
            };
            if let Err(error) = self.store.write(forget, |()| ()).await {
                tracing::warn!(%error, "endpoints of commands that have ended could not be removed");
            }
        }
        let (mut expired, mut after) = (0, 0);
        loop {
            let limits = retention.clone();
            let work = move |connection: &Connection| {
                hookline_store::delivery::expire_deliveries(connection, &limits, after, now_us)
            };
            match self.store.write(work, |_| ()).await {
                Ok((deleted, more)) => {
                    expired += deleted;
                    match more {
                        Some(last) => after = last,
                        None => break,
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "old deliveries could not be rolled over");
                    break;
                }
            }
        }
        if expired > 0 {
            self.feed.publish([Change::DeliveriesExpired { deliveries: expired }]);
        }
    }
}
