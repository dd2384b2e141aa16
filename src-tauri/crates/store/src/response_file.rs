//! Files used as response bodies, stored by content.

use hookbench_model::ResponseFile;
use rusqlite::{Connection, OptionalExtension, params};

/// Stores the content of a file, unless the same content is already stored.
pub fn keep_file(file: &ResponseFile, connection: &Connection, content: &[u8]) -> rusqlite::Result<()> {
    connection
        .execute("INSERT OR IGNORE INTO response_file (id, bytes) VALUES (?1, ?2)", params![file.id, content])
        .map(drop)
}

/// Returns true if the content of a file is stored.
pub fn is_kept(file: &ResponseFile, connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM response_file WHERE id = ?1)")?
        .query_row([&file.id], |row| row.get(0))
}

/// Returns the content of the file with this ID.
pub fn content_of_file(id: &str, connection: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT bytes FROM response_file WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()
}

/// Deletes the files that no response, rule or forward refers to, such as uploads for a response that was never saved.
pub fn sweep(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM response_file WHERE id NOT IN (SELECT file ->> '$.id' FROM response WHERE file != '')
               AND NOT EXISTS (SELECT 1 FROM inbox WHERE instr(rules, response_file.id) OR instr(forwards, response_file.id))",
            [],
        )
        .map(drop)
}
