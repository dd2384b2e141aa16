//! Runs of scenarios: rows of `scenario_run`. The events of a run are rows of `event`.

use crate::{
    delivery::{COLUMNS, FROM, from_row},
    sql::{CANCELED, DELIVERED, EXHAUSTED, FAILED, FILTERED, SENDING, SKIPPED, WAITING},
};
use const_format::formatcp;
use hookbench_model::{Delivery, ScenarioRun, ScenarioRunStep, timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A run to store.
#[derive(Debug, Clone)]
pub struct ScenarioRunRow {
    /// Id of the run, a UUIDv7.
    pub id: String,
    /// Id of the scenario. Empty for a scenario that was sent as text.
    pub scenario: String,
    /// Name of the scenario.
    pub name: String,
    /// Id of the provider.
    pub provider: String,
    /// Seed of the generated values.
    pub seed: u64,
    /// Factor that divides the delays.
    pub time_scale: f64,
}

impl ScenarioRunRow {
    /// Stores the run and returns its number.
    pub fn insert(&self, connection: &Connection, now_us: i64) -> rusqlite::Result<i64> {
        connection.execute(
            "INSERT INTO scenario_run (id, scenario, name, provider, seed, time_scale, created_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![self.id, self.scenario, self.name, self.provider, self.seed.to_string(), self.time_scale, now_us],
        )?;
        Ok(connection.last_insert_rowid())
    }
}

/// Columns of a run: its own, and the counts of its events and deliveries. A run without events was interrupted before
/// it sent any, and is not listed.
const SELECT: &str = formatcp!(
    "SELECT s.number, s.id, s.scenario, s.name, s.provider, s.seed, s.time_scale, s.created_us,
   count(DISTINCT e.number), count(d.number),
   count(*) FILTER (WHERE d.state = {DELIVERED}),
   count(*) FILTER (WHERE d.state IN ({FAILED}, {EXHAUSTED})),
   count(*) FILTER (WHERE d.state IN ({SKIPPED}, {FILTERED}, {CANCELED})),
   count(*) FILTER (WHERE d.state IN ({WAITING}, {SENDING})),
   max(d.ended_us)
 FROM scenario_run s JOIN event e ON e.run = s.number LEFT JOIN delivery d ON d.event = e.number"
);

fn run_of(row: &Row<'_>) -> rusqlite::Result<(i64, ScenarioRun)> {
    let count = |index: usize| row.get::<_, i64>(index).map(|count| count as u64);
    let waiting = count(13)?;
    let ended_us: Option<i64> = row.get(14)?;
    let run = ScenarioRun {
        id: row.get(1)?,
        scenario: row.get(2)?,
        name: row.get(3)?,
        provider: row.get(4)?,
        seed: row.get::<_, String>(5)?.parse().unwrap_or_default(),
        time_scale: row.get(6)?,
        created_at: timestamp(row.get(7)?),
        events: count(8)?,
        deliveries: count(9)?,
        delivered: count(10)?,
        failed: count(11)?,
        not_sent: count(12)?,
        waiting,
        ended_at: ended_us.filter(|_| waiting == 0).map(timestamp),
    };
    Ok((row.get(0)?, run))
}

/// Lists runs, newest first, each with its number. With `after`, lists only runs with a lower number.
pub fn list(connection: &Connection, after: Option<i64>, limit: u32) -> rusqlite::Result<Vec<(i64, ScenarioRun)>> {
    connection
        .prepare_cached(formatcp!("{SELECT} WHERE s.number < ?1 GROUP BY s.number ORDER BY s.number DESC LIMIT ?2"))?
        .query_map(params![after.unwrap_or(i64::MAX), limit], run_of)?
        .collect()
}

/// Returns the run with this ID and its number.
pub fn with_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<(i64, ScenarioRun)>> {
    connection
        .prepare_cached(formatcp!("{SELECT} WHERE s.id = ?1 GROUP BY s.number"))?
        .query_row([id], run_of)
        .optional()
}

/// Lists the events of a run in order, each with its deliveries.
pub fn steps(connection: &Connection, number: i64) -> rusqlite::Result<Vec<ScenarioRunStep>> {
    let mut deliveries =
        connection.prepare_cached(formatcp!("SELECT {COLUMNS} {FROM} WHERE d.event = ?1 ORDER BY d.number"))?;
    connection
        .prepare_cached("SELECT number, id, kind, after_us FROM event WHERE run = ?1 ORDER BY number")?
        .query_map([number], |row| {
            let event: i64 = row.get(0)?;
            Ok(ScenarioRunStep {
                event: row.get(1)?,
                event_type: row.get(2)?,
                after_ms: (row.get::<_, i64>(3)? / 1_000) as u64,
                deliveries: deliveries.query_map([event], from_row)?.collect::<Result<_, _>>()?,
            })
        })?
        .collect()
}

/// Cancels the waiting deliveries of a run. Returns them with their numbers.
pub fn cancel_waiting(connection: &Connection, number: i64, now_us: i64) -> rusqlite::Result<Vec<(i64, Delivery)>> {
    let canceled: Vec<i64> = connection
        .prepare_cached(formatcp!(
            "UPDATE delivery SET state = {CANCELED}, reason = 'The scenario run was canceled.', ended_us = ?2
             WHERE state = {WAITING} AND event IN (SELECT number FROM event WHERE run = ?1) RETURNING number"
        ))?
        .query_map([number, now_us], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let shown = |number: i64| Ok(crate::delivery::one(connection, number)?.map(|delivery| (number, delivery)));
    canceled.into_iter().filter_map(|number| shown(number).transpose()).collect()
}

/// Deletes a run that has no events left.
pub(crate) fn delete_empty(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM scenario_run WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM event WHERE run = ?1)",
        )?
        .execute([number])
        .map(drop)
}
