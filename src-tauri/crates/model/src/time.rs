//! Conversion of stored times.

use jiff::Timestamp;

/// Converts a time in µs since the Unix epoch. A time outside the range of [`Timestamp`] becomes the epoch.
pub fn timestamp(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or_default()
}

/// Converts µs to ms.
pub fn milliseconds(us: i64) -> f64 {
    us as f64 / 1_000.0
}
