//! Reading a body within its limits: small ones into memory, large ones into the store.

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

/// How long a refused sender's remaining bytes are read before it is answered anyway.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// A body while it arrives. What it holds at any moment can be stored as it stands.
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
    /// The chunk on its way to disk: one at a time, so that a fast sender waits for the disk.
    pending: Option<CommitWaiter>,
}

/// Why reading ended.
#[derive(Debug)]
pub(super) enum Ended {
    Body(BodyState),
    NotStored(CommitError),
}

impl Receiving {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store, memory: BytesMut::new(), first: None, chunks: None, bytes: 0, trailers: Vec::new() }
    }

    /// Reads to the end of the body or to the first reason to stop.
    pub(super) async fn read(&mut self, incoming: &mut Incoming, limit: u64, stall: Duration) -> Ended {
        if incoming.size_hint().exact().is_some_and(|announced| announced > limit) {
            self.bytes = incoming.size_hint().exact().unwrap_or(0);
            return Ended::Body(BodyState::TooLarge);
        }
        loop {
            let frame = match timeout(stall, incoming.frame()).await {
                Err(_) => return Ended::Body(BodyState::Stalled),
                Ok(None) => return Ended::Body(BodyState::Complete),
                Ok(Some(Err(_))) => return Ended::Body(BodyState::BrokenOff),
                Ok(Some(Ok(frame))) => frame,
            };
            match frame.into_data() {
                Ok(data) => {
                    self.bytes += data.len() as u64;
                    if self.bytes > limit {
                        return Ended::Body(BodyState::TooLarge);
                    }
                    if let Err(error) = self.take(data).await {
                        return Ended::NotStored(error);
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
        // One frame is the usual body; it is kept without being copied.
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

    /// Queues the next `length` bytes as a chunk. The service may be dropped at any await, so the
    /// bytes leave `memory` only after the last one.
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

    /// Brings every chunk to disk, so that no row is kept whose body failed to be.
    pub(super) async fn settle(&mut self) -> Result<(), CommitError> {
        if self.chunks.is_some() && !self.memory.is_empty() {
            self.flush(self.memory.len()).await?;
        }
        match self.chunks.as_ref().and_then(|chunks| chunks.pending.as_ref()) {
            Some(pending) => pending.committed().await,
            None => Ok(()),
        }
    }

    /// The body, once it has arrived whole and settled.
    pub(super) fn arrived(&self) -> ArrivedBody<'_> {
        match &self.chunks {
            None => ArrivedBody::Memory(self.first.as_deref().unwrap_or(&self.memory)),
            Some(chunks) => ArrivedBody::Chunks { body: chunks.body, bytes: self.bytes },
        }
    }

    /// The body as it stands. What was not settled goes into the queue ahead of the request's row.
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

    /// Forgets what has arrived.
    pub(super) fn discard(&mut self) -> Body {
        if let Some(chunks) = self.chunks.take() {
            self.store.drop_chunks(chunks.body);
        }
        self.memory = BytesMut::new();
        self.first = None;
        Body::Inline(Bytes::new())
    }
}

/// Reads on for a moment after a refusal, so that the sender gets to see the answer.
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

    /// hyper drops a service at any await when its connection ends: what is kept is then the
    /// beginning of the body, with nothing missing in the middle.
    #[tokio::test]
    async fn a_body_dropped_between_two_chunks_has_no_hole() {
        let dir = tempfile::tempdir().expect("a directory");
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
                    // Looked at once and dropped, wherever it stands.
                    let _: Poll<_> = take.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    break;
                }
                take.await.expect("it is stored");
            }
            let Body::Chunks(_) = receiving.finish() else { panic!("it is large") };
            store.close();
            let database = rusqlite::Connection::open(&path).expect("it opens");
            let mut chunks = database.prepare("SELECT bytes FROM chunk ORDER BY id").expect("it reads");
            let stored: Vec<u8> = chunks
                .query_map([], |row| row.get::<_, Vec<u8>>(0))
                .expect("it reads")
                .flat_map(|bytes| bytes.expect("a chunk"))
                .collect();
            assert_eq!(stored.len(), given, "dropped after {drop_after}");
            assert!(stored == sent[..given], "dropped after {drop_after}");
        }
    }
}
