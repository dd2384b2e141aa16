//! Bodies stored in chunks. The chunks are committed before the request that owns them.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::schema::CHUNK_PART_BITS;

/// Deletes the chunks of one body.
pub fn delete_chunks(connection: &Connection, body: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2")?
        .execute(params![chunk_id(body, 0), chunk_id(body + 1, 0) - 1])
        .map(drop)
}

/// Returns the row id of a chunk; `part` counts from 0.
pub(super) fn chunk_id(body: i64, part: u32) -> i64 {
    (body << CHUNK_PART_BITS) | i64::from(part)
}

/// Deletes the chunks of bodies that no request refers to, and returns the number of these bodies. A crash between the
/// commit of the chunks and the commit of the request leaves such chunks.
pub(super) fn sweep_orphans(connection: &Connection) -> rusqlite::Result<usize> {
    // There are few bodies. The loop jumps from one body to the next and looks up owners in one set.
    let mut owned = HashSet::new();
    let any: bool = connection.query_row("SELECT EXISTS (SELECT 1 FROM chunk)", [], |row| row.get(0))?;
    if !any {
        return Ok(0);
    }
    let mut statement = connection.prepare("SELECT chunks FROM request WHERE chunks IS NOT NULL")?;
    for body in statement.query_map([], |row| row.get::<_, i64>(0))? {
        owned.insert(body?);
    }
    let mut next = connection.prepare("SELECT min(id) FROM chunk WHERE id >= ?1")?;
    let mut from = 0;
    let mut orphans = Vec::new();
    while let Some(id) = next.query_row([from], |row| row.get::<_, Option<i64>>(0))? {
        let body = id >> CHUNK_PART_BITS;
        if !owned.contains(&body) {
            orphans.push(body);
        }
        from = chunk_id(body + 1, 0);
    }
    for body in &orphans {
        delete_chunks(connection, *body)?;
    }
    Ok(orphans.len())
}
