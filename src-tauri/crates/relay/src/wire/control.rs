//! JSON messages of the HTTP requests between agent and relay.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Public information about a relay (`GET` of [`PREFIX`](super::PREFIX)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Id of the relay, which is generated once and part of every signature for the relay.
    pub relay: String,
    /// Time of the relay, in seconds since the Unix epoch.
    pub unix_s: i64,
}

/// Enrollment of a device (`POST devices`), signed with the key in the message.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// Single-use code from the relay's owner.
    pub code: String,
    /// Name of the device, chosen by the user.
    pub name: String,
    /// Public key of the device, in base64.
    pub key: String,
}

/// Response to an enrollment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Id of the device.
    pub device: String,
    /// Base URL of the public URLs, such as `https://relay.example`.
    pub url: String,
}

/// Settings of an exposed inbox (`PUT inboxes/<name>`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExposedInbox {
    /// Response to the sender when the agent does not respond in time.
    pub fallback: Fallback,
    /// Time that a sender waits for the response of the agent, in ms; with 0, the relay responds at once.
    pub wait_ms: u32,
    /// Credentials that senders must provide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicCredentials>,
    /// Networks that may send, such as `192.0.2.0/24`; all networks if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Provider to whose handshake requests the relay responds while the agent is offline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake: Option<InboxHandshake>,
}

/// Response of the relay when the agent does not respond.
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

/// HTTP Basic credentials (RFC 7617). Only the digest is sent to the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicCredentials {
    /// SHA-256 of `name:password`, in hexadecimal.
    pub sha256: String,
}

/// Provider to whose handshake requests the relay responds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxHandshake {
    /// Id of the provider.
    pub provider: String,
    /// Parameters of the provider, such as a verify token.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Signing secrets, if the user shares them with this relay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// An inbox at the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownInbox {
    /// Name of the inbox.
    pub name: String,
    /// Public URL of the inbox.
    pub url: String,
    /// Number of deliveries that wait for the agent.
    pub waiting: u64,
    /// Number of deliveries that the agent rejected permanently. The relay deletes them by age.
    pub refused: u64,
    /// Sequence number of the newest delivery.
    pub seq: i64,
}

/// The deliveries that an agent has (`POST resume`), sent before the agent attaches. The relay resends later deliveries
/// that it still stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Last sequence number up to which no delivery is missing, by inbox.
    pub inboxes: BTreeMap<String, i64>,
}

/// Status that the relay sends to an attached agent every few seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Last measured round-trip time from the relay to the agent, in µs.
    pub round_trip_us: u64,
    /// Number of waiting deliveries, by inbox.
    pub waiting: BTreeMap<String, u64>,
    /// Reason, if the relay ends this session: `superseded`, `revoked` or `draining`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<SessionEnd>,
}

/// Reason for which a relay ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// The same key has attached again, perhaps from another computer.
    Superseded,
    /// The device was revoked.
    Revoked,
    /// The relay is shutting down. The agent should reconnect after a moment.
    Draining,
}

/// An error response of the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ErrorResponse {
    /// Stable code for programs.
    pub code: String,
    /// Description of the error.
    pub message: String,
    /// Advice for the user; empty if there is none.
    #[serde(default)]
    pub hint: String,
}
