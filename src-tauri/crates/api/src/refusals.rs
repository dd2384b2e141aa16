//! Routes for refused requests.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookbench_engine::Engine;
use hookbench_model::{ErrorCode, Refusal, RefusalList, RefusalTotal, timestamp};
use hookbench_store::refusal::RefusalCount;
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    error::ApiError,
    extract, page,
    requests::{RevealQuery, number_of},
};

/// Default number of items per page.
const LIMIT: u32 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefusalQuery {
    /// Only requests to this inbox, by name.
    inbox: Option<String>,
    /// Value of `next` of the previous page.
    after: Option<String>,
    /// Maximum number of items, from 1 to 500. Default: 100.
    limit: Option<u32>,
}

/// Returns the names of all inboxes, by number.
fn names(engine: &Engine) -> BTreeMap<i64, String> {
    engine.inboxes.all().into_iter().map(|inbox| (inbox.number, inbox.name)).collect()
}

fn total(count: RefusalCount, names: &BTreeMap<i64, String>) -> RefusalTotal {
    let RefusalCount { inbox, reason, count, open, first_us, last_us } = count;
    let (since, last) = (timestamp(first_us), timestamp(last_us));
    RefusalTotal { inbox: names.get(&inbox).cloned(), reason, count, open, since, last }
}

/// Returns the totals of refused requests that were not dismissed.
pub(crate) async fn open_totals(engine: &Engine) -> Vec<RefusalTotal> {
    let names = names(engine);
    let counts = hookbench_engine::refusal::refusal_counts(engine).await;
    counts.into_iter().filter(|count| count.open > 0).map(|count| total(count, &names)).collect()
}

/// List refused requests
///
/// Returns the requests that were refused before they could be stored, newest first, with their first bytes and the
/// reason.
#[utoipa::path(get, path = "/refusals", tag = "requests", params(RefusalQuery), responses(
    (status = 200, body = RefusalList), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn list_refusals(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<RefusalQuery>,
) -> Result<Json<RefusalList>, ApiError> {
    let inbox = number_of(&engine, query.inbox.as_deref())?;
    let limit = page::limit(query.limit, LIMIT)?;
    let before = match &query.after {
        None => i64::MAX,
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::invalid(format!("`after` must be the `next` of a page (got {text:?}).")))?,
    };
    let found = hookbench_engine::refusal::list_refusals(&engine, inbox, before, limit as usize).await?;
    let names = names(&engine);
    let next = (found.len() == limit as usize).then(|| found.last().map(|last| last.number.to_string())).flatten();
    let totals = hookbench_engine::refusal::refusal_counts(&engine)
        .await
        .into_iter()
        .filter(|count| inbox.is_none_or(|inbox| inbox == count.inbox));
    Ok(Json(RefusalList {
        totals: totals.map(|count| total(count, &names)).collect(),
        items: found
            .into_iter()
            .map(|refusal| Refusal {
                id: refusal.number.to_string(),
                inbox: names.get(&refusal.inbox).cloned(),
                at: timestamp(refusal.at_us),
                text: hookbench_engine::refusal::text(&refusal),
                bytes: refusal.bytes.len() as u64,
                remote_address: refusal.remote_address,
                status: refusal.status,
                reason: refusal.reason,
                message: refusal.message,
            })
            .collect(),
        next,
    }))
}

/// Retrieve the bytes of a refused request
///
/// Returns the first bytes of a refused request, as sent. Credentials are masked unless `reveal` is true.
#[utoipa::path(get, path = "/refusals/{id}/raw", tag = "requests", params(("id" = String, Path), RevealQuery), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn refusal_bytes(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<RevealQuery>,
) -> Result<Response, ApiError> {
    let absent = || ApiError::not_found(ErrorCode::RefusalNotFound, "There is no refused request with this ID.");
    let number: i64 = id.parse().map_err(|_| absent())?;
    let bytes = hookbench_engine::refusal::shown_bytes(
        &hookbench_engine::refusal::refusal(&engine, number).await?.ok_or_else(absent)?,
        query.reveal.unwrap_or(false),
    );
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, bytes).into_response())
}

/// Refused requests to dismiss.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RefusalDismissal {
    /// Only requests to this inbox, by name. Default: all inboxes.
    inbox: Option<String>,
}

/// Dismiss refused requests
///
/// Marks all current refused requests as dismissed. The status no longer reports dismissed requests.
#[utoipa::path(post, path = "/refusals/dismiss", tag = "requests", request_body = RefusalDismissal, responses(
    (status = 204), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn dismiss_refusals(
    State(engine): State<Arc<Engine>>,
    extract::Json(dismissal): extract::Json<RefusalDismissal>,
) -> Result<StatusCode, ApiError> {
    let inbox = number_of(&engine, dismissal.inbox.as_deref())?;
    hookbench_engine::refusal::dismiss_refusals(&engine, inbox).await?;
    Ok(StatusCode::NO_CONTENT)
}
