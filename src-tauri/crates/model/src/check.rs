//! Checks of a webhook handler: settings, runs, results and reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AttemptError, AttemptTimings, CodeSample};

/// Severity of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckLevel {
    /// Required. A handler that fails the check loses events, accepts forged events or breaks.
    Must,
    /// Recommended. A handler that fails the check will have problems.
    Should,
    /// Advisory. A failure is reported as a warning.
    Advice,
}

/// Outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// The handler behaved as required.
    Pass,
    /// The handler did not behave as required.
    Fail,
    /// The handler did not behave as recommended, or the vendor tolerates the failure.
    Warn,
    /// The check was skipped, or its failure was waived. The finding gives the reason.
    Skipped,
    /// The responses do not show whether the handler passes, for example because the run has no side-effect probe.
    Unknown,
    /// The check could not be run: the handler did not respond, or a command or the side-effect probe failed.
    Error,
}

/// Finding of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckFinding {
    /// Outcome of the check.
    pub outcome: CheckOutcome,
    /// Explanation of the outcome, in a few sentences.
    pub message: String,
}

/// Settings of a check run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckSettings {
    /// URL of the handler. Default: the URL of `endpoint`.
    pub url: String,
    /// ID of the endpoint to check. The endpoint supplies the URL, the provider and the secrets.
    pub endpoint: Option<String>,
    /// ID of the provider whose webhooks are sent. Default: the provider of `endpoint`.
    pub provider: String,
    /// ID of the signature scheme. Default: the first scheme of the provider.
    pub scheme: Option<String>,
    /// Type of the event that is expected to have a side effect. Default: the first event of the provider.
    pub event: Option<String>,
    /// Payload of that event. Placeholders are filled as in samples. Default: the sample of the provider.
    pub payload: Option<serde_json::Value>,
    /// Signing secret that the handler uses. Masked when read.
    pub secret: String,
    /// Further parameters of the signature scheme. Values are masked when read.
    pub params: std::collections::BTreeMap<String, String>,
    /// Previous signing secret of the handler. Masked when read.
    pub old_secret: Option<String>,
    /// True if the handler must still accept the previous secret. Default: false, so the handler must reject it.
    pub old_secret_valid: bool,
    /// IDs of the checks to run. An empty list runs all checks.
    pub only: Vec<String>,
    /// IDs of the checks to skip.
    pub skip: Vec<String>,
    /// IDs of the checks whose failure is accepted. A waived failure is reported as `skipped`.
    pub waive: Vec<String>,
    /// Source from which side effects are counted.
    pub probe: Option<SideEffectProbe>,
    /// Maximum time between a response and its side effect, in ms, from 0 to 30000. Default: 400.
    pub settle_ms: u32,
    /// Command that makes the handler fail, for example by stopping its database. Requires `restore_command`.
    pub fail_command: Option<CheckCommand>,
    /// Command that restores the handler after `fail_command`.
    pub restore_command: Option<CheckCommand>,
    /// Requests per second in the burst, from 1 to 200. The burst lasts 3 seconds. Default: 20.
    pub burst: u32,
    /// Timeout of a response, in ms, from 100 to 120000. A shorter timeout of the vendor takes precedence. Default:
    /// 15000.
    pub timeout_ms: u32,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            endpoint: None,
            provider: String::new(),
            scheme: None,
            event: None,
            payload: None,
            secret: String::new(),
            params: std::collections::BTreeMap::new(),
            old_secret: None,
            old_secret_valid: false,
            only: Vec::new(),
            skip: Vec::new(),
            waive: Vec::new(),
            probe: None,
            settle_ms: 400,
            fail_command: None,
            restore_command: None,
            burst: 20,
            timeout_ms: 15_000,
        }
    }
}

/// State of a check run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum CheckRunState {
    /// Checks are running.
    Running = 0,
    /// Every check has a result.
    Done = 1,
    /// The run was canceled.
    Canceled = 2,
    /// The run stopped because of an error.
    Failed = 3,
}

/// A check run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckRun {
    /// ID of the run.
    pub id: String,
    /// Settings of the run, with secrets masked.
    pub settings: CheckSettings,
    /// State of the run.
    pub state: CheckRunState,
    /// Reason for the state, in one sentence.
    pub reason: Option<String>,
    /// ID of the check that is running. Null if the run has ended.
    pub at: Option<String>,
    /// Number of checks in the run.
    pub total: u32,
    /// Number of results so far, by outcome.
    pub counts: CheckCounts,
    /// Overall result of the run. Null while the run is in progress.
    pub conclusion: Option<CheckConclusion>,
    /// Time at which the run was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time at which the run ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// Number of results by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckCounts {
    /// Checks that passed.
    pub pass: u32,
    /// Checks that failed.
    pub fail: u32,
    /// Checks with a warning.
    pub warn: u32,
    /// Checks that were skipped or waived.
    pub skipped: u32,
    /// Checks whose outcome is unknown.
    pub unknown: u32,
    /// Checks that could not be run.
    pub error: u32,
}

/// Overall result of a check run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckConclusion {
    /// Passed: no required or recommended check failed.
    Passed,
    /// Passed with warnings: a recommended check failed.
    PassedWithWarnings,
    /// Failed: a required check failed.
    Failed,
    /// Incomplete: the run did not finish, a check could not be run, or every check was skipped.
    Incomplete,
}

impl CheckFinding {
    /// Creates a finding with an outcome and its explanation.
    pub fn new(outcome: CheckOutcome, message: impl Into<String>) -> Self {
        Self { outcome, message: message.into() }
    }

    /// Creates a finding with the outcome [`CheckOutcome::Pass`].
    pub fn pass(message: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Pass, message)
    }

    /// Creates a finding with the outcome [`CheckOutcome::Fail`].
    pub fn fail(message: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Fail, message)
    }

    /// Creates a finding with the outcome [`CheckOutcome::Warn`].
    pub fn warn(message: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Warn, message)
    }

    /// Creates a finding with the outcome [`CheckOutcome::Unknown`].
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Unknown, message)
    }

    /// Creates a finding with the outcome [`CheckOutcome::Error`].
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Error, message)
    }

    /// Creates a finding with the outcome [`CheckOutcome::Skipped`].
    pub fn skipped(message: impl Into<String>) -> Self {
        Self::new(CheckOutcome::Skipped, message)
    }
}

impl CheckCounts {
    /// Returns the number of checks that have an outcome.
    pub fn sum(&self) -> u32 {
        self.pass + self.fail + self.warn + self.skipped + self.unknown + self.error
    }

    /// Adds one result to the count of its outcome.
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

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCommand {
    /// Program and arguments. With `shell`, a single command line.
    pub args: Vec<String>,
    /// True to run the command in a shell. Default: false.
    #[serde(default)]
    pub shell: bool,
    /// Working directory. Default: the working directory of the engine.
    #[serde(default)]
    pub dir: Option<String>,
}

/// Source from which side effects are counted: a number that grows by one per side effect, or a text that changes with
/// each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SideEffectProbe {
    /// URL whose response body is the value.
    Url(String),
    /// Command whose standard output is the value.
    Command(CheckCommand),
    /// First value of a query on a SQLite database. The database is opened read-only.
    Sqlite {
        /// Path of the database file.
        path: String,
        /// The SQL query.
        query: String,
    },
}

/// Format of a check report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckReportFormat {
    /// JSON.
    #[default]
    Json,
    /// HTML page without scripts.
    Html,
    /// JUnit XML, which CI systems read.
    Junit,
}

/// Result of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckResult {
    /// Number of the check.
    pub number: u8,
    /// ID of the check, such as `response-time`.
    pub id: String,
    /// Severity of the check.
    pub level: CheckLevel,
    /// Requirement of the check, such as `Rejects an unsigned request`.
    pub title: String,
    /// Reason why the check matters.
    pub why: String,
    /// Source of the requirement.
    pub source: String,
    /// Fix for a failure.
    pub advice: String,
    /// Outcome of the check.
    pub outcome: CheckOutcome,
    /// Explanation of the outcome, in a few sentences.
    pub message: String,
    /// Requests that were sent, with their responses.
    pub sent: Vec<CheckExchange>,
    /// Duration of the check, in ms.
    pub duration_ms: f64,
    /// True if a code sample for signature verification helps to fix a failure.
    pub snippet: bool,
}

/// Report of a check run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckReport {
    /// The check run.
    pub run: CheckRun,
    /// Name of the provider.
    pub provider: String,
    /// Results by number.
    pub checks: Vec<CheckResult>,
    /// Code samples that verify signatures of this provider. Empty unless a check failed that such code fixes.
    pub snippets: Vec<CodeSample>,
}

/// A check as it would be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckPlanItem {
    /// Number of the check.
    pub number: u8,
    /// ID of the check.
    pub id: String,
    /// Severity of the check.
    pub level: CheckLevel,
    /// Requirement of the check, such as `Rejects an unsigned request`.
    pub title: String,
    /// Reason why the check matters.
    pub why: String,
    /// Source of the requirement.
    pub source: String,
    /// Number of requests that the check sends.
    pub requests: u32,
    /// Total size of the request bodies, in bytes.
    pub bytes: u64,
    /// Reason why the check is skipped. Null if the check runs.
    pub skipped: Option<String>,
}

/// A check whose outcome differs between two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckChange {
    /// Number of the check.
    pub number: u8,
    /// ID of the check.
    pub id: String,
    /// Requirement of the check, such as `Rejects an unsigned request`.
    pub title: String,
    /// Outcome in the first run. Null if the first run did not include the check.
    pub before: Option<CheckOutcome>,
    /// Outcome in the second run. Null if the second run did not include the check.
    pub after: Option<CheckOutcome>,
    /// Explanation of the outcome in the first run.
    pub message_before: String,
    /// Explanation of the outcome in the second run.
    pub message_after: String,
}

/// Response of a handler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckResponse {
    /// Status of the response.
    pub status: u16,
    /// Headers in order, as `[name, value]`. Secrets are masked.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Beginning of the body. Bytes that are not UTF-8 are written as `\xNN`; secrets are masked.
    pub body: String,
    /// Size of the complete body, in bytes.
    pub body_bytes: u64,
}

/// A request that was sent, with its response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckExchange {
    /// Property that distinguishes the request from a regular one, in a few words.
    pub label: String,
    /// Method of the request.
    pub method: String,
    /// URL of the request. Secrets are masked.
    pub url: String,
    /// Headers in order, as `[name, value]`. Secrets are masked.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Beginning of the body. Bytes that are not UTF-8 are written as `\xNN`; secrets are masked.
    pub body: String,
    /// Size of the complete body, in bytes.
    pub body_bytes: u64,
    /// The response. Null if there was none.
    pub response: Option<CheckResponse>,
    /// Error that the exchange ended with. Null if a complete response arrived.
    pub error: Option<AttemptError>,
    /// Description of sensitive information in the response, such as the secret or a stack trace. Null if there is
    /// none.
    #[serde(default)]
    pub disclosed: Option<String>,
    /// Durations of the phases of the exchange.
    pub timings: AttemptTimings,
}

/// List of check runs, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckList {
    /// The items.
    pub items: Vec<CheckRun>,
    /// Value of `after` for the next page. `null` on the last page.
    pub next: Option<String>,
}

/// A check.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckRule {
    /// Number of the check.
    pub number: u8,
    /// ID of the check.
    pub id: String,
    /// Severity of the check.
    pub level: CheckLevel,
    /// Requirement of the check, such as `Rejects an unsigned request`.
    pub title: String,
    /// Reason why the check matters.
    pub why: String,
    /// Source of the requirement.
    pub source: String,
    /// Fix for a failure.
    pub advice: String,
}

/// List of the checks, by number.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckRuleList {
    /// The items.
    pub items: Vec<CheckRule>,
}

/// Plan of a check run: its requests and their target.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckPlan {
    /// URL of the target.
    pub url: String,
    /// Host of the target, with the port if the URL has one.
    pub host: String,
    /// True if the target is this computer. Any other host must be confirmed.
    pub this_machine: bool,
    /// Number of requests.
    pub requests: u32,
    /// Total size of the request bodies, in bytes.
    pub bytes: u64,
    /// Maximum number of requests per second, reached in the burst.
    pub rate: u32,
    /// True if generated events are sent, because Hookbench has no sample event of the provider.
    pub generated: bool,
    /// Commands and queries that the run executes on this computer.
    pub commands: Vec<String>,
    /// The checks.
    pub checks: Vec<CheckPlanItem>,
}

/// Differences between two check runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckComparison {
    /// The first run.
    pub before: CheckRun,
    /// The second run.
    pub after: CheckRun,
    /// Checks with another outcome.
    pub changed: Vec<CheckChange>,
}
