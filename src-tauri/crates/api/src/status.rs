use std::sync::{Arc, atomic::Ordering};

use axum::{Json, extract::State};
use hookline_engine::Engine;
use hookline_model::{DatabaseHealth, DatabaseStatus, ListenerState, Status, timestamp};

use super::{error::ApiError, refusals::open_totals};

/// State of the engine, receiver and database.
#[utoipa::path(get, path = "/status", tag = "status", responses((status = 200, body = Status)))]
pub(crate) async fn read(State(engine): State<Arc<Engine>>) -> Result<Json<Status>, ApiError> {
    let seq = engine.feed().last();
    let (requests, bytes) = engine.store.readers().read(hookline_store::deletion::all_totals).await?;
    let (stages, now_ms) = (engine.pipeline.clone(), engine.clock.now_ms());
    let pipeline = engine.store.readers().read(move |connection| stages.progress(connection, now_ms)).await?;
    let refusals = open_totals(&engine).await;
    let receiver = engine.receiver.lock().await;
    let count =
        |pick: fn(&hookline_capture::Counts) -> u64| receiver.listening.as_ref().map_or(0, |l| pick(l.counts()));
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        receiver: receiver.state.clone(),
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
        file_bytes: std::fs::metadata(engine.store.path()).map_or(0, |m| m.len()),
        search: engine.index.state(),
        pipeline,
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
