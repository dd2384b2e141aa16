//! Replays: rows of `replay`.

use crate::sql::{COLLECTING, DELIVERED, EXHAUSTED, FAILED, FILTERED, REPLAY_FAILED, RUNNING, SENDING, WAITING};
use const_format::formatcp;
use hookbench_model::{DeliveryState, Replay, ReplaySettings, ReplayState, masked_url, timestamp};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

const STATES: &[ReplayState] = &[
    ReplayState::Collecting,
    ReplayState::Running,
    ReplayState::Done,
    ReplayState::Stopped,
    ReplayState::Canceled,
    ReplayState::Failed,
];

/// A row of `replay`.
#[derive(Debug, Clone)]
pub struct ReplayRow {
    /// Number of the replay.
    pub number: i64,
    /// Id of the replay, a UUIDv7.
    pub id: String,
    /// Settings of the replay, including credentials.
    pub settings: ReplaySettings,
    /// Number of the destination.
    pub endpoint: i64,
    /// URL of the destination.
    pub url: String,
    /// State of the replay.
    pub state: ReplayState,
    reason: String,
    total: i64,
    /// Number of deliveries created so far.
    fed: i64,
    created_us: i64,
    ended_us: Option<i64>,
}

const SELECT: &str =
    "SELECT y.number, y.id, y.settings, y.endpoint, p.settings ->> '$.url' url, y.state, y.reason, y.total, y.fed,
  y.created_us, y.ended_us FROM replay y JOIN endpoint p ON p.number = y.endpoint";

/// Lists replays, newest first. With `after`, lists only replays with a lower number.
pub fn list(connection: &Connection, after: Option<i64>, limit: u32) -> rusqlite::Result<Vec<ReplayRow>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE y.number < ?1 ORDER BY y.number DESC LIMIT ?2"))?
        .query_map(params![after.unwrap_or(i64::MAX), limit], ReplayRow::from_row)?
        .collect()
}

/// Returns the replay with this ID.
pub fn with_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<ReplayRow>> {
    connection.prepare_cached(&format!("{SELECT} WHERE y.id = ?1"))?.query_row([id], ReplayRow::from_row).optional()
}

/// Ends the replays that were still collecting requests when the program stopped. None of their requests was sent.
pub fn interrupted(connection: &Connection, now_us: i64) -> rusqlite::Result<()> {
    connection.execute(
        formatcp!(
            "DELETE FROM replay_item
             WHERE replay IN (SELECT number FROM replay WHERE ended_us IS NULL AND state = {COLLECTING})"
        ),
        [],
    )?;
    connection.execute(
        formatcp!(
            "UPDATE endpoint SET deleted = 1
             WHERE number IN (SELECT endpoint FROM replay WHERE ended_us IS NULL AND state = {COLLECTING})"
        ),
        [],
    )?;
    connection
        .execute(
            formatcp!(
                "UPDATE replay SET state = {REPLAY_FAILED}, ended_us = ?1,
                   reason = 'Hookbench stopped while collecting the requests. Nothing was sent.'
                 WHERE ended_us IS NULL AND state = {COLLECTING}"
            ),
            [now_us],
        )
        .map(drop)
}

impl ReplayRow {
    /// Stores a new replay in the state [`ReplayState::Collecting`] and returns its number. `body` replaces the body of
    /// the request.
    pub fn insert(
        connection: &Connection,
        settings: &ReplaySettings,
        body: Option<&[u8]>,
        endpoint: i64,
        now_us: i64,
    ) -> rusqlite::Result<i64> {
        connection.execute(
            "INSERT INTO replay (id, settings, body, endpoint, state, reason, total, fed, created_us)
             VALUES (?1, ?2, ?3, ?4, 0, '', 0, 0, ?5)",
            params![
                uuid::Uuid::now_v7().to_string(),
                serde_json::to_string(settings).unwrap_or_default(),
                body,
                endpoint,
                now_us
            ],
        )?;
        Ok(connection.last_insert_rowid())
    }

    /// Returns the replay with this number.
    pub fn numbered(connection: &Connection, number: i64) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("{SELECT} WHERE y.number = ?1"))?
            .query_row([number], Self::from_row)
            .optional()
    }

    /// Lists the replays that are sending, oldest first.
    pub fn running(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection
            .prepare_cached(&format!("{SELECT} WHERE y.ended_us IS NULL AND y.state = {RUNNING} ORDER BY y.number"))?
            .query_map([], Self::from_row)?
            .collect()
    }

    /// Adds requests to a replay, each `times` times. The first one gets the position `first`, and each further one a
    /// position that is higher by `step`.
    pub fn add(
        connection: &Connection,
        number: i64,
        requests: &[i64],
        first: i64,
        step: i64,
        times: u32,
    ) -> rusqlite::Result<()> {
        let mut insert =
            connection.prepare_cached("INSERT INTO replay_item (replay, place, request) VALUES (?1, ?2, ?3)")?;
        let mut place = first;
        for request in requests {
            for _ in 0..times {
                insert.execute(params![number, place, request])?;
                place += step;
            }
        }
        let added = requests.len() as i64 * i64::from(times);
        connection
            .prepare_cached("UPDATE replay SET total = total + ?2 WHERE number = ?1")?
            .execute(params![number, added])
            .map(drop)
    }

    /// Starts a replay that is still collecting. Returns `false` if the replay has been ended in the meantime.
    pub fn begin(connection: &Connection, number: i64) -> rusqlite::Result<bool> {
        connection
            .execute(
                formatcp!("UPDATE replay SET state = {RUNNING} WHERE number = ?1 AND state = {COLLECTING}"),
                [number],
            )
            .map(|rows| rows > 0)
    }

    /// Ends a replay and drops the requests that were not sent. Returns true if the replay had not ended before.
    pub fn end(
        connection: &Connection,
        number: i64,
        state: ReplayState,
        reason: &str,
        now_us: i64,
    ) -> rusqlite::Result<bool> {
        let ended = connection.execute(
            "UPDATE replay SET state = ?2, reason = ?3, ended_us = ?4 WHERE number = ?1 AND ended_us IS NULL",
            params![number, state as u8, reason, now_us],
        )?;
        if ended > 0 {
            connection.execute("DELETE FROM replay_item WHERE replay = ?1", [number])?;
            connection.execute(
                "UPDATE endpoint SET deleted = 1 WHERE number = (SELECT endpoint FROM replay WHERE number = ?1)",
                [number],
            )?;
        }
        Ok(ended > 0)
    }

    /// Removes up to `most` requests from the front of the queue and returns their row numbers.
    pub fn take(&self, connection: &Connection, most: usize) -> rusqlite::Result<Vec<i64>> {
        let taken: Vec<(i64, i64)> = connection
            .prepare_cached("SELECT place, request FROM replay_item WHERE replay = ?1 ORDER BY place LIMIT ?2")?
            .query_map(params![self.number, most as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        if let Some((last, _)) = taken.last() {
            connection
                .prepare_cached("DELETE FROM replay_item WHERE replay = ?1 AND place <= ?2")?
                .execute(params![self.number, last])?;
            connection
                .prepare_cached("UPDATE replay SET fed = fed + ?2 WHERE number = ?1")?
                .execute(params![self.number, taken.len() as i64])?;
        }
        Ok(taken.into_iter().map(|(_, request)| request).collect())
    }

    /// Counts the deliveries of the replay that have not ended.
    pub fn open(&self, connection: &Connection) -> rusqlite::Result<i64> {
        connection
            .prepare_cached(formatcp!(
                "SELECT count(*) FROM delivery WHERE replay = ?1 AND state IN ({WAITING}, {SENDING})"
            ))?
            .query_row([self.number], |row| row.get(0))
    }

    /// Returns true if every request of the replay has a delivery.
    pub fn all_fed(&self) -> bool {
        self.fed >= self.total
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let settings: String = row.get("settings")?;
        let state: u8 = row.get("state")?;
        Ok(Self {
            number: row.get("number")?,
            id: row.get("id")?,
            settings: serde_json::from_str(&settings)
                .map_err(|e| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(e)))?,
            endpoint: row.get("endpoint")?,
            url: row.get("url")?,
            state: STATES.get(usize::from(state)).copied().unwrap_or(ReplayState::Failed),
            reason: row.get("reason")?,
            total: row.get("total")?,
            fed: row.get("fed")?,
            created_us: row.get("created_us")?,
            ended_us: row.get("ended_us")?,
        })
    }

    /// Returns the replay as shown by the API: with current counts and masked credentials.
    pub fn counted(self, connection: &Connection) -> rusqlite::Result<Replay> {
        let mut count = connection.prepare_cached(formatcp!(
                "SELECT count(*) FILTER (WHERE state = {DELIVERED}),
                   count(*) FILTER (WHERE state IN ({FAILED}, {EXHAUSTED}, {FILTERED})) FROM delivery WHERE replay = ?1"
            ))?;
        let (delivered, failed): (i64, i64) = count.query_row([self.number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let ended: Option<Timestamp> = self.ended_us.map(timestamp);
        Ok(Replay {
            id: self.id,
            settings: crate::masked_replay(&self.settings),
            url: masked_url(&self.url).into_owned(),
            state: self.state,
            reason: Some(self.reason).filter(|reason| !reason.is_empty()),
            total: self.total as u64,
            delivered: delivered as u64,
            failed: failed as u64,
            created_at: timestamp(self.created_us),
            ended_at: ended,
        })
    }
}

/// Returns the numbers of the replays that have not ended.
pub fn open(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT number FROM replay WHERE ended_us IS NULL")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Cancels the waiting deliveries of a replay. Returns their numbers.
pub fn cancel_waiting(connection: &Connection, number: i64, now_us: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "UPDATE delivery SET state = ?3, reason = 'The replay was canceled.', ended_us = ?2
             WHERE replay = ?1 AND state = ?4 RETURNING number",
        )?
        .query_map(params![number, now_us, DeliveryState::Canceled as u8, DeliveryState::Waiting as u8], |row| {
            row.get(0)
        })?
        .collect()
}

/// Returns the body that a replay sends instead of the stored one.
pub fn body(connection: &Connection, number: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let body: Option<Option<Vec<u8>>> =
        connection.query_row("SELECT body FROM replay WHERE number = ?1", [number], |row| row.get(0)).optional()?;
    Ok(body.flatten())
}
