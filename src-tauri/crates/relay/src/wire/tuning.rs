//! HTTP/2 settings of an attached connection, and the limits of both ends.

use std::time::Duration;

use hyper::{client, server};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Default number of concurrent deliveries to an agent. A delivery can wait for the response of the app: with an app
/// that takes 300 ms, an inbox gets 1,600 responses per second.
pub const CREDIT: u32 = 1_000;

/// Maximum number of streams of a connection: deliveries, and the status messages of the relay.
const STREAMS: u32 = 1_024;

/// Flow-control window of a stream, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;

/// Flow-control window of a connection, in bytes. A relay sends at most 8 MiB of bodies at a time, so a body that is
/// not read does not block other bodies. The window also limits the memory that a faulty relay can fill.
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// Maximum size of the head of a delivery, in bytes: a webhook head of 64 KiB in base64, and the trailers.
pub const ENVELOPE_MAX: u32 = 384 * 1024;

/// Maximum size of a body that is sent with its delivery, in bytes. Larger bodies are fetched separately.
pub const INLINE_MAX: u64 = 1024 * 1024;

/// Idle time before a PING is sent. NAT devices may drop idle connections after a few minutes.
pub const PING_EVERY: Duration = Duration::from_secs(15);

/// Timeout of a PING, after which the connection is closed.
pub const PING_WITHIN: Duration = Duration::from_secs(10);

/// Interval at which a relay sends its status.
pub const STATUS_EVERY: Duration = Duration::from_secs(10);

/// Idle time after which an agent reconnects. A relay sends its status every [`STATUS_EVERY`].
pub const SILENCE_MAX: Duration = Duration::from_secs(25);

/// Returns the HTTP/2 settings of the agent, which is the server.
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

/// Returns the HTTP/2 settings of the relay, which is the client.
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
