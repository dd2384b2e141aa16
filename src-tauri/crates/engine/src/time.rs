//! Times as the API writes them: RFC 3339, UTC, microseconds.

use jiff::Timestamp;

/// A point in time from µs since the Unix epoch.
pub(crate) fn timestamp(unix_us: i64) -> Timestamp {
    Timestamp::from_microsecond(unix_us).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A duration of µs in milliseconds, to the µs.
pub(crate) fn ms(us: i64) -> f64 {
    us as f64 / 1_000.0
}
