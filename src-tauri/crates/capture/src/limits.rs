//! Every limit of the receiver, each with its reason and its answer.

use std::time::Duration;

/// Most headers one request may carry; more get 431. httparse and hyper both default to 100,
/// which keeps the parse on the stack.
pub const HEADERS_MAX: usize = 100;

/// Largest request head (request line and headers), in bytes; a larger one gets 431. nginx
/// takes 32 KiB, Apache 64 KiB, Node 16 KiB: no sender that works elsewhere is refused here.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Bodies up to this size stay in memory and in the request's own row. Larger ones go to
/// chunk rows as they arrive, so that a body's size never decides how much memory it takes.
pub const INLINE_BODY_BYTES: usize = 128 * 1024;

/// Size of one stored body chunk, in bytes: large enough that a row's overhead vanishes.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Longest answer delay a person may set, as senders themselves give up sooner.
pub const DELAY_MAX: Duration = Duration::from_secs(60);

/// Longest silence of an answer that hangs: each holds a connection, and no sender waits longer.
pub const HANG_MAX: Duration = Duration::from_mins(10);

/// After a refusal the rest of the body is read and dropped up to this many bytes, so that
/// the sender sees the answer and not a reset connection (RFC 9112 §9.6).
pub const DRAIN_BYTES: u64 = 1024 * 1024;

/// Concurrent streams in one HTTP/2 connection; hyper's own default.
pub(crate) const H2_STREAMS_MAX: u32 = 200;
