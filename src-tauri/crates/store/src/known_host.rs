//! Hosts that somebody has agreed to send to.

use rusqlite::{Connection, OptionalExtension};

/// Returns whether somebody has agreed to send to a host.
pub fn is_known(connection: &Connection, host: &str) -> rusqlite::Result<bool> {
    connection
        .query_row("SELECT 1 FROM known_host WHERE host = ?1", [host], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
}

/// Stores that somebody has agreed to send to a host.
pub fn save(connection: &Connection, host: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR IGNORE INTO known_host (host) VALUES (?1)", [host]).map(drop)
}
