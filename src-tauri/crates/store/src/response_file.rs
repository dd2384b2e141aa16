//! Files that responses are made of, by their content.

use hookline_model::ResponseFile;
use rusqlite::{Connection, OptionalExtension, params};

/// Keeps its content.
pub fn keep_file(file: &ResponseFile, connection: &Connection, content: &[u8]) -> rusqlite::Result<()> {
    connection
        .execute("INSERT OR IGNORE INTO answer_file (id, bytes) VALUES (?1, ?2)", params![file.id, content])
        .map(drop)
}

/// Whether its content is kept.
pub fn is_kept(file: &ResponseFile, connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM answer_file WHERE id = ?1)")?
        .query_row([&file.id], |row| row.get(0))
}

/// Its content.
pub fn content_of_file(id: &str, connection: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT bytes FROM answer_file WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()
}

/// Deletes what no answer refers to: files that were read for an answer nobody saved.
pub fn sweep(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM answer_file WHERE id NOT IN (SELECT file ->> '$.id' FROM answer WHERE file != '')
               AND NOT EXISTS (SELECT 1 FROM inbox WHERE instr(rules, answer_file.id) OR instr(forwards, answer_file.id))",
            [],
        )
        .map(drop)
}
