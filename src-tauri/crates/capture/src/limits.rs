//! Fixed limits of the listener and the reason for each.

use std::time::Duration;

/// Maximum number of headers of a request; more get a 431 response. httparse and hyper both default to 100, which keeps
/// the parse on the stack.
pub const HEADERS_MAX: usize = 100;

/// Maximum size of a request head (request line and headers), in bytes; a larger head gets a 431 response. nginx
/// accepts 32 KiB, Apache 64 KiB and Node 16 KiB, so a request that these servers accept is accepted here too.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Maximum size of a body that is kept in memory and in the row of its request, in bytes. A larger body is written to
/// chunk rows while it arrives, so memory use does not depend on the body size.
pub const INLINE_BODY_BYTES: usize = 128 * 1024;

/// Size of a stored body chunk, in bytes. The overhead of a row is negligible at this size.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Maximum response delay that a user can set. Senders time out sooner.
pub const DELAY_MAX: Duration = Duration::from_secs(60);

/// Maximum duration of the fault `hang`. Each hanging response holds a connection, and senders time out sooner.
pub const HANG_MAX: Duration = Duration::from_mins(10);

/// Maximum number of body bytes that are read and discarded after a request was rejected. Without this, the sender sees
/// a connection reset instead of the response (RFC 9112 §9.6).
pub const DRAIN_BYTES: u64 = 1024 * 1024;

/// Maximum number of concurrent streams of an HTTP/2 connection; hyper's default.
pub(crate) const H2_STREAMS_MAX: u32 = 200;
