//! Report of a replay: responses, latencies and failures.

use crate::sql::{EXHAUSTED, FAILED, FILTERED};
use const_format::formatcp;
use hookbench_model::{ReplayFailure, ReplayLatencies, ReplayReport, ReplayResponses};
use rusqlite::Connection;

use crate::replay::ReplayRow;
use hookbench_model::milliseconds as ms;

/// Maximum number of failures in a report.
const FAILURES_MAX: i64 = 100_000;

/// Builds the report of a replay.
pub fn report(connection: &Connection, row: ReplayRow) -> rusqlite::Result<ReplayReport> {
    let number = row.number;
    let replay = row.counted(connection)?;
    let responses = connection
        .prepare("SELECT status, error, count(*) FROM delivery WHERE replay = ?1 AND attempts > 0 GROUP BY status, error ORDER BY 3 DESC LIMIT 1000")?
        .query_map([number], |row| Ok(ReplayResponses { status: row.get(0)?, error: row.get(1)?, count: row.get::<_, i64>(2)? as u64 }))?
        .collect::<Result<_, _>>()?;
    let mut took: Vec<i64> = connection
        .prepare(
            "SELECT duration_us FROM delivery WHERE replay = ?1 AND status IS NOT NULL AND duration_us IS NOT NULL",
        )?
        .query_map([number], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    took.sort_unstable();
    let at = |part: f64| took.get(((took.len().saturating_sub(1)) as f64 * part).round() as usize).copied();
    let latencies = at(0.0).map(|min| ReplayLatencies {
        min: ms(min),
        p50: ms(at(0.5).unwrap_or(min)),
        p90: ms(at(0.9).unwrap_or(min)),
        p99: ms(at(0.99).unwrap_or(min)),
        max: ms(at(1.0).unwrap_or(min)),
    });
    let (first, last): (Option<i64>, Option<i64>) = connection.query_row(
        "SELECT min(a.started_us), max(a.started_us + coalesce(a.timings ->> '$.total_us', 0)) FROM attempt a
         JOIN delivery d ON d.number = a.delivery WHERE d.replay = ?1",
        [number],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let duration_s = first.zip(last).map_or(0.0, |(first, last)| (last - first) as f64 / 1e6);
    let failures = connection
        .prepare(formatcp!(
            "SELECT d.id, coalesce(d.request_id, ''), coalesce(v.event_type, ''), d.method, d.url, d.status,
               iif(d.status IS NULL, coalesce(d.error, nullif(d.reason, '')), NULL), d.duration_us
             FROM delivery d LEFT JOIN request_verification v ON v.request = d.request
             WHERE d.replay = ?1 AND d.state IN ({FAILED}, {EXHAUSTED}, {FILTERED}) ORDER BY d.number LIMIT ?2"
        ))?
        .query_map([number, FAILURES_MAX], |row| {
            Ok(ReplayFailure {
                delivery: row.get(0)?,
                request: row.get(1)?,
                event_type: row.get(2)?,
                method: row.get(3)?,
                url: row.get(4)?,
                status: row.get(5)?,
                reason: row.get(6)?,
                duration_ms: row.get::<_, Option<i64>>(7)?.map(ms),
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let sent = replay.delivered + replay.failed;
    Ok(ReplayReport {
        unsent: replay.total.saturating_sub(sent),
        duration_s,
        rate: if duration_s > 0.0 { sent as f64 / duration_s } else { 0.0 },
        responses,
        latencies,
        failures,
        replay,
    })
}
