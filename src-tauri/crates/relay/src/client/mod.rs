//! The laptop's end of a tunnel: it dials, attaches, and takes deliveries until told to stop.

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

/// How a tunnel stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It dials.
    Connecting,
    /// It is attached.
    Online {
        /// From the relay here and back, in microseconds, as measured last; 0 before that.
        round_trip_us: u64,
        /// What waits at the relay, by inbox.
        waiting: BTreeMap<String, u64>,
    },
    /// It is not attached, and dials again in a while.
    Waiting {
        /// Why.
        why: String,
        /// For how long.
        pause: Duration,
    },
    /// The connection failed and is not retried until a user starts the tunnel.
    Failed {
        /// Why.
        why: String,
    },
}

/// What takes deliveries.
pub trait Laptop: Send + Sync + 'static {
    /// Takes a delivery; the relay sends it again until it is acknowledged. `wait_s` is how long its sender
    /// may be kept waiting for an app's answer. What is kept when its `turn` has come is in order: the turn
    /// of those with a body to be fetched comes at once, so that they hold nobody up.
    fn deliver(
        self: Arc<Self>,
        delivery: Delivery,
        wait_s: Option<u32>,
        content: Content,
        turn: Turn,
    ) -> impl Future<Output = Ack> + Send + 'static;

    /// The last number up to which nothing is missing, by inbox.
    fn had(&self) -> impl Future<Output = BTreeMap<String, i64>> + Send;

    /// Hears how the tunnel stands.
    fn stands(&self, state: State);
}
