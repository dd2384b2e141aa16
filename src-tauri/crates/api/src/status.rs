//! Routes for the status of the engine and the listener.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::Engine;
use hookbench_model::{DatabaseHealth, DatabaseStatus, ListenerState, Status, timestamp};

use super::{error::ApiError, refusals::open_totals};

/// Retrieve the status
///
/// Returns the status of the engine, the listener and the database.
#[utoipa::path(get, path = "/status", tag = "status", responses((status = 200, body = Status)))]
pub(crate) async fn read(State(engine): State<Arc<Engine>>) -> Result<Json<Status>, ApiError> {
    status(&engine).await.map(Json)
}

/// Returns the status of an engine.
///
/// # Errors
/// Returns an error if the database cannot be read.
pub async fn status(engine: &Arc<Engine>) -> Result<Status, ApiError> {
    let seq = engine.feed().last();
    let (requests, bytes) = engine.store.readers().read(hookbench_store::deletion::all_totals).await?;
    let (stages, now_ms) = (engine.pipeline.clone(), engine.clock.now_ms());
    let pipeline = engine.store.readers().read(move |connection| stages.progress(connection, now_ms)).await?;
    let refusals = open_totals(engine).await;
    let file_bytes = tokio::fs::metadata(engine.store.path()).await.map_or(0, |file| file.len());
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        update: engine.updates.found(),
        listener: engine.listener.state(),
        database: match engine.health() {
            DatabaseHealth::Ok => DatabaseStatus::Ok,
            DatabaseHealth::Failing { fault, message, since_us } => {
                DatabaseStatus::Failing { fault, message, since: timestamp(since_us) }
            }
        },
        lost: engine.store.lost().map(str::to_owned),
        data: engine.dir().path().display().to_string(),
        requests: requests.max(0) as u64,
        bytes: bytes.max(0) as u64,
        file_bytes,
        search: engine.index.state(),
        pipeline,
        refusals,
        queue: engine.outbox.schedule().queued() as u64,
        connections_refused: engine.listener.count(|counts| &counts.connections_refused),
        heads_refused: engine.listener.count(|counts| &counts.heads_refused),
        seq,
    })
}

/// Start the listener
///
/// Starts the listener again, for example after its port was in use. Returns the state of the listener.
#[utoipa::path(post, path = "/listener", tag = "status", responses((status = 200, body = ListenerState)))]
pub(crate) async fn listen(State(engine): State<Arc<Engine>>) -> Json<ListenerState> {
    Json(engine.start_listener(None).await)
}
