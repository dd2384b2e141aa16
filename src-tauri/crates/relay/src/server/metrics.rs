//! Metrics of a relay in the text format of Prometheus.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

/// Name, description and value of a metric.
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
    /// Webhooks with a response from the agent.
    responses_live_total,
    /// Webhooks with the fallback response.
    responses_fallback_total,
    /// Requests rejected because of a quota or rate limit.
    refused_full_total,
    /// Requests rejected because of the sender's address or credentials.
    refused_access_total,
    /// Requests to URLs without an inbox.
    misses_total,
    /// Requests with an invalid signature.
    signatures_refused_total,
    /// Deliveries acknowledged by agents.
    deliveries_taken_total,
    /// Deliveries sent and not acknowledged.
    deliveries_again_total,
    /// Deliveries rejected permanently by agents.
    deliveries_refused_total,
    /// Sessions attached.
    sessions_total,
}

/// Increments a counter.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Metrics {
    /// Returns all counters and the given gauges as text.
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
