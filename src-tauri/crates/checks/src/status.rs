//! Status of a run, as returned by the API.

use hookbench_model::{CheckConclusion, CheckCounts, CheckLevel, CheckOutcome, CheckRun, CheckRunState, timestamp};
use hookbench_store::check::{CheckRow, ResultRow};
use rusqlite::Connection;

use super::{CHECKS, masked, wants};

/// The results of a run, in the order of the list of checks.
pub fn results(row: &CheckRow, connection: &Connection) -> rusqlite::Result<Vec<ResultRow>> {
    let mut results = row.results(connection)?;
    results.sort_by_key(|result| CHECKS.iter().position(|check| check.id == result.check));
    Ok(results)
}

/// Returns a run with the counts of its outcomes.
pub fn shown(row: &CheckRow, connection: &Connection) -> rusqlite::Result<CheckRun> {
    let outcomes = row.outcomes(connection)?;
    let mut counts = CheckCounts::default();
    for (_, outcome) in &outcomes {
        counts.add(*outcome);
    }
    let wanted: Vec<_> = CHECKS.iter().filter(|check| wants(&row.settings, check)).collect();
    let at = wanted.iter().find(|check| !outcomes.iter().any(|(id, _)| id == check.id));
    let failed = |level: CheckLevel| {
        let is = |id: &str| CHECKS.iter().any(|check| check.id == id && check.level == level);
        outcomes.iter().any(|(id, outcome)| *outcome == CheckOutcome::Fail && is(id))
    };
    // A run without outcomes, or with checks that could not run, does not pass.
    let has_outcome = counts.pass + counts.fail + counts.warn > 0;
    let conclusion = match row.state {
        CheckRunState::Running => None,
        CheckRunState::Canceled | CheckRunState::Failed => Some(CheckConclusion::Incomplete),
        CheckRunState::Done if failed(CheckLevel::Must) => Some(CheckConclusion::Failed),
        CheckRunState::Done if counts.error > 0 || !has_outcome => Some(CheckConclusion::Incomplete),
        CheckRunState::Done if failed(CheckLevel::Should) => Some(CheckConclusion::PassedWithWarnings),
        CheckRunState::Done => Some(CheckConclusion::Passed),
    };
    Ok(CheckRun {
        id: row.id.clone(),
        settings: masked(&row.settings),
        state: row.state,
        reason: Some(row.reason.clone()).filter(|reason| !reason.is_empty()),
        at: at.filter(|_| row.ended_us.is_none()).map(|check| check.id.to_owned()),
        total: wanted.len() as u32,
        counts,
        conclusion,
        created_at: timestamp(row.created_us),
        ended_at: row.ended_us.map(timestamp),
    })
}
