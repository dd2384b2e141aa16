//! Deletions: requests are hidden at once and deleted a moment later. Until then a deletion can be undone.

use crate::sql::{SKIPPED, STORED_BYTES, WAITING};
use const_format::formatcp;
use std::sync::RwLock;

use hookbench_capture::{RowId, delete_chunks};
use hookbench_model::{Deletion, timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Time during which a deletion can be undone, in µs: 10 seconds.
pub const UNDO_US: i64 = 10_000_000;

/// Maximum number of requests deleted in one transaction. The limit bounds the time that a capture waits for a
/// deletion.
pub const BATCH_SIZE: usize = 500;

/// A row of `deletion`: the requests of the inbox from `first` to `last`. Pinned requests stay, unless the deletion
/// covers a single request or the whole inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletionRow {
    /// Number of the deletion. 0 before [`DeletionRow::insert`].
    pub number: i64,
    /// Number of the inbox.
    pub inbox: i64,
    /// Row number of the first request.
    pub first: i64,
    /// Row number of the last request.
    pub last: i64,
    /// True if the inbox itself is deleted.
    pub whole: bool,
    /// Number of requests still to delete.
    pub requests: i64,
    /// Total size of their bodies, in bytes.
    pub bytes: i64,
    /// Time until which the deletion can be undone, in µs since the Unix epoch.
    pub until_us: i64,
}

impl DeletionRow {
    /// Lists every deletion, oldest first.
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection.prepare_cached("SELECT * FROM deletion ORDER BY number")?.query_map([], Self::from_row)?.collect()
    }

    /// Stores the deletion and returns it with its number.
    pub fn insert(mut self, connection: &Connection) -> rusqlite::Result<Self> {
        connection.execute(
            "INSERT INTO deletion (inbox, first, last, whole, requests, bytes, until_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![self.inbox, self.first, self.last, self.whole, self.requests, self.bytes, self.until_us],
        )?;
        self.number = connection.last_insert_rowid();
        Ok(self)
    }

    /// Deletes the row of the deletion, but no request. Returns true if there was one.
    pub fn delete(&self, connection: &Connection) -> rusqlite::Result<bool> {
        Ok(connection.execute("DELETE FROM deletion WHERE number = ?1", [self.number])? == 1)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get("number")?,
            inbox: row.get("inbox")?,
            first: row.get("first")?,
            last: row.get("last")?,
            whole: row.get("whole")?,
            requests: row.get("requests")?,
            bytes: row.get("bytes")?,
            until_us: row.get("until_us")?,
        })
    }

    fn keeps_pinned(&self) -> bool {
        !self.whole && self.first != self.last
    }

    /// Returns the SQL condition under which a row `r` with its mark `m` is hidden by this deletion.
    fn hides(&self) -> String {
        let pinned = if self.keeps_pinned() { " AND NOT coalesce(m.pinned, 0)" } else { "" };
        format!("(r.inbox = {} AND r.id BETWEEN {} AND {}{pinned})", self.inbox, self.first, self.last)
    }

    /// Deletes up to [`BATCH_SIZE`] of the requests. When none is left, deletes the row of the deletion and returns the
    /// numbers of the destinations that were deleted with the inbox.
    pub fn purge_slice(&mut self, connection: &Connection) -> rusqlite::Result<Option<Vec<i64>>> {
        let mut statement = connection.prepare_cached(
            "SELECT r.id FROM request r INDEXED BY request_by_inbox LEFT JOIN request_mark m ON m.request = r.id
             WHERE r.inbox = ?1 AND r.id BETWEEN ?2 AND ?3 AND NOT (?4 AND coalesce(m.pinned, 0)) ORDER BY r.id LIMIT ?5",
        )?;
        let ids: Vec<i64> = statement
            .query_map(params![self.inbox, self.first, self.last, self.keeps_pinned(), BATCH_SIZE as i64], |row| {
                row.get(0)
            })?
            .collect::<Result<_, _>>()?;
        let (requests, bytes) = delete_requests(connection, &ids)?;
        if ids.len() < BATCH_SIZE {
            self.delete(connection)?;
            let mut gone = Vec::new();
            if self.whole {
                gone = forget_forwards(connection, self.inbox)?;
                connection.execute("DELETE FROM rule_step WHERE inbox = ?1", [self.inbox])?;
                connection.execute("DELETE FROM inbox WHERE number = ?1", [self.inbox])?;
                connection.execute("DELETE FROM inbox_total WHERE inbox = ?1", [self.inbox])?;
                connection.execute("DELETE FROM inferred_schema WHERE inbox = ?1", [self.inbox])?;
            }
            return Ok(Some(gone));
        }
        self.requests -= requests;
        self.bytes -= bytes;
        connection.execute(
            "UPDATE deletion SET requests = ?2, bytes = ?3 WHERE number = ?1",
            params![self.number, self.requests, self.bytes],
        )?;
        Ok(None)
    }
}

/// Marks the destinations of the forwards of a deleted inbox as deleted, and skips the deliveries that wait for them.
/// Returns the numbers of the destinations.
fn forget_forwards(connection: &Connection, inbox: i64) -> rusqlite::Result<Vec<i64>> {
    const FORWARDS: &str = "SELECT value ->> '$.id' FROM json_each((SELECT forwards FROM inbox WHERE number = ?1))";
    connection.execute(
        &format!(
            "UPDATE delivery SET state = {SKIPPED}, reason = 'The inbox was deleted.', ended_us = created_us
             WHERE ended_us IS NULL AND state = {WAITING} AND endpoint IN (SELECT number FROM endpoint WHERE id IN ({FORWARDS}))"
        ),
        [inbox],
    )?;
    connection
        .prepare(&format!("UPDATE endpoint SET deleted = 1 WHERE id IN ({FORWARDS}) RETURNING number"))?
        .query_map([inbox], |row| row.get(0))?
        .collect()
}

/// Deletes requests with their bodies, marks, verifications and single-use responses. Returns the number of requests
/// and the total size of their bodies, in bytes.
pub fn delete_requests(connection: &Connection, ids: &[i64]) -> rusqlite::Result<(i64, i64)> {
    let mut find = connection
        .prepare_cached(formatcp!("SELECT inbox, chunks, {STORED_BYTES}, response FROM request WHERE id = ?1"))?;
    let mut delete = connection.prepare_cached("DELETE FROM request WHERE id = ?1")?;
    let mut unmark = connection.prepare_cached("DELETE FROM request_mark WHERE request = ?1")?;
    let mut delete_verification = connection.prepare_cached("DELETE FROM request_verification WHERE request = ?1")?;
    let mut delete_response = connection.prepare_cached("DELETE FROM response WHERE number = ?1 AND once")?;
    let mut subtract = connection
        .prepare_cached("UPDATE inbox_total SET requests = requests - 1, bytes = bytes - ?2 WHERE inbox = ?1")?;
    let (mut requests, mut bytes) = (0, 0);
    for id in ids {
        let mut rows = find.query([id])?;
        let Some(row) = rows.next()? else { continue };
        let (inbox, chunks, size): (i64, Option<i64>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let response: Option<i64> = row.get(3)?;
        drop(rows);
        if let Some(body) = chunks {
            delete_chunks(connection, body)?;
        }
        delete.execute([id])?;
        unmark.execute([id])?;
        delete_verification.execute([id])?;
        delete_response.execute([response])?;
        subtract.execute(params![inbox, size])?;
        requests += 1;
        bytes += size;
    }
    Ok((requests, bytes))
}

/// Deletions that hide requests at the moment. The set is kept in memory, because every list reads it.
#[derive(Debug, Default)]
pub struct Hidden(RwLock<Vec<DeletionRow>>);

impl Hidden {
    /// Creates the set from the stored rows.
    pub fn new(rows: Vec<DeletionRow>) -> Self {
        Self(RwLock::new(rows))
    }

    /// Adds a deletion, which hides its requests.
    pub fn add(&self, row: DeletionRow) {
        self.write().push(row);
    }

    /// Removes the deletion with this number, which shows its requests again.
    pub fn remove(&self, number: i64) {
        self.write().retain(|row| row.number != number);
    }

    /// Returns every deletion.
    pub fn all(&self) -> Vec<DeletionRow> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Returns an SQL condition on `r` and `m`, with a leading ` AND`, that excludes hidden requests. The condition is
    /// empty if nothing is hidden.
    pub fn condition(&self) -> String {
        let rows = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        rows.iter().map(|row| format!(" AND NOT {}", row.hides())).collect()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Vec<DeletionRow>> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl DeletionRow {
    /// Returns the deletion as the API shows it.
    pub fn shown(&self, inbox: String, id: impl Fn(RowId) -> String) -> Deletion {
        Deletion {
            id: self.number,
            inbox,
            request: (!self.whole && self.first == self.last).then(|| id(RowId(self.first))),
            whole_inbox: self.whole,
            requests: self.requests as u64,
            until: timestamp(self.until_us),
        }
    }
}

/// Deletes the requests whose body was still arriving when their inbox was deleted, up to [`BATCH_SIZE`] per inbox.
pub fn delete_strays(connection: &Connection) -> rusqlite::Result<()> {
    let strays: Vec<i64> = connection
        .prepare_cached("SELECT inbox FROM inbox_total WHERE inbox NOT IN (SELECT number FROM inbox)")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for inbox in strays {
        let ids: Vec<i64> = connection
            .prepare_cached("SELECT id FROM request WHERE inbox = ?1 LIMIT ?2")?
            .query_map([inbox, BATCH_SIZE as i64], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        delete_requests(connection, &ids)?;
        if ids.len() < BATCH_SIZE {
            connection.execute("DELETE FROM inbox_total WHERE inbox = ?1", [inbox])?;
        }
    }
    Ok(())
}

/// Returns the inbox of a request and the stored size of its body in bytes. `None` if the request is deleted.
pub fn deletable(connection: &Connection, id: RowId) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .query_row(
            formatcp!(
                "SELECT inbox, {STORED_BYTES} FROM request WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM deletion WHERE first = ?1 AND last = ?1)"
            ),
            [id.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
}

/// Counts the requests of an inbox that are not hidden, and their bytes.
pub fn shown_totals(connection: &Connection, inbox: i64) -> rusqlite::Result<(i64, i64)> {
    connection.query_row(
        "SELECT coalesce(sum(requests), 0), coalesce(sum(bytes), 0) FROM
             (SELECT requests, bytes FROM inbox_total WHERE inbox = ?1
              UNION ALL SELECT -requests, -bytes FROM deletion WHERE inbox = ?1)",
        [inbox],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Counts the pinned requests of an inbox, and their bytes.
pub fn pinned_totals(connection: &Connection, inbox: i64) -> rusqlite::Result<(i64, i64)> {
    connection.query_row(
        formatcp!(
            "SELECT count(*), coalesce(sum({STORED_BYTES}), 0) FROM request_mark m
             CROSS JOIN request r ON r.id = m.request WHERE m.pinned AND r.inbox = ?1"
        ),
        [inbox],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Counts all requests that are not hidden, and their bytes.
pub fn all_totals(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection.query_row(
        "SELECT coalesce(sum(requests), 0) - (SELECT coalesce(sum(requests), 0) FROM deletion),
                coalesce(sum(bytes), 0) - (SELECT coalesce(sum(bytes), 0) FROM deletion) FROM inbox_total",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
