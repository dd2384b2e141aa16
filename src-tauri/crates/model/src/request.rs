//! Captured requests.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BodyContent, BodyState, DeliveryOrigin, DeliveryState, HeaderLine, HeaderNames, HttpVersion, InboxResponse,
    SignatureStatus,
};

/// A request as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestSummary {
    /// Its id, a UUIDv7.
    pub id: String,
    /// Name of its inbox.
    pub inbox: String,
    /// Method as sent.
    pub method: String,
    /// Target as sent: path and query, mostly.
    pub target: String,
    /// HTTP version.
    pub version: HttpVersion,
    /// The sender's address and port; empty where an imported file does not say.
    pub peer: String,
    /// Status the sender was answered; 499 if it broke off before, 0 where an imported file does not say.
    pub status: u16,
    /// Body size in bytes; what was announced, if it was refused unread.
    pub body_bytes: u64,
    /// Whether the body is whole.
    pub body_state: BodyState,
    /// What is known of the header names.
    pub names: HeaderNames,
    /// When its head was complete.
    #[schema(value_type = String, format = DateTime)]
    pub arrived_at: Timestamp,
    /// From the head to the last byte, in ms.
    pub receiving_ms: f64,
    /// Whether it stays when others roll over.
    pub pinned: bool,
    /// Whether nobody has opened it yet.
    pub unread: bool,
    /// A person's note.
    pub note: String,
    /// Name of the file it was imported from; none if it arrived here.
    pub source: Option<String>,
    /// The vendor that sent it: the inbox's, else the one it looks like.
    pub provider: Option<String>,
    /// What happened, as the vendor names it.
    pub event_type: Option<String>,
    /// The event's own id.
    pub event_id: Option<String>,
    /// Requests of the same event that this inbox had before it; a hundred stands for more.
    pub earlier: u32,
    /// Whether its signature holds.
    pub verdict: SignatureStatus,
    /// Why it does not, as a stable code such as `mismatch` or `stale`.
    pub reason: Option<String>,
    /// What became of it where it went on to last; none if it went nowhere.
    pub onward: Option<OutgoingSummary>,
}

/// The last forward or replay of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutgoingSummary {
    /// Whether it was a forward or a replay.
    pub origin: DeliveryOrigin,
    /// How it stands.
    pub state: DeliveryState,
    /// What it was answered, if it was.
    pub status: Option<u16>,
}

/// A request in full. Its body has a route of its own.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestDetail {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: RequestSummary,
    /// Headers in wire order with repeats; credentials masked.
    pub headers: Vec<HeaderLine>,
    /// Trailers of a chunked body.
    pub trailers: Vec<HeaderLine>,
    /// What the body is said to be.
    pub content: BodyContent,
    /// When the commit was done; the sender's answer came after.
    #[schema(value_type = String, format = DateTime)]
    pub stored_at: Timestamp,
    /// Why the signature does not hold, in a sentence.
    pub sentence: Option<String>,
    /// What the sender was answered; none where the receiver refused by itself.
    pub answer: Option<InboxResponse>,
    /// Whose answer it is, where the vendor asked for it and no person made it.
    pub answer_origin: Option<String>,
}

/// Marks to change; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestMarks {
    /// Keep it when others roll over.
    pub pinned: Option<bool>,
    /// A note; empty removes it.
    pub note: Option<String>,
    /// Whether somebody has opened it.
    pub read: Option<bool>,
}
