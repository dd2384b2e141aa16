//! Stored bodies as streams.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use hookbench_capture::{BodyBlocks, RowId, read_chunks};
use rusqlite::{Connection, OptionalExtension};

/// Returns a stream of the bytes of a body from `start` up to `end`, exclusive.
pub fn body_stream(
    body: BodyBlocks,
    start: u64,
    end: u64,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    stream::try_unfold((body, start), move |(body, at)| async move {
        if at >= end {
            return Ok(None);
        }
        let mut block = body.block(at).await.map_err(std::io::Error::other)?;
        block.truncate(usize::try_from(end - at).unwrap_or(usize::MAX));
        if block.is_empty() {
            return Ok(None);
        }
        let next = at + block.len() as u64;
        Ok(Some((block, (body, next))))
    })
}

/// Reads a whole body into memory. Returns `None` if the body is larger than `most` bytes.
pub async fn collect_body(body: BodyBlocks, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let length = body.length();
    if length > most {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(length as usize);
    let mut stream = std::pin::pin!(body_stream(body, 0, length));
    while let Some(block) = stream.next().await {
        bytes.extend_from_slice(&block?);
    }
    Ok(Some(bytes))
}

/// Returns a body that is stored in the row of its request. `None` if the body is stored in chunks.
pub fn inline_body(connection: &Connection, id: RowId) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT coalesce(body, x'') FROM request WHERE id = ?1 AND chunks IS NULL")?
        .query_row([id.0], |row| row.get(0))
        .optional()
}

/// Returns the first `most` bytes of a body. Empty if the request was deleted.
pub fn body_start(connection: &Connection, id: RowId, most: u64) -> rusqlite::Result<Vec<u8>> {
    let (chunks, inline): (Option<i64>, Option<Vec<u8>>) = connection
        .query_row("SELECT chunks, body FROM request WHERE id = ?1", [id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    match chunks {
        Some(body) => read_chunks(connection, body, most),
        None => Ok(inline.unwrap_or_default()),
    }
}
