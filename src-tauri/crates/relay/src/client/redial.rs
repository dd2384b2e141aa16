//! The loop that dials a relay, and dials again after the connection is lost.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    Laptop, State,
    backoff::{Backoff, woke},
    call::Client,
    session,
};
use crate::wire::Ended;

/// Minimum duration of a connection that resets the pauses.
pub const STABLE: Duration = Duration::from_mins(1);

/// Pause before the next connection attempt to a relay that is restarting.
const DRAINED: Duration = Duration::from_secs(1);

/// Dials the relay, serves the connection, and dials again after a loss, until the relay ends the tunnel for good.
/// Dropping the future ends the tunnel.
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
        let over = |why: &str| laptop.stands(State::Failed { why: why.into() });
        let (why, pause) = match ended {
            session::End::Told(Ended::Superseded) => {
                return over("Another Hookbench with the same key has attached: is its data folder in use twice?");
            }
            session::End::Told(Ended::Revoked) => return over("The relay's owner has revoked this device."),
            session::End::Refused(why) => return over(&why),
            session::End::Told(Ended::Draining) => ("The relay is restarting.".to_owned(), DRAINED),
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
            // The network may have changed during the sleep.
            () = woke() => {}
        }
    }
}
