//! From nothing to a host that has let us in.

use std::{path::Path, sync::Arc, time::Duration};

use russh::{Preferred, client::Config, keys::Algorithm};
use tokio::{net::TcpStream, time::timeout};

use crate::{Destination, Session, host_key::HostKey, login::login, session::Client};

/// How long the way to a host may take, and each step after it.
const STEP: Duration = Duration::from_secs(15);

/// How long logging in may take: a key may want to be touched.
const LOGIN: Duration = Duration::from_mins(1);

/// Silence after which a host is asked whether it is there; it is gone when it has not answered three times.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Silence after which it is gone though there was something to be written and no place for it: while bytes
/// are stuck, nothing is asked.
const STUCK: Duration = Duration::from_secs(75);

/// Bytes of one connection that a host may send before they are read.
const WINDOW: u32 = 1024 * 1024;

/// Why there is no tunnel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The host is not reached, or does not speak SSH.
    #[error("{0}")]
    Lost(String),
    /// The host shows another key than before.
    #[error(
        "The host shows another key ({offered}) than before ({known}): it was set up anew, or somebody else answers."
    )]
    OtherKey {
        /// The one that was trusted.
        known: String,
        /// The one it shows, as `ssh-keygen -l` shows it.
        offered: String,
    },
    /// The host lets nobody in so.
    #[error("The host does not let {user} in: {tried}.")]
    NotLetIn {
        /// The user.
        user: String,
        /// What was tried.
        tried: String,
    },
    /// The host does not listen for us.
    #[error("The host does not listen on {remote} for this machine: the port is taken, or it does not allow that.")]
    NotForwarded {
        /// What was asked for.
        remote: String,
    },
}

impl DialError {
    pub(crate) fn lost(error: russh::Error) -> Self {
        Self::Lost(match error {
            russh::Error::HUP | russh::Error::Disconnect => "The host has ended the connection.".into(),
            russh::Error::KeepaliveTimeout | russh::Error::InactivityTimeout => "The host no longer answers.".into(),
            russh::Error::Version => "What answers there does not speak SSH.".into(),
            russh::Error::IO(error) => format!("The connection broke: {error}."),
            other => format!("{}.", other.to_string().trim_end_matches('.')),
        })
    }

    /// Whether dialling again is not safe before somebody has looked at it.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::OtherKey { .. })
    }
}

impl From<russh::Error> for DialError {
    fn from(error: russh::Error) -> Self {
        Self::lost(error)
    }
}

/// Connects to a host and logs in. `trusted` is the fingerprint of its key that was seen before, if it was;
/// `key` the one file that is to be used, instead of the agent's keys and those in `~/.ssh`.
pub async fn dial(to: &Destination, trusted: Option<&str>, key: Option<&Path>) -> Result<Session, DialError> {
    let slow = |_| DialError::Lost(format!("The host has not answered for {} s.", STEP.as_secs()));
    let connecting = TcpStream::connect((to.host.as_str(), to.port));
    let stream = timeout(STEP, connecting).await.map_err(slow)?;
    let stream = stream.map_err(|e| DialError::Lost(format!("{}:{} is not reached: {e}.", to.host, to.port)))?;
    // Answers are small and complete: waiting to fill a segment only delays them.
    let _ = stream.set_nodelay(true);
    let host_key = HostKey::of(to, trusted);
    let mut config = Config {
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        inactivity_timeout: Some(STUCK),
        window_size: WINDOW,
        nodelay: true,
        ..Config::default()
    };
    let (first, others): (Vec<_>, Vec<_>) = {
        let known = host_key.known_kinds();
        let same = |a: &Algorithm, b: &Algorithm| std::mem::discriminant(a) == std::mem::discriminant(b);
        Preferred::DEFAULT.key.iter().cloned().partition(|kind| known.iter().any(|known| same(kind, known)))
    };
    config.preferred.key = first.into_iter().chain(others).collect();
    let (client, opened) = Client::new(host_key);
    let shaking = russh::client::connect_stream(Arc::new(config), stream, client);
    let mut handle = timeout(STEP, shaking).await.map_err(slow)??;
    let late = |_| {
        DialError::Lost(format!("Logging in took longer than {} s: does the agent wait for a touch?", LOGIN.as_secs()))
    };
    timeout(LOGIN, login(&mut handle, &to.user, key)).await.map_err(late)??;
    Ok(Session::new(handle, opened))
}
