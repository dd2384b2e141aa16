//! What a laptop asks of a relay by ordinary HTTP, and what it is told. All of it is JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a relay says to anyone (`GET` of [`PREFIX`](super::PREFIX)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The relay's id, made once; part of every signature for it.
    pub relay: String,
    /// The relay's time, seconds since the Unix epoch.
    pub unix_s: i64,
}

/// A device that wants to be known (`POST devices`), signed with the key it brings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// A code the relay's owner gave, good once.
    pub code: String,
    /// What a person calls the device.
    pub name: String,
    /// Its public key, in base64.
    pub key: String,
}

/// What an enrolled device is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Its id.
    pub device: String,
    /// The address under which its inboxes are reached, such as `https://relay.example`.
    pub url: String,
}

/// What a laptop wants of one of its inboxes at the relay (`PUT inboxes/<name>`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    /// What a sender is answered when the laptop does not answer in time.
    pub fallback: Fallback,
    /// How long a sender is kept waiting for the laptop, in milliseconds; 0 answers at once.
    pub wait_ms: u32,
    /// Name and password a sender must give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<WantedBasic>,
    /// Networks that may send, such as `192.0.2.0/24`; any if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// The vendor whose questions the relay answers while the laptop is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake: Option<WantedHandshake>,
}

/// The answer of a relay in a laptop's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Status.
    pub status: u16,
    /// Headers, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Body.
    #[serde(default)]
    pub body: String,
}

impl Default for Fallback {
    fn default() -> Self {
        Self { status: 200, headers: Vec::new(), body: String::new() }
    }
}

/// HTTP Basic credentials (RFC 7617). Only their digest travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedBasic {
    /// SHA-256 of `name:password`, in hexadecimal.
    pub sha256: String,
}

/// A vendor whose questions are answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedHandshake {
    /// Its id.
    pub provider: String,
    /// Settings it needs, such as a verify token.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Secrets, only where the user gives them to this relay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// An inbox at the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownInbox {
    /// The laptop's name for it.
    pub name: String,
    /// Where senders reach it.
    pub url: String,
    /// Deliveries that wait for the laptop.
    pub waiting: u64,
    /// Deliveries the laptop will never take; they are kept until they are too old.
    pub refused: u64,
    /// Number of the newest delivery.
    pub seq: i64,
}

/// What a laptop has of each of its inboxes (`POST resume`), said before it attaches: what is behind that
/// and still kept is sent again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The last number up to which nothing is missing, by inbox.
    pub inboxes: BTreeMap<String, i64>,
}

/// How things stand, told to an attached laptop every few seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Time from the relay to the laptop and back as measured last, in microseconds.
    pub round_trip_us: u64,
    /// Deliveries that wait, by inbox.
    pub waiting: BTreeMap<String, u64>,
    /// Why the relay ends this session, if it does: `superseded`, `revoked` or `draining`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// Why a relay ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The same key has attached anew, perhaps from another machine.
    Superseded,
    /// The device may not come back.
    Revoked,
    /// The relay goes down, and asks to be dialled again in a moment.
    Draining,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// Stable code for programs.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: String,
}
