//! Responses of inboxes and rules. A request refers to the response that its sender received.

use hookbench_capture::RowId;
use hookbench_model::InboxResponse;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Stores a response and returns its number. An equal stored response is reused, because requests refer to responses
/// permanently. `origin` is the source of the response, or empty for the response of the inbox.
pub fn insert(response: &InboxResponse, connection: &Connection, origin: &str) -> rusqlite::Result<i64> {
    let columns = columns_of(response);
    let found = connection
        .prepare_cached(
            "SELECT number FROM response WHERE status = ?1 AND headers = ?2 AND body = ?3 AND delay_ms = ?4 AND cors = ?5
               AND fault = ?6 AND template = ?7 AND file = ?8 AND origin = ?9 AND NOT once",
        )?
        .query_row(
            params![
                response.status,
                columns.headers,
                response.body,
                response.delay_ms,
                response.cors,
                columns.fault,
                response.template,
                columns.file,
                origin
            ],
            |row| row.get(0),
        )
        .optional()?;
    match found {
        Some(number) => Ok(number),
        None => insert_row(response, connection, origin, false),
    }
}

/// Stores a response that belongs to a single request and is deleted with it. Returns its number.
pub fn insert_once(response: &InboxResponse, connection: &Connection, origin: &str) -> rusqlite::Result<i64> {
    insert_row(response, connection, origin, true)
}

fn insert_row(response: &InboxResponse, connection: &Connection, origin: &str, once: bool) -> rusqlite::Result<i64> {
    let columns = columns_of(response);
    connection
        .prepare_cached(
            "INSERT INTO response (status, headers, body, delay_ms, cors, fault, template, file, origin, once)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING number",
        )?
        .query_row(
            params![
                response.status,
                columns.headers,
                response.body,
                response.delay_ms,
                response.cors,
                columns.fault,
                response.template,
                columns.file,
                origin,
                once
            ],
            |row| row.get(0),
        )
}

fn columns_of(response: &InboxResponse) -> Columns {
    let json = |value: Option<String>| value.unwrap_or_default();
    Columns {
        headers: serde_json::to_string(&response.headers).unwrap_or_default(),
        fault: json(response.fault.and_then(|fault| serde_json::to_string(&fault).ok())),
        file: json(response.file.as_ref().and_then(|file| serde_json::to_string(file).ok())),
    }
}

/// Returns a stored response and its source. The source is `None` for the response of an inbox.
pub fn load(connection: &Connection, number: i64) -> rusqlite::Result<Option<(InboxResponse, Option<String>)>> {
    connection
        .prepare_cached(
            "SELECT status, headers, body, delay_ms, cors, fault, template, file, origin FROM response WHERE number = ?1",
        )?
        .query_row([number], |row| {
            let origin: String = row.get("origin")?;
            Ok((from_row(row)?, Some(origin).filter(|origin| !origin.is_empty())))
        })
        .optional()
}

/// Maximum number of requests whose responses are counted.
pub const COUNTED_MAX: usize = 100_000;

/// Number of requests with responses of one source, and the arrival of the last one in µs since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginCount {
    /// Source of the responses. Empty for the response of the inbox and for responses that are not stored.
    pub origin: String,
    /// Number of requests.
    pub requests: u64,
    /// Arrival of the last one.
    pub last_us: i64,
}

/// Counts the requests of an inbox since a row by the source of their responses. Counts the newest [`COUNTED_MAX`].
pub fn counts_by_origin(connection: &Connection, inbox: i64, since: RowId) -> rusqlite::Result<Vec<OriginCount>> {
    connection
        .prepare_cached(
            "SELECT coalesce(s.origin, ''), count(*), max(r.arrived_us) FROM (
               SELECT arrived_us, response FROM request WHERE inbox = ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3
             ) r LEFT JOIN response s ON s.number = r.response GROUP BY 1",
        )?
        .query_map(params![inbox, since.0, COUNTED_MAX as i64], |row| {
            Ok(OriginCount { origin: row.get(0)?, requests: row.get::<_, i64>(1)? as u64, last_us: row.get(2)? })
        })?
        .collect()
}

/// Reads a response from a row with the columns of `response`.
pub fn from_row(row: &Row<'_>) -> rusqlite::Result<InboxResponse> {
    Ok(InboxResponse {
        status: row.get("status")?,
        headers: serde_json::from_str(&row.get::<_, String>("headers")?).unwrap_or_default(),
        body: row.get("body")?,
        delay_ms: row.get("delay_ms")?,
        cors: row.get("cors")?,
        fault: serde_json::from_str(&row.get::<_, String>("fault")?).ok(),
        template: row.get("template")?,
        file: serde_json::from_str(&row.get::<_, String>("file")?).ok(),
    })
}
/// Columns of a response that are stored as JSON.
struct Columns {
    headers: String,
    fault: String,
    file: String,
}
