//! The laptop's end of a tunnel: it dials, attaches, and takes deliveries until told to stop.

mod backoff;
mod call;
mod dial;
mod session;
mod turn;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

pub use backoff::{Backoff, woke};
pub use call::{CallError, Client, enrol};
pub use session::Content;
use tokio::time::sleep;
pub use turn::Turn;

use crate::wire::{Ack, Delivery, Ended};

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
    /// It is over until somebody starts it again.
    Over {
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

/// How long a connection has to last for the next failure to be a new one.
pub const STABLE: Duration = Duration::from_mins(1);

/// Pause before a relay that goes down is dialled again: it is started anew.
const DRAINED: Duration = Duration::from_secs(1);

/// Attaches and stays attached until it is over for good. It ends where this is dropped.
pub async fn run<L: Laptop>(client: Arc<Client>, laptop: Arc<L>) {
    let mut backoff = Backoff::default();
    let mut form = session::Form::Upgrade;
    loop {
        laptop.stands(State::Connecting);
        let began = tokio::time::Instant::now();
        let ended = session::attach_and_serve(&client, &laptop, form).await;
        if began.elapsed() >= STABLE {
            backoff = Backoff::default();
        }
        let over = |why: &str| laptop.stands(State::Over { why: why.into() });
        let (why, pause) = match ended {
            session::End::Told(Ended::Superseded) => {
                return over("Another Hookline with the same key has attached: is its data folder in use twice?");
            }
            session::End::Told(Ended::Revoked) => return over("The relay's owner has revoked this device."),
            session::End::Refused(why) => return over(&why),
            session::End::Told(Ended::Draining) => ("The relay goes down for a moment.".to_owned(), DRAINED),
            session::End::Woke => ("The machine was asleep.".to_owned(), Duration::ZERO),
            session::End::NoUpgrade(why) => {
                form = form.other();
                (why, backoff.pause())
            }
            session::End::Lost(why) => (why, backoff.pause()),
        };
        tracing::info!(why, ?pause, "the tunnel is down");
        laptop.stands(State::Waiting { why, pause });
        tokio::select! {
            () = sleep(pause) => {}
            // What kept the relay away may be gone with the place.
            () = woke() => {}
        }
    }
}
