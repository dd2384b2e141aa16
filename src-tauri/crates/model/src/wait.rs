//! Waits for captured requests.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RequestSummary;

/// Requests to wait for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestWait {
    /// Query that the requests must match. Conditions that depend on a later event, such as the response of an app, are
    /// not allowed. Default: all requests.
    #[serde(default)]
    pub q: String,
    /// Name of the inbox that the requests must arrive in. Default: any inbox.
    #[serde(default)]
    pub inbox: Option<String>,
    /// Number of requests to wait for, from 1 to 500. Default: 1.
    #[serde(default = "one")]
    pub count: u32,
    /// ID of a request. Only later requests count, also those that arrived before the call. Default: requests that
    /// arrive after the call.
    #[serde(default)]
    pub after: Option<String>,
    /// Time since which requests count, as an RFC 3339 timestamp or a duration before now such as `5m`. Cannot be
    /// combined with `after`.
    #[serde(default)]
    pub since: Option<String>,
    /// Maximum time to wait, in ms, from 0 to 60000. Default: 30000.
    #[serde(default = "half_a_minute")]
    pub timeout_ms: u32,
}

fn one() -> u32 {
    1
}

fn half_a_minute() -> u32 {
    30_000
}

/// Result of a wait.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestWaitResult {
    /// True if the requests arrived in time.
    pub complete: bool,
    /// Requests that match, oldest first, at most `count`.
    pub requests: Vec<RequestSummary>,
    /// Other requests that arrived: those that meet most conditions first, at most 10. Empty if the wait is complete.
    pub others: Vec<RequestWaitOther>,
    /// ID to pass as `after` to continue without missing a request.
    pub after: String,
}

/// A request that arrived during a wait and does not match.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestWaitOther {
    /// The request.
    pub request: RequestSummary,
    /// Conditions of the query that the request does not meet.
    pub unmet: Vec<String>,
}
