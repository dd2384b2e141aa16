//! Connecting to a host: TCP, SSH handshake and login.

use std::{path::Path, sync::Arc, time::Duration};

use russh::{Preferred, client::Config, keys::Algorithm};
use tokio::{net::TcpStream, time::timeout};

use crate::{Destination, Session, host_key::HostKey, login::login, session::Client};

/// Maximum time for the TCP connection, and for the SSH handshake.
const STEP: Duration = Duration::from_secs(15);

/// Maximum time for the login. A hardware key may wait for a touch.
const LOGIN: Duration = Duration::from_mins(1);

/// Idle time before a keepalive message. The connection is closed after three messages without a response.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Idle time after which the connection is closed in any case. No keepalive messages are sent while writes are blocked.
const STUCK: Duration = Duration::from_secs(75);

/// Flow-control window of a forwarded connection, in bytes.
const WINDOW: u32 = 1024 * 1024;

/// An error of an SSH tunnel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The host cannot be reached, the connection was lost, or the server is not an SSH server.
    #[error("{0}")]
    Lost(String),
    /// The host key differs from the trusted key.
    #[error(
        "The host key has changed: got {offered}, expected {known}. The host was set up again, or another server responds."
    )]
    OtherKey {
        /// Fingerprint of the trusted key, or a description of the known key.
        known: String,
        /// Fingerprint of the key that the host sent, in the format of `ssh-keygen -l`.
        offered: String,
    },
    /// The host rejected the login.
    #[error("The host rejected the login of {user}: {tried}.")]
    NotLetIn {
        /// User name.
        user: String,
        /// Login attempts and their results.
        tried: String,
    },
    /// The host rejected the remote port.
    #[error("The host refused to listen on {remote}: the port is in use, or remote forwarding is not allowed.")]
    NotForwarded {
        /// Requested remote address and port.
        remote: String,
    },
}

impl DialError {
    pub(crate) fn lost(error: russh::Error) -> Self {
        Self::Lost(match error {
            russh::Error::HUP | russh::Error::Disconnect => "The host closed the connection.".into(),
            russh::Error::KeepaliveTimeout | russh::Error::InactivityTimeout => "The host no longer responds.".into(),
            russh::Error::Version => "The server at this address is not an SSH server.".into(),
            russh::Error::IO(error) => format!("The connection failed: {error}."),
            other => format!("{}.", other.to_string().trim_end_matches('.')),
        })
    }

    /// Returns true if reconnecting is not safe before the user has checked the error.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::OtherKey { .. })
    }
}

impl From<russh::Error> for DialError {
    fn from(error: russh::Error) -> Self {
        Self::lost(error)
    }
}

/// Connects to a host and logs in. `trusted` is the fingerprint of the host key that was trusted before. `key` is a key
/// file to use instead of the keys of the SSH agent and in `~/.ssh`.
///
/// # Errors
/// See [`DialError`].
pub async fn dial(to: &Destination, trusted: Option<&str>, key: Option<&Path>) -> Result<Session, DialError> {
    let slow = |_| DialError::Lost(format!("The host did not respond within {} s.", STEP.as_secs()));
    let connecting = TcpStream::connect((to.host.as_str(), to.port));
    let stream = timeout(STEP, connecting).await.map_err(slow)?;
    let stream = stream.map_err(|e| DialError::Lost(format!("Could not connect to {}:{}: {e}.", to.host, to.port)))?;
    // Responses are small and written completely, so waiting to fill a segment would only delay them.
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
        DialError::Lost(format!(
            "Login took longer than {} s. Check if a hardware key waits for a touch.",
            LOGIN.as_secs()
        ))
    };
    timeout(LOGIN, login(&mut handle, &to.user, key)).await.map_err(late)??;
    Ok(Session::new(handle, opened))
}
