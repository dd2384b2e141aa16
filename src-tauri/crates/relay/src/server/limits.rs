//! Every limit of a relay, each with its reason.

use std::time::Duration;

use hookbench_model::ListenerLimits;

/// Wrong passwords one sender may give in a minute; then it is not heard for [`SHUT_OUT`], whatever it gives.
pub(super) const GUESSES_A_MINUTE: u32 = 30;

/// How long a sender that guesses is not heard.
pub(super) const SHUT_OUT: Duration = Duration::from_mins(1);

/// How long an enrolment code is good.
pub(super) const CODE_GOOD: Duration = Duration::from_mins(30);

/// How far a laptop's clock may be off for its signatures to count.
pub(super) const SKEW: Duration = Duration::from_mins(5);

/// Addresses without an inbox that one sender may ask for in a minute; more get 429, whatever they ask for.
pub(super) const MISSES_A_MINUTE: u32 = 30;

/// Enrolments and signed requests that do not hold, of one sender in a minute.
pub(super) const FAILURES_A_MINUTE: u32 = 10;

/// Largest body of what a laptop asks of the relay itself, in bytes.
pub(super) const CONTROL_MAX: usize = 256 * 1024;

/// Largest body of an enrolment, which anybody can send, in bytes.
pub(super) const ENROL_MAX: usize = 4 * 1024;

/// How long such a body may take.
pub(super) const CONTROL_WITHIN: Duration = Duration::from_secs(10);

/// Longest name of a device or inbox, in characters.
pub(super) const NAME_MAX: usize = 64;

/// Longest time a sender is kept waiting: vendors give up sooner.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);

/// Largest answer passed on from a laptop, in bytes: vendors read a few KB.
pub(super) const ANSWER_MAX: usize = 1024 * 1024;

/// Bytes of deliveries in memory that wait for one laptop; more are read from the disk when their turn comes.
pub(super) const OFFERED_MAX: usize = 8 * 1024 * 1024;

/// Deliveries read from the disk in one go, and their bytes.
pub(super) const PAGE: usize = 64;
/// See [`PAGE`].
pub(super) const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Most deliveries under way to one laptop, whatever it says it takes: fewer than streams fit.
pub(super) const CREDIT_MAX: u32 = 1_000;

/// Time a laptop has to acknowledge a delivery, on top of what its app may take.
pub(super) const ACK_WITHIN: Duration = Duration::from_secs(30);

/// Slowest download of a large body that is still waited for, in bytes a second.
pub(super) const SLOWEST: u64 = 32 * 1024;

/// Pause after a delivery that a laptop did not acknowledge, doubled each time up to the second.
pub(super) const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What the relay's owner can change.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// Limits on the wire. A body may have 32 MiB: GitHub's largest has 25 MB.
    pub wire: ListenerLimits,
    /// Deliveries of one inbox that may wait.
    pub waiting: u64,
    /// Bytes kept for one device, in all its inboxes.
    pub device_bytes: u64,
    /// Inboxes of one device.
    pub inboxes: u64,
    /// Requests to one inbox in a second, and as many at once.
    pub per_second: u32,
    /// How long what a laptop has taken is kept, should it need it again.
    pub keep_taken: Duration,
    /// How long what waits is kept.
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
