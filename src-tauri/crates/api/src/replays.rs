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
    replay::{Collecting, Wanted, collect, html},
};
use hookbench_model::{
    Change, ErrorCode, Inbox, ReSignWith, Replay, ReplayList, ReplayReport, ReplaySettings, ReplayState, ReplayTarget,
    masked_url,
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

/// Items of a page where the caller asks for no number.
const LIMIT: u32 = 50;

/// Most requests that are named one by one.
const NAMED_MAX: usize = 10_000;

/// Requests counted before a person is asked; more are as many.
const COUNTED: u64 = 100_000;

/// Largest body that is given for an edited request, in bytes.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// A replay to be begun: of `requests` or of a `query`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayNew {
    /// Ids of the requests, in the order they are sent.
    #[serde(default)]
    requests: Option<Vec<String>>,
    /// All requests that match; the empty one matches all.
    #[serde(default)]
    query: Option<String>,
    /// Only those of this inbox, with a query.
    #[serde(default)]
    inbox: Option<String>,
    /// Another body for the one request that is edited, in base64.
    #[serde(default)]
    body: Option<String>,
    /// The host that a person has agreed to, where many requests go to one that got none before.
    #[serde(default)]
    confirm: Option<String>,
    /// How it is made.
    #[serde(default)]
    settings: ReplaySettings,
}

fn no_replay() -> ApiError {
    ApiError::not_found(ErrorCode::ReplayNotFound, "There is no replay with this id.")
}

/// Begin a replay: stored requests are sent again, as they are or edited, to one destination.
#[utoipa::path(post, path = "/replays", tag = "replays", request_body = ReplayNew, responses(
    (status = 202, body = Replay), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn begin(
    State(engine): State<Arc<Engine>>,
    extract::Json(new): extract::Json<ReplayNew>,
) -> Result<(StatusCode, Json<Replay>), ApiError> {
    let mut settings = new.settings;
    let (wanted, home) = wanted(&engine, new.requests.as_deref(), new.query.as_deref(), new.inbox.as_deref()).await?;
    if let Some(target) = settings.to.take() {
        settings.to = Some(unmasked(&engine, home.as_deref(), target).await?);
    }
    hookbench_engine::replay::check(&settings).map_err(ApiError::invalid)?;
    let one = matches!(&wanted, Wanted::These(rows) if rows.len() == 1);
    let body = new.body.map(|text| base64::engine::general_purpose::STANDARD.decode(text)).transpose();
    let body = body.map_err(|e| ApiError::invalid(format!("The body is no base64: {e}.")))?;
    if (settings.edit.is_some() || body.is_some()) && !one {
        return Err(ApiError::invalid("Only one request is edited at a time; many can have headers set or removed."));
    }
    if body.as_ref().is_some_and(|body| body.len() > BODY_MAX) {
        return Err(ApiError::invalid(format!("An edited body has at most {BODY_MAX} bytes.")));
    }
    let target = match settings.to.clone() {
        Some(target) => target,
        None => last_target(&engine, home.as_deref()).await?.ok_or_else(|| {
            ApiError::new(
                ErrorCode::NoTarget,
                "Nothing says where to, for nothing of this inbox was replayed yet.",
                "Give a URL or an endpoint; the next replay goes there by itself.",
            )
        })?,
    };
    let (url, endpoint) = resolved(&engine, &target)?;
    if settings.resign == Some(ReSignWith::Endpoint) && endpoint.is_none() {
        return Err(ApiError::invalid("To sign with an endpoint's secret, send it to that endpoint."));
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

/// The requests asked for, and the inbox that remembers where they went.
async fn wanted(
    engine: &Arc<Engine>,
    requests: Option<&[String]>,
    query: Option<&str>,
    inbox: Option<&str>,
) -> Result<(Wanted, Option<String>), ApiError> {
    match (requests, query) {
        (Some(ids), None) => {
            if ids.is_empty() || ids.len() > NAMED_MAX {
                return Err(ApiError::invalid(format!(
                    "From 1 to {NAMED_MAX} requests are named; more are chosen by a query."
                )));
            }
            let rows: Vec<RowId> =
                ids.iter().map(|id| engine.row_of(id).ok_or_else(ApiError::no_request)).collect::<Result<_, _>>()?;
            let first = engine.summary(rows[0]).await?.ok_or_else(ApiError::no_request)?;
            Ok((Wanted::These(rows), Some(first.inbox)))
        }
        (None, Some(text)) => {
            let number = number_of(engine, inbox)?;
            let query = Query::parse(text).map_err(|error| ApiError::invalid(error.to_string()))?;
            Ok((Wanted::Query(query, number), inbox.map(str::to_owned)))
        }
        _ => Err(ApiError::invalid("Give requests or a query, and not both.")),
    }
}

async fn row_of(engine: &Arc<Engine>, inbox: Option<&str>) -> Result<Option<InboxRow>, ApiError> {
    let Some(name) = inbox.map(str::to_owned) else { return Ok(None) };
    Ok(engine.store.readers().read(move |connection| InboxRow::named(connection, &name)).await?)
}

/// A target as its inbox has it, where a mask stands in the place of its credentials.
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

/// A target's URL, and its endpoint if it is one.
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

/// The host by which a destination is known, with its port if it names one.
pub(crate) fn known_as(url: &str) -> Result<String, String> {
    let url = parse(url)?;
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    Ok(authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase())
}

/// Whether requests went there before, or a person has saved it, or it is this machine.
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

/// How many requests would go, in words.
async fn counted(engine: &Arc<Engine>, wanted: &Wanted) -> Result<String, ApiError> {
    let (query, inbox) = match wanted {
        Wanted::These(rows) => return Ok(rows.len().to_string()),
        Wanted::Query(query, inbox) => (query.clone(), *inbox),
    };
    let (search, index) = (engine.search(query, inbox), engine.index.clone());
    let read = move |connection: &Connection| {
        search.count(connection, &index, RowId(i64::MAX), COUNTED, Instant::now() + PAGE_TIME)
    };
    let (count, upto) = engine.store.readers().read(read).await?;
    Ok(if upto.is_some() || count == COUNTED { format!("{count} or more") } else { count.to_string() })
}

fn unknown_host(host: &str, count: String) -> ApiError {
    ApiError::new(
        ErrorCode::ConfirmHost,
        format!("{count} requests would go to {host}, to which nothing was sent from here before."),
        "If that is meant, send it again with this host as `confirm`.",
    )
}

/// Keeps that requests may go to a host, and where an inbox's went last.
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

/// Replays, newest first.
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

/// A replay, counted now.
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

/// End a replay: nothing more of it leaves.
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
    hookbench_engine::replay::run::end_replay(&engine, row.number, ReplayState::Cancelled, "You ended it.")
        .await
        .map_err(ApiError::internal)?;
    read(State(engine), extract::Path(id)).await
}

/// How a report is written.
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
    /// `json`, or `html` for a page without scripts.
    #[param(inline)]
    r#as: Option<ReportForm>,
}

/// What a replay came to: counts, times and every failure.
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
        // Sent as a file: it names what a sender sent, and no page of this origin shows that.
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
