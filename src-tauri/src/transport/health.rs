//! Health checks for container runtimes and load balancers. They need no token, and say nothing else.

use std::sync::Arc;

use axum::{Router, extract::State, response::IntoResponse, routing};
use hookbench_engine::Engine;
use hookbench_model::{DatabaseHealth, ListenerState};
use http::StatusCode;

/// Returns the routes `/healthz` and `/readyz`.
pub(super) fn router(engine: &Arc<Engine>) -> Router {
    Router::new()
        .route("/healthz", routing::get(|| async { "ok\n" }))
        .route("/readyz", routing::get(ready))
        .with_state(engine.clone())
}

/// Responds with 200 while webhooks can be received and stored, else with 503.
async fn ready(State(engine): State<Arc<Engine>>) -> impl IntoResponse {
    let listens = matches!(engine.listener.state(), ListenerState::Listening { .. });
    let stores = matches!(engine.health(), DatabaseHealth::Ok);
    match listens && stores {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}
