//! Check runs and their results.

use hookbench_model::{CheckExchange, CheckFinding, CheckOutcome, CheckRunState, CheckSettings};
use rusqlite::{Connection, OptionalExtension, Row, params};

const STATES: &[CheckRunState] =
    &[CheckRunState::Running, CheckRunState::Done, CheckRunState::Canceled, CheckRunState::Failed];

/// A row of `check_run`.
#[derive(Debug, Clone)]
pub struct CheckRow {
    /// Row number of the run.
    pub number: i64,
    /// Id of the run, a UUIDv7.
    pub id: String,
    /// Settings of the run, including secrets.
    pub settings: CheckSettings,
    /// State of the run.
    pub state: CheckRunState,
    /// Reason for the state, in one sentence. Empty if there is none.
    pub reason: String,
    /// Time at which the run was created, in µs since the Unix epoch.
    pub created_us: i64,
    /// Time at which the run ended, in µs since the Unix epoch. `None` while the run is in progress.
    pub ended_us: Option<i64>,
}

/// Result of one check.
#[derive(Debug, Clone)]
pub struct ResultRow {
    /// Id of the check.
    pub check: String,
    /// Finding of the check.
    pub finding: CheckFinding,
    /// Requests that were sent, with their responses.
    pub sent: Vec<CheckExchange>,
    /// Duration of the check, in µs.
    pub duration_us: i64,
}

const SELECT: &str = "SELECT number, id, settings, state, reason, created_us, ended_us FROM check_run";

/// Lists up to `limit` runs that are older than the run `after`, newest first.
pub fn list(connection: &Connection, after: Option<i64>, limit: u32) -> rusqlite::Result<Vec<CheckRow>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE number < ?1 ORDER BY number DESC LIMIT ?2"))?
        .query_map([after.unwrap_or(i64::MAX), limit.into()], CheckRow::from_row)?
        .collect()
}

/// Returns the run with this id.
pub fn with_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<CheckRow>> {
    connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?.query_row([id], CheckRow::from_row).optional()
}

/// Lists the runs that have not ended, oldest first.
pub fn running(connection: &Connection) -> rusqlite::Result<Vec<CheckRow>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE ended_us IS NULL ORDER BY number"))?
        .query_map([], CheckRow::from_row)?
        .collect()
}

impl CheckRow {
    /// Stores a new run in the state [`CheckRunState::Running`].
    pub fn insert(connection: &Connection, settings: &CheckSettings, now_us: i64) -> rusqlite::Result<Self> {
        let id = uuid::Uuid::now_v7().to_string();
        let written = serde_json::to_string(settings).unwrap_or_default();
        connection.execute(
            "INSERT INTO check_run (id, settings, state, reason, created_us) VALUES (?1, ?2, 0, '', ?3)",
            params![id, written, now_us],
        )?;
        Ok(Self {
            number: connection.last_insert_rowid(),
            id,
            settings: settings.clone(),
            state: CheckRunState::Running,
            reason: String::new(),
            created_us: now_us,
            ended_us: None,
        })
    }

    /// Ends the run and stores its state. Returns true if the run had not ended before.
    pub fn end(
        &self,
        connection: &Connection,
        state: CheckRunState,
        reason: &str,
        now_us: i64,
    ) -> rusqlite::Result<bool> {
        connection
            .execute(
                "UPDATE check_run SET state = ?2, reason = ?3, ended_us = ?4 WHERE number = ?1 AND ended_us IS NULL",
                params![self.number, state as u8, reason, now_us],
            )
            .map(|rows| rows > 0)
    }

    /// Restarts the run and deletes the results of `checks`.
    pub fn again(&self, connection: &Connection, checks: &[String]) -> rusqlite::Result<()> {
        for check in checks {
            connection.execute("DELETE FROM check_result WHERE run = ?1 AND id = ?2", params![self.number, check])?;
        }
        connection
            .execute(
                "UPDATE check_run SET state = ?2, reason = '', ended_us = NULL WHERE number = ?1",
                params![self.number, CheckRunState::Running as u8],
            )
            .map(drop)
    }

    /// Deletes the run and its results.
    pub fn delete(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute("DELETE FROM check_result WHERE run = ?1", [self.number])?;
        connection.execute("DELETE FROM check_run WHERE number = ?1", [self.number]).map(drop)
    }

    /// Stores the result of a check and replaces an earlier one.
    pub fn keep(&self, connection: &Connection, result: &ResultRow) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO check_result (run, id, outcome, finding, sent, duration_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                self.number,
                result.check,
                serde_json::to_value(result.finding.outcome).ok().and_then(|v| v.as_str().map(str::to_owned)),
                serde_json::to_string(&result.finding).unwrap_or_default(),
                serde_json::to_string(&result.sent).unwrap_or_default(),
                result.duration_us
            ])
            .map(drop)
    }

    /// Lists the results so far, in no particular order. A finding that cannot be parsed becomes
    /// [`CheckOutcome::Unknown`].
    pub fn results(&self, connection: &Connection) -> rusqlite::Result<Vec<ResultRow>> {
        connection
            .prepare_cached("SELECT id, finding, sent, duration_us FROM check_result WHERE run = ?1")?
            .query_map([self.number], |row| {
                let (finding, sent): (String, String) = (row.get(1)?, row.get(2)?);
                Ok(ResultRow {
                    check: row.get(0)?,
                    finding: serde_json::from_str(&finding).unwrap_or_else(|e| CheckFinding::unknown(e.to_string())),
                    sent: serde_json::from_str(&sent).unwrap_or_default(),
                    duration_us: row.get(3)?,
                })
            })?
            .collect()
    }

    /// Lists the outcome of each check that has a result, by the id of the check.
    pub fn outcomes(&self, connection: &Connection) -> rusqlite::Result<Vec<(String, CheckOutcome)>> {
        connection
            .prepare_cached("SELECT id, outcome FROM check_result WHERE run = ?1")?
            .query_map([self.number], |row| {
                let outcome: String = row.get(1)?;
                let outcome = serde_json::from_value(outcome.into()).unwrap_or(CheckOutcome::Unknown);
                Ok((row.get(0)?, outcome))
            })?
            .collect()
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (settings, state): (String, u8) = (row.get("settings")?, row.get("state")?);
        Ok(Self {
            number: row.get("number")?,
            id: row.get("id")?,
            settings: serde_json::from_str(&settings)
                .map_err(|e| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(e)))?,
            state: STATES.get(usize::from(state)).copied().unwrap_or(CheckRunState::Failed),
            reason: row.get("reason")?,
            created_us: row.get("created_us")?,
            ended_us: row.get("ended_us")?,
        })
    }
}

/// Deletes all but the newest `most` runs, with their results.
pub fn keep_newest(connection: &Connection, most: i64) -> rusqlite::Result<()> {
    const OLD: &str = "SELECT number FROM check_run ORDER BY number DESC LIMIT -1 OFFSET ?1";
    connection.execute(&format!("DELETE FROM check_result WHERE run IN ({OLD})"), [most])?;
    connection.execute(&format!("DELETE FROM check_run WHERE number IN ({OLD})"), [most]).map(drop)
}
