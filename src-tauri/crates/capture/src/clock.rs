//! The clock that all time-dependent code reads, so that tests can set the time.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// A source of wall-clock time: the system clock, or a fixed time set by a test.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// Returns a clock that reads the system time.
    pub fn system() -> Self {
        Self(None)
    }

    /// Returns a clock that reads `unix_us` (µs since the Unix epoch) until [`set_us`](Self::set_us) changes it.
    pub fn fixed(unix_us: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(unix_us))))
    }

    /// Sets a fixed clock. Does nothing on a system clock.
    pub fn set_us(&self, unix_us: i64) {
        if let Some(fixed) = &self.0 {
            fixed.store(unix_us, Ordering::SeqCst);
        }
    }

    /// Returns the current time in µs since the Unix epoch.
    pub fn now_us(&self) -> i64 {
        match &self.0 {
            Some(fixed) => fixed.load(Ordering::SeqCst),
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64),
        }
    }

    /// Returns the current time in ms since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.now_us() / 1_000
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(fixed)" } else { "Clock(system)" })
    }
}
