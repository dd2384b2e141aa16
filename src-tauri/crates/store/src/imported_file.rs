//! Imported files, identified by their content.

use rusqlite::{Connection, OptionalExtension, params};

/// Finds an earlier import of the same content by its SHA-256. Returns its time in µs and its number of requests.
pub fn find(connection: &Connection, sha256: &[u8]) -> rusqlite::Result<Option<(i64, u64)>> {
    connection
        .query_row("SELECT at_us, requests FROM imported_file WHERE sha256 = ?1", [sha256], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
        })
        .optional()
}

/// Stores the import of a file.
pub fn save(connection: &Connection, sha256: &[u8], name: &str, requests: u64, at_us: i64) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT OR REPLACE INTO imported_file VALUES (?1, ?2, ?3, ?4)",
            params![sha256, name, requests as i64, at_us],
        )
        .map(drop)
}
