//! Tunnels, their state, and the inboxes that they expose.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::MASK;

/// A tunnel that makes inboxes reachable from the internet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tunnel {
    /// ID of the tunnel.
    pub id: String,
    /// Name of the tunnel: the address of a relay, an SSH host, or a public URL.
    pub name: String,
    /// Kind of the tunnel.
    pub kind: TunnelKind,
    /// True if requests are stored while this computer is offline. If false, requests fail during that time.
    pub durable: bool,
    /// True if the tunnel is started.
    pub on: bool,
    /// State of the connection.
    pub connection: TunnelConnection,
    /// Time and reason of the last connection loss.
    pub last_drop: Option<TunnelDrop>,
    /// Inboxes that the tunnel exposes. Other inboxes cannot be reached.
    pub exposures: Vec<Exposure>,
    /// Time at which the tunnel was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Kind of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TunnelKind {
    /// A relay.
    Relay {
        /// Name of this computer at the relay.
        device: String,
    },
    /// A port of an SSH host.
    Ssh {
        /// Port that is requested from the host, with a bind address before it if one was given.
        remote: String,
        /// Path of the private key file. Null uses the keys of the SSH agent and those in `~/.ssh`.
        key_file: Option<String>,
        /// Fingerprint of the trusted host key, as `ssh-keygen -l` prints it.
        host_key: String,
        /// Fingerprint of a different key that the host presents. The tunnel does not connect until a user trusts it.
        offered_key: Option<String>,
        /// Public URL.
        url: String,
    },
    /// A tunnel of another program, such as ngrok.
    Other {
        /// Public URL of the tunnel.
        url: String,
        /// Local address that the other program must forward to.
        local: String,
    },
}

/// A tunnel to create.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum TunnelNew {
    /// A tunnel to a relay.
    Relay {
        /// Address of the relay, such as `https://relay.example`.
        relay: String,
        /// One-time code from the operator of the relay.
        code: String,
        /// Name of this computer at the relay. Default: the host name.
        #[serde(default)]
        device: Option<String>,
    },
    /// A tunnel to a port of an SSH host.
    Ssh {
        /// User and host, such as `nokey@localhost.run` or `me@example.com:22`.
        destination: String,
        /// Port to request, such as `80`, `0` for any, or `*:8080`. Default: the port that the service expects, or any.
        #[serde(default)]
        remote: Option<String>,
        /// Public URL. Default: the URL that the host prints.
        #[serde(default)]
        url: Option<String>,
        /// Path of the private key file. Default: the keys of the SSH agent and those in `~/.ssh`. Requests from a web
        /// page must not set a path.
        #[serde(default)]
        key_file: Option<String>,
        /// Fingerprint of the host key. Default: the key that the host presents first is trusted.
        #[serde(default)]
        host_key: Option<String>,
    },
    /// A tunnel of another program, such as ngrok.
    Other {
        /// Public URL, such as `https://abc.ngrok.app`.
        url: String,
        /// Local port that the other program must forward to. Default: a free port.
        #[serde(default)]
        port: Option<u16>,
    },
}

/// A connection loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TunnelDrop {
    /// Time of the loss.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Reason for the loss.
    pub why: String,
}

/// State of the connection of a tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TunnelConnection {
    /// The tunnel is stopped.
    Off,
    /// The tunnel is connecting.
    Connecting,
    /// The tunnel is connected.
    Online {
        /// Time since which the tunnel is connected.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// Round-trip time between this computer and the other end, in ms. Null until it is measured.
        round_trip_ms: Option<f64>,
    },
    /// The connection was lost. The next connection attempt is scheduled.
    Waiting {
        /// Reason for the loss.
        why: String,
        /// Time of the next connection attempt.
        #[schema(value_type = String, format = DateTime)]
        again_at: Timestamp,
    },
    /// The connection failed and is not retried until a user starts the tunnel.
    Failed {
        /// Reason for the failure.
        why: String,
    },
}

/// An inbox that is exposed through a tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exposure {
    /// Name of the inbox.
    pub inbox: String,
    /// Public URL of the inbox. Anyone who knows the URL can send requests. Empty until an SSH host has announced its
    /// URL.
    pub url: String,
    /// Number of requests waiting at the relay, as last reported by the relay.
    pub waiting: u64,
    /// Size of the offline backlog: number of requests that arrived while this computer was offline and await a
    /// decision.
    pub backlog: u64,
    /// Error that prevented the relay from receiving the settings. Null if the relay has the current settings.
    pub problem: Option<String>,
    /// Handshakes of the vendor that require a secret. The relay cannot respond to them while this computer is offline.
    pub keyed: Vec<String>,
    /// Settings of the exposure. The password is masked.
    pub settings: ExposureSettings,
}

/// Settings of an exposed inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExposureSettings {
    /// Maximum time that a sender waits for the response of this computer, in ms, from 0 to 60000. With 0, the relay
    /// responds immediately. Null derives the time from the timeout of the vendor.
    pub wait_ms: Option<u32>,
    /// Name and password that senders must provide (HTTP Basic authentication).
    pub basic: Option<ExposureCredentials>,
    /// Networks that may send, such as `192.0.2.0/24`, at most 50. An empty list allows any.
    pub allow: Vec<String>,
    /// True if only requests with a valid signature are forwarded. Default: false.
    pub verified_only: bool,
    /// True if the relay receives the secrets of the inbox to respond to handshakes while this computer is offline. The
    /// operator of the relay can then sign requests like the vendor. Default: false.
    pub give_secrets: bool,
    /// Handling of the offline backlog. Default: `ask`.
    pub on_return: BacklogPolicy,
}

/// Credentials for HTTP Basic authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExposureCredentials {
    /// User name, without a colon (RFC 7617).
    pub name: String,
    /// Password. Masked when read.
    pub password: String,
}

/// Handling of the offline backlog: the requests that arrived while this computer was offline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BacklogPolicy {
    /// Asks the user what to do if the inbox has forwards.
    #[default]
    Ask,
    /// Forwards the requests.
    Forward,
    /// Keeps the requests in the inbox.
    Keep,
}

/// Action on the offline backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BacklogAction {
    /// Forwards all requests, one after the other, oldest first.
    All,
    /// Forwards the latest request of each event type.
    LatestPerType,
    /// Keeps all requests in the inbox without forwarding them.
    Keep,
}

/// Result of an action on the offline backlog.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BacklogDecision {
    /// Number of requests in the backlog.
    pub requests: u64,
    /// IDs of the replays that forward the requests, one per forward.
    pub replays: Vec<String>,
}

impl ExposureSettings {
    /// Returns these settings with the password masked.
    pub fn masked(&self) -> Self {
        let mut masked = self.clone();
        if let Some(basic) = &mut masked.basic {
            basic.password = MASK.to_owned();
        }
        masked
    }

    /// Returns `new` with a masked password replaced by the current one.
    pub fn changed_to(&self, mut new: Self) -> Self {
        if let (Some(was), Some(basic)) = (&self.basic, &mut new.basic)
            && basic.password == MASK
        {
            basic.password.clone_from(&was.password);
        }
        new
    }
}

/// List of tunnels.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TunnelList {
    /// The items.
    pub items: Vec<Tunnel>,
    /// Number of the last change that the list includes.
    pub seq: i64,
}
