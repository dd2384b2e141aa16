//! Start of a replay: stores the list of requests before the first one is sent.

use std::sync::Arc;

use hookbench_capture::{RowId, WriteError};
use hookbench_model::{EndpointSettings, ReplaySettings, ReplayState};
use hookbench_query::Query;
use hookbench_search::{PAGE_TIME, Search};
use hookbench_store::{
    endpoint::{EndpointRow, Purpose},
    replay::ReplayRow,
};
use rusqlite::Connection;
use tokio::time::Instant;

use crate::Engine;

/// Number of requests that are searched and stored in one step.
const BATCH_SIZE: usize = 2_000;

/// Selection of requests to replay.
pub enum ReplaySelection {
    /// Requests with these row numbers, in this order.
    These(Vec<RowId>),
    /// Requests that match a query, in one inbox or in all.
    Query(Query, Option<i64>),
}

/// Options of a replay.
pub struct Collecting {
    /// Settings of the replay.
    pub settings: ReplaySettings,
    /// Body that replaces the body of the request.
    pub body: Option<Vec<u8>>,
    /// Destination of the requests.
    pub destination: EndpointSettings,
    /// Requests to replay.
    pub wanted: ReplaySelection,
}

/// Starts a replay. Returns the number of the replay. The results of a query are collected in the background.
///
/// # Errors
/// Returns an error if the database cannot be written.
pub async fn collect(engine: &Arc<Engine>, collecting: Collecting) -> Result<i64, WriteError<rusqlite::Error>> {
    let Collecting { settings, body, destination, wanted } = collecting;
    let (now_us, times, newest_first) = (engine.clock.now_us(), settings.times, settings.newest_first);
    let work = move |connection: &Connection| {
        let endpoint = EndpointRow::insert(connection, &destination, Purpose::Replay, now_us)?;
        let number = ReplayRow::insert(connection, &settings, body.as_deref(), endpoint.number, now_us)?;
        Ok::<_, rusqlite::Error>((number, endpoint))
    };
    let outbox = engine.outbox.clone();
    let after = move |(_, endpoint): &(i64, EndpointRow)| outbox.schedule().set_endpoint(endpoint.clone(), now_us);
    let (number, _) = engine.store.write(work, after).await?;
    engine.replays.begun(number);
    match wanted {
        ReplaySelection::These(rows) => {
            let rows: Vec<i64> = rows.into_iter().map(|row| row.0).collect();
            let work = move |connection: &Connection| {
                for (slice, rows) in rows.chunks(BATCH_SIZE).enumerate() {
                    let first = (slice * BATCH_SIZE) as i64 * i64::from(times);
                    ReplayRow::add(connection, number, rows, first, 1, times)?;
                }
                ReplayRow::begin(connection, number)
            };
            engine.store.write(work, |_| ()).await?;
            engine.replays.wake();
        }
        ReplaySelection::Query(query, inbox) => {
            let (engine, search) = (engine.clone(), engine.search(query, inbox));
            tokio::spawn(async move {
                if let Err(error) = by_query(&engine, search, number, newest_first, times).await {
                    // If the database cannot be written, the engine reports that separately, and the next start ends
                    // the replay.
                    let _ = crate::replay::run::end_replay(&engine, number, ReplayState::Failed, &error).await;
                }
                engine.replays.wake();
            });
        }
    }
    Ok(number)
}

/// Collects the results of a query. A search returns the newest request first. For the oldest first, the positions
/// count down.
async fn by_query(
    engine: &Arc<Engine>,
    search: Search,
    number: i64,
    newest_first: bool,
    times: u32,
) -> Result<(), String> {
    let search = Arc::new(search);
    let step: i64 = if newest_first { 1 } else { -1 };
    let (mut after, mut place) = (RowId(i64::MAX), 0);
    loop {
        let (search, index) = (search.clone(), engine.index.clone());
        let read = move |connection: &Connection| {
            search.page(connection, &index, (after, RowId(-1)), BATCH_SIZE, Instant::now() + PAGE_TIME)
        };
        let found = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
        let (rows, cursor) = (found.ids.iter().map(|row| row.0).collect::<Vec<_>>(), found.cursor);
        let added = rows.len() as i64 * i64::from(times);
        let work = move |connection: &Connection| {
            let state = ReplayRow::numbered(connection, number)?.map(|row| row.state);
            if state != Some(ReplayState::Collecting) {
                return Ok(false);
            }
            ReplayRow::add(connection, number, &rows, place, step, times)?;
            if cursor.is_none() {
                ReplayRow::begin(connection, number)?;
            }
            Ok::<_, rusqlite::Error>(cursor.is_some())
        };
        let more = engine.store.write(work, |_| ()).await.map_err(|e| e.to_string())?;
        engine.replays.wake();
        match cursor {
            Some(cursor) if more => after = cursor,
            _ => return Ok(()),
        }
        place += step * added;
    }
}
