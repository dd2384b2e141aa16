//! Event stream: every change, numbered, in commit order.
//!
//! Recent changes stay in a ring buffer. A subscriber reads the changes after its last number. If those changes are no
//! longer in the buffer, the subscriber gets [`FeedGone`] and reads the lists again. There is no queue per subscriber,
//! so a slow subscriber costs nothing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use hookbench_model::{Change, FeedItem};
use rusqlite::Connection;
use tokio::sync::watch;

/// Number of changes stored for subscribers that reconnect or fall behind.
const RING: usize = 20_000;

/// Number of changes that one run of the engine can number. The block is reserved at startup, so no number is assigned
/// twice and no commit has to store a number. The largest exact JSON number, 2^53, is reached after two million
/// starts.
const BLOCK: i64 = 1 << 32;

/// Reserves the numbers of this run. Returns the last number that an earlier run may have assigned.
pub fn reserve(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("UPDATE feed SET reserved = reserved + ?1 RETURNING reserved - ?1", [BLOCK], |row| row.get(0))
}

/// Error for a subscriber that fell behind: the requested changes are no longer stored, so the lists must be read
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the changes after this number are no longer stored")]
pub struct FeedGone;

#[derive(Debug)]
struct Ring {
    items: VecDeque<Arc<FeedItem>>,
    /// Number of the last change.
    last: i64,
}

/// Event stream.
#[derive(Debug)]
pub struct Feed {
    ring: Mutex<Ring>,
    last: watch::Sender<i64>,
}

impl Feed {
    /// Creates a stream whose first change gets the number `last + 1`.
    pub fn new(last: i64) -> Self {
        Self { ring: Mutex::new(Ring { items: VecDeque::with_capacity(1024), last }), last: watch::Sender::new(last) }
    }

    /// Numbers changes and appends them to the stream.
    pub fn publish(&self, changes: impl IntoIterator<Item = Change>) {
        let mut ring = self.lock();
        for change in changes {
            ring.last += 1;
            let item = Arc::new(FeedItem { seq: ring.last, change });
            if ring.items.len() == RING {
                ring.items.pop_front();
            }
            ring.items.push_back(item);
        }
        let last = ring.last;
        drop(ring);
        self.last.send_replace(last);
    }

    /// Returns the number of the last change. Data read after this call includes that change.
    pub fn last(&self) -> i64 {
        self.lock().last
    }

    /// Subscribes to the changes after number `after`. With `None`, the subscription starts with the next change.
    ///
    /// # Errors
    ///
    /// Returns [`FeedGone`] if the changes are no longer stored, or if the number has not been assigned yet.
    pub fn subscribe(self: &Arc<Self>, after: Option<i64>) -> Result<Subscription, FeedGone> {
        let after = after.unwrap_or_else(|| self.last());
        let subscription = Subscription { changed: self.last.subscribe(), feed: self.clone(), after };
        subscription.feed.following(after, 0)?;
        Ok(subscription)
    }

    fn following(&self, after: i64, most: usize) -> Result<Vec<Arc<FeedItem>>, FeedGone> {
        let ring = self.lock();
        let oldest = ring.last - ring.items.len() as i64;
        if after < oldest || after > ring.last {
            return Err(FeedGone);
        }
        Ok(ring.items.iter().skip((after - oldest) as usize).take(most).cloned().collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Position of one subscriber in the stream.
#[derive(Debug)]
pub struct Subscription {
    feed: Arc<Feed>,
    after: i64,
    changed: watch::Receiver<i64>,
}

impl Subscription {
    /// Returns the number of the last change that the subscriber has received.
    pub fn after(&self) -> i64 {
        self.after
    }

    /// Waits for changes and returns up to `most` of them.
    ///
    /// # Errors
    ///
    /// Returns [`FeedGone`] if the next changes are no longer stored.
    pub async fn next(&mut self, most: usize) -> Result<Vec<Arc<FeedItem>>, FeedGone> {
        loop {
            self.changed.mark_unchanged();
            let items = self.feed.following(self.after, most)?;
            if let Some(last) = items.last() {
                self.after = last.seq;
                return Ok(items);
            }
            // An error would mean that the stream has ended, but this subscription keeps the stream alive.
            let _ = self.changed.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(count: usize) -> Vec<Change> {
        vec![Change::StatusChanged; count]
    }

    #[tokio::test]
    async fn returns_changes_after_a_number() {
        let feed = Arc::new(Feed::new(100));
        feed.publish(status(3));
        let mut reader = feed.subscribe(Some(101)).expect("still stored");
        let seqs: Vec<_> = reader.next(10).await.expect("still stored").iter().map(|i| i.seq).collect();
        assert_eq!(seqs, [102, 103]);
        let waiting = tokio::spawn(async move { reader.next(10).await.map(|items| items[0].seq) });
        feed.publish(status(1));
        assert_eq!(waiting.await.expect("no panic"), Ok(104));
    }

    #[tokio::test]
    async fn rejects_late_subscribers() {
        let feed = Arc::new(Feed::new(0));
        let mut slow = feed.subscribe(None).expect("a new subscription");
        feed.publish(status(RING + 1));
        assert_eq!(slow.next(1).await.map(|_| ()), Err(FeedGone));
        assert_eq!(feed.subscribe(Some(0)).map(|_| ()), Err(FeedGone));
        assert_eq!(feed.subscribe(Some(RING as i64 + 2)).map(|_| ()), Err(FeedGone), "a number not assigned yet");
    }
}
