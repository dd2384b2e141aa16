//! How HTTP/2 is set up on an attached connection, and the limits both ends keep.

use std::time::Duration;

use hyper::{client, server};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Deliveries a laptop takes at one time, unless it says otherwise. Each waits for the app: with an app that takes
/// 300 ms, an inbox has 1,600 answers a second.
pub const CREDIT: u32 = 1_000;

/// Streams on one connection: deliveries, and the relay's own word in between.
const STREAMS: u32 = 1_024;

/// Window of one stream, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;

/// Window of the connection, in bytes. A relay has 8 MiB of bodies under way at most, so that a body which nobody
/// reads holds up none of the others; a relay that keeps to no limit fills no more memory than this.
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// Largest head of a delivery, in bytes: a webhook's own head of 64 KiB, in base64, and its trailers.
pub const ENVELOPE_MAX: u32 = 384 * 1024;

/// Bodies up to this size travel with their delivery, in bytes; larger ones are fetched.
pub const INLINE_MAX: u64 = 1024 * 1024;

/// Silence after which an end asks for a sign of life. NATs forget connections after minutes at worst.
pub const PING_EVERY: Duration = Duration::from_secs(15);

/// How long it waits for one: after both, a connection to a laptop that sleeps is over.
pub const PING_WITHIN: Duration = Duration::from_secs(10);

/// How often a relay says how things stand.
pub const STATUS_EVERY: Duration = Duration::from_secs(10);

/// Silence after which a laptop dials anew: a relay speaks every [`STATUS_EVERY`].
pub const SILENCE_MAX: Duration = Duration::from_secs(25);

/// The laptop's end: it serves.
pub fn server_builder() -> server::conn::http2::Builder<TokioExecutor> {
    let mut builder = server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(ENVELOPE_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN);
    builder
}

/// The relay's end: it sends.
pub fn client_builder() -> client::conn::http2::Builder<TokioExecutor> {
    let mut builder = client::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(ENVELOPE_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN)
        .keep_alive_while_idle(true);
    builder
}
