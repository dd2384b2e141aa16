//! Routes for scenarios.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::Engine;
use hookbench_model::{EndpointSettings, ErrorCode, EventSendResult, Scenario, ScenarioList, ScenarioStep};
use hookbench_provider::{sample::Seeds, scenarios};
use hookbench_store::{event::EventNew, own_files, remove_own_file, save_own_file, scenario_run::ScenarioRunRow};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    error::ApiError,
    events::{DELIVERIES_MAX, EventDestinations, send_all},
    extract, file_id,
};

/// Maximum value of `time_scale`.
const TIME_SCALE_MAX: f64 = 100_000.0;
/// Minimum value of `time_scale`.
const TIME_SCALE_MIN: f64 = 0.001;

fn shown(scenario: &hookbench_provider::Scenario, file: &str, own: bool) -> Scenario {
    let ms = |seconds: f64| (seconds * 1_000.0) as u64;
    let step = |step: &hookbench_provider::Step| ScenarioStep { event: step.event.clone(), after_ms: ms(step.after_s) };
    Scenario {
        id: scenario.id.clone(),
        name: scenario.name.clone(),
        about: scenario.about.clone(),
        provider: scenario.provider.clone(),
        own,
        duration_ms: ms(scenario.duration_s()),
        steps: scenario.steps.iter().map(step).collect(),
        file: file.to_owned(),
    }
}

/// Reads all scenarios from disk, because users can edit the files while the engine runs.
async fn all(engine: &Arc<Engine>) -> Result<ScenarioList, ApiError> {
    let folder = engine.dir().path().join("scenarios");
    let catalog = engine.providers.catalog();
    let read = tokio::task::spawn_blocking(move || {
        let (own, mut bad) = own_files(&folder);
        let names: Vec<String> = own.iter().map(|(file, _)| file.clone()).collect();
        let (found, unread) = scenarios(&catalog, own);
        bad.extend(unread);
        let is_own = |id: &str| names.iter().any(|file| file.strip_suffix(".toml") == Some(id));
        ScenarioList {
            items: found.iter().map(|(id, (scenario, file))| shown(scenario, file, is_own(id))).collect(),
            bad_files: bad.iter().map(ToString::to_string).collect(),
            folder: folder.display().to_string(),
        }
    });
    read.await.map_err(|e| ApiError::internal(e.to_string()))
}

/// Finds a scenario by ID. The 404 error suggests a similar one.
async fn find(engine: &Arc<Engine>, id: &str) -> Result<Scenario, ApiError> {
    let all = all(engine).await?.items;
    if let Some(found) = all.iter().find(|scenario| scenario.id == id) {
        return Ok(found.clone());
    }
    let missing = ApiError::not_found(ErrorCode::ScenarioNotFound, format!("There is no scenario {id:?}."));
    Err(missing.suggesting(id, all.iter().map(|scenario| scenario.id.as_str())))
}

/// List scenarios
///
/// Returns all scenarios, including custom ones.
#[utoipa::path(get, path = "/scenarios", tag = "scenarios", responses((status = 200, body = ScenarioList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<ScenarioList>, ApiError> {
    Ok(Json(all(&engine).await?))
}

/// Retrieve a scenario
///
/// Returns a scenario with its events.
#[utoipa::path(get, path = "/scenarios/{id}", tag = "scenarios", params(("id" = String, Path)), responses(
    (status = 200, body = Scenario), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Scenario>, ApiError> {
    find(&engine, &id).await.map(Json)
}

/// A custom scenario to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScenarioNew {
    /// Text of the scenario file.
    file: String,
}

fn shipped(id: &str) -> ApiError {
    ApiError::new(
        ErrorCode::ScenarioShips,
        format!("The scenario {id:?} is built in and cannot be changed."),
        "Choose another ID. To override the scenario, add a file of this name to `scenarios` in the data folder.",
    )
}

/// Changes the files of the custom scenarios, whose folder `work` gets.
async fn change_files<T: Send + 'static>(
    engine: &Engine,
    work: impl FnOnce(&std::path::Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let folder = engine.dir().path().join("scenarios");
    let done = tokio::task::spawn_blocking(move || work(&folder)).await;
    done.map_err(|e| ApiError::internal(e.to_string()))?
        .map_err(|e| ApiError::internal(format!("The scenario file cannot be changed: {e}.")))
}

/// Save a custom scenario
///
/// Saves a scenario file in the data folder. Replaces the custom scenario with the same ID, if there is one.
#[utoipa::path(put, path = "/scenarios/{id}", tag = "scenarios", params(("id" = String, Path)), request_body = ScenarioNew, responses(
    (status = 200, body = Scenario), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn save(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(new): extract::Json<ScenarioNew>,
) -> Result<Json<Scenario>, ApiError> {
    file_id::check("scenario", &id)?;
    if all(&engine).await?.items.iter().any(|scenario| scenario.id == id && !scenario.own) {
        return Err(shipped(&id));
    }
    hookbench_provider::Scenario::parse(&id, &new.file, &engine.providers.catalog())
        .map_err(|why| ApiError::invalid(format!("The scenario cannot be parsed: {why}.")))?;
    let saved = format!("{id}.toml");
    change_files(&engine, move |folder| save_own_file(folder, &saved, &new.file)).await?;
    find(&engine, &id).await.map(Json)
}

/// Delete a custom scenario
///
/// Deletes a custom scenario and its file.
#[utoipa::path(delete, path = "/scenarios/{id}", tag = "scenarios", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    file_id::check("scenario", &id)?;
    let removed = format!("{id}.toml");
    match change_files(&engine, move |folder| remove_own_file(folder, &removed)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => find(&engine, &id).await.and_then(|_| Err(shipped(&id))),
    }
}

/// A scenario to run: either `scenario` or `file` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScenarioRunNew {
    /// ID of the scenario.
    #[serde(default)]
    scenario: Option<String>,
    /// Text of a scenario file.
    #[serde(default)]
    file: Option<String>,
    /// Seed of generated values. The same seed generates the same values. Default: random.
    #[serde(default)]
    seed: Option<u64>,
    /// Factor that divides the delays between events, from 0.001 to 100000. Default: 1.
    #[serde(default)]
    time_scale: Option<f64>,
    /// IDs of the endpoints to send to. Default: all endpoints of the provider.
    #[serde(default)]
    endpoints: Option<Vec<String>>,
    /// Only endpoints of this account.
    #[serde(default)]
    account: Option<String>,
    /// Settings of a temporary endpoint for this request, as for an event.
    #[serde(default)]
    to: Option<EndpointSettings>,
    /// True to retry deliveries to the temporary endpoint as the vendor does. Default: false.
    #[serde(default)]
    retries: bool,
}

/// Run a scenario
///
/// Stores all events of a scenario, and sends each event at its scheduled time. Returns before the events are sent.
#[utoipa::path(post, path = "/scenarios/run", tag = "scenarios", request_body = ScenarioRunNew, responses(
    (status = 202, body = EventSendResult), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn run(
    State(engine): State<Arc<Engine>>,
    extract::Json(wanted): extract::Json<ScenarioRunNew>,
) -> Result<(StatusCode, Json<EventSendResult>), ApiError> {
    let text = match (&wanted.scenario, &wanted.file) {
        (Some(id), None) => find(&engine, id).await?.file,
        (None, Some(text)) => text.clone(),
        _ => return Err(ApiError::invalid("Pass either `scenario` or `file`.")),
    };
    let scenario = hookbench_provider::Scenario::parse("", &text, &engine.providers.catalog())
        .map_err(|why| ApiError::invalid(format!("The scenario cannot be parsed: {why}.")))?;
    let time_scale = wanted.time_scale.unwrap_or(1.0);
    if !(TIME_SCALE_MIN..=TIME_SCALE_MAX).contains(&time_scale) {
        return Err(ApiError::invalid(format!(
            "`time_scale` must be between {TIME_SCALE_MIN} and {TIME_SCALE_MAX} (got {time_scale})."
        )));
    }
    let destinations = EventDestinations {
        provider: &scenario.provider,
        endpoints: wanted.endpoints.as_deref(),
        account: wanted.account.as_deref(),
        to: wanted.to.as_ref(),
        retries: wanted.retries,
    };
    let endpoints = destinations.find(&engine).await?;
    if scenario.steps.len() * endpoints.len() > DELIVERIES_MAX {
        return Err(ApiError::invalid(format!("One request must create between 1 and {DELIVERIES_MAX} deliveries.")));
    }
    // A random seed is short, so that users can type it to repeat the run.
    let seed = wanted.seed.unwrap_or_else(|| u64::from(uuid::Uuid::now_v7().as_u128() as u32));
    let now_us = engine.clock.now_us();
    let new = ScenarioRunRow {
        id: uuid::Uuid::now_v7().to_string(),
        scenario: wanted.scenario.clone().unwrap_or_default(),
        name: scenario.name.clone(),
        provider: scenario.provider.clone(),
        seed,
        time_scale,
    };
    let run_id = new.id.clone();
    let run = match endpoints.is_empty() {
        true => None,
        false => Some(engine.store.write(move |connection| new.insert(connection, now_us), |_: &i64| ()).await?),
    };
    let mut delay_us = 0;
    let events = scenario.steps.iter().zip(0..).map(|(step, number)| {
        delay_us += (step.after_s * 1e6 / time_scale) as i64;
        let id = uuid::Uuid::now_v7().to_string();
        let now_ms = (now_us + delay_us) / 1_000;
        let seeds = Seeds { seed, step: number, event: &step.event, id: &id, now_ms };
        let payload = serde_json::to_vec(&step.filled(&seeds)).unwrap_or_default();
        Ok((EventNew { id, provider: scenario.provider.clone(), kind: step.event.clone(), payload, run }, delay_us))
    });
    let sent = send_all(&engine, events, endpoints).await?;
    Ok((StatusCode::ACCEPTED, Json(EventSendResult { run: run.map(|_| run_id), ..sent })))
}
