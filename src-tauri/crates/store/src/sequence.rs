//! Positions in the response sequences of rules.

use rusqlite::{Connection, params};

/// Key of a position: the number of the inbox, the ID of the rule, and the event. The event is empty if the position
/// is stored per inbox.
pub type SequenceKey = (i64, String, String);

/// Loads the newest `most` positions and deletes the others. Each key has the number of responses so far and the time
/// of the last one, in µs.
pub fn load(connection: &Connection, most: usize) -> rusqlite::Result<Vec<(SequenceKey, (u32, i64))>> {
    connection.execute(
        "DELETE FROM rule_step WHERE at_us < (SELECT at_us FROM rule_step ORDER BY at_us DESC LIMIT 1 OFFSET ?1)",
        [most as i64],
    )?;
    connection
        .prepare("SELECT inbox, rule, key, step, at_us FROM rule_step")?
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), (row.get(3)?, row.get(4)?))))?
        .collect()
}

/// Stores a position.
pub fn keep(connection: &Connection, key: &SequenceKey, step: u32, now_us: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO rule_step (inbox, rule, key, step, at_us) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![key.0, key.1, key.2, step, now_us])
        .map(drop)
}

/// Deletes the positions of an inbox, or of one rule of the inbox.
pub fn forget(connection: &Connection, inbox: i64, rule: Option<&str>) -> rusqlite::Result<()> {
    connection
        .execute("DELETE FROM rule_step WHERE inbox = ?1 AND (?2 IS NULL OR rule = ?2)", params![inbox, rule])
        .map(drop)
}
