use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookline_capture::RowId;
use http::header;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract};
use crate::{
    Engine,
    feed::Change,
    receiver::ReceiverState,
    removal::{Removal, RemovalRow, UNDO_US},
    request::{self, Detail, List, Marks, NOTE_MAX, Summary, collect_body},
};

/// Rows of a page unless asked otherwise, and at most.
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 500;

/// Largest body put into a shell command, in bytes; `ARG_MAX` is 2 MiB on Linux, 1 MiB on macOS,
/// and one word may have 128 KiB.
const CURL_BODY_MAX: u64 = 96 * 1024;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only this inbox.
    inbox: Option<String>,
    /// Only what is older than this request.
    after: Option<String>,
    /// How many of those to pass over first.
    skip: Option<u32>,
    /// Rows, to 500.
    limit: Option<u32>,
    /// Only pinned ones.
    pinned: Option<bool>,
}

/// A page of requests, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RequestList {
    items: Vec<Summary>,
    /// What to pass as `after` for the next page; none at the end.
    next: Option<String>,
    /// Number of the feed's last change that this page includes.
    seq: i64,
}

/// Requests, newest first.
#[utoipa::path(get, path = "/requests", tag = "requests", params(ListQuery), responses(
    (status = 200, body = RequestList), (status = 404, body = super::ErrorBody), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ListQuery>,
) -> Result<Json<RequestList>, ApiError> {
    let inbox = match &query.inbox {
        Some(name) => Some(engine.addresses.get(name).ok_or_else(|| ApiError::no_inbox(name))?.number),
        None => None,
    };
    let after = match &query.after {
        Some(id) => {
            Some(engine.row_of(id).ok_or_else(|| ApiError::invalid(format!("{id:?} is not the id of a request.")))?)
        }
        None => None,
    };
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(ApiError::invalid(format!("limit lies between 1 and {LIMIT_MAX}.")));
    }
    let wanted = List { inbox, after, skip: query.skip.unwrap_or(0), limit, pinned: query.pinned.unwrap_or(false) };
    let seq = engine.feed().last();
    let (hidden, tail, addresses) = (engine.hidden.condition(), engine.store.id_tail(), engine.address_by_number());
    let items = engine
        .store
        .readers()
        .read(move |connection| request::list(connection, &wanted, &hidden, tail, &addresses))
        .await?;
    let next = if items.len() == limit as usize { items.last().map(|item| item.id.clone()) } else { None };
    Ok(Json(RequestList { items, next, seq }))
}

/// A stored request's parts, or 404.
pub(super) async fn stored(engine: &Engine, id: &str) -> Result<(RowId, request::Stored), ApiError> {
    let row = engine.row_of(id).ok_or_else(ApiError::no_request)?;
    let (hidden, tail, addresses) = (engine.hidden.condition(), engine.store.id_tail(), engine.address_by_number());
    let found = engine
        .store
        .readers()
        .read(move |connection| request::detail(connection, row, &hidden, tail, &addresses))
        .await?;
    found.map(|stored| (row, stored)).ok_or_else(ApiError::no_request)
}

/// A request in full, but for its body. Credentials are masked.
#[utoipa::path(get, path = "/requests/{id}", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = Detail), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Detail>, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    Ok(Json(stored.shown(row, false)))
}

/// A request in full with its credentials.
#[utoipa::path(get, path = "/requests/{id}/reveal", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = Detail), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn reveal(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Detail>, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    Ok(Json(stored.shown(row, true)))
}

/// Pin a request, note something on it, or mark it as read.
#[utoipa::path(patch, path = "/requests/{id}", tag = "requests", params(("id" = String, Path)), request_body = Marks, responses(
    (status = 200, body = Summary), (status = 404, body = super::ErrorBody), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn change(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(marks): extract::Json<Marks>,
) -> Result<Json<Summary>, ApiError> {
    if marks.note.as_ref().is_some_and(|note| note.len() > NOTE_MAX) {
        return Err(ApiError::invalid(format!("A note has at most {NOTE_MAX} bytes.")));
    }
    let row = engine.row_of(&id).ok_or_else(ApiError::no_request)?;
    let (hidden, tail, addresses) = (engine.hidden.condition(), engine.store.id_tail(), engine.address_by_number());
    let work = move |connection: &Connection| {
        request::one(connection, row, &hidden, tail, &addresses)?.ok_or_else(ApiError::no_request)?;
        request::mark(connection, row, &marks)?;
        request::one(connection, row, &hidden, tail, &addresses)?.ok_or_else(ApiError::no_request)
    };
    let feed = engine.feed.clone();
    let after = move |summary: &Summary| feed.publish([Change::RequestChanged { request: summary.clone() }]);
    Ok(Json(engine.store.write(work, after).await?))
}

/// Remove a request. Undo is possible for ten seconds.
#[utoipa::path(delete, path = "/requests/{id}", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = Removal), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Removal>, ApiError> {
    let row = engine.row_of(&id).ok_or_else(ApiError::no_request)?;
    let summary = engine.summary(row).await?.ok_or_else(ApiError::no_request)?;
    let until_us = engine.clock.now_us() + UNDO_US;
    let work = move |connection: &Connection| {
        let (inbox, bytes) = connection
            .query_row(
                "SELECT inbox, iif(body_state = 3, 0, body_bytes) FROM request WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM removal WHERE first = ?1 AND last = ?1)",
                [row.0],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
            .map_err(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => ApiError::no_request(),
                error => error.into(),
            })?;
        let removal =
            RemovalRow { number: 0, inbox, first: row.0, last: row.0, whole: false, requests: 1, bytes, until_us };
        Ok::<_, ApiError>(removal.insert(connection)?)
    };
    let (feed, hidden, tail) = (engine.feed.clone(), engine.hidden.clone(), engine.store.id_tail());
    let inbox = summary.inbox.clone();
    let after = move |removal: &RemovalRow| {
        hidden.add(*removal);
        feed.publish([Change::RequestsRemoved { removal: removal.shown(inbox, |id| request::list_uuid(tail, id)) }]);
    };
    let removal = engine.store.write(work, after).await?;
    Ok(Json(removal.shown(summary.inbox, |id| engine.id_of(id))))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RevealQuery {
    /// Whether credentials stand in it.
    pub(super) reveal: Option<bool>,
}

/// The request as a curl command. Credentials are masked unless asked for.
#[utoipa::path(get, path = "/requests/{id}/curl", tag = "requests", params(("id" = String, Path), RevealQuery), responses(
    (status = 200, body = String, content_type = "text/plain"), (status = 404, body = super::ErrorBody), (status = 413, body = super::ErrorBody)
))]
pub(super) async fn curl(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<RevealQuery>,
) -> Result<Response, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let body = collect_body(body, CURL_BODY_MAX).await?.ok_or_else(|| {
        ApiError::new(
            http::StatusCode::PAYLOAD_TOO_LARGE,
            "too_large_for_a_command",
            format!("The body is larger than {CURL_BODY_MAX} bytes, more than a shell takes."),
            "Save the body and send it with --data-binary @FILE.",
        )
    })?;
    let inbox = engine.addresses.get(&stored.summary.inbox);
    let verification = inbox.as_ref().map(|inbox| &*inbox.verification);
    let paths = request::secret_paths(&engine.providers.catalogue(), &stored.summary, verification);
    let body = if query.reveal.unwrap_or(false) { body } else { request::masked(body, &paths) };
    let base = match engine.receiver_state().await {
        ReceiverState::Listening { url, .. } => url,
        _ => format!("http://{}", engine.settings().listen),
    };
    let summary = &stored.summary;
    let command = request::curl(
        &base,
        &summary.method,
        &summary.target,
        &stored.header_block,
        &body,
        query.reveal.unwrap_or(false),
    );
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], command).into_response())
}
