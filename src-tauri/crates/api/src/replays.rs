//! Routes for replays.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::Engine as _;
use hookbench_capture::RowId;
use hookbench_delivery::{is_this_machine, parse};
use hookbench_engine::{
    Engine,
    replay::{Collecting, ReplaySelection, collect, html},
};
use hookbench_model::{
    Change, ErrorCode, Inbox, PathRule, ReSignWith, Replay, ReplayList, ReplayReport, ReplaySettings, ReplayState,
    ReplayTarget, masked_url,
};
use hookbench_query::Query;
use hookbench_search::PAGE_TIME;
use hookbench_store::{endpoint::EndpointRow, inbox::InboxRow, replay, replay::ReplayRow};
use http::{StatusCode, header};
use rusqlite::Connection;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::{
    error::ApiError,
    extract,
    page::{self, PageQuery},
    requests::number_of,
};

/// Default number of items per page.
const LIMIT: u32 = 50;

/// Maximum number of requests selected by ID.
const NAMED_MAX: usize = 10_000;

/// Maximum number of requests that are counted for a confirmation. A larger count is reported as this number "or more".
const COUNTED: u64 = 100_000;

/// Maximum size of the new body of an edited request, in bytes.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// A replay to start: one of `requests`, `query` and `blank` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayNew {
    /// IDs of the requests, in the order in which they are sent.
    #[serde(default)]
    requests: Option<Vec<String>>,
    /// Query that selects the requests. An empty query selects all requests.
    #[serde(default)]
    query: Option<String>,
    /// Name of the inbox that `query` is limited to.
    #[serde(default)]
    inbox: Option<String>,
    /// True to send a new request that is not stored. `settings.edit` has its method and headers, `settings.to` its
    /// URL, and `body` its body.
    #[serde(default)]
    blank: bool,
    /// New body in base64, at most 4 MiB decoded. Allowed only when a single request is replayed.
    #[serde(default)]
    body: Option<String>,
    /// Host of the target, to confirm that several requests are sent to a host that received none before.
    #[serde(default)]
    confirm: Option<String>,
    /// Settings of the replay.
    #[serde(default)]
    settings: ReplaySettings,
}

fn no_replay() -> ApiError {
    ApiError::not_found(ErrorCode::ReplayNotFound, "There is no replay with this ID.")
}

/// Start a replay
///
/// Sends stored requests again, unchanged or edited, to one target. Returns before the replay ends.
#[utoipa::path(post, path = "/replays", tag = "replays", request_body = ReplayNew, responses(
    (status = 202, body = Replay), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn begin(
    State(engine): State<Arc<Engine>>,
    extract::Json(new): extract::Json<ReplayNew>,
) -> Result<(StatusCode, Json<Replay>), ApiError> {
    let mut settings = new.settings;
    let (wanted, home) = match new.blank {
        true if new.requests.is_some() || new.query.is_some() => {
            return Err(ApiError::invalid("Pass only one of `requests`, `query` and `blank`."));
        }
        true if settings.to.is_none() || settings.re_sign.is_some() => {
            return Err(ApiError::invalid("A new request needs the URL `settings.to`, and cannot be re-signed."));
        }
        true => {
            settings.path = PathRule::Exact;
            settings.edit.get_or_insert_default().headers.get_or_insert_default();
            (ReplaySelection::These(vec![RowId(0)]), None)
        }
        false => wanted(&engine, new.requests.as_deref(), new.query.as_deref(), new.inbox.as_deref()).await?,
    };
    if let Some(target) = settings.to.take() {
        settings.to = Some(unmasked(&engine, home.as_deref(), target).await?);
    }
    hookbench_engine::replay::check(&settings).map_err(ApiError::invalid)?;
    let one = matches!(&wanted, ReplaySelection::These(rows) if rows.len() == 1);
    let body = new.body.map(|text| base64::engine::general_purpose::STANDARD.decode(text)).transpose();
    let body = body.map_err(|e| ApiError::invalid(format!("`body` is not base64: {e}.")))?;
    let body = if new.blank { Some(body.unwrap_or_default()) } else { body };
    if (settings.edit.is_some() || body.is_some()) && !one {
        return Err(ApiError::invalid(
            "Only a single request can be edited. To change several requests, use `headers`.",
        ));
    }
    if body.as_ref().is_some_and(|body| body.len() > BODY_MAX) {
        return Err(ApiError::invalid(format!("`body` must have at most {BODY_MAX} bytes.")));
    }
    let target = match settings.to.clone() {
        Some(target) => target,
        None => last_target(&engine, home.as_deref()).await?.ok_or_else(|| {
            ApiError::new(
                ErrorCode::NoTarget,
                "No replay target: nothing has been replayed from this inbox yet.",
                "Pass a URL or an endpoint. Later replays use the same target by default.",
            )
        })?,
    };
    let (url, endpoint) = resolved(&engine, &target)?;
    if settings.re_sign == Some(ReSignWith::Endpoint) && endpoint.is_none() {
        return Err(ApiError::invalid("To re-sign with the secret of an endpoint, use this endpoint as the target."));
    }
    let host = known_as(&url).map_err(ApiError::invalid)?;
    if !one && new.confirm.as_deref() != Some(host.as_str()) && !is_known(&engine, &host).await? {
        return Err(unknown_host(&host, counted(&engine, &wanted).await?));
    }
    settings.to = Some(target.clone());
    let destination = hookbench_engine::replay::destination(&settings, url, endpoint.as_deref());
    let collecting = Collecting { settings, body, destination, wanted };
    let number = collect(&engine, collecting).await?;
    remember(&engine, host, home, target).await?;
    let read = move |connection: &Connection| {
        ReplayRow::numbered(connection, number)?.map(|row| row.counted(connection)).transpose()
    };
    let replay = engine.store.readers().read(read).await?.ok_or_else(no_replay)?;
    engine.feed.publish([Change::ReplayChanged { replay: Box::new(replay.clone()) }]);
    Ok((StatusCode::ACCEPTED, Json(replay)))
}

/// Returns the selected requests, and the name of the inbox that stores the target.
async fn wanted(
    engine: &Arc<Engine>,
    requests: Option<&[String]>,
    query: Option<&str>,
    inbox: Option<&str>,
) -> Result<(ReplaySelection, Option<String>), ApiError> {
    match (requests, query) {
        (Some(ids), None) => {
            if ids.is_empty() || ids.len() > NAMED_MAX {
                return Err(ApiError::invalid(format!(
                    "`requests` must contain 1 to {NAMED_MAX} IDs. Use a query for more."
                )));
            }
            let rows: Vec<RowId> =
                ids.iter().map(|id| engine.row_of(id).ok_or_else(ApiError::no_request)).collect::<Result<_, _>>()?;
            let first = engine.summary(rows[0]).await?.ok_or_else(ApiError::no_request)?;
            Ok((ReplaySelection::These(rows), Some(first.inbox)))
        }
        (None, Some(text)) => {
            let number = number_of(engine, inbox)?;
            let query = Query::parse(text).map_err(|error| ApiError::invalid(error.to_string()))?;
            Ok((ReplaySelection::Query(query, number), inbox.map(str::to_owned)))
        }
        _ => Err(ApiError::invalid("Pass one of `requests`, `query` and `blank`.")),
    }
}

async fn row_of(engine: &Arc<Engine>, inbox: Option<&str>) -> Result<Option<InboxRow>, ApiError> {
    let Some(name) = inbox.map(str::to_owned) else { return Ok(None) };
    Ok(engine.store.readers().read(move |connection| InboxRow::named(connection, &name)).await?)
}

/// Returns a target with its masked credentials replaced by those that the inbox stores.
async fn unmasked(engine: &Arc<Engine>, inbox: Option<&str>, target: ReplayTarget) -> Result<ReplayTarget, ApiError> {
    let ReplayTarget::Url(url) = &target else { return Ok(target) };
    let Some(row) = row_of(engine, inbox).await? else { return Ok(target) };
    let forwards = row.forwards.iter().map(|forward| ReplayTarget::Url(forward.to.clone()));
    let mut own = row.replayed_to.iter().cloned().chain(forwards);
    let kept = own.find(|own| matches!(own, ReplayTarget::Url(own) if masked_url(own) == *url));
    Ok(kept.unwrap_or(target))
}

async fn last_target(engine: &Arc<Engine>, inbox: Option<&str>) -> Result<Option<ReplayTarget>, ApiError> {
    let row = row_of(engine, inbox).await?;
    let own = row.as_ref().and_then(|row| row.replayed_to.clone());
    let forward = || row.as_ref()?.forwards.iter().find(|forward| forward.enabled).map(|forward| forward.to.clone());
    Ok(own.or_else(|| forward().map(ReplayTarget::Url)))
}

/// Returns the URL of a target, and the endpoint if the target is one.
fn resolved(engine: &Arc<Engine>, target: &ReplayTarget) -> Result<(String, Option<Arc<EndpointRow>>), ApiError> {
    match target {
        ReplayTarget::Url(url) => Ok((url.clone(), None)),
        ReplayTarget::Endpoint(id) => {
            let found = engine.outbox.schedule().endpoints().into_iter().find(|row| row.id == *id);
            let row = found.ok_or_else(|| ApiError::no_endpoint(id))?;
            Ok((row.settings.url.clone(), Some(row)))
        }
    }
}

/// Returns the host of a URL in lower case, with the port if the URL contains one.
pub(crate) fn known_as(url: &str) -> Result<String, String> {
    let url = parse(url)?;
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    Ok(authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase())
}

/// Returns true if the host is this machine, belongs to an endpoint, or has received replays before.
async fn is_known(engine: &Arc<Engine>, host: &str) -> Result<bool, ApiError> {
    if is_this_machine(host) {
        return Ok(true);
    }
    let saved = engine.outbox.schedule().endpoints();
    if saved.iter().any(|row| known_as(&row.settings.url).is_ok_and(|known| known == host)) {
        return Ok(true);
    }
    let wanted = host.to_owned();
    let read = move |connection: &Connection| hookbench_store::known_host::is_known(connection, &wanted);
    Ok(engine.store.readers().read(read).await?)
}

/// Returns the number of selected requests as text.
async fn counted(engine: &Arc<Engine>, wanted: &ReplaySelection) -> Result<String, ApiError> {
    let (query, inbox) = match wanted {
        ReplaySelection::These(rows) => return Ok(rows.len().to_string()),
        ReplaySelection::Query(query, inbox) => (query.clone(), *inbox),
    };
    let (search, index) = (engine.search(query, inbox), engine.index.clone());
    let read = move |connection: &Connection| {
        search.count(connection, &index, RowId(i64::MAX), COUNTED, Instant::now() + PAGE_TIME)
    };
    let (count, cursor) = engine.store.readers().read(read).await?;
    Ok(if cursor.is_some() || count == COUNTED { format!("{count} or more") } else { count.to_string() })
}

fn unknown_host(host: &str, count: String) -> ApiError {
    ApiError::new(
        ErrorCode::ConfirmHost,
        format!("{count} requests would go to {host}, which has not received replays before."),
        "To confirm, repeat the request with this host as `confirm`.",
    )
}

/// Stores the host as known, and the target as the last target of the inbox.
async fn remember(
    engine: &Arc<Engine>,
    host: String,
    inbox: Option<String>,
    target: ReplayTarget,
) -> Result<(), ApiError> {
    let name = inbox.clone();
    let work = move |connection: &Connection| {
        hookbench_store::known_host::save(connection, &host)?;
        let Some(mut row) = name.map(|name| InboxRow::named(connection, &name)).transpose()?.flatten() else {
            return Ok(None);
        };
        if row.replayed_to.as_ref() == Some(&target) {
            return Ok(None);
        }
        row.replayed_to = Some(target);
        row.update(connection)?;
        row.counted(connection).map(Some)
    };
    let feed = engine.feed.clone();
    let after = move |changed: &Option<Inbox>| {
        feed.publish(
            changed.iter().map(|inbox| Change::InboxChanged { was: inbox.name.clone(), inbox: inbox.clone() }),
        );
    };
    engine.store.write(work, after).await?;
    Ok(())
}

/// List replays
///
/// Returns replays, newest first.
#[utoipa::path(get, path = "/replays", tag = "replays", params(PageQuery), responses(
    (status = 200, body = ReplayList), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<PageQuery>,
) -> Result<Json<ReplayList>, ApiError> {
    let limit = page::limit(query.limit, LIMIT)?;
    let read = move |connection: &Connection| {
        let after = match &query.after {
            Some(id) => Some(replay::with_id(connection, id)?.map_or(0, |row| row.number)),
            None => None,
        };
        replay::list(connection, after, limit)?
            .into_iter()
            .map(|row| row.counted(connection))
            .collect::<Result<Vec<_>, _>>()
    };
    let items = engine.store.readers().read(read).await?;
    let next = page::next(&items, limit, |replay| &replay.id);
    Ok(Json(ReplayList { items, next }))
}

/// Retrieve a replay
///
/// Returns the state and the progress of a replay.
#[utoipa::path(get, path = "/replays/{id}", tag = "replays", params(("id" = String, Path)), responses(
    (status = 200, body = Replay), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Replay>, ApiError> {
    let read =
        move |connection: &Connection| replay::with_id(connection, &id)?.map(|row| row.counted(connection)).transpose();
    engine.store.readers().read(read).await?.map(Json).ok_or_else(no_replay)
}

/// Cancel a replay
///
/// Stops a replay. Requests that were not sent yet are not sent.
#[utoipa::path(post, path = "/replays/{id}/cancel", tag = "replays", params(("id" = String, Path)), responses(
    (status = 200, body = Replay), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn cancel(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Replay>, ApiError> {
    let wanted = id.clone();
    let row = engine.store.readers().read(move |connection| replay::with_id(connection, &wanted)).await?;
    let row = row.ok_or_else(no_replay)?;
    hookbench_engine::replay::run::end_replay(&engine, row.number, ReplayState::Canceled, "Canceled by the user.")
        .await
        .map_err(ApiError::internal)?;
    read(State(engine), extract::Path(id)).await
}

/// Format of a replay report.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReportForm {
    #[default]
    Json,
    Html,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// Format of the report: `json`, or `html` for a page without scripts. Default: `json`.
    #[param(inline)]
    r#as: Option<ReportForm>,
}

/// Retrieve the report of a replay
///
/// Returns the responses, latencies and failures of a replay.
#[utoipa::path(get, path = "/replays/{id}/report", tag = "replays", params(("id" = String, Path), ReportQuery), responses(
    (status = 200, body = ReplayReport), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read_report(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<ReportQuery>,
) -> Result<Response, ApiError> {
    let read = move |connection: &Connection| {
        replay::with_id(connection, &id)?.map(|row| hookbench_store::replay_report::report(connection, row)).transpose()
    };
    let report = engine.store.readers().read(read).await?.ok_or_else(no_replay)?;
    Ok(match query.r#as.unwrap_or_default() {
        ReportForm::Json => Json(report).into_response(),
        // The report contains captured data, so browsers must download it and not render it in this origin.
        ReportForm::Html => {
            let page = html(&report).map_err(ApiError::internal)?;
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"replay.html\""),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'; style-src 'unsafe-inline'"),
            ];
            (headers, page).into_response()
        }
    })
}
