//! Marks of requests: pinned, note and read.

use hookbench_capture::RowId;
use hookbench_model::RequestMarks;
use rusqlite::{Connection, params};

/// Changes the marks of a request. A mark that is `None` stays unchanged.
pub fn mark(connection: &Connection, id: RowId, marks: &RequestMarks) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO request_mark (request) VALUES (?1)")?.execute([id.0])?;
    connection
        .prepare_cached(
            "UPDATE request_mark SET pinned = coalesce(?2, pinned), note = coalesce(?3, note), read = coalesce(?4, read)
             WHERE request = ?1",
        )?
        .execute(params![id.0, marks.pinned, marks.note, marks.read])
        .map(drop)
}
