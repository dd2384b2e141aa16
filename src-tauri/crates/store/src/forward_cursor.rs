//! How far forwards have followed the stored requests.

use rusqlite::Connection;

/// Row number of the last request that was looked at.
pub fn load(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT upto FROM forward_upto", [], |row| row.get(0))
}

/// Stores the row number of the last request that was looked at.
pub fn save(connection: &Connection, cursor: i64) -> rusqlite::Result<()> {
    connection.execute("UPDATE forward_upto SET upto = max(upto, ?1)", [cursor]).map(drop)
}
