//! Number of requests over time, counted from row numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use hookbench_capture::RowId;
use hookbench_model::SignatureStatus;
use rusqlite::{Connection, params};

use crate::request::CommittedRequest;

/// Verified requests since the start of the process, for monitoring.
#[derive(Debug, Default)]
pub struct VerifiedTotals {
    requests: [AtomicU64; SignatureStatus::ALL.len()],
    bytes: AtomicU64,
}

impl VerifiedTotals {
    /// Counts requests that were verified for the first time.
    pub fn add(&self, requests: &[CommittedRequest]) {
        for request in requests {
            self.requests[request.signature as usize].fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(request.body_bytes.max(0) as u64, Ordering::Relaxed);
        }
    }

    /// Returns the number of requests with this status.
    pub fn requests(&self, status: SignatureStatus) -> u64 {
        self.requests[status as usize].load(Ordering::Relaxed)
    }

    /// Returns the size of the bodies.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Counts the requests of inboxes from the first to the last row, by inbox, interval of `interval_ms` since the Unix
/// epoch, and signature status. Requests that `hidden` excludes and imported requests are not counted.
pub fn counts(
    connection: &Connection,
    inboxes: &[i64],
    (first, last): (RowId, RowId),
    interval_ms: i64,
    hidden: &str,
) -> rusqlite::Result<Vec<(i64, i64, SignatureStatus, u32)>> {
    // The index has the inbox and the row number, so no row is read.
    let sql = format!(
        "SELECT r.id / ?4, coalesce(v.state, 0), count(*) FROM request r INDEXED BY request_by_inbox
         LEFT JOIN request_verification v ON v.request = r.id LEFT JOIN request_mark m ON m.request = r.id
         WHERE r.inbox = ?1 AND r.id BETWEEN ?2 AND ?3 AND coalesce(m.source, '') = ''{hidden} GROUP BY 1, 2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut all = Vec::new();
    for inbox in inboxes {
        let rows = statement.query_map(params![inbox, first.0, last.0, RowId::at(interval_ms).0], |row| {
            Ok((*inbox, row.get(0)?, SignatureStatus::stored(row.get(1)?), row.get(2)?))
        })?;
        for row in rows {
            all.push(row?);
        }
    }
    Ok(all)
}
