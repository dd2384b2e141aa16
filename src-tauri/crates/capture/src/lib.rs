//! One HTTP request off the wire to disk.
//!
//! A connection is served by hyper; the head framer watches its bytes so that header names keep
//! their spelling and order; the body is read within its limits, large ones straight into the
//! store; one writer thread commits what has gathered; only then does the sender get its answer.
//!
//! This crate knows no API, no window and no vendors.
#![forbid(unsafe_code)]

mod clock;
pub mod descriptors;
mod limits;
mod message;
pub mod private;
mod store;
mod wire;

pub use clock::Clock;
pub use limits::{CHUNK_BYTES, DELAY_MAX, DRAIN_BYTES, HANG_MAX, HEAD_BYTES_MAX, HEADERS_MAX, INLINE_BODY_BYTES};
pub use message::{Body, Captured, Findings, header_list};
pub use store::{
    BodyBlocks, CommitError, CommitWaiter, Committed, IdTail, OnCommit, OpenError, Plan, ReadError, Readers, RowId,
    SCHEMA, SCHEMA_VIA, Store, Transaction, WriteError, delete_chunks, read_chunk, read_chunks,
};
pub use wire::{
    Answer, AnswerBody, AnswerFault, Arrived, ArrivedBody, Asked, Asking, Counts, Decision, Entrance, Listening, Piece,
    Plain, Refusal, Refused, Responder, Route, Routes, Streams, Through, listen,
};
