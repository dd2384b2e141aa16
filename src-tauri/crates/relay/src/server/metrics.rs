//! What a relay counts, in the text format of Prometheus.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

/// A counter's name, its meaning, and its value.
type Line<'a> = (&'a str, &'a str, u64);

macro_rules! counters {
    ($($(#[doc = $meaning:literal])+ $name:ident,)+) => {
        /// Counters since the relay started.
        #[derive(Debug, Default)]
        pub(super) struct Metrics { $($(#[doc = $meaning])+ pub(super) $name: AtomicU64,)+ }

        impl Metrics {
            fn lines(&self) -> Vec<Line<'_>> {
                vec![$((stringify!($name), concat!($($meaning),+), self.$name.load(Ordering::Relaxed)),)+]
            }
        }
    };
}

counters! {
    /// Webhooks committed.
    webhooks_kept_total,
    /// Webhooks answered by the laptop itself.
    answers_live_total,
    /// Webhooks answered in the laptop's place.
    answers_fallback_total,
    /// Requests refused for want of room or too fast.
    refused_full_total,
    /// Requests refused at an inbox: address, name or password.
    refused_access_total,
    /// Requests for an address without an inbox.
    misses_total,
    /// Signed requests that did not hold.
    signatures_refused_total,
    /// Deliveries acknowledged by laptops.
    deliveries_taken_total,
    /// Deliveries sent and not acknowledged.
    deliveries_again_total,
    /// Deliveries laptops will never take.
    deliveries_refused_total,
    /// Sessions attached.
    sessions_total,
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Metrics {
    /// All of it, with what is measured now.
    pub(super) fn text(&self, gauges: &[Line<'_>]) -> String {
        let mut text = String::new();
        let mut write = |kind: &str, (name, meaning, value): &Line<'_>| {
            // Writing into a String cannot fail.
            let _ = write!(
                text,
                "# HELP hookbench_relay_{name} {}\n# TYPE hookbench_relay_{name} {kind}\nhookbench_relay_{name} {value}\n",
                meaning.trim()
            );
        };
        self.lines().iter().for_each(|line| write("counter", line));
        gauges.iter().for_each(|line| write("gauge", line));
        text
    }
}
