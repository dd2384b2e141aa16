//! The feed: every change, numbered, in commit order.
//!
//! Recent changes stay in a ring. A reader takes what follows its last number; one that comes
//! too late is told that it is gone, and reads the lists again. Nothing is queued per reader, so a
//! slow one costs nothing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use hookline_model::{Change, FeedItem};
use rusqlite::Connection;
use tokio::sync::watch;

/// Changes kept for readers that come back or fall behind.
const RING: usize = 20_000;

/// Numbers one run of the engine may use. Reserved at start, so that a number is never given
/// twice and no commit has to store it. 2^53, where JSON numbers end, is two million starts away.
const BLOCK: i64 = 1 << 32;

/// Reserves the numbers of this run. Returns the last number that was given before.
pub fn reserve(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("UPDATE feed SET reserved = reserved + ?1 RETURNING reserved - ?1", [BLOCK], |row| row.get(0))
}

/// The wanted changes are no longer kept: read the lists again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the changes after this number are no longer kept")]
pub struct FeedGone;

#[derive(Debug)]
struct Ring {
    items: VecDeque<Arc<FeedItem>>,
    /// Number of the last change.
    last: i64,
}

/// The stream of changes.
#[derive(Debug)]
pub struct Feed {
    ring: Mutex<Ring>,
    last: watch::Sender<i64>,
}

impl Feed {
    pub fn new(last: i64) -> Self {
        Self { ring: Mutex::new(Ring { items: VecDeque::with_capacity(1024), last }), last: watch::Sender::new(last) }
    }

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

    /// Number of the last change. Whatever is read after this call includes it.
    pub fn last(&self) -> i64 {
        self.lock().last
    }

    /// What follows change number `after`, from now on; from the present if there is none.
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

/// One reader's place in the feed.
#[derive(Debug)]
pub struct Subscription {
    feed: Arc<Feed>,
    after: i64,
    changed: watch::Receiver<i64>,
}

impl Subscription {
    /// Number of the last change this reader has had.
    pub fn after(&self) -> i64 {
        self.after
    }

    /// Waits for changes and takes up to `most` of them.
    pub async fn next(&mut self, most: usize) -> Result<Vec<Arc<FeedItem>>, FeedGone> {
        loop {
            self.changed.mark_unchanged();
            let items = self.feed.following(self.after, most)?;
            if let Some(last) = items.last() {
                self.after = last.seq;
                return Ok(items);
            }
            // An error means the feed has ended, which this reader's own hold on it prevents.
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
    async fn a_reader_gets_what_follows_its_number() {
        let feed = Arc::new(Feed::new(100));
        feed.publish(status(3));
        let mut reader = feed.subscribe(Some(101)).expect("still kept");
        let seqs: Vec<_> = reader.next(10).await.expect("still kept").iter().map(|i| i.seq).collect();
        assert_eq!(seqs, [102, 103]);
        let waiting = tokio::spawn(async move { reader.next(10).await.map(|items| items[0].seq) });
        feed.publish(status(1));
        assert_eq!(waiting.await.expect("no panic"), Ok(104));
    }

    #[tokio::test]
    async fn a_late_reader_is_told_so() {
        let feed = Arc::new(Feed::new(0));
        let mut slow = feed.subscribe(None).expect("the present is kept");
        feed.publish(status(RING + 1));
        assert_eq!(slow.next(1).await.map(|_| ()), Err(FeedGone));
        assert_eq!(feed.subscribe(Some(0)).map(|_| ()), Err(FeedGone));
        assert_eq!(feed.subscribe(Some(RING as i64 + 2)).map(|_| ()), Err(FeedGone), "a number not given yet");
    }
}
