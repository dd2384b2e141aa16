//! Reading of request bodies within limits: small bodies into memory, large bodies into the store.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use hookbench_model::BodyState;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::serve::ArrivedBody;
use crate::{
    limits::{CHUNK_BYTES, DRAIN_BYTES, INLINE_BODY_BYTES},
    message::Body,
    store::{CommitError, CommitWaiter, Store},
};

/// Maximum time for reading the rest of a body after the request was rejected.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// A body that is being received. Its content can be stored at any moment as an incomplete body.
#[derive(Debug)]
pub(super) struct Receiving {
    store: Arc<Store>,
    memory: BytesMut,
    first: Option<Bytes>,
    chunks: Option<Chunks>,
    pub(super) bytes: u64,
    pub(super) trailers: Vec<u8>,
}

#[derive(Debug)]
struct Chunks {
    body: i64,
    parts: u32,
    /// The chunk that is being written. Only one chunk is written at a time, so that a fast sender waits for the disk.
    pending: Option<CommitWaiter>,
}

/// Reason for which reading ended.
#[derive(Debug)]
pub(super) enum BodyEnd {
    Body(BodyState),
    NotStored(CommitError),
}

impl Receiving {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store, memory: BytesMut::new(), first: None, chunks: None, bytes: 0, trailers: Vec::new() }
    }

    /// Reads until the body ends, exceeds `limit` bytes, sends no byte for `stall`, or cannot be stored.
    pub(super) async fn read(&mut self, incoming: &mut Incoming, limit: u64, stall: Duration) -> BodyEnd {
        if incoming.size_hint().exact().is_some_and(|announced| announced > limit) {
            self.bytes = incoming.size_hint().exact().unwrap_or(0);
            return BodyEnd::Body(BodyState::TooLarge);
        }
        loop {
            let frame = match timeout(stall, incoming.frame()).await {
                Err(_) => return BodyEnd::Body(BodyState::Stalled),
                Ok(None) => return BodyEnd::Body(BodyState::Complete),
                Ok(Some(Err(_))) => return BodyEnd::Body(BodyState::BrokenOff),
                Ok(Some(Ok(frame))) => frame,
            };
            match frame.into_data() {
                Ok(data) => {
                    self.bytes += data.len() as u64;
                    if self.bytes > limit {
                        return BodyEnd::Body(BodyState::TooLarge);
                    }
                    if let Err(error) = self.take(data).await {
                        return BodyEnd::NotStored(error);
                    }
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.trailers = super::agree::trailer_block(&trailers);
                    }
                }
            }
        }
    }

    async fn take(&mut self, data: Bytes) -> Result<(), CommitError> {
        // Most bodies have a single frame, which is stored without a copy.
        if self.bytes == data.len() as u64 && data.len() <= INLINE_BODY_BYTES {
            self.first = Some(data);
            return Ok(());
        }
        if let Some(first) = self.first.take() {
            self.memory.extend_from_slice(&first);
        }
        self.memory.extend_from_slice(&data);
        if self.chunks.is_none() && self.memory.len() > INLINE_BODY_BYTES {
            self.chunks = Some(Chunks { body: self.store.new_body(), parts: 0, pending: None });
        }
        while self.chunks.is_some() && self.memory.len() >= CHUNK_BYTES {
            self.flush(CHUNK_BYTES).await?;
        }
        Ok(())
    }

    /// Queues the next `length` bytes as a chunk. The future may be dropped at any await, so the bytes are taken out of
    /// `memory` only after the last await.
    async fn flush(&mut self, length: usize) -> Result<(), CommitError> {
        let Some(chunks) = &mut self.chunks else { return Ok(()) };
        if let Some(pending) = &chunks.pending {
            pending.committed().await?;
        }
        let bytes = self.memory.split_to(length).freeze();
        chunks.pending = Some(self.store.keep_chunk(chunks.body, chunks.parts, bytes));
        chunks.parts += 1;
        Ok(())
    }

    /// Waits until all chunks are on disk, so that no request is stored whose body could not be stored.
    pub(super) async fn settle(&mut self) -> Result<(), CommitError> {
        if self.chunks.is_some() && !self.memory.is_empty() {
            self.flush(self.memory.len()).await?;
        }
        match self.chunks.as_ref().and_then(|chunks| chunks.pending.as_ref()) {
            Some(pending) => pending.committed().await,
            None => Ok(()),
        }
    }

    /// Returns the body after it was received completely and [`settle`](Self::settle) has finished.
    pub(super) fn arrived(&self) -> ArrivedBody<'_> {
        match &self.chunks {
            None => ArrivedBody::Memory(self.first.as_deref().unwrap_or(&self.memory)),
            Some(chunks) => ArrivedBody::Chunks { body: chunks.body, bytes: self.bytes },
        }
    }

    /// Takes the bytes received so far. Bytes that are not yet queued are queued before the row of the request.
    pub(super) fn finish(&mut self) -> Body {
        match self.chunks.take() {
            None => Body::Inline(self.first.take().unwrap_or_else(|| self.memory.split().freeze())),
            Some(chunks) => {
                if !self.memory.is_empty() {
                    let last = self.memory.split().freeze();
                    let _ = self.store.keep_chunk(chunks.body, chunks.parts, last);
                }
                Body::Chunks(chunks.body)
            }
        }
    }

    /// Discards the received bytes and deletes stored chunks. Returns an empty body.
    pub(super) fn discard(&mut self) -> Body {
        if let Some(chunks) = self.chunks.take() {
            self.store.drop_chunks(chunks.body);
        }
        self.memory = BytesMut::new();
        self.first = None;
        Body::Inline(Bytes::new())
    }
}

/// Reads and discards the rest of a body for a moment, so that the sender can read the response (RFC 9112 §9.6).
pub(super) async fn drain(incoming: &mut Incoming) {
    let read = async {
        let mut drained = 0;
        while let Some(Ok(frame)) = incoming.frame().await {
            drained += frame.data_ref().map_or(0, |data| data.len() as u64);
            if drained > DRAIN_BYTES {
                return;
            }
        }
    };
    let _ = timeout(DRAIN_TIME, read).await;
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::store::for_tests;

    /// hyper drops a service at any await when the connection ends. The bytes that are stored then must be the
    /// beginning of the body without gaps.
    #[tokio::test]
    async fn stores_body_without_gaps_when_dropped() {
        let dir = tempfile::tempdir().expect("create a directory");
        let sent: Vec<u8> = (0..CHUNK_BYTES * 3 + 1234).map(|at| (at / 255 + at) as u8).collect();
        for drop_after in [1, 3, 7, usize::MAX] {
            let path = dir.path().join(format!("{drop_after}.db"));
            let store = Arc::new(for_tests::open(&path));
            let mut receiving = Receiving::new(store.clone());
            let mut given = 0;
            for (place, piece) in sent.chunks(CHUNK_BYTES / 2 + 11).enumerate() {
                receiving.bytes += piece.len() as u64;
                given += piece.len();
                let mut take = Box::pin(receiving.take(Bytes::copy_from_slice(piece)));
                if place >= drop_after {
                    // The future is polled once and dropped.
                    let _: Poll<_> = take.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    break;
                }
                take.await.expect("store the piece");
            }
            let Body::Chunks(_) = receiving.finish() else { panic!("the body is stored in chunks") };
            store.close();
            let database = rusqlite::Connection::open(&path).expect("open the database");
            let mut chunks = database.prepare("SELECT bytes FROM chunk ORDER BY id").expect("prepare the query");
            let stored: Vec<u8> = chunks
                .query_map([], |row| row.get::<_, Vec<u8>>(0))
                .expect("read the chunks")
                .flat_map(|bytes| bytes.expect("read a chunk"))
                .collect();
            assert_eq!(stored.len(), given, "dropped after {drop_after}");
            assert!(stored == sent[..given], "dropped after {drop_after}");
        }
    }
}
