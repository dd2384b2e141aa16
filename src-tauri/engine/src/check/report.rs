//! What a run came to: the verdict, then each question with what was sent and what came back; as JSON, as a
//! page and as JUnit's XML.

use std::collections::BTreeMap;

use hookline_codegen::{CodeSample, samples};
use minijinja::{AutoEscape, Environment, Value, context};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CHECKS, Check, CheckRow, CheckRun, Finding, Level, Outcome, Recorded, Subject, row::ResultRow};

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    #[default]
    Json,
    /// A page without scripts.
    Html,
    /// JUnit's XML, which pipelines read.
    Junit,
}

/// A question and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Asked {
    /// Its place in the list.
    pub(crate) number: u8,
    /// Its name.
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) question: String,
    /// Why it matters.
    pub(crate) why: String,
    /// Who says so.
    pub(crate) source: String,
    /// What to do where it fails.
    pub(crate) advice: String,
    pub(crate) outcome: Outcome,
    /// What was found, in a sentence.
    pub(crate) said: String,
    /// What was sent, and what came back.
    pub(crate) sent: Vec<Recorded>,
    /// How long it took, in ms.
    pub(crate) took_ms: f64,
    /// Whether verifying code is the answer to it.
    pub(crate) snippet: bool,
}

/// What a run came to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CheckReport {
    pub(crate) run: CheckRun,
    /// The vendor's name.
    pub(crate) provider: String,
    /// By number.
    pub(crate) checks: Vec<Asked>,
    /// Code that verifies this vendor's signature, where a check asks for it that failed.
    pub(crate) snippets: Vec<CodeSample>,
}

impl CheckReport {
    pub(crate) fn of(
        connection: &Connection,
        row: &CheckRow,
        catalogue: &hookline_provider::Catalogue,
    ) -> rusqlite::Result<Self> {
        let results = row.results(connection)?;
        let checks: Vec<Asked> = results.into_iter().filter_map(Asked::of).collect();
        let provider = catalogue.get(&row.settings.provider);
        let wanting = checks.iter().any(|asked| asked.snippet && asked.outcome == Outcome::Fail);
        let record = provider.and_then(|provider| provider.scheme(row.settings.scheme.as_deref())).filter(|_| wanting);
        Ok(Self {
            run: row.shown(connection)?,
            provider: provider.map_or_else(|| row.settings.provider.clone(), |provider| provider.name.clone()),
            checks,
            snippets: provider
                .zip(record)
                .map(|(provider, record)| samples(&provider.name, &record.scheme))
                .unwrap_or_default(),
        })
    }

    /// It as a page: everything in it is text, and nothing runs.
    pub(crate) fn html(&self) -> Result<String, String> {
        // Failures first: that is what it is read for.
        let order = |asked: &&Asked| (self.rank(asked), asked.number);
        let mut sorted: Vec<&Asked> = self.checks.iter().collect();
        sorted.sort_by_key(order);
        rendered(AutoEscape::Html, include_str!("report.html"), context! { report => self, checks => sorted })
    }

    fn rank(&self, asked: &Asked) -> u8 {
        match asked.outcome {
            Outcome::Fail => asked.level as u8,
            Outcome::Error => 3,
            Outcome::Warn => 4,
            Outcome::Unknown => 5,
            Outcome::Pass => 6,
            Outcome::Skipped => 7,
        }
    }

    /// It as JUnit's XML (<https://github.com/testmoapp/junitxml>): a warning is a test that passed and says so.
    pub(crate) fn junit(&self) -> Result<String, String> {
        let took_s: f64 = self.checks.iter().map(|asked| asked.took_ms / 1_000.0).sum();
        rendered(AutoEscape::Html, include_str!("report.xml"), context! { report => self, took_s => took_s })
    }
}

fn rendered(escape: AutoEscape, template: &str, context: Value) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(move |_| escape);
    // XML 1.0 has no place for most controls.
    environment.add_filter("plain", |text: String| -> String {
        let plain = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\n' | '\t');
        text.chars().filter(plain).collect()
    });
    // What would move or hide what stands beside it is written out.
    environment.add_filter("shown", |text: String| -> String {
        text.chars()
            .map(|c| match c {
                '\n' | '\t' => c.to_string(),
                c if hookline_model::is_invisible(c) => format!("\\u{{{:x}}}", u32::from(c)),
                c => c.to_string(),
            })
            .collect()
    });
    environment.add_filter("ms", |value: f64| format!("{value:.1}"));
    environment.add_filter("s", |value: f64| format!("{:.3}", value / 1_000.0));
    environment.render_str(template, context).map_err(|error| error.to_string())
}

impl Asked {
    fn of(result: ResultRow) -> Option<Self> {
        let check: &Check = CHECKS.iter().find(|check| check.id == result.check)?;
        let Finding { outcome, said } = result.finding;
        Some(Self {
            number: check.number,
            id: check.id.into(),
            level: check.level,
            question: check.question.into(),
            why: check.why.into(),
            source: check.source.into(),
            advice: check.advice.into(),
            outcome,
            said,
            sent: result.sent,
            took_ms: result.took_us as f64 / 1_000.0,
            snippet: check.snippet,
        })
    }
}

/// What a check would send.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Planned {
    pub(crate) number: u8,
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) question: String,
    pub(crate) why: String,
    pub(crate) source: String,
    /// Requests it sends.
    pub(crate) requests: u32,
    /// Bytes of their bodies.
    pub(crate) bytes: u64,
    /// Why it is not asked, if so.
    pub(crate) skipped: Option<String>,
}

/// What a run would send.
pub(crate) fn planned(subject: &Subject, now_ms: i64) -> Vec<Planned> {
    let one = |check: &Check| {
        let case = (check.case)(subject, now_ms);
        let shots = case.iter().flat_map(|case| &case.rounds).flat_map(|round| &round.shots);
        Planned {
            number: check.number,
            id: check.id.into(),
            level: check.level,
            question: check.question.into(),
            why: check.why.into(),
            source: check.source.into(),
            requests: shots.clone().count() as u32,
            bytes: shots.map(|shot| shot.body.len() as u64).sum(),
            skipped: case.as_ref().err().cloned(),
        }
    };
    CHECKS.iter().filter(|check| subject.settings.wants(check)).map(one).collect()
}

/// A question of two runs that was answered differently.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Changed {
    pub(crate) number: u8,
    pub(crate) id: String,
    pub(crate) question: String,
    /// What came of it in the first run; none where it was not asked.
    pub(crate) before: Option<Outcome>,
    pub(crate) after: Option<Outcome>,
    /// What was found then.
    pub(crate) said_before: String,
    pub(crate) said_after: String,
}

/// What differs between two reports.
pub(crate) fn compared(before: &CheckReport, after: &CheckReport) -> Vec<Changed> {
    let by_id = |report: &CheckReport| -> BTreeMap<String, (Outcome, String)> {
        report.checks.iter().map(|asked| (asked.id.clone(), (asked.outcome, asked.said.clone()))).collect()
    };
    let (before, after) = (by_id(before), by_id(after));
    CHECKS
        .iter()
        .filter_map(|check| {
            let (then, now) = (before.get(check.id), after.get(check.id));
            let outcome = |found: Option<&(Outcome, String)>| found.map(|(outcome, _)| *outcome);
            let said = |found: Option<&(Outcome, String)>| found.map(|(_, said)| said.clone()).unwrap_or_default();
            (outcome(then) != outcome(now)).then(|| Changed {
                number: check.number,
                id: check.id.into(),
                question: check.question.into(),
                before: outcome(then),
                after: outcome(now),
                said_before: said(then),
                said_after: said(now),
            })
        })
        .collect()
}
