//! Verification results of requests.

use hookbench_capture::RowId;
use hookbench_model::{RequestSchemaStatus, RequestViolation, SignatureStatus, VerificationSettings};
use hookbench_provider::Recognized;
use hookbench_signature::Fault;
use rusqlite::{Connection, OptionalExtension, params};

/// Verification result of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Signature status.
    pub state: SignatureStatus,
    /// Reason why the signature is not valid.
    pub fault: Option<Fault>,
    /// Description of the signature scheme that determined the status, in one sentence.
    pub note: Option<String>,
    /// Provider, event type and event ID.
    pub recognized: Recognized,
    /// Differences between the payload and the schema of the event. `None` if the payload was not validated.
    pub violations: Option<Vec<RequestViolation>>,
}

/// SQL for the schema status of a verification `v`, as in the API.
pub const SCHEMA_STATUS: &str =
    "(CASE WHEN v.violations = '[]' THEN 'valid' WHEN v.violations IS NOT NULL THEN 'invalid' END)";

/// Parses the value of [`SCHEMA_STATUS`].
pub fn schema_status(text: Option<&str>) -> Option<RequestSchemaStatus> {
    match text? {
        "valid" => Some(RequestSchemaStatus::Valid),
        _ => Some(RequestSchemaStatus::Invalid),
    }
}

/// Serializes verification settings to JSON.
pub fn to_json(settings: &VerificationSettings) -> String {
    serde_json::to_string(settings).unwrap_or_default()
}

/// Parses settings written by [`to_json`]. Text that cannot be parsed gives the default.
pub fn from_json(text: &str) -> VerificationSettings {
    serde_json::from_str(text).unwrap_or_default()
}

/// Stores the result of the verification of a request, unless the request was deleted.
pub fn save(connection: &Connection, id: RowId, verification: &Verification) -> rusqlite::Result<()> {
    let Verification { state, fault, note, recognized, violations } = verification;
    let sentences: Vec<String> = fault.iter().map(ToString::to_string).chain(note.clone()).collect();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO request_verification (request, state, reason, sentence, provider, event_type, event_id,
               subject, violations)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE EXISTS (SELECT 1 FROM request WHERE id = ?1)",
        )?
        .execute(params![
            id.0,
            *state as u8,
            fault.as_ref().map(Fault::code),
            (!sentences.is_empty()).then(|| sentences.join(" ")),
            recognized.provider,
            recognized.event_type,
            recognized.event_id,
            recognized.subject,
            violations.as_ref().map(|violations| serde_json::to_string(violations).unwrap_or_default()),
        ])
        .map(drop)
}

/// Returns the secret that test events to an inbox without a secret are signed with.
pub fn test_secret(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT secret FROM test_event", [], |row| row.get(0))
}

/// Returns the differences between a payload and the schema of its event.
pub fn violations(connection: &Connection, id: RowId) -> rusqlite::Result<Vec<RequestViolation>> {
    let stored: Option<Option<String>> = connection
        .prepare_cached("SELECT violations FROM request_verification WHERE request = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(stored.flatten().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Returns the explanation of the signature status of a request.
pub fn sentence(connection: &Connection, id: RowId) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT sentence FROM request_verification WHERE request = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()
        .map(Option::flatten)
}
