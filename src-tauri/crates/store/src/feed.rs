//! Numbers of the changes in the feed.

use rusqlite::Connection;

/// Numbers one run of the engine may use. Reserved at start, so that a number is never given
/// twice and no commit has to store it. 2^53, where JSON numbers end, is two million starts away.
const BLOCK: i64 = 1 << 32;

/// Reserves the numbers of this run. Returns the last number that was given before.
pub fn reserve(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("UPDATE feed SET reserved = reserved + ?1 RETURNING reserved - ?1", [BLOCK], |row| row.get(0))
}
