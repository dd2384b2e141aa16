//! Retention of requests: the oldest requests are deleted, except pinned ones.

use crate::sql::STORED_BYTES;
use const_format::formatcp;
use hookbench_capture::RowId;
use hookbench_model::RetentionPolicy;
use rusqlite::{Connection, params};

use crate::deletion::{BATCH_SIZE, delete_requests};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Totals that the limits apply to: without pinned requests, which are kept, and without deleted requests.
const COUNTED: &str = formatcp!("SELECT coalesce(sum(requests), 0), coalesce(sum(bytes), 0) FROM (
   SELECT requests, bytes FROM inbox_total
   UNION ALL SELECT -requests, -bytes FROM deletion
   UNION ALL SELECT -1, -{STORED_BYTES} FROM request_mark m CROSS JOIN request r ON r.id = m.request
     WHERE m.pinned AND NOT EXISTS (SELECT 1 FROM deletion v WHERE v.inbox = r.inbox AND r.id BETWEEN v.first AND v.last AND (v.whole OR v.first = v.last)))");

/// Condition under which retention may delete a request `r`: the request is neither pinned nor deleted.
const MAY_GO: &str = "NOT EXISTS (SELECT 1 FROM request_mark m WHERE m.request = r.id AND m.pinned)
   AND NOT EXISTS (SELECT 1 FROM deletion v WHERE v.inbox = r.inbox AND r.id BETWEEN v.first AND v.last)";

/// Converts a limit to an SQLite integer. A larger limit becomes the largest integer, which is never reached.
fn limit(most: u64) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// Deletes requests that exceed the limits, oldest first, at most [`BATCH_SIZE`] per call. Returns the number of
/// deleted requests, and true if more may have to be deleted.
pub fn expire_slice(
    connection: &Connection,
    retention: &RetentionPolicy,
    now_ms: i64,
) -> rusqlite::Result<(u64, bool)> {
    let (requests, bytes): (i64, i64) =
        connection.prepare_cached(COUNTED)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let over_requests = retention.requests.map_or(0, |most| requests - limit(most));
    let mut over_bytes = retention.bytes.map_or(0, |most| bytes - limit(most));
    let too_old = retention.days.map_or(RowId(0), |days| RowId::at(now_ms - i64::from(days) * DAY_MS));
    if over_requests <= 0 && over_bytes <= 0 && !any_before(connection, too_old)? {
        return Ok((0, false));
    }
    let mut oldest = connection
        .prepare_cached(&format!("SELECT r.id, {STORED_BYTES} FROM request r WHERE {MAY_GO} ORDER BY r.id LIMIT ?1"))?;
    let mut expired = Vec::new();
    let mut rows = oldest.query([BATCH_SIZE as i64])?;
    while let Some(row) = rows.next()? {
        let (id, size): (i64, i64) = (row.get(0)?, row.get(1)?);
        if id >= too_old.0 && (expired.len() as i64) >= over_requests && over_bytes <= 0 {
            break;
        }
        over_bytes -= size;
        expired.push(id);
    }
    drop(rows);
    let (deleted, _) = delete_requests(connection, &expired)?;
    Ok((deleted as u64, expired.len() == BATCH_SIZE))
}

fn any_before(connection: &Connection, id: RowId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM request r WHERE r.id < ?1 AND {MAY_GO})"))?
        .query_row(params![id.0], |row| row.get(0))
}
