//! Routes for captured requests.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookbench_capture::{RowId, header_list};
use hookbench_codegen::{CodeFormat, CodeRequest};
use hookbench_engine::{Engine, request, traffic};
use hookbench_model::{
    Change, Deletion, ErrorCode, ListenerState, NOTE_MAX, RequestCount, RequestDetail, RequestList, RequestListItem,
    RequestMarks, RequestSummary, RequestTraffic, Timeline,
};
use hookbench_query::Query;
use hookbench_search::PAGE_TIME;
use hookbench_store::{
    deletion::{DeletionRow, UNDO_US},
    request::{List, StoredRequest, collect_body},
    timeline::timeline,
};
use http::header;
use rusqlite::Connection;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::{error::ApiError, extract, page};

/// Default number of items per page.
const LIMIT: u32 = 100;

/// Default maximum of a count.
const COUNT_MOST: u64 = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only requests of this inbox, by name.
    inbox: Option<String>,
    /// ID of a request. Only older requests are listed.
    after: Option<String>,
    /// Number of requests to skip. Cannot be combined with `q` or `from`. Default: 0.
    skip: Option<u32>,
    /// Maximum number of items, from 1 to 500. Default: 100.
    limit: Option<u32>,
    /// True to list only pinned requests. Default: false.
    pinned: Option<bool>,
    /// Only requests that match this query.
    q: Option<String>,
    /// ID of the oldest request to list.
    from: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CountQuery {
    /// The query.
    q: String,
    /// Only requests of this inbox, by name.
    inbox: Option<String>,
    /// ID of a request. Only older requests are counted. Pass `next` of the previous count to continue that count.
    after: Option<String>,
    /// Number at which the count stops. Default: 1000.
    most: Option<u64>,
}

/// List requests
///
/// Returns requests, newest first. A search with `q` stops early when its time limit is reached. Pass `next` as `after`
/// to continue it.
#[utoipa::path(get, path = "/requests", tag = "requests", params(ListQuery), responses(
    (status = 200, body = RequestList), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ListQuery>,
) -> Result<Json<RequestList>, ApiError> {
    let inbox = number_of(&engine, query.inbox.as_deref())?;
    let after = row_in(&engine, query.after.as_deref())?;
    let from = row_in(&engine, query.from.as_deref())?;
    let limit = page::limit(query.limit, LIMIT)?;
    let (skip, pinned) = (query.skip.unwrap_or(0), query.pinned.unwrap_or(false));
    let seq = engine.feed().last();
    let requests = engine.requests();
    let text = query.q.unwrap_or_default();
    if text.trim().is_empty() && from.is_none() {
        let wanted = List { inbox, after, skip, limit, pinned };
        let items = engine.store.readers().read(move |connection| requests.list(connection, &wanted)).await?;
        let next = page::next(&items, limit, |item| &item.id);
        let items = items.into_iter().map(|request| RequestListItem { request, snippet: None }).collect();
        return Ok(Json(RequestList { items, next, seq }));
    }
    if skip > 0 {
        return Err(ApiError::invalid("`skip` cannot be combined with `q` or `from`."));
    }
    let search = engine.search(Query::parse(&text)?, inbox);
    let (search, index) = (if pinned { search.pinned() } else { search }, engine.index.clone());
    let secret_paths = request::every_secret_path(&engine.providers.catalog());
    let between = (after.unwrap_or(RowId(i64::MAX)), RowId(from.map_or(-1, |from| from.0 - 1)));
    let (items, cursor) = engine
        .store
        .readers()
        .read(move |connection| {
            let found = search.page(connection, &index, between, limit as usize, Instant::now() + PAGE_TIME)?;
            let mask = |body| request::masked(body, &secret_paths);
            let mut snippets = search.snippets(connection, &found.ids, &mask)?;
            let items: rusqlite::Result<Vec<_>> = (found.ids.iter())
                .filter_map(|id| requests.one(connection, *id).map(|found| Some((*id, found?))).transpose())
                .map(|found| found.map(|(id, request)| RequestListItem { request, snippet: snippets.remove(&id) }))
                .collect();
            Ok((items?, found.cursor))
        })
        .await?;
    Ok(Json(RequestList { items, next: cursor.map(|row| engine.id_of(row)), seq }))
}

/// Count requests
///
/// Returns the number of requests that match a query.
#[utoipa::path(get, path = "/requests/count", tag = "requests", params(CountQuery), responses(
    (status = 200, body = RequestCount), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn count(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<CountQuery>,
) -> Result<Json<RequestCount>, ApiError> {
    let inbox = number_of(&engine, query.inbox.as_deref())?;
    let after = row_in(&engine, query.after.as_deref())?.unwrap_or(RowId(i64::MAX));
    let most = query.most.unwrap_or(COUNT_MOST);
    let (search, index) = (engine.search(Query::parse(&query.q)?, inbox), engine.index.clone());
    let (counted, cursor) = engine
        .store
        .readers()
        .read(move |connection| {
            search.count(connection, &index, after, most.saturating_add(1), Instant::now() + PAGE_TIME)
        })
        .await?;
    let next = cursor.map(|row| engine.id_of(row));
    Ok(Json(RequestCount { requests: counted.min(most), more: counted > most, next }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrafficQuery {
    /// Only requests of this inbox, by name.
    inbox: Option<String>,
    /// Query whose matches are counted in addition.
    q: Option<String>,
}

/// Count requests per minute
///
/// Returns the number of requests that were stored in each of the last 60 minutes, by signature status. Imported
/// requests are not counted. The search for matches of `q` stops at its time limit.
#[utoipa::path(get, path = "/requests/traffic", tag = "requests", params(TrafficQuery), responses(
    (status = 200, body = RequestTraffic), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn read_traffic(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<TrafficQuery>,
) -> Result<Json<RequestTraffic>, ApiError> {
    let inbox = number_of(&engine, query.inbox.as_deref())?;
    let text = query.q.filter(|text| !text.trim().is_empty());
    let parsed = text.map(|text| Query::parse(&text)).transpose()?;
    Ok(Json(traffic::last_hour(&engine, inbox, parsed).await?))
}

/// Returns the number of an inbox, or a 404 error.
pub(crate) fn number_of(engine: &Engine, name: Option<&str>) -> Result<Option<i64>, ApiError> {
    name.map(|name| Ok(super::inboxes::find(engine, name)?.number)).transpose()
}

/// Returns the row of a request ID in the query parameters.
fn row_in(engine: &Engine, id: Option<&str>) -> Result<Option<RowId>, ApiError> {
    let row = |id: &str| engine.row_of(id).ok_or_else(|| ApiError::invalid(format!("There is no request {id:?}.")));
    id.map(row).transpose()
}

/// Returns a stored request without its body, or a 404 error.
pub(crate) async fn stored(engine: &Engine, id: &str) -> Result<(RowId, StoredRequest), ApiError> {
    let row = engine.row_of(id).ok_or_else(ApiError::no_request)?;
    let requests = engine.requests();
    let found = engine.store.readers().read(move |connection| requests.stored(connection, row)).await?;
    found.map(|stored| (row, stored)).ok_or_else(ApiError::no_request)
}

/// Retrieve a request
///
/// Returns a request with its headers. Credentials are masked.
#[utoipa::path(get, path = "/requests/{id}", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = RequestDetail), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<RequestDetail>, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    Ok(Json(stored.shown(row, false)))
}

/// Retrieve the timeline of a request
///
/// Returns all requests and deliveries of the same event, oldest first. Each request is marked as the first, a retry, a
/// duplicate, or one with a changed payload.
#[utoipa::path(get, path = "/requests/{id}/timeline", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = Timeline), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read_timeline(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Timeline>, ApiError> {
    let row = engine.row_of(&id).ok_or_else(ApiError::no_request)?;
    let requests = engine.requests();
    let found = engine.store.readers().read(move |connection| timeline(connection, row, &requests)).await?;
    found.map(Json).ok_or_else(ApiError::no_request)
}

/// Retrieve a request with credentials
///
/// Returns a request with its headers, including unmasked credentials.
#[utoipa::path(get, path = "/requests/{id}/reveal", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = RequestDetail), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn reveal(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<RequestDetail>, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    Ok(Json(stored.shown(row, true)))
}

/// Update a request
///
/// Pins or unpins a request, changes its note, or changes its read mark.
#[utoipa::path(patch, path = "/requests/{id}", tag = "requests", params(("id" = String, Path)), request_body = RequestMarks, responses(
    (status = 200, body = RequestSummary), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn change(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(marks): extract::Json<RequestMarks>,
) -> Result<Json<RequestSummary>, ApiError> {
    if marks.note.as_ref().is_some_and(|note| note.len() > NOTE_MAX) {
        return Err(ApiError::invalid(format!("`note` must have at most {NOTE_MAX} bytes.")));
    }
    let row = engine.row_of(&id).ok_or_else(ApiError::no_request)?;
    let requests = engine.requests();
    let work = move |connection: &Connection| {
        requests.one(connection, row)?.ok_or_else(ApiError::no_request)?;
        hookbench_store::request::mark(connection, row, &marks)?;
        requests.one(connection, row)?.ok_or_else(ApiError::no_request)
    };
    let feed = engine.feed.clone();
    let after = move |summary: &RequestSummary| feed.publish([Change::RequestChanged { request: summary.clone() }]);
    Ok(Json(engine.store.write(work, after).await?))
}

/// Delete a request
///
/// Deletes a request. The deletion can be undone for 10 seconds.
#[utoipa::path(delete, path = "/requests/{id}", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = Deletion), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Deletion>, ApiError> {
    let row = engine.row_of(&id).ok_or_else(ApiError::no_request)?;
    let summary = engine.summary(row).await?.ok_or_else(ApiError::no_request)?;
    let until_us = engine.clock.now_us() + UNDO_US;
    let work = move |connection: &Connection| {
        let (inbox, bytes) = hookbench_store::deletion::deletable(connection, row)?.ok_or_else(ApiError::no_request)?;
        let deletion =
            DeletionRow { number: 0, inbox, first: row.0, last: row.0, whole: false, requests: 1, bytes, until_us };
        Ok::<_, ApiError>(deletion.insert(connection)?)
    };
    let (feed, hidden, tail) = (engine.feed.clone(), engine.hidden.clone(), engine.store.id_tail());
    let inbox = summary.inbox.clone();
    let after = move |deletion: &DeletionRow| {
        hidden.add(*deletion);
        feed.publish([Change::RequestsDeleted { deletion: deletion.shown(inbox, |id| tail.text(id)) }]);
    };
    let deletion = engine.store.write(work, after).await?;
    Ok(Json(deletion.shown(summary.inbox, |id| engine.id_of(id))))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevealQuery {
    /// True to include credentials. If false, credentials are masked. Default: false.
    pub(crate) reveal: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CodeQuery {
    /// Format of the code. Default: `curl`.
    #[serde(default, rename = "as")]
    #[param(inline)]
    form: CodeFormat,
    /// True to include credentials. If false, credentials are masked. Default: false.
    reveal: Option<bool>,
}

/// Generate code for a request
///
/// Returns code that sends the request to its inbox again. Credentials are masked unless `reveal` is true.
#[utoipa::path(get, path = "/requests/{id}/code", tag = "requests", params(("id" = String, Path), CodeQuery), responses(
    (status = 200, body = String, content_type = "text/plain"), (status = 404, body = hookbench_model::Error),
    (status = 413, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn code(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<CodeQuery>,
) -> Result<Response, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let (form, reveal) = (query.form, query.reveal.unwrap_or(false));
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let body = collect_body(body, form.body_max()).await?.ok_or_else(|| {
        ApiError::new(
            ErrorCode::TooLargeForCode,
            format!("The body is too large for this format: more than {} bytes.", form.body_max()),
            "Replay the request, or download its body and send the file.",
        )
    })?;
    let inbox = engine.inboxes.get(&stored.summary.inbox);
    let verification = inbox.as_ref().map(|inbox| &*inbox.verification);
    let paths = request::secret_paths(&engine.providers.catalog(), &stored.summary, verification).unwrap_or_default();
    let shown = if reveal { body.clone() } else { request::masked(body.clone(), &paths) };
    let base = match engine.listener.state() {
        ListenerState::Listening { url, .. } => url,
        _ => format!("http://{}", engine.settings().listen),
    };
    let sent = (&*stored.summary.method, &*stored.summary.target);
    let message = CodeRequest::new(&base, sent, header_list(&stored.header_block), &shown, reveal, shown != body);
    let code = form.write(&message).map_err(|why| {
        let hint = "Use `as=curl`, which can represent any request.";
        ApiError::new(ErrorCode::NotInThisForm, why, hint)
    })?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], code).into_response())
}
