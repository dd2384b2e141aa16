//! Files that answers are made of: read once, when they are saved, and kept by what is in them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use hookline_model::ResponseFile;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest as _, Sha256};

/// Largest file of an answer, in bytes: it is held in memory while it is used.
pub(crate) const ANSWER_FILE_MAX: usize = 8 * 1024 * 1024;

/// Files held in memory at a time, in bytes.
const HELD_MAX: usize = 64 * 1024 * 1024;

/// A file with this content.
pub(crate) fn file_of(name: String, content: &[u8]) -> ResponseFile {
    let id = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    ResponseFile { id, name, bytes: content.len() as u64 }
}

/// Keeps its content.
pub(crate) fn keep_file(file: &ResponseFile, connection: &Connection, content: &[u8]) -> rusqlite::Result<()> {
    connection
        .execute("INSERT OR IGNORE INTO answer_file (id, bytes) VALUES (?1, ?2)", params![file.id, content])
        .map(drop)
}

/// Whether its content is kept.
pub(crate) fn is_kept(file: &ResponseFile, connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM answer_file WHERE id = ?1)")?
        .query_row([&file.id], |row| row.get(0))
}

/// Its content.
pub(crate) fn content_of_file(id: &str, connection: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT bytes FROM answer_file WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()
}

/// Deletes what no answer refers to: files that were read for an answer nobody saved.
pub(crate) fn sweep(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM answer_file WHERE id NOT IN (SELECT file ->> '$.id' FROM answer WHERE file != '')
               AND NOT EXISTS (SELECT 1 FROM inbox WHERE instr(rules, answer_file.id) OR instr(forwards, answer_file.id))",
            [],
        )
        .map(drop)
}

/// Contents that are in use.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<HashMap<String, Bytes>>);

impl Files {
    pub(crate) fn get(&self, id: &str) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(crate) fn put(&self, id: String, content: Bytes) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.values().map(Bytes::len).sum::<usize>() + content.len() > HELD_MAX {
            held.clear();
        }
        held.insert(id, content);
    }
}
