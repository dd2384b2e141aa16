//! Reading of stored requests for a query.

use std::{borrow::Cow, collections::HashMap, ops::ControlFlow};

use hookbench_capture::{IdTail, RowId, read_chunks};
use hookbench_model::SignatureStatus;
use hookbench_query::{SEARCHED_MAX, Subject, Uses};
use hookbench_store::{
    request::{APP_STATUS, InboxLabel},
    verification::{SCHEMA_STATUS, schema_status},
};
use rusqlite::{Connection, Statement, ToSql};

use super::narrow::DUPLICATE;

/// Data that is not part of a stored row: the suffix of its ID, and the name and read mark of its inbox.
#[derive(Debug, Clone)]
pub struct InboxSnapshot {
    /// Suffix that turns row numbers into IDs.
    pub tail: IdTail,
    inboxes: HashMap<i64, (String, i64)>,
}

impl InboxSnapshot {
    /// Creates a snapshot of the inboxes: the number, name and read mark of each.
    pub fn new(tail: IdTail, inboxes: impl IntoIterator<Item = (i64, InboxLabel)>) -> Self {
        let label = |(number, label): (i64, InboxLabel)| (number, (label.name, label.read_cursor));
        Self { tail, inboxes: inboxes.into_iter().map(label).collect() }
    }

    /// Returns the number and name of every inbox.
    pub(crate) fn names(&self) -> Vec<(i64, String)> {
        self.inboxes.iter().map(|(number, (name, _))| (*number, name.clone())).collect()
    }
}

/// Returns a statement for [`rows`], newest first. Tables that the query does not use are not joined.
pub(crate) fn sql(uses: Uses, driven: bool, condition: &str) -> String {
    let marks = uses.marks || condition.contains("m.");
    let signature_status = uses.signature_status || driven;
    let from = match (driven, signature_status) {
        // An index on the event finds its few requests.
        (true, _) => "request_verification v CROSS JOIN request r ON r.id = v.request",
        (false, true) => "request r LEFT JOIN request_verification v ON v.request = r.id",
        (false, false) => "request r",
    };
    let marked = if marks { " LEFT JOIN request_mark m ON m.request = r.id" } else { "" };
    let mark_columns = if marks {
        "coalesce(m.pinned, 0), coalesce(m.read, 0), coalesce(m.note, ''), coalesce(m.source, '')"
    } else {
        "0, 0, '', ''"
    };
    let verification_columns = match signature_status {
        true => format!("v.provider, v.event_type, v.event_id, coalesce(v.state, 0), v.reason, {SCHEMA_STATUS}"),
        false => "NULL, NULL, NULL, 0, NULL, NULL".to_owned(),
    };
    let duplicate = if uses.duplicate { &**DUPLICATE } else { "0" };
    let app = if uses.app { APP_STATUS } else { "NULL" };
    let newest = if driven { "v.request" } else { "r.id" };
    format!(
        "SELECT r.id, r.inbox, r.method, r.target, r.remote_address, r.status, r.body_bytes, r.arrived_us, {mark_columns}, {verification_columns},
         {duplicate}, r.headers, r.chunks, r.body, {app} FROM {from}{marked} WHERE {condition} ORDER BY {newest} DESC"
    )
}

/// Passes the requests of a statement to `take` until `take` breaks. Returns [`ControlFlow::Break`] in that case.
pub(crate) fn rows(
    connection: &Connection,
    sql: &str,
    params: &[String],
    known: &InboxSnapshot,
    take: &mut dyn FnMut(&Subject<'_>) -> ControlFlow<()>,
) -> rusqlite::Result<ControlFlow<()>> {
    let mut statement = connection.prepare_cached(sql)?;
    let params: Vec<&dyn ToSql> = params.iter().map(|text| text as &dyn ToSql).collect();
    rows_of(&mut statement, connection, &params, known, take)
}

/// Same as [`rows`], for a prepared statement.
pub(crate) fn rows_of(
    statement: &mut Statement<'_>,
    connection: &Connection,
    params: &[&dyn ToSql],
    known: &InboxSnapshot,
    take: &mut dyn FnMut(&Subject<'_>) -> ControlFlow<()>,
) -> rusqlite::Result<ControlFlow<()>> {
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        let text = |column: usize| row.get_ref(column).ok().and_then(|value| value.as_str().ok());
        let id = RowId(row.get(0)?);
        let (inbox, read_cursor) =
            known.inboxes.get(&row.get(1)?).map_or(("", i64::MAX), |(name, cursor)| (name, *cursor));
        let read: bool = row.get(9)?;
        let body = || match (row.get_ref(21).ok().and_then(|value| value.as_blob().ok()), row.get(20)) {
            (Some(inline), _) => Cow::Borrowed(&inline[..inline.len().min(SEARCHED_MAX as usize)]),
            (None, Ok(Some(chunks))) => {
                // A body that cannot be read is treated as empty. Opening the request shows the error.
                Cow::Owned(read_chunks(connection, chunks, SEARCHED_MAX).unwrap_or_default())
            }
            _ => Cow::Borrowed(&[][..]),
        };
        let subject = Subject {
            id,
            tail: known.tail,
            inbox,
            method: text(2).unwrap_or_default(),
            target: text(3).unwrap_or_default(),
            remote_address: text(4).unwrap_or_default(),
            status: row.get(5)?,
            body_bytes: row.get(6)?,
            arrived_us: row.get(7)?,
            pinned: row.get(8)?,
            unread: !read && id.0 > read_cursor,
            note: text(10).unwrap_or_default(),
            source: text(11).unwrap_or_default(),
            provider: text(12),
            event_type: text(13),
            event_id: text(14),
            signature_status: SignatureStatus::stored(row.get(15)?),
            reason: text(16),
            schema_status: schema_status(text(17)),
            duplicate: row.get(18)?,
            app: row.get(22)?,
            headers: row.get_ref(19)?.as_blob().unwrap_or_default(),
            body: &body,
            read: Default::default(),
        };
        if take(&subject).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
