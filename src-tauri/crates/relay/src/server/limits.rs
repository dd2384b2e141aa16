//! Limits of a relay and the reason for each.

use std::time::Duration;

use hookbench_model::ListenerLimits;

/// Maximum number of wrong passwords of a sender per minute. More lock the sender out for [`SHUT_OUT`].
pub(super) const GUESSES_A_MINUTE: u32 = 30;

/// Lockout time after too many wrong passwords.
pub(super) const SHUT_OUT: Duration = Duration::from_mins(1);

/// Lifetime of an enrollment code.
pub(super) const CODE_GOOD: Duration = Duration::from_mins(30);

/// Maximum difference between the time of a signature and the clock of the relay.
pub(super) const SKEW: Duration = Duration::from_mins(5);

/// Maximum number of requests of a sender per minute to URLs without an inbox; more get a 429 response.
pub(super) const MISSES_A_MINUTE: u32 = 30;

/// Maximum number of enrollments and of requests with invalid signatures, per sender and minute.
pub(super) const FAILURES_A_MINUTE: u32 = 10;

/// Maximum body size of a request of an agent, in bytes.
pub(super) const CONTROL_MAX: usize = 256 * 1024;

/// Maximum body size of an enrollment, in bytes. Anyone can send an enrollment.
pub(super) const ENROL_MAX: usize = 4 * 1024;

/// Maximum time for receiving such a body.
pub(super) const CONTROL_WITHIN: Duration = Duration::from_secs(10);

/// Maximum length of the name of a device or inbox, in characters.
pub(super) const NAME_MAX: usize = 64;

/// Maximum time that a sender waits for a response. Providers time out sooner.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);

/// Maximum size of a response from an agent, in bytes. Providers read a few KB.
pub(super) const RESPONSE_MAX: usize = 1024 * 1024;

/// Maximum bytes of deliveries that wait in memory for an agent. Further deliveries are read from disk later.
pub(super) const OFFERED_MAX: usize = 8 * 1024 * 1024;

/// Maximum number of deliveries per read from disk.
pub(super) const PAGE: usize = 64;
/// Maximum number of body bytes per read from disk, exceeded by at most one body.
pub(super) const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Maximum number of concurrent deliveries to an agent. The value is lower than the maximum number of streams.
pub(super) const CREDIT_MAX: u32 = 1_000;

/// Time that an agent has to acknowledge a delivery, in addition to the time that the app may take.
pub(super) const ACK_WITHIN: Duration = Duration::from_secs(30);

/// Minimum speed of the download of a large body, in bytes per second.
pub(super) const SLOWEST: u64 = 32 * 1024;

/// First and maximum pause after a delivery that was not acknowledged. The pause doubles each time.
pub(super) const RETRY_DELAY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// Limits that the relay's owner can change.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// Limits of the listener. The default maximum body size is 32 MiB, because GitHub sends up to 25 MB.
    pub wire: ListenerLimits,
    /// Maximum number of waiting deliveries of an inbox.
    pub waiting: u64,
    /// Maximum stored bytes of a device, in all inboxes.
    pub device_bytes: u64,
    /// Maximum number of inboxes of a device.
    pub inboxes: u64,
    /// Maximum number of requests to an inbox per second, which is also the maximum burst.
    pub per_second: u32,
    /// Retention of acknowledged deliveries, for agents that restore a backup.
    pub keep_taken: Duration,
    /// Retention of waiting deliveries.
    pub keep_waiting: Duration,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            wire: ListenerLimits { body_bytes: 32 * 1024 * 1024, connections: 4_096, ..ListenerLimits::default() },
            waiting: 100_000,
            device_bytes: 2 * 1024 * 1024 * 1024,
            inboxes: 100,
            per_second: 500,
            keep_taken: Duration::from_hours(24),
            keep_waiting: Duration::from_hours(30 * 24),
        }
    }
}
