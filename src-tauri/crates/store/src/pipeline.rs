//! Progress of the stages that run after the commit.

use hookbench_capture::RowId;
use hookbench_model::PipelineStage;
use rusqlite::{Connection, params};

/// Moves a cursor that is after the last stored request back to that request. Without this, requests would be skipped
/// by a stage after the clock was set back.
pub fn limit_cursors(connection: &Connection) -> rusqlite::Result<()> {
    let last = last_request(connection)?;
    connection.execute("UPDATE pipeline_stage SET cursor = ?1 WHERE cursor > ?1", [last.0]).map(drop)
}

/// Returns the row number of the last request that each stage has processed.
pub fn cursors(connection: &Connection) -> rusqlite::Result<Vec<(PipelineStage, RowId)>> {
    let mut statement = connection.prepare_cached("SELECT cursor FROM pipeline_stage WHERE name = ?1")?;
    let stored =
        |stage: PipelineStage| Ok((stage, statement.query_row([stage.as_str()], |row| row.get(0).map(RowId))?));
    PipelineStage::STORED.into_iter().map(stored).collect()
}

/// Returns the row number of the last stored request, or 0 if there is none.
pub fn last_request(connection: &Connection) -> rusqlite::Result<RowId> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM request", [], |row| row.get(0).map(RowId))
}

/// Stores the row number of the last request that a stage has processed. A lower number than the stored one is ignored.
pub fn save_cursor(connection: &Connection, stage: PipelineStage, cursor: RowId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE pipeline_stage SET cursor = max(cursor, ?2) WHERE name = ?1")?
        .execute(params![stage.as_str(), cursor.0])
        .map(drop)
}

/// Counts the requests after a row in existing inboxes.
pub fn waiting(connection: &Connection, cursor: RowId) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum((SELECT count(*) FROM request r WHERE r.inbox = i.number AND r.id > ?1)), 0) FROM inbox i",
        )?
        .query_row([cursor.0], |row| row.get::<_, i64>(0))
        .map(|count| count as u64)
}

/// Returns the first request after a row.
pub fn first_after(connection: &Connection, cursor: RowId) -> rusqlite::Result<Option<RowId>> {
    connection
        .prepare_cached("SELECT min(id) FROM request WHERE id > ?1")?
        .query_row([cursor.0], |row| Ok(row.get::<_, Option<i64>>(0)?.map(RowId)))
}
