//! Requests, as shown in lists.

use std::sync::LazyLock;

use hookbench_capture::{Captured, IdTail, RowId};
use hookbench_model::{
    BodyState, DeliveryOrigin, DeliveryState, HeaderNames, HttpVersion, OutgoingSummary, RequestSummary,
    SignatureStatus, milliseconds as ms, timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use const_format::formatcp;

use crate::{
    request::InboxNames,
    sql::{SENDING, WAITING},
    timeline::{BEFORE, EARLIER_MAX},
    verification::{SCHEMA_STATUS, schema_status},
};

/// Selection of a page of requests.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// Number of the inbox. `None` selects all inboxes.
    pub inbox: Option<i64>,
    /// Row of the last request on the previous page. Only older requests are listed.
    pub after: Option<RowId>,
    /// Number of requests to skip.
    pub skip: u32,
    /// Maximum number of requests.
    pub limit: u32,
    /// True to list only pinned requests.
    pub pinned: bool,
}

static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "r.id, r.inbox, r.method, r.target, r.version, r.remote_address, r.status, r.body_bytes, r.body_state, r.names,
         r.arrived_us, r.receiving_us, coalesce(m.pinned, 0) pinned, coalesce(m.read, 0) read, coalesce(m.note, '') note,
         v.provider, v.event_type, v.event_id, v.subject, coalesce(v.state, 0) signature_status, v.reason,
         CASE WHEN v.event_id IS NULL THEN 0 ELSE (SELECT count(*) FROM (SELECT 1 {BEFORE} LIMIT {EARLIER_MAX})) END,
         nullif(m.source, '') source, f.origin onward_origin, f.state onward_state, f.status onward_status,
         {SCHEMA_STATUS} schema_status"
    )
});

/// `hookbench_formats::UNKNOWN_ADDRESS` as stored.
pub const NOBODY_STORED: &str = "0.0.0.0:0";

/// SQL for the number of the delivery of `r` with the worst result. Of the deliveries to one URL, the last one counts.
/// No response is worse than any status, and a delivery that is not finished is worse than a success.
const WORST: &str = formatcp!(
    "(SELECT d.number FROM delivery d WHERE d.request = r.id
       AND NOT EXISTS (SELECT 1 FROM delivery n WHERE n.request = r.id AND n.url = d.url AND n.number > d.number)
      ORDER BY CASE WHEN d.status IS NOT NULL THEN d.status WHEN d.error IS NOT NULL THEN 1000
                    WHEN d.state IN ({WAITING}, {SENDING}) THEN 299 ELSE 0 END DESC, d.number DESC LIMIT 1)"
);

/// SQL for the worst status that the app responded to `r` with: 0 if it did not respond, and `NULL` without a response.
pub const APP_STATUS: &str =
    formatcp!("(SELECT coalesce(o.status, iif(o.error IS NULL, NULL, 0)) FROM delivery o WHERE o.number = {WORST})");

/// Tables that are joined to a request.
const JOINED: &str = formatcp!(
    "LEFT JOIN request_mark m ON m.request = r.id LEFT JOIN request_verification v ON v.request = r.id
 LEFT JOIN delivery f ON f.number = {WORST}"
);

/// Lists the selected requests, newest first.
pub(crate) fn list(
    connection: &Connection,
    list: &List,
    hidden: &str,
    tail: IdTail,
    inboxes: &dyn InboxNames,
) -> rusqlite::Result<Vec<RequestSummary>> {
    let by_inbox = list.inbox.map_or(String::new(), |number| format!(" AND r.inbox = {number}"));
    let pinned = if list.pinned { " AND m.pinned" } else { "" };
    let columns = &*COLUMNS;
    // The rows are first found in the index and then read. A page far down the list then skips index entries, not
    // bodies.
    let sql = if hidden.is_empty() && !list.pinned {
        format!(
            "SELECT {columns} FROM (SELECT r.id FROM request r WHERE r.id < ?1{by_inbox} ORDER BY r.id DESC LIMIT ?2 OFFSET ?3) page
             CROSS JOIN request r ON r.id = page.id {JOINED} ORDER BY r.id DESC"
        )
    } else {
        format!(
            "SELECT {columns} FROM request r {JOINED}
             WHERE r.id < ?1{by_inbox}{pinned}{hidden} ORDER BY r.id DESC LIMIT ?2 OFFSET ?3"
        )
    };
    let after = list.after.map_or(i64::MAX, |row| row.0);
    connection
        .prepare_cached(&sql)?
        .query_map(params![after, list.limit, list.skip], |row| from_row(row, tail, inboxes))?
        .collect()
}

/// Returns one request. `None` if the request is hidden or deleted.
pub(crate) fn one(
    connection: &Connection,
    id: RowId,
    hidden: &str,
    tail: IdTail,
    inboxes: &dyn InboxNames,
) -> rusqlite::Result<Option<RequestSummary>> {
    let columns = &*COLUMNS;
    let sql = format!("SELECT {columns} FROM request r {JOINED} WHERE r.id = ?1{hidden}");
    connection.prepare_cached(&sql)?.query_row([id.0], |row| from_row(row, tail, inboxes)).optional()
}

fn from_row(row: &Row<'_>, tail: IdTail, inboxes: &dyn InboxNames) -> rusqlite::Result<RequestSummary> {
    let id = RowId(row.get(0)?);
    let inbox = inboxes.inbox(row.get(1)?);
    let read: bool = row.get(13)?;
    let unread = !read && inbox.as_ref().is_some_and(|inbox| id.0 > inbox.read_cursor);
    Ok(RequestSummary {
        id: tail.text(id),
        inbox: inbox.map_or_else(String::new, |inbox| inbox.name),
        method: row.get(2)?,
        target: row.get(3)?,
        version: version(row.get(4)?),
        remote_address: row
            .get::<_, String>(5)
            .map(|remote_address| if remote_address == NOBODY_STORED { String::new() } else { remote_address })?,
        status: row.get(6)?,
        body_bytes: row.get::<_, i64>(7)? as u64,
        body_state: body_state(row.get(8)?),
        names: names(row.get(9)?),
        arrived_at: timestamp(row.get(10)?),
        receiving_ms: ms(row.get(11)?),
        pinned: row.get(12)?,
        unread,
        note: row.get(14)?,
        provider: row.get(15)?,
        event_type: row.get(16)?,
        event_id: row.get(17)?,
        subject: row.get(18)?,
        signature_status: SignatureStatus::stored(row.get(19)?),
        reason: row.get(20)?,
        earlier: row.get(21)?,
        source: row.get(22)?,
        outgoing: row
            .get::<_, Option<u8>>(23)?
            .map(|origin| {
                let state = DeliveryState::of(row.get(24)?);
                Ok::<_, rusqlite::Error>(OutgoingSummary {
                    origin: DeliveryOrigin::of(origin),
                    state,
                    status: row.get(25)?,
                })
            })
            .transpose()?,
        schema_status: schema_status(row.get_ref(26)?.as_str_or_null()?),
    })
}

/// Returns the summary of a request that was just stored.
pub fn summary_of(id: RowId, captured: &Captured, tail: IdTail, inbox: String) -> RequestSummary {
    RequestSummary {
        id: tail.text(id),
        inbox,
        method: captured.method.to_string(),
        target: captured.target.clone(),
        version: captured.version,
        remote_address: captured.remote_address.to_string(),
        status: captured.status,
        body_bytes: captured.body_bytes,
        body_state: captured.body_state,
        names: captured.names,
        arrived_at: timestamp(captured.arrived_us),
        receiving_ms: ms(captured.receiving_us),
        pinned: false,
        unread: true,
        note: String::new(),
        source: None,
        provider: None,
        event_type: None,
        event_id: None,
        subject: None,
        earlier: 0,
        signature_status: SignatureStatus::Unverified,
        reason: None,
        schema_status: None,
        outgoing: None,
    }
}

fn version(stored: u8) -> HttpVersion {
    match stored {
        10 => HttpVersion::Http10,
        20 => HttpVersion::Http2,
        _ => HttpVersion::Http11,
    }
}

pub(super) fn body_state(stored: u8) -> BodyState {
    match stored {
        0 => BodyState::Complete,
        2 => BodyState::Stalled,
        3 => BodyState::TooLarge,
        _ => BodyState::BrokenOff,
    }
}

fn names(stored: u8) -> HeaderNames {
    match stored {
        0 => HeaderNames::Exact,
        1 => HeaderNames::Lowercase,
        _ => HeaderNames::Normalized,
    }
}

/// Stores the status and the number of a response that is known only after the request was stored.
pub fn set_response(connection: &Connection, id: RowId, status: u16, response: Option<i64>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE request SET status = ?2, response = ?3 WHERE id = ?1")?
        .execute(params![id.0, status, response])
        .map(drop)
}

/// Data of a stored request that a forward or replay needs.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Number of the inbox.
    pub inbox: i64,
    /// Method.
    pub method: String,
    /// Target as sent.
    pub target: String,
    /// Header block.
    pub headers: Vec<u8>,
    /// Remote address.
    pub remote_address: String,
    /// True if the body is complete.
    pub whole: bool,
    /// ID of the provider. Empty if unknown.
    pub provider: String,
    /// Event type. Empty if unknown.
    pub event_type: String,
    /// ID of the event.
    pub event_id: Option<String>,
}

/// Returns the head of a stored request, including hidden ones: a deleted request can still be sent while the deletion
/// can be undone.
pub fn head(connection: &Connection, id: RowId) -> rusqlite::Result<Option<Head>> {
    connection
        .prepare_cached(
            "SELECT r.inbox, r.method, r.target, r.headers, r.remote_address, r.body_state, coalesce(v.provider, ''),
               coalesce(v.event_type, ''), v.event_id
             FROM request r LEFT JOIN request_verification v ON v.request = r.id WHERE r.id = ?1",
        )?
        .query_row([id.0], |row| {
            Ok(Head {
                inbox: row.get(0)?,
                method: row.get(1)?,
                target: row.get(2)?,
                headers: row.get(3)?,
                remote_address: row.get(4)?,
                whole: row.get::<_, u8>(5)? == BodyState::Complete as u8,
                provider: row.get(6)?,
                event_type: row.get(7)?,
                event_id: row.get(8)?,
            })
        })
        .optional()
}

/// Returns true if the body of a request is complete.
pub fn is_whole(connection: &Connection, id: RowId) -> rusqlite::Result<bool> {
    let state: u8 = connection
        .prepare_cached("SELECT body_state FROM request WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))?;
    Ok(state == BodyState::Complete as u8)
}

/// Returns the row number of the newest request of one inbox or of all, or 0 if there is none.
pub fn newest(connection: &Connection, inbox: Option<i64>) -> rusqlite::Result<i64> {
    match inbox {
        Some(inbox) => connection
            .prepare_cached("SELECT coalesce(max(id), 0) FROM request WHERE inbox = ?1")?
            .query_row([inbox], |row| row.get(0)),
        None => connection.prepare_cached("SELECT coalesce(max(id), 0) FROM request")?.query_row([], |row| row.get(0)),
    }
}

/// Stores the marks and the source of an imported request.
pub fn insert_mark(connection: &Connection, id: RowId, pinned: bool, note: &str, source: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO request_mark (request, pinned, note, source) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id.0, pinned, note, source])
        .map(drop)
}
