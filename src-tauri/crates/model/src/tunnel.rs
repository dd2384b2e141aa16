//! Tunnels.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::MASK;

/// A way in from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tunnel {
    /// Its id.
    pub id: String,
    /// What it is called by: a relay's address, an SSH host, a public URL.
    pub name: String,
    /// What stands at its other end.
    pub kind: TunnelKind,
    /// Whether what arrives is kept while this machine is away; else it is live, and senders are refused then.
    pub durable: bool,
    /// Whether it is to be up.
    pub on: bool,
    /// How it stands.
    pub state: TunnelState,
    /// When and why it was down last.
    pub last_drop: Option<TunnelDrop>,
    /// The inboxes that can be reached through it, and no others.
    pub exposures: Vec<Exposure>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What stands at a tunnel's other end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TunnelKind {
    /// A relay.
    Relay {
        /// What this machine is called there.
        device: String,
    },
    /// A port of an SSH host.
    Ssh {
        /// The port that is asked for, with the address before it if one is.
        remote: String,
        /// The key file that is used, if it is said which.
        key_file: Option<String>,
        /// Fingerprint of the host's key, as `ssh-keygen -l` shows it.
        host_key: String,
        /// Fingerprint of another key the host shows now; it is not dialled again until somebody trusts it.
        offered_key: Option<String>,
        /// Its public URL.
        url: String,
    },
    /// A tunnel of another program.
    Other {
        /// Its public URL.
        url: String,
        /// The address of this machine to which that program has to lead.
        local: String,
    },
}

/// A tunnel to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum TunnelNew {
    /// To a relay.
    Relay {
        /// The relay's address, such as `https://relay.example`.
        relay: String,
        /// The code its owner gave; good once.
        code: String,
        /// What this machine is called there; its own name if absent.
        #[serde(default)]
        device: Option<String>,
    },
    /// To a port of an SSH host.
    Ssh {
        /// The host and who is let in there, such as `nokey@localhost.run` or `me@example.com:22`.
        destination: String,
        /// The port that is asked for, such as `80`, `0` for any, `*:8080`; as the service wants it, or any, if absent.
        #[serde(default)]
        remote: Option<String>,
        /// Its public URL; as the host prints it if absent.
        #[serde(default)]
        url: Option<String>,
        /// The key file to be used, instead of the agent's keys and those in `~/.ssh`. A page names no files.
        #[serde(default)]
        key_file: Option<String>,
        /// Fingerprint of the host's key; believed on first use if absent.
        #[serde(default)]
        host_key: Option<String>,
    },
    /// A tunnel of another program.
    Other {
        /// Its public URL, such as `https://abc.ngrok.app`.
        url: String,
        /// The port of this machine to which it is to lead; a free one if absent.
        #[serde(default)]
        port: Option<u16>,
    },
}

/// A loss of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TunnelDrop {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// How a tunnel stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TunnelState {
    /// It was stopped.
    Off,
    /// It is being dialled.
    Connecting,
    /// It is up.
    Online {
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// From the other end here and back, in ms; none before it was measured.
        round_trip_ms: Option<f64>,
    },
    /// It is down, and dialled again.
    Waiting {
        /// Why it is down.
        why: String,
        /// When it is dialled.
        #[schema(value_type = String, format = DateTime)]
        again_at: Timestamp,
    },
    /// It is down until somebody starts it.
    Over {
        /// Why.
        why: String,
    },
}

/// An inbox that can be reached from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exposure {
    /// The inbox.
    pub inbox: String,
    /// Where senders reach it. Whoever knows it can send. Empty until an SSH host has said it.
    pub url: String,
    /// Deliveries that wait at the relay, as far as it has said.
    pub waiting: u64,
    /// Requests that arrived while this machine was away, and of which nobody has said what to do.
    pub away: u64,
    /// Why the relay does not yet have it as it is set, if so.
    pub problem: Option<String>,
    /// What vendors ask that only a key can answer, and so waits for this machine; none of it if empty.
    pub keyed: Vec<String>,
    /// How it is exposed; the password is masked.
    pub settings: ExposureSettings,
}

/// How an inbox is exposed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExposureSettings {
    /// How long a sender waits for this machine's answer, in ms; as its vendor allows if absent, 0 not at all.
    pub wait_ms: Option<u32>,
    /// Name and password senders have to give.
    pub basic: Option<BasicCredentials>,
    /// Networks that may send, such as `192.0.2.0/24`; any if empty.
    pub allow: Vec<String>,
    /// Whether only requests whose signature holds go on to an app.
    pub verified_only: bool,
    /// Whether the relay is given the inbox's secrets, to answer questions that need them while this machine
    /// is away. Whoever runs the relay can then sign as the vendor does.
    pub give_secrets: bool,
    /// What is done with requests that arrived while this machine was away.
    pub on_return: BacklogPolicy,
}

/// A name and a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicCredentials {
    /// The name.
    pub name: String,
    /// The password; masked when read.
    pub password: String,
}

/// What is done with requests that arrived while this machine was away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BacklogPolicy {
    /// A person is asked, where the inbox forwards at all.
    #[default]
    Ask,
    /// They go on like any other.
    Forward,
    /// They stay in the inbox.
    Hold,
}

/// What becomes of requests that arrived while this machine was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BacklogAction {
    /// All of them go on, one after the other, in the order in which they arrived.
    All,
    /// Of each event type the newest goes on.
    NewestPerType,
    /// None goes on; they stay in the inbox.
    Hold,
}

/// What came of a decision.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BacklogDecision {
    /// Requests it was about.
    pub requests: u64,
    /// Ids of the replays that send them on, one for each forward.
    pub replays: Vec<String>,
}

impl ExposureSettings {
    /// These settings with the password masked.
    pub fn masked(&self) -> Self {
        let mut masked = self.clone();
        if let Some(basic) = &mut masked.basic {
            basic.password = MASK.to_owned();
        }
        masked
    }

    /// Takes over `new`. A masked password in it keeps the password.
    pub fn changed_to(&self, mut new: Self) -> Self {
        if let (Some(was), Some(basic)) = (&self.basic, &mut new.basic)
            && basic.password == MASK
        {
            basic.password.clone_from(&was.password);
        }
        new
    }
}
