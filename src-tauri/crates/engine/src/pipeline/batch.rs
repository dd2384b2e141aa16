//! Batches of committed requests, and a cache of the recent ones.

use std::{collections::VecDeque, sync::Arc};

use hookbench_capture::RowId;
use hookbench_store::request::{CommittedRequest, committed_after};
use rusqlite::Connection;

use super::BATCH;

/// Maximum size of the cached batches, in bytes. A stage that is further behind reads from the store.
const RECENT_MAX: usize = 8 * 1024 * 1024;

/// All requests between two rows, in commit order.
#[derive(Debug)]
pub(super) struct Batch {
    /// Row before the first request.
    pub(super) after: RowId,
    /// Last row that the batch covers. There may be no request with this number.
    pub(super) last: RowId,
    pub(super) requests: Vec<CommittedRequest>,
}

impl Batch {
    /// Reads the next requests after the first row, up to and including the second, of one inbox or of all.
    pub(super) fn read(
        connection: &Connection,
        after: RowId,
        end: RowId,
        inbox: Option<i64>,
    ) -> rusqlite::Result<Self> {
        let requests = committed_after(connection, after, end, inbox, BATCH)?;
        let full = requests.len() >= BATCH.requests || weight(&requests) >= BATCH.bytes;
        let last = requests.last().map(|request| request.row).filter(|_| full).unwrap_or(end);
        Ok(Self { after, last, requests })
    }
}

/// Returns the memory use of some requests, in bytes.
pub(super) fn weight(requests: &[CommittedRequest]) -> usize {
    requests.iter().map(CommittedRequest::weight).sum()
}

/// The newest verified batches that a stage has yet to process, without gaps between them.
#[derive(Debug, Default)]
pub(super) struct RecentBatches {
    batches: VecDeque<(Arc<Batch>, usize)>,
    bytes: usize,
}

impl RecentBatches {
    /// Adds the newest batch. Drops the oldest batches if the size limit is exceeded.
    pub(super) fn push(&mut self, batch: Arc<Batch>) {
        if self.batches.back().is_some_and(|(newest, _)| newest.last != batch.after) {
            (self.batches, self.bytes) = (VecDeque::new(), 0);
        }
        let bytes = weight(&batch.requests);
        self.bytes += bytes;
        self.batches.push_back((batch, bytes));
        while self.bytes > RECENT_MAX {
            self.drop_oldest();
        }
    }

    /// Returns the batch with the first request after `cursor`. Returns `None` if that batch is not in memory.
    pub(super) fn after(&self, cursor: RowId) -> Option<Arc<Batch>> {
        let (oldest, _) = self.batches.front()?;
        if cursor < oldest.after {
            return None;
        }
        let place = self.batches.partition_point(|(batch, _)| batch.last <= cursor);
        self.batches.get(place).map(|(batch, _)| batch.clone())
    }

    /// Drops the batches that every stage has processed.
    pub(super) fn forget(&mut self, processed: RowId) {
        while self.batches.front().is_some_and(|(oldest, _)| oldest.last <= processed) {
            self.drop_oldest();
        }
        if self.batches.is_empty() {
            self.batches.shrink_to_fit();
        }
    }

    fn drop_oldest(&mut self) {
        self.bytes -= self.batches.pop_front().map_or(0, |(_, bytes)| bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::handover::tests::{captured, request};

    fn batch(after: i64, last: i64, bytes: usize) -> Arc<Batch> {
        let requests = vec![CommittedRequest::new(RowId(last), captured(bytes))];
        Arc::new(Batch { after: RowId(after), last: RowId(last), requests })
    }

    fn found(recent: &RecentBatches, cursor: i64) -> Option<(i64, i64)> {
        recent.after(RowId(cursor)).map(|batch| (batch.after.0, batch.last.0))
    }

    #[test]
    fn finds_the_batch_after_a_cursor() {
        let mut recent = RecentBatches::default();
        recent.push(batch(10, 20, 1));
        recent.push(batch(20, 30, 1));
        assert_eq!(found(&recent, 9), None, "rows before the oldest batch are in the store only");
        assert_eq!(found(&recent, 10), Some((10, 20)));
        assert_eq!(found(&recent, 19), Some((10, 20)));
        assert_eq!(found(&recent, 20), Some((20, 30)));
        assert_eq!(found(&recent, 30), None);
    }

    #[test]
    fn keeps_only_batches_without_a_gap() {
        let mut recent = RecentBatches::default();
        recent.push(batch(10, 20, 1));
        recent.push(batch(40, 50, 1));
        assert_eq!((found(&recent, 10), found(&recent, 40)), (None, Some((40, 50))));
    }

    #[test]
    fn drops_the_oldest_batches_at_the_limit_and_those_that_were_processed() {
        let mut recent = RecentBatches::default();
        for place in 0..3 {
            recent.push(batch(place * 10, (place + 1) * 10, RECENT_MAX / 2));
        }
        assert_eq!((found(&recent, 0), found(&recent, 20)), (None, Some((20, 30))));
        assert!(recent.bytes <= RECENT_MAX);
        recent.forget(RowId(30));
        assert_eq!((recent.batches.len(), recent.bytes), (0, 0));
    }

    #[test]
    fn counts_the_memory_of_a_request() {
        assert!(request(1, 1_000).weight() >= 1_000);
    }
}
