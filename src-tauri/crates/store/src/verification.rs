//! What verification found out about a request, and how far it has come.

use hookline_capture::RowId;
use hookline_model::{SignatureStatus, VerificationSettings};
use hookline_provider::Recognised;
use hookline_signature::Fault;
use rusqlite::{Connection, OptionalExtension, params};

/// What verification found out about a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Whether the signature is valid.
    pub state: SignatureStatus,
    /// Why it is not.
    pub fault: Option<Fault>,
    /// Which of a vendor's schemes decided, in a sentence.
    pub note: Option<String>,
    /// The vendor, and the event's type and id.
    pub recognised: Recognised,
}

/// The settings as they are stored.
pub fn to_json(settings: &VerificationSettings) -> String {
    serde_json::to_string(settings).unwrap_or_default()
}

/// Reads settings as [`to_json`] writes them; text that cannot be read gives the default.
pub fn from_json(text: &str) -> VerificationSettings {
    serde_json::from_str(text).unwrap_or_default()
}

/// Stores what verification found out about a request, unless the request was deleted.
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

/// The sentence that explains the signature status of a request.
pub fn sentence(connection: &Connection, id: RowId) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT sentence FROM request_verdict WHERE request = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()
        .map(Option::flatten)
}

/// Row number of the last request that was verified.
pub fn cursor(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT upto FROM judge", [], |row| row.get(0))
}

/// Stores the row number of the last request that was verified.
pub fn save_cursor(connection: &Connection, cursor: i64) -> rusqlite::Result<()> {
    connection.execute("UPDATE judge SET upto = ?1 WHERE upto < ?1", [cursor]).map(drop)
}

/// Counts the requests stored after a row.
pub fn waiting(connection: &Connection, cursor: i64) -> rusqlite::Result<u64> {
    let count =
        "SELECT coalesce(sum((SELECT count(*) FROM request r WHERE r.inbox = i.number AND r.id > ?1)), 0) FROM inbox i";
    connection.prepare_cached(count)?.query_row([cursor], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}
