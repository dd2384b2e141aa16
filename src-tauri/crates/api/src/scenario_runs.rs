//! Routes for scenario runs.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::Engine;
use hookbench_model::{Change, Delivery, ErrorCode, ScenarioRun, ScenarioRunDetail, ScenarioRunList};
use hookbench_store::scenario_run;
use rusqlite::Connection;

use super::{
    error::ApiError,
    extract,
    page::{self, PageQuery},
};

/// Default number of items per page.
const LIMIT: u32 = 50;

fn no_run() -> ApiError {
    ApiError::not_found(ErrorCode::ScenarioRunNotFound, "There is no scenario run with this ID.")
}

/// List scenario runs
///
/// Returns the runs of scenarios, newest first. Retention deletes a run with its last delivery.
#[utoipa::path(get, path = "/scenario-runs", tag = "scenario-runs", params(PageQuery), responses(
    (status = 200, body = ScenarioRunList), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<PageQuery>,
) -> Result<Json<ScenarioRunList>, ApiError> {
    let limit = page::limit(query.limit, LIMIT)?;
    let read = move |connection: &Connection| {
        let after = match &query.after {
            Some(id) => Some(scenario_run::with_id(connection, id)?.map_or(0, |(number, _)| number)),
            None => None,
        };
        scenario_run::list(connection, after, limit)
    };
    let items: Vec<ScenarioRun> = engine.store.readers().read(read).await?.into_iter().map(|(_, run)| run).collect();
    let next = page::next(&items, limit, |run| &run.id);
    Ok(Json(ScenarioRunList { items, next }))
}

/// Retrieve a scenario run
///
/// Returns a run with its events in order, each with its deliveries.
#[utoipa::path(get, path = "/scenario-runs/{id}", tag = "scenario-runs", params(("id" = String, Path)), responses(
    (status = 200, body = ScenarioRunDetail), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<ScenarioRunDetail>, ApiError> {
    let read = move |connection: &Connection| {
        let Some((number, run)) = scenario_run::with_id(connection, &id)? else { return Ok(None) };
        Ok(Some(ScenarioRunDetail { run, steps: scenario_run::steps(connection, number)? }))
    };
    engine.store.readers().read(read).await?.map(Json).ok_or_else(no_run)
}

/// Cancel a scenario run
///
/// Cancels the deliveries that wait for an attempt. Deliveries that are being sent are not interrupted.
#[utoipa::path(post, path = "/scenario-runs/{id}/cancel", tag = "scenario-runs", params(("id" = String, Path)), responses(
    (status = 200, body = ScenarioRun), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn cancel(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<ScenarioRun>, ApiError> {
    let now_us = engine.clock.now_us();
    let work = move |connection: &Connection| {
        let (number, _) = scenario_run::with_id(connection, &id)?.ok_or_else(no_run)?;
        let canceled = scenario_run::cancel_waiting(connection, number, now_us)?;
        let (_, run) = scenario_run::with_id(connection, &id)?.ok_or_else(no_run)?;
        Ok::<_, ApiError>((canceled, run))
    };
    let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
    let after = move |(canceled, _): &(Vec<(i64, Delivery)>, ScenarioRun)| {
        let mut schedule = outbox.schedule();
        canceled.iter().for_each(|(number, _)| schedule.forget(*number));
        drop(schedule);
        feed.publish(canceled.iter().map(|(_, delivery)| Change::DeliveryChanged { delivery: delivery.clone() }));
    };
    Ok(Json(engine.store.write(work, after).await?.1))
}
