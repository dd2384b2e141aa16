//! Replays.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{HeaderRules, PathRule, masked_url};

/// Where a replay goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayTarget {
    /// To a URL.
    Url(String),
    /// To a saved endpoint, by its id.
    Endpoint(String),
}

/// What a signature is made anew with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReSignWith {
    /// The provider and secret of the request's inbox.
    Inbox,
    /// Those of the endpoint it goes to.
    Endpoint,
}

/// What is changed of a request before it is sent; the stored one stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayEdit {
    /// Another method.
    pub method: Option<String>,
    /// Another path and query behind the destination's URL, such as `/orders?id=1`.
    pub path: Option<String>,
    /// Another list of headers, as `[name, value]`; a mask stands for the value that is stored.
    #[schema(value_type = Option<Vec<Vec<String>>>)]
    pub headers: Option<Vec<(String, String)>>,
}

/// How a replay is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaySettings {
    /// Where it goes; to where its inbox's requests went last if absent.
    #[serde(default)]
    pub to: Option<ReplayTarget>,
    /// What of a request's target stands behind the destination's URL.
    #[serde(default)]
    pub path: PathRule,
    /// What changes of the headers.
    #[serde(default)]
    pub headers: HeaderRules,
    /// What is changed of the request; of one alone.
    #[serde(default)]
    pub edit: Option<ReplayEdit>,
    /// Whether the signature is made anew, with a new timestamp, and with whose secret.
    #[serde(default)]
    pub resign: Option<ReSignWith>,
    /// How often each is delivered, to 10: twice tells whether a receiver does the same thing twice.
    #[serde(default = "one")]
    pub times: u32,
    /// Whether the newest goes first; else the oldest.
    #[serde(default)]
    pub newest_first: bool,
    /// Most requests a second; no limit if absent.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Requests under way at a time; one after the other if 1.
    #[serde(default = "one")]
    pub concurrency: u32,
    /// Whether it ends at the first that is not answered 2xx.
    #[serde(default)]
    pub stop_on_failure: bool,
    /// How long each answer may take, in ms.
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
            resign: None,
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

/// How a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReplayState {
    /// The requests it is made of are being looked for.
    Collecting = 0,
    /// It is under way.
    Running = 1,
    /// All were sent, whatever they were answered.
    Done = 2,
    /// It ended at a failure, as it was told to.
    Stopped = 3,
    /// Somebody ended it.
    Cancelled = 4,
    /// Its requests could not be found.
    Failed = 5,
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// Its id.
    pub id: String,
    /// How it is made.
    pub settings: ReplaySettings,
    /// The URL it goes to.
    pub url: String,
    /// How it stands.
    pub state: ReplayState,
    /// Why it ended so, in a sentence.
    pub reason: Option<String>,
    /// Deliveries it is to make; as many as were found while it collects.
    pub total: u64,
    /// Deliveries that were answered 2xx.
    pub delivered: u64,
    /// Deliveries that were not.
    pub failed: u64,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// How many were answered so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayResponses {
    /// The status; none where there was no answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    pub count: u64,
}

/// How long answers took, in ms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayLatencies {
    pub min: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

/// One that was not answered 2xx.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayFailure {
    /// Id of the delivery.
    pub delivery: String,
    /// Id of the request.
    pub request: String,
    pub event_type: String,
    pub method: String,
    #[serde(serialize_with = "crate::url::serialize_masked")]
    pub url: String,
    pub status: Option<u16>,
    /// Why there is no answer, in a sentence.
    pub reason: Option<String>,
    pub took_ms: Option<f64>,
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayReport {
    pub replay: Replay,
    /// Those that were not sent, for it was ended before.
    pub unsent: u64,
    /// From its first delivery to the end of its last, in s.
    pub took_s: f64,
    /// Deliveries a second over that time.
    pub rate: f64,
    pub answers: Vec<ReplayResponses>,
    /// None where nothing was answered.
    pub latencies: Option<ReplayLatencies>,
    pub failures: Vec<ReplayFailure>,
}

impl ReplayTarget {
    /// This target with the credentials of a URL masked.
    pub fn masked(&self) -> Self {
        match self {
            Self::Url(url) => Self::Url(masked_url(url).into_owned()),
            Self::Endpoint(id) => Self::Endpoint(id.clone()),
        }
    }
}
