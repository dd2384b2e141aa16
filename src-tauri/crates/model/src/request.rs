//! Captured requests.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BodyContent, BodyState, DeliveryOrigin, DeliveryState, HeaderLine, HeaderNames, HttpVersion, InboxResponse,
    RequestSchemaStatus, RequestViolation, SignatureStatus,
};

/// Summary of a captured request, as returned in lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestSummary {
    /// ID of the request, a UUIDv7.
    pub id: String,
    /// Name of the inbox.
    pub inbox: String,
    /// Method as sent.
    pub method: String,
    /// Request target as sent, usually path and query.
    pub target: String,
    /// HTTP version of the request.
    pub version: HttpVersion,
    /// Remote address and port. Empty if an imported file does not contain them.
    pub remote_address: String,
    /// Status of the response that the sender got. 499 if the sender closed the connection before the response, 0 if an
    /// imported file does not contain a status.
    pub status: u16,
    /// Size of the body, in bytes. If the body was rejected before it was read, the announced size.
    pub body_bytes: u64,
    /// Completeness of the body.
    pub body_state: BodyState,
    /// Fidelity of the header names.
    pub names: HeaderNames,
    /// Time at which the request line and headers had arrived.
    #[schema(value_type = String, format = DateTime)]
    pub arrived_at: Timestamp,
    /// Time from the end of the headers to the last byte of the body, in ms.
    pub receiving_ms: f64,
    /// True if the request is pinned. Retention does not delete pinned requests.
    pub pinned: bool,
    /// True if the request is unread.
    pub unread: bool,
    /// Note of the user. Empty if there is none.
    pub note: String,
    /// Name of the file that the request was imported from. Null if the listener or a tunnel received the request.
    pub source: Option<String>,
    /// ID of the provider: the one set on the inbox, or the one that was detected.
    pub provider: Option<String>,
    /// Event type, as the vendor names it.
    pub event_type: Option<String>,
    /// ID of the event.
    pub event_id: Option<String>,
    /// Values that tell what the event is about, such as the customer, from the places that the provider's file names.
    pub subject: Option<String>,
    /// Number of earlier requests of the same event in this inbox, up to 100.
    pub earlier: u32,
    /// Signature status.
    pub signature_status: SignatureStatus,
    /// Reason why the signature is not valid, as a stable code such as `mismatch` or `expired`.
    pub reason: Option<String>,
    /// Result of the validation against the schema of the event. Null if the provider has no schema of the event, or if
    /// the payload is not JSON or larger than 1 MiB.
    pub schema_status: Option<RequestSchemaStatus>,
    /// Worst result of the forwards and replays of the request, of which the last one to each URL counts. Null if there
    /// is none.
    pub outgoing: Option<OutgoingSummary>,
}

/// Result of a forward or replay of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutgoingSummary {
    /// Origin of the delivery: `forward` or `replay`.
    pub origin: DeliveryOrigin,
    /// State of the delivery.
    pub state: DeliveryState,
    /// Status of the response, if there was one.
    pub status: Option<u16>,
}

/// A captured request with its headers. The body is retrieved separately.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestDetail {
    /// Summary of the request.
    #[serde(flatten)]
    pub summary: RequestSummary,
    /// Headers in the order in which they were sent, including repeated ones. Credentials are masked unless the API
    /// request reveals credentials.
    pub headers: Vec<HeaderLine>,
    /// Trailers of a chunked body. Credentials are masked as in `headers`.
    pub trailers: Vec<HeaderLine>,
    /// Content of the body, as the headers declare it.
    pub content: BodyContent,
    /// Time at which the request was stored. The response is sent after the request is stored.
    #[schema(value_type = String, format = DateTime)]
    pub stored_at: Timestamp,
    /// Explanation of the signature status, in one or two sentences.
    pub sentence: Option<String>,
    /// Differences between the payload and the schema of its event, at most 20.
    pub violations: Vec<RequestViolation>,
    /// Response that the sender got. Null if the listener rejected the request, or if the response is not stored, such
    /// as the response of an app in proxy mode. Credentials are masked unless the API request reveals credentials.
    pub response: Option<InboxResponse>,
    /// Source of the response, such as the name of a rule, a fallback or a vendor's handshake. Null for the response of
    /// the inbox.
    pub response_origin: Option<String>,
}

/// Changes to the marks of a request. Marks that are absent are not changed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestMarks {
    /// True if the request is pinned. Retention does not delete pinned requests.
    pub pinned: Option<bool>,
    /// Note, at most 4000 bytes. An empty note deletes the note.
    pub note: Option<String>,
    /// True if the request is read.
    pub read: Option<bool>,
}

/// Number of requests that match a query.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestCount {
    /// Number of matches.
    pub requests: u64,
    /// True if there are more matches than `most`.
    pub more: bool,
    /// Value of `after` that continues the count. `null` if the count is complete. A count stops early when its time
    /// limit is reached.
    pub next: Option<String>,
}

/// Text that a search found in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchSnippet {
    /// Place of the text: a JSON path such as `data.object.customer`, `form NAME`, `query NAME`, `header NAME`, `path`,
    /// `note` or `body`.
    pub place: String,
    /// Text before the match. Begins with `…` if it is truncated.
    pub before: String,
    /// Text that matches.
    pub matched: String,
    /// Text after the match, truncated.
    pub after: String,
}

/// A request that a list or a search returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestListItem {
    /// The request.
    #[serde(flatten)]
    pub request: RequestSummary,
    /// Text that the search found. Null without a search for text.
    pub snippet: Option<SearchSnippet>,
}

/// Number of requests that arrived in one interval, by signature status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestTrafficCounts {
    /// Requests with a valid signature.
    pub valid: u32,
    /// Requests with an invalid, an expired or no signature, although a secret is set.
    pub invalid: u32,
    /// Requests whose signature was not verified.
    pub unverified: u32,
    /// Requests that match the query. 0 without a query.
    pub matching: u32,
}

impl RequestTrafficCounts {
    /// Counts requests with a signature status. A status that is neither valid nor unverified counts as invalid.
    pub fn add(&mut self, status: SignatureStatus, requests: u32) {
        let of_status = match status {
            SignatureStatus::Valid => &mut self.valid,
            SignatureStatus::Unverified => &mut self.unverified,
            SignatureStatus::Invalid | SignatureStatus::Expired | SignatureStatus::Unsigned => &mut self.invalid,
        };
        *of_status += requests;
    }

    /// Adds the counts of another interval.
    pub fn merge(&mut self, other: &Self) {
        self.valid += other.valid;
        self.invalid += other.invalid;
        self.unverified += other.unverified;
        self.matching += other.matching;
    }
}

/// Number of requests over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestTraffic {
    /// Start of the first minute.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Counts of the minutes, oldest first. The last minute is the current one.
    pub minutes: Vec<RequestTrafficCounts>,
    /// True if every request of the minutes was searched for matches within the time limit.
    pub complete: bool,
}

/// A page of requests, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestList {
    /// The items.
    pub items: Vec<RequestListItem>,
    /// Value of `after` for the next page. `null` on the last page. With a query, a page can be short or empty although
    /// more pages follow, because a search stops early when its time limit is reached.
    pub next: Option<String>,
    /// Number of the last change that the page includes.
    pub seq: i64,
}
