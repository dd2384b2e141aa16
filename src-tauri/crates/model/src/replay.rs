//! Replays of stored requests.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{HeaderRules, PathRule, masked_url};

/// Target of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayTarget {
    /// A URL.
    Url(String),
    /// A saved endpoint, by ID.
    Endpoint(String),
}

/// Key that a request is re-signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReSignWith {
    /// The provider and the secret of the inbox that captured the request.
    Inbox,
    /// The provider and the secret of the target endpoint.
    Endpoint,
}

/// Changes to the request that is replayed. The stored request is not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayEdit {
    /// New method.
    pub method: Option<String>,
    /// New path and query, appended to the URL of the target, such as `/orders?id=1`.
    pub path: Option<String>,
    /// New list of headers, as `[name, value]`. A masked value keeps the stored value of the header.
    #[schema(value_type = Option<Vec<Vec<String>>>)]
    pub headers: Option<Vec<(String, String)>>,
}

/// Settings of a replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaySettings {
    /// Target of the replay. Default: the target of the last replay from the inbox.
    #[serde(default)]
    pub to: Option<ReplayTarget>,
    /// Path of the outgoing requests. Default: `append`.
    #[serde(default)]
    pub path: PathRule,
    /// Changes to the headers.
    #[serde(default)]
    pub headers: HeaderRules,
    /// Changes to the request. Allowed only when a single request is replayed.
    #[serde(default)]
    pub edit: Option<ReplayEdit>,
    /// Key that requests are re-signed with, with a new timestamp. Null keeps the signature.
    #[serde(default)]
    pub re_sign: Option<ReSignWith>,
    /// Number of times that each request is sent, from 1 to 10. Default: 1. A value of 2 tests whether a handler is
    /// idempotent.
    #[serde(default = "one")]
    pub times: u32,
    /// True if the newest request is sent first. Default: false.
    #[serde(default)]
    pub newest_first: bool,
    /// Maximum number of requests per second, from 0.0001 to 1000000. Null sets no limit.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Maximum number of concurrent requests, from 1 to 256. Default: 1.
    #[serde(default = "one")]
    pub concurrency: u32,
    /// True if the replay stops at the first request without a 2xx response. Default: false.
    #[serde(default)]
    pub stop_on_failure: bool,
    /// Timeout of a response, in ms, from 1 to 600000. Default: 30000.
    #[serde(default = "timeout")]
    pub timeout_ms: u32,
}

impl Default for ReplaySettings {
    fn default() -> Self {
        Self {
            to: None,
            path: PathRule::default(),
            headers: HeaderRules::default(),
            edit: None,
            re_sign: None,
            times: one(),
            newest_first: false,
            rate: None,
            concurrency: one(),
            stop_on_failure: false,
            timeout_ms: timeout(),
        }
    }
}

fn one() -> u32 {
    1
}

fn timeout() -> u32 {
    30_000
}

/// State of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReplayState {
    /// The requests are being collected.
    Collecting = 0,
    /// Requests are being sent.
    Running = 1,
    /// Every request was sent, regardless of the responses.
    Done = 2,
    /// The replay stopped at its first failure.
    Stopped = 3,
    /// The replay was canceled.
    Canceled = 4,
    /// The requests could not be collected.
    Failed = 5,
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// ID of the replay.
    pub id: String,
    /// Settings of the replay. Credentials are masked.
    pub settings: ReplaySettings,
    /// URL that the requests are sent to. Credentials are masked.
    pub url: String,
    /// State of the replay.
    pub state: ReplayState,
    /// Reason for the state, in one sentence.
    pub reason: Option<String>,
    /// Number of deliveries to make. The number grows while requests are collected.
    pub total: u64,
    /// Number of deliveries that got a 2xx response.
    pub delivered: u64,
    /// Number of deliveries that failed.
    pub failed: u64,
    /// Time at which the replay was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time at which the replay ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// Number of deliveries with the same response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayResponses {
    /// Status of the response. Null if there was no response.
    pub status: Option<u16>,
    /// Error that the deliveries ended with. Null if there was a response.
    pub error: Option<String>,
    /// Number of deliveries.
    pub count: u64,
}

/// Latencies of the responses, in ms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayLatencies {
    /// Shortest latency.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Longest latency.
    pub max: f64,
}

/// A delivery of a replay that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayFailure {
    /// ID of the delivery.
    pub delivery: String,
    /// ID of the request.
    pub request: String,
    /// Event type. Empty if the request has none.
    pub event_type: String,
    /// Method of the request.
    pub method: String,
    /// URL of the destination. Credentials are masked.
    #[serde(serialize_with = "crate::url::serialize_masked")]
    pub url: String,
    /// Status of the response. Null if there was no response.
    pub status: Option<u16>,
    /// Reason why there was no response, in one sentence. Null if there was a response.
    pub reason: Option<String>,
    /// Duration of the last attempt, in ms.
    pub duration_ms: Option<f64>,
}

/// Report of a replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayReport {
    /// The replay.
    pub replay: Replay,
    /// Number of deliveries that neither succeeded nor failed, such as those that were not sent.
    pub unsent: u64,
    /// Time from the start of the first attempt to the end of the last, in seconds.
    pub duration_s: f64,
    /// Deliveries per second over that time.
    pub rate: f64,
    /// Responses, most frequent first. At most 1000.
    pub responses: Vec<ReplayResponses>,
    /// Latencies of the responses. Null if there was no response.
    pub latencies: Option<ReplayLatencies>,
    /// Failed deliveries, oldest first. At most 100000.
    pub failures: Vec<ReplayFailure>,
}

impl ReplayTarget {
    /// Returns this target with the credentials of a URL masked.
    pub fn masked(&self) -> Self {
        match self {
            Self::Url(url) => Self::Url(masked_url(url).into_owned()),
            Self::Endpoint(id) => Self::Endpoint(id.clone()),
        }
    }
}

/// A page of replays, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReplayList {
    /// The items.
    pub items: Vec<Replay>,
    /// Value of `after` for the next page. `null` on the last page.
    pub next: Option<String>,
}
