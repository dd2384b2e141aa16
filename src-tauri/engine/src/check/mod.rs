//! Handler checks: questions to a webhook handler, each asked with real signed requests and judged by a
//! rule that somebody wrote down.
//!
//! `list` is the table. A check says what it sends (`case`) and how what comes back is judged (`judge`); `run`
//! sends it over the outbox's own connections, in order, and keeps each result as it comes.

mod case;
mod event;
mod judge;
mod list;
mod probe;
mod report;
mod row;
mod run;
mod shot;

use hookline_model::MASK;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use event::Subject;
pub(crate) use list::{CHECKS, Check};
pub(crate) use probe::{Command, Probe};
pub(crate) use report::{Changed, CheckReport, Form, Planned, compared, planned};
pub(crate) use row::{CheckRow, list as rows, with_id};
pub(crate) use run::{Checks, Stop, to_ask_again};
pub(crate) use shot::Recorded;

use crate::outbox::masked_url;

/// How much a question weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
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
pub(crate) enum Outcome {
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
pub(crate) struct Finding {
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// It in a sentence.
    pub(crate) said: String,
}

impl Finding {
    fn new(outcome: Outcome, said: impl Into<String>) -> Self {
        Self { outcome, said: said.into() }
    }

    fn pass(said: impl Into<String>) -> Self {
        Self::new(Outcome::Pass, said)
    }

    fn fail(said: impl Into<String>) -> Self {
        Self::new(Outcome::Fail, said)
    }

    fn warn(said: impl Into<String>) -> Self {
        Self::new(Outcome::Warn, said)
    }

    fn unknown(said: impl Into<String>) -> Self {
        Self::new(Outcome::Unknown, said)
    }

    fn error(said: impl Into<String>) -> Self {
        Self::new(Outcome::Error, said)
    }

    fn skipped(said: impl Into<String>) -> Self {
        Self::new(Outcome::Skipped, said)
    }
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
    pub probe: Option<Probe>,
    /// How long an effect may come after its answer, in ms.
    #[serde(default = "settle")]
    pub settle_ms: u32,
    /// What makes the handler fail, as a database that is down would.
    #[serde(default)]
    pub break_with: Option<Command>,
    /// What mends it again.
    #[serde(default)]
    pub mend_with: Option<Command>,
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

/// Most requests a second in the burst, and how long it lasts, in s.
const BURST_MAX: u32 = 200;
const BURST_S: u32 = 3;

/// Longest wait for an effect, in ms.
const SETTLE_MAX: u32 = 30_000;

impl CheckSettings {
    /// The first thing wrong with it, in a sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        for id in self.only.iter().chain(&self.skip).chain(&self.waive) {
            if !CHECKS.iter().any(|check| check.id == id) {
                return Err(format!("There is no check {id:?}; `hookline check questions` shows them."));
            }
        }
        if !(1..=BURST_MAX).contains(&self.burst) {
            return Err(format!("The burst has from 1 to {BURST_MAX} requests a second."));
        }
        if self.settle_ms > SETTLE_MAX {
            return Err(format!("An effect is waited for {SETTLE_MAX} ms at most."));
        }
        if !(100..=120_000).contains(&self.timeout_ms) {
            return Err("The time-out lies between 100 and 120000 ms.".into());
        }
        let commands =
            [self.probe.as_ref().and_then(Probe::as_command), self.break_with.as_ref(), self.mend_with.as_ref()];
        if commands.into_iter().flatten().any(|command| command.words.is_empty()) {
            return Err("A command is empty.".into());
        }
        if let Some(Probe::Url(url)) = &self.probe {
            crate::outbox::parse(url)?;
        }
        if self.break_with.is_some() != self.mend_with.is_some() {
            return Err("What breaks the handler needs something that mends it, and the other way round.".into());
        }
        crate::outbox::parse(&self.url).map(drop)
    }

    /// Commands and paths that it names: only a person at this machine may name those.
    pub(crate) fn commands(&self) -> Vec<String> {
        let own = [&self.break_with, &self.mend_with].into_iter().flatten().map(Command::shown);
        self.probe.iter().filter_map(Probe::command).chain(own).collect()
    }

    pub(crate) fn wants(&self, check: &Check) -> bool {
        (self.only.is_empty() || self.only.iter().any(|id| id == check.id))
            && !self.skip.iter().any(|id| id == check.id)
    }

    /// Without values that are secret.
    pub(crate) fn masked(&self) -> Self {
        let secret = if self.secret.is_empty() { String::new() } else { MASK.to_owned() };
        Self {
            secret,
            old_secret: self.old_secret.as_ref().map(|_| MASK.to_owned()),
            params: self.params.keys().map(|name| (name.clone(), MASK.to_owned())).collect(),
            url: masked_url(&self.url).into_owned(),
            ..self.clone()
        }
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum RunState {
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
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CheckRun {
    /// Its id.
    pub id: String,
    /// How it is made, without secrets.
    pub settings: CheckSettings,
    /// How it stands.
    pub state: RunState,
    /// Why it ended so, in a sentence.
    pub reason: Option<String>,
    /// The check that is under way.
    pub at: Option<String>,
    /// Checks it has.
    pub total: u32,
    /// What they came to so far.
    pub counts: Counts,
    /// The verdict; none while it runs.
    pub verdict: Option<Verdict>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// What checks came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    pub pass: u32,
    pub fail: u32,
    pub warn: u32,
    pub skipped: u32,
    pub unknown: u32,
    pub error: u32,
}

impl Counts {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Pass => &mut self.pass,
            Outcome::Fail => &mut self.fail,
            Outcome::Warn => &mut self.warn,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Unknown => &mut self.unknown,
            Outcome::Error => &mut self.error,
        } += 1;
    }
}

/// What is said of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing failed.
    Right,
    /// Something failed that should not.
    Weak,
    /// Something failed that must not.
    Wrong,
    /// It was not asked to the end.
    Unfinished,
}

#[cfg(test)]
mod tests;
