//! Requests on their way into an inbox, by whatever way they came.

use std::task::Poll;

use hookbench_capture::{Captured, CommitError, Transaction, WriteError};
use hookbench_model::{Change, RequestSummary};
use hookbench_relay::client::Turn;
use hookbench_store::{request::summary_of, tunnel::Tunnelled};

use crate::Engine;

/// A request that is to be kept; with its delivery and its turn where it came through a tunnel.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) captured: Captured,
    pub(crate) tunnelled: Option<Tunnelled>,
    pub(crate) turn: Turn,
}

impl Entry {
    /// One that came to the receiver.
    pub(crate) fn of(captured: Captured) -> Self {
        Self { captured, tunnelled: None, turn: Turn::default() }
    }
}

/// Puts a write into the queue, and lets the next follow it there before it is done.
pub(crate) async fn in_turn<T>(turn: Turn, writing: impl Future<Output = T>) -> T {
    let mut writing = std::pin::pin!(writing);
    // A write is in the queue once it was looked at.
    let first = std::future::poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await;
    drop(turn);
    match first {
        Poll::Ready(done) => done,
        Poll::Pending => writing.await,
    }
}

/// Keeps a request, once its turn has come.
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
