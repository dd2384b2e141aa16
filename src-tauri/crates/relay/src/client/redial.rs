//! The loop that connects to a relay, and reconnects after the connection is lost.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    Agent, State,
    backoff::{Backoff, woke},
    call::Client,
    session,
};
use crate::wire::SessionEnd;

/// Minimum duration of a connection that resets the pauses.
pub const STABLE: Duration = Duration::from_mins(1);

/// Pause before the next connection attempt to a relay that is restarting.
const DRAINED: Duration = Duration::from_secs(1);

/// Connects to the relay, serves the connection, and reconnects after a loss. Returns when the relay ends the tunnel
/// permanently. Dropping the future ends the tunnel.
pub async fn run<L: Agent>(client: Arc<Client>, agent: Arc<L>) {
    let mut backoff = Backoff::default();
    let mut form = session::Form::Upgrade;
    loop {
        agent.set_state(State::Connecting);
        let began = tokio::time::Instant::now();
        let ended = session::attach_and_serve(&client, &agent, form).await;
        if began.elapsed() >= STABLE {
            backoff = Backoff::default();
        }
        let over = |why: &str| agent.set_state(State::Failed { why: why.into() });
        let (why, pause) = match ended {
            session::End::Told(SessionEnd::Superseded) => {
                return over(
                    "Another Hookbench with the same key has connected. Check that no copy of this data folder is in use.",
                );
            }
            session::End::Told(SessionEnd::Revoked) => return over("The relay's operator revoked this device."),
            session::End::Refused(why) => return over(&why),
            session::End::Told(SessionEnd::Draining) => ("The relay is restarting.".to_owned(), DRAINED),
            session::End::Woke => ("The computer was asleep.".to_owned(), Duration::ZERO),
            session::End::NoUpgrade(why) => {
                form = form.other();
                (why, backoff.pause())
            }
            session::End::Lost(why) => (why, backoff.pause()),
        };
        tracing::info!(why, ?pause, "the tunnel is down");
        agent.set_state(State::Waiting { why, pause });
        tokio::select! {
            () = sleep(pause) => {}
            // The network may have changed during the sleep.
            () = woke() => {}
        }
    }
}
