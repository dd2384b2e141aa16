//! What a person marks on a request: pin, note, read.

use hookline_capture::RowId;
use rusqlite::{Connection, params};
use serde::Deserialize;
use utoipa::ToSchema;

/// Marks to change; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marks {
    /// Keep it when others roll over.
    pub(crate) pinned: Option<bool>,
    /// A note; empty removes it.
    pub(crate) note: Option<String>,
    /// Whether somebody has opened it.
    pub(crate) read: Option<bool>,
}

pub(crate) fn mark(connection: &Connection, id: RowId, marks: &Marks) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO request_mark (request) VALUES (?1)")?.execute([id.0])?;
    connection
        .prepare_cached(
            "UPDATE request_mark SET pinned = coalesce(?2, pinned), note = coalesce(?3, note), read = coalesce(?4, read)
             WHERE request = ?1",
        )?
        .execute(params![id.0, marks.pinned, marks.note, marks.read])
        .map(drop)
}
