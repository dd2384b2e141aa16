//! Requests that are about to be stored, from the listener or from a tunnel.

use std::task::Poll;

use hookbench_capture::{Captured, CommitError, Transaction, WriteError};
use hookbench_model::{Change, RequestSummary};
use hookbench_relay::client::Turn;
use hookbench_store::{request::summary_of, tunnel::Tunnelled};

use crate::Engine;

/// A request to store. A request from a tunnel has a delivery and a turn in the order of deliveries.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) captured: Captured,
    pub(crate) tunnelled: Option<Tunnelled>,
    pub(crate) turn: Turn,
}

impl Entry {
    /// Returns an entry for a request that came to the listener.
    pub(crate) fn of(captured: Captured) -> Self {
        Self { captured, tunnelled: None, turn: Turn::default() }
    }
}

/// Polls the write once to put it into the queue, then releases the turn for the next write.
pub(crate) async fn in_turn<T>(turn: Turn, writing: impl Future<Output = T>) -> T {
    let mut writing = std::pin::pin!(writing);
    // The first poll puts the write into the queue.
    let first = std::future::poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await;
    drop(turn);
    match first {
        Poll::Ready(done) => done,
        Poll::Pending => writing.await,
    }
}

/// Stores a request and publishes it.
pub(crate) async fn keep_entry(engine: &Engine, entry: Entry, name: String) -> Result<(), CommitError> {
    let tail = engine.store.id_tail();
    let Entry { mut captured, tunnelled, turn } = entry;
    let work = move |within: &mut Transaction<'_>| {
        let row = within.keep(&mut captured)?;
        if let Some(tunnelled) = tunnelled {
            tunnelled.insert(within.connection, row.0)?;
        }
        Ok::<_, rusqlite::Error>(summary_of(row, &captured, tail, name))
    };
    let feed = engine.feed.clone();
    let after = move |request: &RequestSummary| {
        feed.publish([Change::RequestAdded { request: request.clone() }]);
    };
    match in_turn(turn, engine.store.transact(work, after)).await {
        Ok(_) => Ok(()),
        Err(WriteError::Commit(error)) => Err(error),
        Err(WriteError::Refused(error)) => Err(error.into()),
    }
}
