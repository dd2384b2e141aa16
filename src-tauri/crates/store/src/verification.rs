//! Results of the verification of requests, and its progress.

use hookline_capture::RowId;
use hookline_model::{SignatureStatus, VerificationSettings};
use hookline_provider::Recognised;
use hookline_signature::Fault;
use rusqlite::{Connection, OptionalExtension, params};

/// Result of the verification of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Signature status.
    pub state: SignatureStatus,
    /// Reason why the signature is not valid.
    pub fault: Option<Fault>,
    /// Signature scheme that decided, in one sentence.
    pub note: Option<String>,
    /// Provider, event type and event id.
    pub recognised: Recognised,
}

/// Serializes verification settings to JSON.
pub fn to_json(settings: &VerificationSettings) -> String {
    serde_json::to_string(settings).unwrap_or_default()
}

/// Parses settings that [`to_json`] wrote. Text that cannot be parsed gives the default.
pub fn from_json(text: &str) -> VerificationSettings {
    serde_json::from_str(text).unwrap_or_default()
}

/// Stores the result of the verification of a request, unless the request was deleted.
pub fn save(connection: &Connection, id: RowId, verification: &Verification) -> rusqlite::Result<()> {
    let Verification { state, fault, note, recognised } = verification;
    let sentences: Vec<String> = fault.iter().map(ToString::to_string).chain(note.clone()).collect();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO request_verdict (request, state, reason, sentence, provider, event_type, event_id)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM request WHERE id = ?1)",
        )?
        .execute(params![
            id.0,
            *state as u8,
            fault.as_ref().map(Fault::code),
            (!sentences.is_empty()).then(|| sentences.join(" ")),
            recognised.provider,
            recognised.event_type,
            recognised.event_id,
        ])
        .map(drop)
}

/// Returns the explanation of the signature status of a request.
pub fn sentence(connection: &Connection, id: RowId) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT sentence FROM request_verdict WHERE request = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()
        .map(Option::flatten)
}

/// Returns the row number of the last request that was verified.
pub fn cursor(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT upto FROM judge", [], |row| row.get(0))
}

/// Stores the row number of the last request that was verified. A lower number than the stored one is ignored.
pub fn save_cursor(connection: &Connection, cursor: i64) -> rusqlite::Result<()> {
    connection.execute("UPDATE judge SET upto = ?1 WHERE upto < ?1", [cursor]).map(drop)
}

/// Counts the requests that were stored after a row.
pub fn waiting(connection: &Connection, cursor: i64) -> rusqlite::Result<u64> {
    let count =
        "SELECT coalesce(sum((SELECT count(*) FROM request r WHERE r.inbox = i.number AND r.id > ?1)), 0) FROM inbox i";
    connection.prepare_cached(count)?.query_row([cursor], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}

/// A statement that lists the requests after a row, oldest first: id, inbox, method, target, headers, arrival in µs, state and
/// size of the body, and the number of its chunks.
pub fn unverified(
    connection: &Connection,
    inbox: Option<i64>,
    limit: usize,
) -> rusqlite::Result<rusqlite::CachedStatement<'_>> {
    let of_inbox = inbox.map_or(String::new(), |number| format!(" AND inbox = {number}"));
    connection.prepare_cached(&format!(
        "SELECT id, inbox, method, target, headers, arrived_us, body_state, body_bytes, chunks FROM request
         WHERE id > ?1{of_inbox} ORDER BY id LIMIT {limit}"
    ))
}
