//! Stored bodies as streams.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use hookline_capture::BodyBlocks;

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
