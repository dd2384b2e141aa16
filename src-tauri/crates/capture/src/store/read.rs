//! Read-only connections, and block-wise reading of stored bodies.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::Semaphore;

use super::{chunk::chunk_id, id::RowId, open};
use crate::limits::CHUNK_BYTES;

/// Maximum number of concurrent reads; more reads wait. Each connection has its own page cache.
const READERS: usize = 4;

/// An error from reading the store.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// SQLite returned an error.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The read panicked, or the runtime is shutting down.
    #[error("the read was interrupted")]
    Interrupted,
}

/// A pool of read-only connections to one database.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.into(), idle: Mutex::default(), permits: Semaphore::new(READERS) }
    }

    /// Runs `read` on a blocking thread.
    pub async fn read<T: Send + 'static>(
        self: &std::sync::Arc<Self>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let _permit = self.permits.acquire().await.map_err(|_| ReadError::Interrupted)?;
        let readers = self.clone();
        tokio::task::spawn_blocking(move || readers.read_now(read)).await.map_err(|_| ReadError::Interrupted)?
    }

    fn read_now<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadError> {
        let idle = self.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reading(&self.path)?,
        };
        let result = read(&connection);
        self.lock().push(connection);
        Ok(result?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Returns a reader for the body of a request, or `None` if the request does not exist.
    pub async fn body(self: &std::sync::Arc<Self>, row: RowId) -> Result<Option<BodyBlocks>, ReadError> {
        let found = self
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT chunks, body_bytes, body FROM request WHERE id = ?1")?
                    .query_row([row.0], |r| {
                        Ok((r.get::<_, Option<i64>>(0)?, r.get::<_, i64>(1)? as u64, r.get::<_, Option<Vec<u8>>>(2)?))
                    })
                    .optional()
            })
            .await?;
        Ok(found.map(|(chunks, body_bytes, inline)| match (chunks, inline) {
            (Some(body), _) => BodyBlocks { readers: self.clone(), length: body_bytes, source: Source::Chunks(body) },
            (None, inline) => {
                let bytes = bytes::Bytes::from(inline.unwrap_or_default());
                BodyBlocks { readers: self.clone(), length: bytes.len() as u64, source: Source::Inline(bytes) }
            }
        }))
    }
}

#[derive(Debug, Clone)]
enum Source {
    Inline(bytes::Bytes),
    Chunks(i64),
}

/// A stored body, read block by block. A large body is never in memory completely.
#[derive(Debug, Clone)]
pub struct BodyBlocks {
    readers: std::sync::Arc<Readers>,
    length: u64,
    source: Source,
}

impl BodyBlocks {
    /// Returns the length of the body in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns the bytes from `offset` to the end of their block; empty at the end of the body.
    pub async fn block(&self, offset: u64) -> Result<bytes::Bytes, ReadError> {
        if offset >= self.length {
            return Ok(bytes::Bytes::new());
        }
        match &self.source {
            Source::Inline(bytes) => Ok(bytes.slice(offset as usize..)),
            Source::Chunks(body) => {
                let body = *body;
                let part = (offset / CHUNK_BYTES as u64) as u32;
                let bytes = self.readers.read(move |connection| read_chunk(connection, body, part)).await?;
                let within = (offset % CHUNK_BYTES as u64) as usize;
                let bytes = bytes::Bytes::from(bytes);
                Ok(bytes.slice(within.min(bytes.len())..))
            }
        }
    }
}

/// Reads at most the first `most` bytes of a body that is stored in chunks.
pub fn read_chunks(connection: &Connection, body: i64, most: u64) -> rusqlite::Result<Vec<u8>> {
    let mut whole = Vec::new();
    let mut chunks = connection.prepare_cached("SELECT bytes FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
    let mut rows = chunks.query([chunk_id(body, 0), chunk_id(body + 1, 0) - 1])?;
    while (whole.len() as u64) < most
        && let Some(row) = rows.next()?
    {
        whole.extend_from_slice(row.get_ref(0)?.as_blob()?);
    }
    whole.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(whole)
}

/// Reads one chunk of a body that is stored in chunks.
pub fn read_chunk(connection: &Connection, body: i64, part: u32) -> rusqlite::Result<Vec<u8>> {
    connection
        .prepare_cached("SELECT bytes FROM chunk WHERE id = ?1")?
        .query_row([chunk_id(body, part)], |row| row.get(0))
}
