//! In-memory queue from the commit to the verification stage.

use std::collections::VecDeque;

use hookbench_capture::{Captured, Committed, RowId};
use hookbench_store::request::{CommittedRequest, ReadLimits, memory_of};

/// Maximum size of the requests in memory, in bytes. Further requests are read from the store.
const HANDOVER_MAX: usize = 4 * 1024 * 1024;

/// The requests of the last commits, without a gap, until verification takes them.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Row before the first request in memory.
    after: RowId,
    /// Last row in memory.
    end: RowId,
    /// Last row that was committed.
    committed: RowId,
    requests: VecDeque<(RowId, Captured)>,
    bytes: usize,
}

/// Where the next requests are.
#[derive(Debug)]
pub(super) enum Next {
    /// In memory: all requests up to the last one of these.
    Memory(Vec<CommittedRequest>),
    /// In the store, up to and including this row.
    Store(RowId),
    /// There are none.
    None,
}

impl Handover {
    /// Sets the last row that an earlier run committed. The requests of that run are in the store only.
    pub(super) fn resume(&mut self, committed: RowId) {
        self.committed = self.committed.max(committed);
    }

    /// Returns the last row that was committed.
    pub(super) fn committed(&self) -> RowId {
        self.committed
    }

    /// Adds the requests of a commit. Leaves them to the store if there is no room, or if the commit contains imported
    /// requests, which are not passed in memory.
    pub(super) fn push(&mut self, committed: Committed) {
        let Committed { before, last, arrived, kept, imported } = committed;
        self.committed = last;
        if self.requests.is_empty() {
            (self.after, self.end) = (before, before);
        }
        if imported > 0 || self.end != before || self.bytes >= HANDOVER_MAX {
            return;
        }
        let mut new: Vec<_> = arrived.into_iter().chain(kept).collect();
        new.sort_unstable_by_key(|(row, _)| *row);
        self.bytes += new.iter().map(|(_, captured)| memory_of(captured)).sum::<usize>();
        self.requests.extend(new);
        self.end = last;
    }

    /// Takes the requests after a cursor.
    pub(super) fn next(&mut self, cursor: RowId, limits: ReadLimits) -> Next {
        while self.requests.front().is_some_and(|(row, _)| *row <= cursor) {
            self.pop();
        }
        let store = |end: RowId| if cursor < end { Next::Store(end) } else { Next::None };
        if self.requests.is_empty() {
            return store(self.committed);
        }
        if cursor < self.after {
            return store(self.after);
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < limits.requests && bytes < limits.bytes {
            let Some((row, captured)) = self.pop() else { break };
            bytes += memory_of(&captured);
            taken.push(CommittedRequest::new(row, captured));
        }
        Next::Memory(taken)
    }

    fn pop(&mut self) -> Option<(RowId, Captured)> {
        let (row, captured) = self.requests.pop_front()?;
        self.bytes -= memory_of(&captured);
        self.after = row;
        if self.requests.is_empty() {
            self.requests = VecDeque::new();
        }
        Some((row, captured))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use hookbench_capture::{Body, Captured, Findings};
    use hookbench_model::{BodyState, HeaderNames, HttpVersion};

    use super::*;
    use crate::pipeline::BATCH;

    pub(in crate::pipeline) fn captured(bytes: usize) -> Captured {
        Captured {
            inbox: 1,
            arrived_us: 0,
            receiving_us: 0,
            method: http::Method::POST,
            target: "/shop".into(),
            version: HttpVersion::Http11,
            remote_address: ([127, 0, 0, 1], 1).into(),
            headers: Vec::new(),
            names: HeaderNames::Exact,
            trailers: Vec::new(),
            body: Body::Inline(vec![b'x'; bytes].into()),
            body_bytes: bytes as u64,
            body_state: BodyState::Complete,
            status: 200,
            response: None,
            via: 0,
            findings: Findings::default(),
        }
    }

    pub(in crate::pipeline) fn request(row: i64, bytes: usize) -> CommittedRequest {
        CommittedRequest::new(RowId(row), captured(bytes))
    }

    fn commit(before: i64, arrived: &[i64], kept: &[i64], imported: u64, bytes: usize) -> Committed {
        let rows = |rows: &[i64]| rows.iter().map(|row| (RowId(*row), captured(bytes))).collect();
        let last = arrived.iter().chain(kept).copied().max().unwrap_or(before) + imported as i64;
        Committed { before: RowId(before), last: RowId(last), arrived: rows(arrived), kept: rows(kept), imported }
    }

    fn next(handover: &mut Handover, cursor: i64) -> Result<Vec<i64>, Option<i64>> {
        match handover.next(RowId(cursor), BATCH) {
            Next::Memory(requests) => Ok(requests.iter().map(|request| request.row.0).collect()),
            Next::Store(end) => Err(Some(end.0)),
            Next::None => Err(None),
        }
    }

    #[test]
    fn returns_the_requests_of_a_commit_in_row_order() {
        let mut handover = Handover::default();
        handover.push(commit(0, &[1, 3], &[2], 0, 1));
        handover.push(commit(3, &[4], &[], 0, 1));
        assert_eq!(next(&mut handover, 0), Ok(vec![1, 2, 3, 4]));
        assert_eq!(next(&mut handover, 4), Err(None));
    }

    #[test]
    fn refers_a_stage_that_is_behind_to_the_store() {
        let mut handover = Handover::default();
        handover.resume(RowId(10));
        assert_eq!(next(&mut handover, 5), Err(Some(10)), "the requests of an earlier run are in the store");
        handover.push(commit(10, &[11], &[], 0, 1));
        assert_eq!(next(&mut handover, 5), Err(Some(10)));
        assert_eq!(next(&mut handover, 10), Ok(vec![11]));
    }

    #[test]
    fn leaves_imported_requests_and_those_after_them_to_the_store() {
        let mut handover = Handover::default();
        handover.push(commit(0, &[1], &[], 0, 1));
        handover.push(commit(1, &[2], &[], 1, 1));
        handover.push(commit(3, &[4], &[], 0, 1));
        assert_eq!(next(&mut handover, 0), Ok(vec![1]));
        assert_eq!(next(&mut handover, 1), Err(Some(4)));
        handover.push(commit(4, &[5], &[], 0, 1));
        assert_eq!(next(&mut handover, 4), Ok(vec![5]));
    }

    #[test]
    fn stays_within_the_size_limit() {
        let mut handover = Handover::default();
        for row in 1..=4 {
            handover.push(commit(row - 1, &[row], &[], 0, HANDOVER_MAX / 2));
        }
        assert!(handover.bytes <= HANDOVER_MAX * 3 / 2);
        assert_eq!(next(&mut handover, 0), Ok(vec![1, 2]));
        assert_eq!(next(&mut handover, 2), Err(Some(4)));
        assert_eq!(handover.bytes, 0);
    }
}
