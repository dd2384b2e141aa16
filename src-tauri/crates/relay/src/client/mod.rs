//! The agent side of a tunnel: connects to the relay, attaches, and receives deliveries.

mod backoff;
mod call;
mod dial;
mod redial;
mod session;
mod turn;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

pub use backoff::{Backoff, woke};
pub use call::{CallError, Client, enrol};
pub use redial::{STABLE, run};
pub use session::Content;
pub use turn::Turn;

use crate::wire::{Ack, Delivery};

/// Status of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The agent is connecting.
    Connecting,
    /// The agent is attached.
    Online {
        /// Last measured round-trip time in µs; 0 before the first measurement.
        round_trip_us: u64,
        /// Number of deliveries that wait at the relay, by inbox.
        waiting: BTreeMap<String, u64>,
    },
    /// The agent is not attached, and connects again after a pause.
    Waiting {
        /// Reason.
        why: String,
        /// Pause before the next connection attempt.
        pause: Duration,
    },
    /// The connection failed and is not retried until a user starts the tunnel.
    Failed {
        /// Reason.
        why: String,
    },
}

/// Consumer of deliveries on the user's computer.
pub trait Agent: Send + Sync + 'static {
    /// Stores a delivery and returns the acknowledgment. The relay resends a delivery until it is acknowledged.
    /// `wait_s` is the number of seconds that the sender waits for the response of an app. Deliveries that are stored
    /// after their `turn` has come are in order. The turn of a delivery whose body must be fetched comes at once, so
    /// that fetching does not delay other deliveries.
    fn deliver(
        self: Arc<Self>,
        delivery: Delivery,
        wait_s: Option<u32>,
        content: Content,
        turn: Turn,
    ) -> impl Future<Output = Ack> + Send + 'static;

    /// Returns the last sequence number up to which no delivery is missing, by inbox.
    fn had(&self) -> impl Future<Output = BTreeMap<String, i64>> + Send;

    /// Reports a change of the tunnel status.
    fn set_state(&self, state: State);
}
