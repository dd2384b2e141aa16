//! HTTP capture: stores each request with its exact bytes before the sender gets a response.
//!
//! hyper serves the connection. The head framer copies the bytes of each request head, because hyper does not keep the
//! spelling and order of header names. Bodies are read within limits, and large bodies are written to the store while
//! they arrive. One writer thread commits all queued requests in one transaction. The response is sent after the
//! commit.
//!
//! This crate does not depend on the local HTTP API, the window or the providers.
#![forbid(unsafe_code)]

pub mod ballast;
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
    APPLICATION_ID, BodyBlocks, CommitError, CommitWaiter, Committed, IdTail, OnCommit, OpenError, Plan, ReadError,
    Readers, RowId, SCHEMA, SCHEMA_NAMES, SCHEMA_VIA, Store, Transaction, WriteError, delete_chunks, read_chunk,
    read_chunks,
};
pub use wire::{
    ArrivedBody, Counts, Decision, Entrance, InjectedFault, Piece, Plain, PreparedResponse, ProxiedRequest,
    ReceivedRequest, Refusal, RejectedRequest, RequestHead, Responder, ResponseBody, Route, Routes, RunningListener,
    Streams, TunnelOrigin, listen,
};
