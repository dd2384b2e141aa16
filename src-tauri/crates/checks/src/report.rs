//! Report of a run: its result, then each check with its requests and responses. Renders the report as JSON, HTML and
//! JUnit XML.

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
    catalog: &hookbench_provider::Catalog,
) -> rusqlite::Result<CheckReport> {
    let results = super::results(row, connection)?;
    let checks: Vec<CheckResult> = results.into_iter().filter_map(result_of).collect();
    let provider = catalog.get(&row.settings.provider);
    let wanting = checks.iter().any(|check| check.snippet && check.outcome == CheckOutcome::Fail);
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

/// Renders the report as an HTML page without scripts. All values are escaped.
pub fn html(report: &CheckReport) -> Result<String, String> {
    // Failures come first because they matter most to the reader.
    let order = |check: &&CheckResult| (rank(report, check), check.number);
    let mut sorted: Vec<&CheckResult> = report.checks.iter().collect();
    sorted.sort_by_key(order);
    rendered(AutoEscape::Html, include_str!("report.html"), context! { report => report, checks => sorted })
}

fn rank(_report: &CheckReport, check: &CheckResult) -> u8 {
    match check.outcome {
        CheckOutcome::Fail => check.level as u8,
        CheckOutcome::Error => 3,
        CheckOutcome::Warn => 4,
        CheckOutcome::Unknown => 5,
        CheckOutcome::Pass => 6,
        CheckOutcome::Skipped => 7,
    }
}

/// Renders the report as JUnit XML (<https://github.com/testmoapp/junitxml>). A warning is a passed test with output.
pub fn junit(report: &CheckReport) -> Result<String, String> {
    let duration_s: f64 = report.checks.iter().map(|check| check.duration_ms / 1_000.0).sum();
    rendered(AutoEscape::Html, include_str!("report.xml"), context! { report => report, duration_s => duration_s })
}

fn rendered(escape: AutoEscape, template: &str, context: Value) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(move |_| escape);
    // XML 1.0 does not allow most control characters.
    environment.add_filter("plain", |text: String| -> String {
        let plain = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\n' | '\t');
        text.chars().filter(plain).collect()
    });
    // Invisible characters are escaped because they could move or hide the text next to them.
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
    let CheckFinding { outcome, message } = result.finding;
    Some(CheckResult {
        number: check.number,
        id: check.id.into(),
        level: check.level,
        title: check.title.into(),
        why: check.why.into(),
        source: check.source.into(),
        advice: check.advice.into(),
        outcome,
        message,
        sent: result.sent,
        duration_ms: result.duration_us as f64 / 1_000.0,
        snippet: check.snippet,
    })
}

/// Returns the requests that a run would send.
pub fn planned(subject: &Subject, now_ms: i64) -> Vec<CheckPlanItem> {
    let one = |check: &Check| {
        let case = (check.case)(subject, now_ms);
        let requests = case.iter().flat_map(|case| &case.steps).flat_map(|step| &step.requests);
        CheckPlanItem {
            number: check.number,
            id: check.id.into(),
            level: check.level,
            title: check.title.into(),
            why: check.why.into(),
            source: check.source.into(),
            requests: requests.clone().count() as u32,
            bytes: requests.map(|request| request.body.len() as u64).sum(),
            skipped: case.as_ref().err().cloned(),
        }
    };
    CHECKS.iter().filter(|check| crate::wants(&subject.settings, check)).map(one).collect()
}

/// Returns the differences between two reports.
pub fn compared(before: &CheckReport, after: &CheckReport) -> Vec<CheckChange> {
    let by_id = |report: &CheckReport| -> BTreeMap<String, (CheckOutcome, String)> {
        report.checks.iter().map(|check| (check.id.clone(), (check.outcome, check.message.clone()))).collect()
    };
    let (before, after) = (by_id(before), by_id(after));
    CHECKS
        .iter()
        .filter_map(|check| {
            let (then, now) = (before.get(check.id), after.get(check.id));
            let outcome = |found: Option<&(CheckOutcome, String)>| found.map(|(outcome, _)| *outcome);
            let message =
                |found: Option<&(CheckOutcome, String)>| found.map(|(_, message)| message.clone()).unwrap_or_default();
            (outcome(then) != outcome(now)).then(|| CheckChange {
                number: check.number,
                id: check.id.into(),
                title: check.title.into(),
                before: outcome(then),
                after: outcome(now),
                message_before: message(then),
                message_after: message(now),
            })
        })
        .collect()
}
