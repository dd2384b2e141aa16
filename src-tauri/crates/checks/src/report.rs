//! What a run came to: the verdict, then each question with what was sent and what came back; as JSON, as a
//! page and as JUnit's XML.

use std::collections::BTreeMap;

use hookbench_codegen::samples;
use hookbench_model::{CheckChange, CheckFinding, CheckOutcome, CheckPlanItem, CheckReport, CheckResult};
use hookbench_store::check::{CheckRow, ResultRow};
use minijinja::{AutoEscape, Environment, Value, context};
use rusqlite::Connection;

use super::{CHECKS, Check, Subject};

/// Reads the report of a run.
pub fn report(
    connection: &Connection,
    row: &CheckRow,
    catalogue: &hookbench_provider::Catalogue,
) -> rusqlite::Result<CheckReport> {
    let results = super::results(row, connection)?;
    let checks: Vec<CheckResult> = results.into_iter().filter_map(result_of).collect();
    let provider = catalogue.get(&row.settings.provider);
    let wanting = checks.iter().any(|asked| asked.snippet && asked.outcome == CheckOutcome::Fail);
    let record = provider.and_then(|provider| provider.scheme(row.settings.scheme.as_deref())).filter(|_| wanting);
    Ok(CheckReport {
        run: crate::shown(row, connection)?,
        provider: provider.map_or_else(|| row.settings.provider.clone(), |provider| provider.name.clone()),
        checks,
        snippets: provider
            .zip(record)
            .map(|(provider, record)| samples(&provider.name, &record.scheme))
            .unwrap_or_default(),
    })
}

/// It as a page: everything in it is text, and nothing runs.
pub fn html(report: &CheckReport) -> Result<String, String> {
    // Failures first: that is what it is read for.
    let order = |asked: &&CheckResult| (rank(report, asked), asked.number);
    let mut sorted: Vec<&CheckResult> = report.checks.iter().collect();
    sorted.sort_by_key(order);
    rendered(AutoEscape::Html, include_str!("report.html"), context! { report => report, checks => sorted })
}

fn rank(_report: &CheckReport, asked: &CheckResult) -> u8 {
    match asked.outcome {
        CheckOutcome::Fail => asked.level as u8,
        CheckOutcome::Error => 3,
        CheckOutcome::Warn => 4,
        CheckOutcome::Unknown => 5,
        CheckOutcome::Pass => 6,
        CheckOutcome::Skipped => 7,
    }
}

/// It as JUnit's XML (<https://github.com/testmoapp/junitxml>): a warning is a test that passed and says so.
pub fn junit(report: &CheckReport) -> Result<String, String> {
    let took_s: f64 = report.checks.iter().map(|asked| asked.took_ms / 1_000.0).sum();
    rendered(AutoEscape::Html, include_str!("report.xml"), context! { report => report, took_s => took_s })
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
                c if hookbench_model::is_invisible(c) => format!("\\u{{{:x}}}", u32::from(c)),
                c => c.to_string(),
            })
            .collect()
    });
    environment.add_filter("ms", |value: f64| format!("{value:.1}"));
    environment.add_filter("s", |value: f64| format!("{:.3}", value / 1_000.0));
    environment.render_str(template, context).map_err(|error| error.to_string())
}

fn result_of(result: ResultRow) -> Option<CheckResult> {
    let check: &Check = CHECKS.iter().find(|check| check.id == result.check)?;
    let CheckFinding { outcome, said } = result.finding;
    Some(CheckResult {
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

/// What a run would send.
pub fn planned(subject: &Subject, now_ms: i64) -> Vec<CheckPlanItem> {
    let one = |check: &Check| {
        let case = (check.case)(subject, now_ms);
        let shots = case.iter().flat_map(|case| &case.rounds).flat_map(|round| &round.shots);
        CheckPlanItem {
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
    CHECKS.iter().filter(|check| crate::wants(&subject.settings, check)).map(one).collect()
}

/// What differs between two reports.
pub fn compared(before: &CheckReport, after: &CheckReport) -> Vec<CheckChange> {
    let by_id = |report: &CheckReport| -> BTreeMap<String, (CheckOutcome, String)> {
        report.checks.iter().map(|asked| (asked.id.clone(), (asked.outcome, asked.said.clone()))).collect()
    };
    let (before, after) = (by_id(before), by_id(after));
    CHECKS
        .iter()
        .filter_map(|check| {
            let (then, now) = (before.get(check.id), after.get(check.id));
            let outcome = |found: Option<&(CheckOutcome, String)>| found.map(|(outcome, _)| *outcome);
            let said = |found: Option<&(CheckOutcome, String)>| found.map(|(_, said)| said.clone()).unwrap_or_default();
            (outcome(then) != outcome(now)).then(|| CheckChange {
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
