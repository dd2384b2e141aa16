//! Requests as a list shows them.

use std::sync::LazyLock;

use hookline_capture::{BodyState, Captured, HeaderNames, IdTail, RowId, Version};
use hookline_model::SignatureStatus;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    inbox::Address,
    outbox::{DeliveryState, Origin},
    thread::{BEFORE, EARLIER_MAX},
    time::{ms, timestamp},
};

/// A request as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// Its id, a UUIDv7.
    pub id: String,
    /// Name of its inbox.
    pub inbox: String,
    /// Method as sent.
    pub method: String,
    /// Target as sent: path and query, mostly.
    pub target: String,
    /// HTTP version.
    #[schema(value_type = String)]
    pub version: Version,
    /// The sender's address and port; empty where an imported file does not say.
    pub peer: String,
    /// Status the sender was answered; 499 if it broke off before, 0 where an imported file does not say.
    pub status: u16,
    /// Body size in bytes; what was announced, if it was refused unread.
    pub body_bytes: u64,
    /// Whether the body is whole.
    #[schema(value_type = String)]
    pub body_state: BodyState,
    /// What is known of the header names.
    #[schema(value_type = String)]
    pub names: HeaderNames,
    /// When its head was complete.
    #[schema(value_type = String, format = DateTime)]
    pub arrived_at: Timestamp,
    /// From the head to the last byte, in ms.
    pub receiving_ms: f64,
    /// Whether it stays when others roll over.
    pub pinned: bool,
    /// Whether nobody has opened it yet.
    pub unread: bool,
    /// A person's note.
    pub note: String,
    /// Name of the file it was imported from; none if it arrived here.
    pub source: Option<String>,
    /// The vendor that sent it: the inbox's, else the one it looks like.
    pub provider: Option<String>,
    /// What happened, as the vendor names it.
    pub event_type: Option<String>,
    /// The event's own id.
    pub event_id: Option<String>,
    /// Requests of the same event that this inbox had before it; a hundred stands for more.
    pub earlier: u32,
    /// Whether its signature holds.
    pub verdict: SignatureStatus,
    /// Why it does not, as a stable code such as `mismatch` or `stale`.
    pub reason: Option<String>,
    /// What became of it where it went on to last; none if it went nowhere.
    pub onward: Option<Onward>,
}

/// The last forward or replay of a request.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Onward {
    /// Whether it was a forward or a replay.
    pub origin: Origin,
    /// How it stands.
    pub state: DeliveryState,
    /// What it was answered, if it was.
    pub status: Option<u16>,
}

/// What a list is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    pub(crate) inbox: Option<i64>,
    pub(crate) after: Option<RowId>,
    pub(crate) skip: u32,
    pub(crate) limit: u32,
    pub(crate) pinned: bool,
}

static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "r.id, r.inbox, r.method, r.target, r.version, r.peer, r.status, r.body_bytes, r.body_state, r.names,
         r.arrived_us, r.receiving_us, coalesce(m.pinned, 0) pinned, coalesce(m.read, 0) read, coalesce(m.note, '') note,
         v.provider, v.event_type, v.event_id, coalesce(v.state, 0) verdict, v.reason,
         CASE WHEN v.event_id IS NULL THEN 0 ELSE (SELECT count(*) FROM (SELECT 1 {BEFORE} LIMIT {EARLIER_MAX})) END,
         nullif(m.source, '') source, f.origin onward_origin, f.state onward_state, f.status onward_status"
    )
});

/// `hookline_formats::UNKNOWN_PEER` as it is stored.
pub(crate) const NOBODY_STORED: &str = "0.0.0.0:0";

/// What stands beside a request.
const JOINED: &str = "LEFT JOIN request_mark m ON m.request = r.id LEFT JOIN request_verdict v ON v.request = r.id
 LEFT JOIN delivery f ON f.number = (SELECT max(number) FROM delivery WHERE request = r.id)";

/// The requests asked for, newest first.
pub(crate) fn list(
    connection: &Connection,
    list: &List,
    hidden: &str,
    tail: IdTail,
    inbox: &dyn Fn(i64) -> Option<Address>,
) -> rusqlite::Result<Vec<Summary>> {
    let by_inbox = list.inbox.map_or(String::new(), |number| format!(" AND r.inbox = {number}"));
    let pinned = if list.pinned { " AND m.pinned" } else { "" };
    let columns = &*COLUMNS;
    // The rows are found by index alone and then read, so that a far page skips index entries
    // and not bodies.
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
        .query_map(params![after, list.limit, list.skip], |row| from_row(row, tail, inbox))?
        .collect()
}

/// One request, unless it is hidden.
pub(crate) fn one(
    connection: &Connection,
    id: RowId,
    hidden: &str,
    tail: IdTail,
    inbox: &dyn Fn(i64) -> Option<Address>,
) -> rusqlite::Result<Option<Summary>> {
    let columns = &*COLUMNS;
    let sql = format!("SELECT {columns} FROM request r {JOINED} WHERE r.id = ?1{hidden}");
    connection.prepare_cached(&sql)?.query_row([id.0], |row| from_row(row, tail, inbox)).optional()
}

fn from_row(row: &Row<'_>, tail: IdTail, inbox: &dyn Fn(i64) -> Option<Address>) -> rusqlite::Result<Summary> {
    let id = RowId(row.get(0)?);
    let address = inbox(row.get(1)?);
    let read: bool = row.get(13)?;
    let unread = !read && address.as_ref().is_some_and(|address| id.0 > address.read_upto);
    Ok(Summary {
        id: tail.text(id),
        inbox: address.map_or_else(String::new, |address| address.name),
        method: row.get(2)?,
        target: row.get(3)?,
        version: version(row.get(4)?),
        peer: row.get::<_, String>(5).map(|peer| if peer == NOBODY_STORED { String::new() } else { peer })?,
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
        verdict: SignatureStatus::stored(row.get(18)?),
        reason: row.get(19)?,
        earlier: row.get(20)?,
        source: row.get(21)?,
        onward: row
            .get::<_, Option<u8>>(22)?
            .map(|origin| {
                let state = DeliveryState::of(row.get(23)?);
                Ok::<_, rusqlite::Error>(Onward { origin: Origin::of(origin), state, status: row.get(24)? })
            })
            .transpose()?,
    })
}

/// The summary of a request that was committed this moment.
pub(crate) fn summary_of(id: RowId, captured: Captured, tail: IdTail, inbox: String) -> Summary {
    Summary {
        id: tail.text(id),
        inbox,
        method: captured.method.to_string(),
        target: captured.target,
        version: captured.version,
        peer: captured.peer.to_string(),
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
        earlier: 0,
        verdict: SignatureStatus::Unchecked,
        reason: None,
        onward: None,
    }
}

fn version(stored: u8) -> Version {
    match stored {
        10 => Version::Http10,
        20 => Version::Http2,
        _ => Version::Http11,
    }
}

fn body_state(stored: u8) -> BodyState {
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
        _ => HeaderNames::Normalised,
    }
}
