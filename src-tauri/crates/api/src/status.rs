use std::sync::{Arc, atomic::Ordering};

use axum::{Json, extract::State};
use hookline_engine::Engine;
use hookline_model::{DatabaseHealth, ListenerState, SearchIndexState, timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    error::ApiError,
    refusals::{RefusalTotal, open_totals},
};

/// How the engine fares.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// Release.
    version: &'static str,
    /// Where requests are received.
    receiver: ListenerState,
    /// How the database fares.
    database: Database,
    /// What the database had lost when it was opened, in a sentence.
    lost: Option<String>,
    /// Folder of all data.
    data: String,
    /// Stored requests in all inboxes.
    requests: u64,
    /// Bytes of their bodies.
    bytes: u64,
    /// Bytes of the database file.
    file_bytes: u64,
    /// How far the search index has come.
    search: SearchIndexState,
    /// Stored requests whose verification has not been done yet.
    verification: Behind,
    /// Verified requests that forwards have not looked at yet.
    forwards: Behind,
    /// Connections refused since the receiver started, for there were too many.
    connections_refused: u64,
    /// Connections ended for malformed HTTP or a head over the limits.
    heads_refused: u64,
    /// Requests that were refused before they could be stored, by inbox and reason, until they are dismissed.
    refusals: Vec<RefusalTotal>,
    /// Deliveries that wait for an attempt.
    queue: u64,
    /// Number of the feed's last change.
    seq: i64,
}

/// How much waits for work that follows the store.
#[derive(Debug, Serialize, ToSchema)]
struct Behind {
    /// Requests.
    waiting: u64,
}

/// Whether requests can be stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Database {
    /// They can.
    Ok,
    /// They cannot; senders get 503 until they can.
    Failing {
        /// `disk_full`, `unwritable`, `locked`, `damaged`, `removed` or `other`.
        #[schema(value_type = String)]
        fault: hookline_model::DatabaseFault,
        /// The database's own words.
        message: String,
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        since: jiff::Timestamp,
    },
}

/// State of the engine, receiver and database.
#[utoipa::path(get, path = "/status", tag = "status", responses((status = 200, body = Status)))]
pub(crate) async fn read(State(engine): State<Arc<Engine>>) -> Result<Json<Status>, ApiError> {
    let seq = engine.feed().last();
    let (requests, bytes) = engine.store.readers().read(hookline_store::deletion::all_totals).await?;
    let (judged, forwarded) = (*engine.judged.borrow(), engine.forwarded_upto.load(Ordering::Relaxed));
    let behind = move |connection: &rusqlite::Connection| {
        let unverified = hookline_store::verification::waiting(connection, judged)?;
        let unforwarded =
            if forwarded < judged { hookline_store::verification::waiting(connection, forwarded)? } else { unverified };
        Ok((unverified, unforwarded.saturating_sub(unverified)))
    };
    let (unverified, unforwarded) = engine.store.readers().read(behind).await?;
    let refusals = open_totals(&engine).await;
    let receiver = engine.receiver.lock().await;
    let count =
        |pick: fn(&hookline_capture::Counts) -> u64| receiver.listening.as_ref().map_or(0, |l| pick(l.counts()));
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        receiver: receiver.state.clone(),
        database: match engine.health() {
            DatabaseHealth::Ok => Database::Ok,
            DatabaseHealth::Failing { fault, message, since_us } => {
                Database::Failing { fault, message, since: timestamp(since_us) }
            }
        },
        lost: engine.store.lost().map(str::to_owned),
        data: engine.dir().path().display().to_string(),
        requests: requests.max(0) as u64,
        bytes: bytes.max(0) as u64,
        file_bytes: std::fs::metadata(engine.store.path()).map_or(0, |m| m.len()),
        search: engine.index.state(),
        verification: Behind { waiting: unverified },
        forwards: Behind { waiting: unforwarded },
        refusals,
        queue: engine.outbox.schedule().queued() as u64,
        connections_refused: count(|c| c.connections_refused.load(Ordering::Relaxed)),
        heads_refused: count(|c| c.heads_refused.load(Ordering::Relaxed)),
        seq,
    }))
}

/// Try again to listen at the address set, after its port was taken.
#[utoipa::path(post, path = "/receiver/listen", tag = "status", responses((status = 200, body = ListenerState)))]
pub(crate) async fn listen(State(engine): State<Arc<Engine>>) -> Json<ListenerState> {
    Json(engine.start_receiver(None).await)
}
