//! Responses of inboxes and rules. A request refers to the response that its sender got.

use hookbench_model::InboxResponse;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Stores a response and returns its number. An equal response that is stored already is reused, because requests refer
/// to responses permanently. `origin` is the source of a response that is not the one of the inbox, else empty.
pub fn insert(answer: &InboxResponse, connection: &Connection, origin: &str) -> rusqlite::Result<i64> {
    let columns = columns_of(answer);
    let found = connection
        .prepare_cached(
            "SELECT number FROM answer WHERE status = ?1 AND headers = ?2 AND body = ?3 AND delay_ms = ?4 AND cors = ?5
               AND fault = ?6 AND template = ?7 AND file = ?8 AND origin = ?9 AND NOT once",
        )?
        .query_row(
            params![
                answer.status,
                columns.headers,
                answer.body,
                answer.delay_ms,
                answer.cors,
                columns.fault,
                answer.template,
                columns.file,
                origin
            ],
            |row| row.get(0),
        )
        .optional()?;
    match found {
        Some(number) => Ok(number),
        None => insert_row(answer, connection, origin, false),
    }
}

/// Stores a response that belongs to a single request and is deleted with it. Returns its number.
pub fn insert_once(answer: &InboxResponse, connection: &Connection, origin: &str) -> rusqlite::Result<i64> {
    insert_row(answer, connection, origin, true)
}

fn insert_row(answer: &InboxResponse, connection: &Connection, origin: &str, once: bool) -> rusqlite::Result<i64> {
    let columns = columns_of(answer);
    connection
        .prepare_cached(
            "INSERT INTO answer (status, headers, body, delay_ms, cors, fault, template, file, origin, once)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING number",
        )?
        .query_row(
            params![
                answer.status,
                columns.headers,
                answer.body,
                answer.delay_ms,
                answer.cors,
                columns.fault,
                answer.template,
                columns.file,
                origin,
                once
            ],
            |row| row.get(0),
        )
}

fn columns_of(answer: &InboxResponse) -> Columns {
    let json = |value: Option<String>| value.unwrap_or_default();
    Columns {
        headers: serde_json::to_string(&answer.headers).unwrap_or_default(),
        fault: json(answer.fault.and_then(|fault| serde_json::to_string(&fault).ok())),
        file: json(answer.file.as_ref().and_then(|file| serde_json::to_string(file).ok())),
    }
}

/// Returns a stored response and its source. The source is `None` for the response of an inbox.
pub fn load(connection: &Connection, number: i64) -> rusqlite::Result<Option<(InboxResponse, Option<String>)>> {
    connection
        .prepare_cached(
            "SELECT status, headers, body, delay_ms, cors, fault, template, file, origin FROM answer WHERE number = ?1",
        )?
        .query_row([number], |row| {
            let origin: String = row.get("origin")?;
            Ok((from_row(row)?, Some(origin).filter(|origin| !origin.is_empty())))
        })
        .optional()
}

/// Reads a response from a row with the columns of `answer`.
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
