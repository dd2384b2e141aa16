//! Hosts that a user has confirmed as a destination.

use rusqlite::{Connection, OptionalExtension};

/// Returns true if a user has confirmed a host as a destination.
pub fn is_known(connection: &Connection, host: &str) -> rusqlite::Result<bool> {
    connection
        .query_row("SELECT 1 FROM known_host WHERE host = ?1", [host], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
}

/// Stores that a user has confirmed a host as a destination.
pub fn save(connection: &Connection, host: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR IGNORE INTO known_host (host) VALUES (?1)", [host]).map(drop)
}
