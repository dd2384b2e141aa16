//! Routes for check runs.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookbench_checks::{CHECKS, Stop, compared, planned, to_ask_again};
use hookbench_delivery::is_this_machine;
use hookbench_engine::Engine;
use hookbench_model::{
    Change, CheckComparison, CheckList, CheckPlan, CheckReport, CheckReportFormat, CheckRule, CheckRuleList, CheckRun,
    CheckRunState, CheckSettings, ErrorCode, masked_url,
};
use hookbench_store::check::CheckRow;
use http::{HeaderMap, StatusCode, header};
use rusqlite::Connection;
use serde::Deserialize;
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};

use super::{
    error::ApiError,
    extract,
    page::{self, PageQuery},
    replays::known_as,
};

/// Default number of runs per page.
const LIMIT: u32 = 200;

/// A check run to start.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckNew {
    /// Settings of the run.
    settings: CheckSettings,
    /// Host of the handler, to confirm requests to a host other than this computer.
    #[serde(default)]
    confirm: Option<String>,
    /// True to confirm the commands that the run executes on this computer. Default: false.
    #[serde(default)]
    confirm_commands: bool,
}

fn no_run() -> ApiError {
    ApiError::not_found(ErrorCode::CheckNotFound, "There is no check run with this ID.")
}

/// Rejects settings from a web page that contain commands, files or databases. Pages display captured content, so they
/// must not start programs or read files.
fn without_page(headers: &HeaderMap, settings: &CheckSettings) -> Result<(), ApiError> {
    if headers.contains_key(header::ORIGIN) && !hookbench_checks::commands(settings).is_empty() {
        return Err(ApiError::new(
            ErrorCode::CommandsFromPage,
            "A web page must not specify commands, files or databases.",
            "Use the command line, such as `hookbench check --probe-command …`. The window shows the run.",
        ));
    }
    Ok(())
}

/// Applies the values of the endpoint and validates the settings. Returns the settings and the subject of the checks.
fn read_settings(
    engine: &Arc<Engine>,
    mut settings: CheckSettings,
) -> Result<(CheckSettings, hookbench_checks::Subject), ApiError> {
    if let Some(id) = &settings.endpoint {
        let found = engine.outbox.schedule().endpoints().into_iter().find(|row| row.id == *id);
        let row = found.ok_or_else(|| ApiError::no_endpoint(id))?;
        settings.url.clone_from(&row.settings.url);
        if settings.provider.is_empty() {
            settings.provider.clone_from(&row.settings.provider);
            settings.scheme.clone_from(&row.settings.scheme);
        }
    }
    hookbench_checks::check(&settings).map_err(ApiError::invalid)?;
    let subject = engine.checks.subject(settings.clone()).map_err(ApiError::invalid)?;
    Ok((settings, subject))
}

/// List checks
///
/// Returns every check that a run can include, by number.
#[utoipa::path(get, path = "/checks/rules", tag = "checks", responses((status = 200, body = CheckRuleList)))]
pub(crate) async fn questions() -> Json<CheckRuleList> {
    let items = CHECKS.iter().map(|check| CheckRule {
        number: check.number,
        id: check.id.into(),
        level: check.level,
        title: check.title.into(),
        why: check.why.into(),
        source: check.source.into(),
        advice: check.advice.into(),
    });
    Json(CheckRuleList { items: items.collect() })
}

/// Preview a check run
///
/// Returns the requests that a run would send. Nothing is sent.
#[utoipa::path(post, path = "/checks/plan", tag = "checks", request_body = CheckNew, responses(
    (status = 200, body = CheckPlan), (status = 403, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn plan(
    State(engine): State<Arc<Engine>>,
    headers: HeaderMap,
    extract::Json(new): extract::Json<CheckNew>,
) -> Result<Json<CheckPlan>, ApiError> {
    without_page(&headers, &new.settings)?;
    let (settings, subject) = read_settings(&engine, new.settings)?;
    let host = known_as(&settings.url).map_err(ApiError::invalid)?;
    let generated = subject.uses_generated_event();
    let now_ms = engine.clock.now_us() / 1_000;
    // Planning builds bodies of 25 MB, which would block the runtime.
    let checks = tokio::task::spawn_blocking(move || planned(&subject, now_ms));
    let checks = checks.await.map_err(|e| ApiError::internal(e.to_string()))?;
    Ok(Json(CheckPlan {
        this_machine: is_this_machine(&host),
        host,
        requests: checks.iter().map(|check| check.requests).sum(),
        bytes: checks.iter().map(|check| check.bytes).sum(),
        rate: settings.burst,
        generated,
        commands: hookbench_checks::commands(&settings),
        url: masked_url(&settings.url).into_owned(),
        checks,
    }))
}

/// Start a check run
///
/// Sends signed events of a vendor to a handler and checks the responses. Returns before the run ends.
#[utoipa::path(post, path = "/checks", tag = "checks", request_body = CheckNew, responses(
    (status = 202, body = CheckRun), (status = 403, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn begin(
    State(engine): State<Arc<Engine>>,
    headers: HeaderMap,
    extract::Json(new): extract::Json<CheckNew>,
) -> Result<(StatusCode, Json<CheckRun>), ApiError> {
    without_page(&headers, &new.settings)?;
    let (settings, _) = read_settings(&engine, new.settings)?;
    let host = known_as(&settings.url).map_err(ApiError::invalid)?;
    if !is_this_machine(&host) && new.confirm.as_deref() != Some(host.as_str()) {
        return Err(ApiError::new(
            ErrorCode::ConfirmHost,
            format!("Checks send malformed, forged, large and concurrent requests to {host}. Confirm the host."),
            "To confirm, repeat the request with this host as `confirm`.",
        ));
    }
    let commands = hookbench_checks::commands(&settings);
    if !commands.is_empty() && !new.confirm_commands {
        return Err(ApiError::new(
            ErrorCode::ConfirmCommands,
            format!("The run executes commands on this computer: {}", commands.join("; ")),
            "To confirm, repeat the request with `confirm_commands`.",
        ));
    }
    let now_us = engine.clock.now_us();
    let work = move |connection: &Connection| {
        let row = CheckRow::insert(connection, &settings, now_us)?;
        let shown = hookbench_checks::shown(&row, connection)?;
        Ok::<_, rusqlite::Error>((row, shown))
    };
    let feed = engine.feed.clone();
    let after = move |(_, run): &(CheckRow, CheckRun)| {
        feed.publish([Change::CheckChanged { check: Box::new(run.clone()) }]);
    };
    let (row, run) = engine.store.write(work, after).await?;
    if let Some(stopped) = engine.checks.take_place(row.number) {
        engine.checks.run(row, stopped);
    }
    Ok((StatusCode::ACCEPTED, Json(run)))
}

/// List check runs
///
/// Returns check runs, newest first.
#[utoipa::path(get, path = "/checks", tag = "checks", params(PageQuery), responses(
    (status = 200, body = CheckList), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<PageQuery>,
) -> Result<Json<CheckList>, ApiError> {
    let limit = page::limit(query.limit, LIMIT)?;
    let read = move |connection: &Connection| {
        let after = match &query.after {
            Some(id) => Some(hookbench_store::check::with_id(connection, id)?.map_or(0, |row| row.number)),
            None => None,
        };
        hookbench_store::check::list(connection, after, limit)?
            .iter()
            .map(|row| hookbench_checks::shown(row, connection))
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    let items = engine.store.readers().read(read).await?;
    let next = page::next(&items, limit, |run| &run.id);
    Ok(Json(CheckList { items, next }))
}

async fn row_of(engine: &Arc<Engine>, id: String) -> Result<CheckRow, ApiError> {
    engine
        .store
        .readers()
        .read(move |connection| hookbench_store::check::with_id(connection, &id))
        .await?
        .ok_or_else(no_run)
}

/// Maximum time to wait until a run that has ended releases its slot.
const LEAVING: Duration = Duration::from_secs(1);

/// Reserves the slot of a run. Waits up to [`LEAVING`] if the run has just ended.
///
/// # Errors
///
/// Returns an error if the run is in progress.
async fn place_of(engine: &Arc<Engine>, row: &CheckRow) -> Result<watch::Receiver<Option<Stop>>, ApiError> {
    let ends = tokio::time::Instant::now() + LEAVING;
    loop {
        if let Some(place) = engine.checks.take_place(row.number) {
            return Ok(place);
        }
        if row.ended_us.is_none() || tokio::time::Instant::now() > ends {
            let (why, hint) = ("The check run is in progress.", "Wait until the run ends, or cancel it.");
            return Err(ApiError::new(ErrorCode::Running, why, hint));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Retrieve a check run
///
/// Returns the state of a check run, and the number of results by outcome.
#[utoipa::path(get, path = "/checks/{id}", tag = "checks", params(("id" = String, Path)), responses(
    (status = 200, body = CheckRun), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<CheckRun>, ApiError> {
    let row = row_of(&engine, id).await?;
    Ok(Json(engine.store.readers().read(move |connection| hookbench_checks::shown(&row, connection)).await?))
}

/// Cancel a check run
///
/// Stops a run that is in progress. Returns before the run ends.
#[utoipa::path(post, path = "/checks/{id}/cancel", tag = "checks", params(("id" = String, Path)), responses(
    (status = 202), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn cancel(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    let row = row_of(&engine, id).await?;
    match engine.checks.stop(row.number, Stop::Canceled) {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(ApiError::new(ErrorCode::Ended, "The check run has ended.", "Rerun its checks.")),
    }
}

/// Delete a check run
///
/// Permanently deletes a run that has ended, with its report.
#[utoipa::path(delete, path = "/checks/{id}", tag = "checks", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    let row = row_of(&engine, id).await?;
    let number = row.number;
    place_of(&engine, &row).await?;
    let removed = engine.store.write(move |connection| row.delete(connection), |()| ()).await;
    engine.checks.leave_place(number);
    removed?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks to rerun.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckRerun {
    /// IDs of the checks. If empty, every check is rerun that did not pass and was not skipped.
    #[serde(default)]
    checks: Vec<String>,
}

/// Rerun checks
///
/// Runs checks of a run again with the same settings. The new results replace the previous ones.
#[utoipa::path(post, path = "/checks/{id}/rerun", tag = "checks", params(("id" = String, Path)), request_body = CheckRerun, responses(
    (status = 202, body = CheckRun), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn again(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(again): extract::Json<CheckRerun>,
) -> Result<(StatusCode, Json<CheckRun>), ApiError> {
    let row = row_of(&engine, id).await?;
    if let Some(unknown) =
        again.checks.iter().find(|id| !CHECKS.iter().any(|c| c.id == **id && hookbench_checks::wants(&row.settings, c)))
    {
        return Err(ApiError::invalid(format!("The run has no check {unknown:?}.")));
    }
    // The settings are validated first. If they are no longer valid, the run keeps its results.
    let subject = engine.checks.subject(row.settings.clone()).map_err(ApiError::invalid)?;
    let stopped = place_of(&engine, &row).await?;
    let (number, row_) = (row.number, row);
    let work = move |connection: &Connection| {
        let wanted = to_ask_again(&subject, &hookbench_checks::results(&row_, connection)?, again.checks);
        row_.again(connection, &wanted)?;
        let row = CheckRow { state: CheckRunState::Running, reason: String::new(), ended_us: None, ..row_ };
        let shown = hookbench_checks::shown(&row, connection)?;
        Ok::<_, rusqlite::Error>((row, shown))
    };
    let feed = engine.feed.clone();
    let after = move |(_, run): &(CheckRow, CheckRun)| {
        feed.publish([Change::CheckChanged { check: Box::new(run.clone()) }]);
    };
    let (row, run) = match engine.store.write(work, after).await {
        Ok(written) => written,
        Err(error) => {
            engine.checks.leave_place(number);
            return Err(error.into());
        }
    };
    engine.checks.run(row, stopped);
    Ok((StatusCode::ACCEPTED, Json(run)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// Format of the report: `json`, `html` for a page without scripts, or `junit`. Default: `json`.
    #[param(inline)]
    r#as: Option<CheckReportFormat>,
}

async fn report_of(engine: &Arc<Engine>, id: String) -> Result<CheckReport, ApiError> {
    let row = row_of(engine, id).await?;
    let catalog = engine.providers.catalog();
    Ok(engine.store.readers().read(move |connection| hookbench_checks::report(connection, &row, &catalog)).await?)
}

/// Retrieve the report of a check run
///
/// Returns each check with its outcome, requests and responses.
#[utoipa::path(get, path = "/checks/{id}/report", tag = "checks", params(("id" = String, Path), ReportQuery), responses(
    (status = 200, body = CheckReport), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read_report(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<ReportQuery>,
) -> Result<Response, ApiError> {
    let report = report_of(&engine, id).await?;
    // The report contains responses of the handler, so browsers must download it and not render it in this origin.
    let file = |kind: &'static str, name: &'static str, text: String| {
        let headers = [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, name),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'; style-src 'unsafe-inline'"),
        ];
        (headers, text).into_response()
    };
    Ok(match query.r#as.unwrap_or_default() {
        CheckReportFormat::Json => Json(report).into_response(),
        CheckReportFormat::Html => {
            let page = hookbench_checks::html(&report).map_err(ApiError::internal)?;
            file("text/html; charset=utf-8", "attachment; filename=\"check.html\"", page)
        }
        CheckReportFormat::Junit => {
            let xml = hookbench_checks::junit(&report).map_err(ApiError::internal)?;
            file("application/xml", "attachment; filename=\"check.xml\"", xml)
        }
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// ID of the first run.
    before: String,
    /// ID of the second run.
    after: String,
}

/// Compare two check runs
///
/// Returns the checks whose outcome differs between the runs.
#[utoipa::path(get, path = "/checks/compare", tag = "checks", params(CompareQuery), responses(
    (status = 200, body = CheckComparison), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn compare(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<CompareQuery>,
) -> Result<Json<CheckComparison>, ApiError> {
    let (before, after) = (report_of(&engine, query.before).await?, report_of(&engine, query.after).await?);
    let changed = compared(&before, &after);
    Ok(Json(CheckComparison { before: before.run, after: after.run, changed }))
}
