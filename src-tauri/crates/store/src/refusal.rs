//! Requests that were rejected before they could be stored.

use rusqlite::{Connection, OptionalExtension, params};

/// Rejected request, as shown in lists.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Number of the refusal: its time in µs, or the previous number plus one. Numbers only grow.
    pub number: i64,
    /// Number of the inbox. 0 if no inbox is known.
    pub inbox: i64,
    /// Time of the refusal, in µs since the Unix epoch.
    pub at_us: i64,
    /// Remote address and port.
    pub remote_address: String,
    /// Status of the response that the sender got.
    pub status: u16,
    /// Reason of the refusal, as a stable code.
    pub reason: String,
    /// Description of the reason, in one sentence.
    pub message: String,
    /// Received bytes, up to the stored maximum.
    pub bytes: Vec<u8>,
}

/// Number of refusals of an inbox for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalCount {
    /// Number of the inbox. 0 if no inbox is known.
    pub inbox: i64,
    /// Reason of the refusals, as a stable code.
    pub reason: String,
    /// Number of refusals.
    pub count: u64,
    /// Number of refusals that were not dismissed.
    pub open: u64,
    /// Time of the first refusal that was not dismissed, in µs since the Unix epoch.
    pub first_us: i64,
    /// Time of the last refusal, in µs since the Unix epoch.
    pub last_us: i64,
}

/// Stores a refusal.
pub fn insert(connection: &Connection, refusal: &Refusal) -> rusqlite::Result<()> {
    let Refusal { number, inbox, at_us, remote_address, status, reason, message, bytes } = refusal;
    // After the clock was set back, a number may occur twice. The totals count both refusals.
    connection
        .prepare_cached(&format!("INSERT OR IGNORE INTO refusal ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"))?
        .execute(params![number, inbox, at_us, remote_address, status, reason, message, bytes])
        .map(drop)
}

/// Counts the stored refusals by inbox and reason, the most recent reason first.
pub fn counts(connection: &Connection) -> rusqlite::Result<Vec<RefusalCount>> {
    let mut statement = connection.prepare_cached(
        "SELECT inbox, reason, count, count - dismissed, first_us, last_us FROM refusal_total ORDER BY last_us DESC",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(RefusalCount {
            inbox: row.get(0)?,
            reason: row.get(1)?,
            count: row.get::<_, i64>(2)? as u64,
            open: row.get::<_, i64>(3)?.max(0) as u64,
            first_us: row.get(4)?,
            last_us: row.get(5)?,
        })
    })?;
    rows.collect()
}

fn of_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Refusal> {
    Ok(Refusal {
        number: row.get(0)?,
        inbox: row.get(1)?,
        at_us: row.get(2)?,
        remote_address: row.get(3)?,
        status: row.get(4)?,
        reason: row.get(5)?,
        message: row.get(6)?,
        bytes: row.get(7)?,
    })
}

const COLUMNS: &str = "number, inbox, at_us, remote_address, status, reason, message, bytes";

/// Lists the newest refusals with a number below `before`.
pub fn list(connection: &Connection, inbox: Option<i64>, before: i64, limit: usize) -> rusqlite::Result<Vec<Refusal>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM refusal WHERE number < ?1 AND (?2 IS NULL OR inbox = ?2) ORDER BY number DESC LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![before, inbox, limit as i64], of_row)?;
    rows.collect()
}

/// Returns the refusal with this number.
pub fn one(connection: &Connection, number: i64) -> rusqlite::Result<Option<Refusal>> {
    connection.query_row(&format!("SELECT {COLUMNS} FROM refusal WHERE number = ?1"), [number], of_row).optional()
}

/// Deletes all but the newest `most` refusals.
pub fn keep_newest(connection: &Connection, most: i64) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM refusal WHERE number <= (SELECT number FROM refusal ORDER BY number DESC LIMIT 1 OFFSET ?1)",
            [most],
        )
        .map(drop)
}

/// Adds to the number of refusals of an inbox for a reason. The times are in µs.
pub fn add_to_total(
    connection: &Connection,
    inbox: i64,
    reason: &str,
    count: u64,
    first_us: i64,
    last_us: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO refusal_total VALUES (?1, ?2, ?3, 0, ?4, ?5) ON CONFLICT DO UPDATE SET
             first_us = iif(count = dismissed, excluded.first_us, first_us),
             count = count + excluded.count, last_us = excluded.last_us",
        )?
        .execute(params![inbox, reason, count as i64, first_us, last_us])
        .map(drop)
}

/// Dismisses the refusals so far, of one inbox or of all inboxes.
pub fn dismiss(connection: &Connection, inbox: Option<i64>) -> rusqlite::Result<()> {
    connection.execute("UPDATE refusal_total SET dismissed = count WHERE ?1 IS NULL OR inbox = ?1", [inbox]).map(drop)
}
