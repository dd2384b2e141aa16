//! Handler checks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AttemptError, AttemptTimings, CodeSample};

/// How much a question weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckLevel {
    /// Whoever fails it loses events, takes forged ones or breaks.
    Must,
    /// Whoever fails it has trouble sooner or later.
    Should,
    /// Worth knowing; it fails nobody.
    Advice,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    Pass,
    Fail,
    /// Not as it should be, but no fault.
    Warn,
    /// It was not asked, and the finding says why.
    Skipped,
    /// It was asked, and nobody can tell.
    Unknown,
    /// It could not be asked: the handler is gone, or what helps asking failed.
    Error,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckFinding {
    /// What came of it.
    pub outcome: CheckOutcome,
    /// It in a sentence.
    pub said: String,
}

/// How a run is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckSettings {
    /// The handler's URL; an endpoint's own if absent.
    #[serde(default)]
    pub url: String,
    /// The endpoint that is checked, by its id: its URL, provider and secrets.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The vendor that is played.
    #[serde(default)]
    pub provider: String,
    /// Which of its schemes; the usual one if absent.
    #[serde(default)]
    pub scheme: Option<String>,
    /// The type of the usual event, which has an effect; the vendor's first if absent.
    #[serde(default)]
    pub event: Option<String>,
    /// The payload of the usual event, with places for made-up values as samples have them; the vendor's if absent.
    #[serde(default)]
    pub payload: Option<serde_json::Value>,
    /// The secret the handler knows.
    #[serde(default)]
    pub secret: String,
    /// Further settings of the scheme.
    #[serde(default)]
    pub params: std::collections::BTreeMap<String, String>,
    /// The secret before this one, if the handler knew another.
    #[serde(default)]
    pub old_secret: Option<String>,
    /// Whether the old secret is still to be taken.
    #[serde(default)]
    pub old_secret_valid: bool,
    /// Only these checks, by id; all if empty.
    #[serde(default)]
    pub only: Vec<String>,
    /// Not these.
    #[serde(default)]
    pub skip: Vec<String>,
    /// Checks whose failure is known and accepted, by id: it is shown, and does not count.
    #[serde(default)]
    pub waive: Vec<String>,
    /// Where effects are counted.
    #[serde(default)]
    pub probe: Option<SideEffectProbe>,
    /// How long an effect may come after its answer, in ms.
    #[serde(default = "settle")]
    pub settle_ms: u32,
    /// What makes the handler fail, as a database that is down would.
    #[serde(default)]
    pub break_with: Option<CheckCommand>,
    /// What mends it again.
    #[serde(default)]
    pub mend_with: Option<CheckCommand>,
    /// Requests a second in the burst.
    #[serde(default = "burst")]
    pub burst: u32,
    /// Longest wait for an answer, in ms; the vendor's own if that is shorter.
    #[serde(default = "timeout")]
    pub timeout_ms: u32,
}

fn settle() -> u32 {
    400
}

fn burst() -> u32 {
    20
}

fn timeout() -> u32 {
    15_000
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum CheckRunState {
    /// It is under way.
    Running = 0,
    /// Every check has a result.
    Done = 1,
    /// Somebody ended it.
    Cancelled = 2,
    /// It could not go on.
    Failed = 3,
}

/// A run of checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckRun {
    /// Its id.
    pub id: String,
    /// How it is made, without secrets.
    pub settings: CheckSettings,
    /// How it stands.
    pub state: CheckRunState,
    /// Why it ended so, in a sentence.
    pub reason: Option<String>,
    /// The check that is under way.
    pub at: Option<String>,
    /// Checks it has.
    pub total: u32,
    /// What they came to so far.
    pub counts: CheckCounts,
    /// The verdict; none while it runs.
    pub verdict: Option<CheckVerdict>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// What checks came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckCounts {
    pub pass: u32,
    pub fail: u32,
    pub warn: u32,
    pub skipped: u32,
    pub unknown: u32,
    pub error: u32,
}

/// What is said of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// Nothing failed.
    Right,
    /// Something failed that should not.
    Weak,
    /// Something failed that must not.
    Wrong,
    /// It was not asked to the end.
    Unfinished,
}

impl CheckFinding {
    /// new.
    pub fn new(outcome: CheckOutcome, said: impl Into<String>) -> Self {
        Self { outcome, said: said.into() }
    }

    /// pass.
    pub fn pass(said: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Pass, said)
    }

    /// fail.
    pub fn fail(said: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Fail, said)
    }

    /// warn.
    pub fn warn(said: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Warn, said)
    }

    /// unknown.
    pub fn unknown(said: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Unknown, said)
    }

    /// error.
    pub fn error(said: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Error, said)
    }

    /// skipped.
    pub fn skipped(said: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Skipped, said)
    }
}

impl CheckCounts {
    pub fn add(&mut self, outcome: CheckOutcome) {
        *match outcome {
            CheckOutcome::Pass => &mut self.pass,
            CheckOutcome::Fail => &mut self.fail,
            CheckOutcome::Warn => &mut self.warn,
            CheckOutcome::Skipped => &mut self.skipped,
            CheckOutcome::Unknown => &mut self.unknown,
            CheckOutcome::Error => &mut self.error,
        } += 1;
    }
}

/// A program that is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCommand {
    /// The program and what it is given, each a word of its own; with `shell`, one text.
    pub words: Vec<String>,
    /// Whether a shell reads it.
    #[serde(default)]
    pub shell: bool,
    /// The folder it runs in; the engine's if absent.
    #[serde(default)]
    pub dir: Option<String>,
}

/// Where effects are seen: what it says is a number that grows by one with each, or a text that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SideEffectProbe {
    /// A page that says it.
    Url(String),
    /// A program that prints it.
    Command(CheckCommand),
    /// The first value of a query on a SQLite database, which is only read.
    Sqlite {
        /// The database's file.
        path: String,
        query: String,
    },
}

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckReportFormat {
    #[default]
    Json,
    /// A page without scripts.
    Html,
    /// JUnit's XML, which pipelines read.
    Junit,
}

/// A question and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckResult {
    /// Its place in the list.
    pub number: u8,
    /// Its name.
    pub id: String,
    pub level: CheckLevel,
    pub question: String,
    /// Why it matters.
    pub why: String,
    /// Who says so.
    pub source: String,
    /// What to do where it fails.
    pub advice: String,
    pub outcome: CheckOutcome,
    /// What was found, in a sentence.
    pub said: String,
    /// What was sent, and what came back.
    pub sent: Vec<CheckExchange>,
    /// How long it took, in ms.
    pub took_ms: f64,
    /// Whether verifying code is the answer to it.
    pub snippet: bool,
}

/// What a run came to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckReport {
    pub run: CheckRun,
    /// The vendor's name.
    pub provider: String,
    /// By number.
    pub checks: Vec<CheckResult>,
    /// Code that verifies this vendor's signature, where a check asks for it that failed.
    pub snippets: Vec<CodeSample>,
}

/// What a check would send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedCheck {
    pub number: u8,
    pub id: String,
    pub level: CheckLevel,
    pub question: String,
    pub why: String,
    pub source: String,
    /// Requests it sends.
    pub requests: u32,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Why it is not asked, if so.
    pub skipped: Option<String>,
}

/// A question of two runs that was answered differently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckChange {
    pub number: u8,
    pub id: String,
    pub question: String,
    /// What came of it in the first run; none where it was not asked.
    pub before: Option<CheckOutcome>,
    pub after: Option<CheckOutcome>,
    /// What was found then.
    pub said_before: String,
    pub said_after: String,
}

/// What a handler answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckResponse {
    pub status: u16,
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Its beginning; bytes that are no text as `\xNN`.
    pub body: String,
    /// Its whole size.
    pub body_bytes: u64,
}

/// A request that was sent, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckExchange {
    /// What is odd about it, in a few words.
    pub label: String,
    pub method: String,
    pub url: String,
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Its beginning; bytes that are no text as `\xNN`.
    pub body: String,
    /// Its whole size.
    pub body_bytes: u64,
    /// None where there was no answer.
    pub answer: Option<CheckResponse>,
    /// Why there was none, or no whole one.
    pub error: Option<AttemptError>,
    /// What its answer holds that nobody should see, in words.
    #[serde(default)]
    pub tells: Option<String>,
    pub timings: AttemptTimings,
}
