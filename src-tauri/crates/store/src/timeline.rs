//! Timelines: all requests and deliveries of one event, in time order.

use hookbench_capture::RowId;
use hookbench_model::{Timeline, TimelineItem, TimelineRepeat};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::{delivery, request::RequestReader, verification::violations};

/// Maximum number of requests in a timeline. A vendor that retries for three days sends about twenty.
const REQUESTS_MAX: usize = 200;

/// Maximum number of body bytes that are compared for one timeline. The relation of further requests is unknown.
const COMPARED_MAX: u64 = 256 * 1024 * 1024;

/// SQL for the requests `q` with the event of `v` that arrived in the inbox of `r` before `r`.
pub const BEFORE: &str = "FROM request_verification w CROSS JOIN request q ON q.id = w.request
 WHERE w.event_id = v.event_id COLLATE NOCASE AND w.event_id = v.event_id AND w.request < v.request AND q.inbox = r.inbox";

/// Maximum number of earlier requests that are counted.
pub const EARLIER_MAX: u32 = 100;

/// Returns the timeline of the event of a request. `None` if the request is hidden or deleted.
pub fn timeline(connection: &Connection, id: RowId, requests: &RequestReader) -> rusqlite::Result<Option<Timeline>> {
    let Some(summary) = requests.one(connection, id)? else { return Ok(None) };
    let Some(event_id) = summary.event_id.clone() else {
        let alone = TimelineItem::Request {
            request: Box::new(summary),
            repeat: TimelineRepeat::First,
            after_ms: None,
            violations: violations(connection, id)?,
        };
        let outgoing = delivery::deliveries_of_request(connection, id.0)?.into_iter().map(TimelineItem::of);
        let items = [alone].into_iter().chain(outgoing).collect();
        return Ok(Some(Timeline { event_id: None, items, more: false }));
    };
    let mut rows: Vec<i64> = connection
        .prepare_cached(
            "SELECT v.request FROM request_verification v CROSS JOIN request r ON r.id = v.request
             WHERE v.event_id = ?1 COLLATE NOCASE AND v.event_id = ?1
               AND r.inbox = (SELECT inbox FROM request WHERE id = ?2) ORDER BY v.request LIMIT ?3",
        )?
        .query_map(params![event_id, id.0, REQUESTS_MAX as i64 + 1], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let more = rows.len() > REQUESTS_MAX;
    rows.truncate(REQUESTS_MAX);
    let (mut items, mut original, mut left) = (Vec::new(), None, COMPARED_MAX);
    let mut before: Option<(Timestamp, u16)> = None;
    for row in rows.into_iter().map(RowId) {
        let Some(request) = requests.one(connection, row)? else { continue };
        let own = digest(connection, row, &mut left)?;
        let repeat = match (before, own) {
            (None, _) => TimelineRepeat::First,
            _ if own.is_none() || original.is_none() => TimelineRepeat::Unknown,
            _ if own != original => TimelineRepeat::Altered,
            (Some((_, status)), _) if (200..300).contains(&status) => TimelineRepeat::Duplicate,
            _ => TimelineRepeat::Retry,
        };
        let since =
            |(at, _): (Timestamp, u16)| (request.arrived_at.as_microsecond() - at.as_microsecond()) as f64 / 1e3;
        let after_ms = before.map(since);
        before = Some((request.arrived_at, request.status));
        if repeat == TimelineRepeat::First {
            original = own;
        }
        let violations = violations(connection, row)?;
        items.push(TimelineItem::Request { request: Box::new(request), repeat, after_ms, violations });
        items.extend(delivery::deliveries_of_request(connection, row.0)?.into_iter().map(TimelineItem::of));
    }
    let deliveries = delivery::deliveries_of(connection, &event_id)?;
    items.extend(deliveries.into_iter().map(TimelineItem::of));
    items.sort_by_key(TimelineItem::at);
    Ok(Some(Timeline { event_id: Some(event_id), items, more }))
}

/// Computes the SHA-256 of a stored body, and subtracts its size from `left`. `None` if the body is larger than `left`.
fn digest(connection: &Connection, id: RowId, left: &mut u64) -> rusqlite::Result<Option<[u8; 32]>> {
    let found: Option<(Option<i64>, i64)> = connection
        .prepare_cached("SELECT chunks, body_bytes FROM request WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((chunks, bytes)) = found.filter(|(_, bytes)| *bytes as u64 <= *left) else { return Ok(None) };
    *left -= bytes as u64;
    let body = match chunks {
        Some(body) => hookbench_capture::read_chunks(connection, body, COMPARED_MAX)?,
        None => connection
            .prepare_cached("SELECT coalesce(body, x'') FROM request WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0))?,
    };
    Ok(Some(Sha256::digest(&body).into()))
}
