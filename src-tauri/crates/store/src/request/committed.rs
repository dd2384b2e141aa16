//! Committed requests, as read by the pipeline stages after the commit.

use std::{borrow::Cow, sync::OnceLock};

use bytes::Bytes;
use hookbench_capture::{Body, Captured, Findings, IdTail, RowId, read_chunks};
use hookbench_model::{BodyState, RequestSchemaStatus, SignatureStatus};
use hookbench_provider::Recognized;
use hookbench_query::{SEARCHED_MAX, Subject};
use rusqlite::{Connection, Row, params};

use super::{InboxLabel, list::body_state};
use crate::verification::{SCHEMA_STATUS, schema_status};

/// Maximum size in bytes of a chunked body that stays in memory after the first read. Each stage reads a larger body
/// again.
const CACHED_MAX: i64 = 1024 * 1024;

/// Committed request, in memory until every stage of the pipeline has processed it.
#[derive(Debug)]
pub struct CommittedRequest {
    /// Row number.
    pub row: RowId,
    /// Number of the inbox.
    pub inbox: i64,
    /// Method as sent.
    pub method: String,
    /// Request target as sent.
    pub target: String,
    /// Remote address and port.
    pub remote_address: String,
    /// Status of the response.
    pub status: i64,
    /// Arrival, in µs since the Unix epoch.
    pub arrived_us: i64,
    /// Header block as sent.
    pub headers: Vec<u8>,
    /// Size of the body, in bytes.
    pub body_bytes: i64,
    /// State of the body: complete, or the reason why it is incomplete.
    pub body_state: BodyState,
    /// True if the request is pinned.
    pub pinned: bool,
    /// True if the request was opened.
    pub read: bool,
    /// Note of the user.
    pub note: String,
    /// Name of the file that the request was imported from. Empty if the request was received.
    pub source: String,
    /// Signature status.
    pub signature: SignatureStatus,
    /// Code of the fault of an invalid signature.
    pub reason: Option<String>,
    /// Result of the validation against the schema of the event.
    pub schema_status: Option<RequestSchemaStatus>,
    /// Provider, event type and event id.
    pub recognized: Recognized,
    /// Results of the response decision, for later stages.
    pub findings: Findings,
    body: Body,
    loaded: OnceLock<Bytes>,
}

impl CommittedRequest {
    /// Creates the request from a commit. The signature status is not known yet.
    pub fn new(row: RowId, captured: Captured) -> Self {
        Self {
            row,
            inbox: captured.inbox,
            method: captured.method.to_string(),
            target: captured.target,
            remote_address: captured.remote_address.to_string(),
            status: i64::from(captured.status),
            arrived_us: captured.arrived_us,
            headers: captured.headers,
            body_bytes: captured.body_bytes as i64,
            body_state: captured.body_state,
            pinned: false,
            read: false,
            note: String::new(),
            source: String::new(),
            signature: SignatureStatus::default(),
            reason: None,
            schema_status: None,
            recognized: Recognized::default(),
            findings: captured.findings,
            body: captured.body,
            loaded: OnceLock::new(),
        }
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let body = match row.get(10)? {
            Some(chunks) => Body::Chunks(chunks),
            None => Body::Inline(row.get::<_, Option<Vec<u8>>>(11)?.unwrap_or_default().into()),
        };
        Ok(Self {
            row: RowId(row.get(0)?),
            inbox: row.get(1)?,
            method: row.get(2)?,
            target: row.get(3)?,
            remote_address: row.get(4)?,
            status: row.get(5)?,
            arrived_us: row.get(6)?,
            headers: row.get(7)?,
            body_bytes: row.get(8)?,
            body_state: body_state(row.get(9)?),
            pinned: row.get(12)?,
            read: row.get(13)?,
            note: row.get(14)?,
            source: row.get(15)?,
            signature: SignatureStatus::stored(row.get(16)?),
            reason: row.get(17)?,
            schema_status: schema_status(row.get_ref(22)?.as_str_or_null()?),
            recognized: Recognized {
                provider: row.get(18)?,
                event_type: row.get(19)?,
                event_id: row.get(20)?,
                subject: row.get(21)?,
            },
            findings: Findings::default(),
            body,
            loaded: OnceLock::new(),
        })
    }

    /// Returns the maximum memory use of the request, in bytes.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.headers.len() + self.target.len() + body_memory(&self.body, self.body_bytes)
    }

    /// Returns the first `most` bytes of the body.
    pub fn body(&self, connection: &Connection, most: u64) -> rusqlite::Result<Cow<'_, [u8]>> {
        let start = |body: &'_ Bytes| body.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let chunks = match &self.body {
            Body::Inline(body) => return Ok(Cow::Borrowed(&body[..start(body)])),
            Body::Chunks(chunks) => *chunks,
        };
        if self.body_bytes > CACHED_MAX {
            return read_chunks(connection, chunks, most).map(Cow::Owned);
        }
        if self.loaded.get().is_none() {
            let read = read_chunks(connection, chunks, CACHED_MAX as u64)?;
            let _ = self.loaded.set(read.into());
        }
        Ok(self.loaded.get().map_or(Cow::Borrowed(&[]), |body| Cow::Borrowed(&body[..start(body)])))
    }

    /// Returns the searchable part of the body. A body that cannot be read is treated as empty.
    pub fn searched_body(&self, connection: &Connection) -> Cow<'_, [u8]> {
        self.body(connection, SEARCHED_MAX).unwrap_or_default()
    }

    /// Returns the request in the form that a query matches.
    pub fn subject<'r>(
        &'r self,
        inbox: &'r InboxLabel,
        tail: IdTail,
        body: &'r dyn Fn() -> Cow<'r, [u8]>,
    ) -> Subject<'r> {
        Subject {
            id: self.row,
            tail,
            inbox: &inbox.name,
            method: &self.method,
            target: &self.target,
            remote_address: &self.remote_address,
            status: self.status,
            body_bytes: self.body_bytes,
            arrived_us: self.arrived_us,
            pinned: self.pinned,
            unread: !self.read && self.row.0 > inbox.read_cursor,
            note: &self.note,
            source: &self.source,
            provider: self.recognized.provider.as_deref(),
            event_type: self.recognized.event_type.as_deref(),
            event_id: self.recognized.event_id.as_deref(),
            signature_status: self.signature,
            reason: self.reason.as_deref(),
            schema_status: self.schema_status,
            duplicate: false,
            app: None,
            headers: &self.headers,
            body,
            read: Default::default(),
        }
    }
}

/// Returns the maximum memory use of a request after its commit, in bytes.
pub fn memory_of(captured: &Captured) -> usize {
    let body = body_memory(&captured.body, captured.body_bytes as i64);
    size_of::<CommittedRequest>() + captured.headers.len() + captured.target.len() + body
}

/// Returns the maximum memory use of a body. A chunked body counts only if it is cached after the first read.
fn body_memory(body: &Body, bytes: i64) -> usize {
    match body {
        Body::Inline(body) => body.len(),
        Body::Chunks(_) if bytes <= CACHED_MAX => bytes as usize,
        Body::Chunks(_) => 0,
    }
}

/// Limits of one read of committed requests.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Maximum number of requests.
    pub requests: usize,
    /// Size in bytes after which no further request is read. A single request may be larger.
    pub bytes: usize,
}

/// Reads the requests after a row, up to and including the row `last`, oldest first, of one inbox or of all.
pub fn committed_after(
    connection: &Connection,
    after: RowId,
    last: RowId,
    inbox: Option<i64>,
    limits: ReadLimits,
) -> rusqlite::Result<Vec<CommittedRequest>> {
    let of_inbox = if inbox.is_some() { " AND r.inbox = ?3" } else { " AND ?3 IS NULL" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT r.id, r.inbox, r.method, r.target, r.remote_address, r.status, r.arrived_us, r.headers, r.body_bytes,
                r.body_state, r.chunks, r.body, coalesce(m.pinned, 0), coalesce(m.read, 0), coalesce(m.note, ''),
                coalesce(m.source, ''), coalesce(v.state, 0), v.reason, v.provider, v.event_type, v.event_id, v.subject,
                {SCHEMA_STATUS}
         FROM request r LEFT JOIN request_mark m ON m.request = r.id LEFT JOIN request_verification v ON v.request = r.id
         WHERE r.id > ?1 AND r.id <= ?2{of_inbox} ORDER BY r.id"
    ))?;
    let mut rows = statement.query(params![after.0, last.0, inbox])?;
    let (mut requests, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let request = CommittedRequest::from_row(row)?;
        bytes += request.weight();
        requests.push(request);
        if requests.len() >= limits.requests || bytes >= limits.bytes {
            break;
        }
    }
    Ok(requests)
}
