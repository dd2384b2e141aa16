//! Replays: stored requests sent again, one or a million, to one destination.
//!
//! What is to be sent stands in the store as a list; `run` makes deliveries of it a few hundred ahead
//! of the outbox, so that memory stays flat and a restart goes on where the list is.

mod collect;
mod report;
mod row;
mod run;

use hookline_model::MASK;
use hookline_provider::{Disable, OwnPolicy, RetryOn, Schedule};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use collect::{Collecting, Wanted, collect};
pub(crate) use report::{Report, html};
pub(crate) use row::{ReplayRow, interrupted, list, with_id};
pub(crate) use run::{Replays, spawn};

use crate::{
    onward::{HeaderRules, PathRule, masked},
    outbox::{EndpointRow, EndpointSettings, RATE_MIN, masked_url, parse},
};

/// How often one request can be delivered by one replay: twice shows whether a receiver is idempotent.
const TIMES_MAX: u32 = 10;

/// Most requests under way at a time.
const CONCURRENCY_MAX: u32 = 256;

/// Longest wait for an answer, in ms.
const TIMEOUT_MAX: u32 = 10 * 60 * 1_000;

/// Where a replay goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// To a URL.
    Url(String),
    /// To a saved endpoint, by its id.
    Endpoint(String),
}

impl Target {
    /// With a mask in the place of a URL's credentials.
    pub(crate) fn masked(&self) -> Self {
        match self {
            Self::Url(url) => Self::Url(masked_url(url).into_owned()),
            Self::Endpoint(id) => Self::Endpoint(id.clone()),
        }
    }
}

/// What a signature is made anew with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resign {
    /// The provider and secret of the request's inbox.
    Inbox,
    /// Those of the endpoint it goes to.
    Endpoint,
}

/// What is changed of a request before it is sent; the stored one stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Edit {
    /// Another method.
    pub method: Option<String>,
    /// Another path and query behind the destination's URL, such as `/orders?id=1`.
    pub path: Option<String>,
    /// Another list of headers, as `[name, value]`; a mask stands for the value that is stored.
    #[schema(value_type = Option<Vec<Vec<String>>>)]
    pub headers: Option<Vec<(String, String)>>,
}

impl Edit {
    fn check(&self) -> Result<(), String> {
        if let Some(method) = &self.method {
            method.parse::<http::Method>().map_err(|_| format!("{method:?} is no HTTP method."))?;
        }
        if let Some(path) = self.path.as_deref().filter(|path| !path.is_empty()) {
            let odd = path.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'#');
            if !path.starts_with(['/', '?']) || odd {
                return Err(format!("{path:?} is no path: it begins with / or ? and has no spaces."));
            }
        }
        for (name, value) in self.headers.iter().flatten() {
            let masked = value == MASK;
            if name.parse::<http::HeaderName>().is_err() || !masked && http::HeaderValue::from_str(value).is_err() {
                return Err(format!("{name:?} with this value is no header that can be sent."));
            }
        }
        Ok(())
    }
}

/// How a replay is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaySettings {
    /// Where it goes; to where its inbox's requests went last if absent.
    #[serde(default)]
    pub to: Option<Target>,
    /// What of a request's target stands behind the destination's URL.
    #[serde(default)]
    pub path: PathRule,
    /// What changes of the headers.
    #[serde(default)]
    pub headers: HeaderRules,
    /// What is changed of the request; of one alone.
    #[serde(default)]
    pub edit: Option<Edit>,
    /// Whether the signature is made anew, with a new timestamp, and with whose secret.
    #[serde(default)]
    pub resign: Option<Resign>,
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

impl ReplaySettings {
    /// The first thing wrong with it, in a sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.headers.check()?;
        self.edit.as_ref().map_or(Ok(()), Edit::check)?;
        if !(1..=TIMES_MAX).contains(&self.times) {
            return Err(format!("A request is delivered from 1 to {TIMES_MAX} times."));
        }
        if !(1..=CONCURRENCY_MAX).contains(&self.concurrency) {
            return Err(format!("Concurrency lies between 1 and {CONCURRENCY_MAX}."));
        }
        if self.rate.is_some_and(|rate| !(RATE_MIN..=1_000_000.0).contains(&rate)) {
            return Err(format!("The rate is a number of requests a second, from {RATE_MIN} to 1000000."));
        }
        if self.timeout_ms == 0 || self.timeout_ms > TIMEOUT_MAX {
            return Err(format!("The time-out lies between 1 and {TIMEOUT_MAX} ms."));
        }
        match &self.to {
            Some(Target::Url(url)) => parse(url).map(drop),
            _ => Ok(()),
        }
    }

    /// Without values that are credentials.
    pub(crate) fn masked(&self) -> Self {
        let headers = HeaderRules { set: masked(&self.headers.set), ..self.headers.clone() };
        let edit = self.edit.clone().map(|edit| Edit { headers: edit.headers.as_deref().map(masked), ..edit });
        let to = self.to.as_ref().map(Target::masked);
        Self { to, headers, edit, ..self.clone() }
    }

    /// Its destination as the outbox keeps it. What is saved of an endpoint, such as its secrets, is used
    /// as it is now.
    pub(crate) fn destination(&self, url: String, endpoint: Option<&EndpointRow>) -> EndpointSettings {
        let saved = endpoint.map(|row| row.settings.clone());
        let base = saved.unwrap_or_else(|| EndpointSettings::to(url.clone()));
        EndpointSettings {
            url,
            concurrency: self.concurrency,
            rate: self.rate,
            speed: 1.0,
            paused: false,
            policy: OwnPolicy {
                timeout_ms: Some(self.timeout_ms),
                connect_timeout_ms: Some(self.timeout_ms.min(10_000)),
                success: Some(hookline_provider::Success::any_2xx()),
                schedule: Some(Schedule::Fixed(Vec::new())),
                retry_on: Some(RetryOn::All),
                gone: Some(hookline_provider::Gone::Failure),
                disable: Some(if self.stop_on_failure { Disable::FailedAttempts(1) } else { Disable::Never }),
                ..OwnPolicy::default()
            },
            ..base
        }
    }
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
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
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
