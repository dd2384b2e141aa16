//! Routes for response rules, response files and response previews.

use std::sync::Arc;

use axum::{Json, extract::State};
use bytes::Bytes;
use hookbench_capture::RowId;
use hookbench_engine::{
    Engine,
    response::{self, Arrival, ArrivedRequest, DecidedResponse, RESPONSE_FILE_MAX},
};
use hookbench_model::{ErrorCode, InboxRuleStats, InboxRuleStatsList, ResponseFile, ResponsePreview, timestamp};
use hookbench_query::SEARCHED_MAX;
use hookbench_store::response::{COUNTED_MAX, OriginCount, counts_by_origin};
use http::StatusCode;
use rusqlite::Connection;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{error::ApiError, extract, requests::stored};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileQuery {
    /// Name of the file.
    name: String,
}

/// Upload a response file
///
/// Stores a file, sent as the request body, for use as the body of responses. The file is deleted when no response uses
/// it.
#[utoipa::path(post, path = "/response-files", tag = "inboxes", params(FileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 201, body = ResponseFile), (status = 413, body = hookbench_model::Error)
))]
pub(crate) async fn add_file(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<FileQuery>,
    content: Bytes,
) -> Result<(StatusCode, Json<ResponseFile>), ApiError> {
    if content.len() > RESPONSE_FILE_MAX {
        return Err(ApiError::new(
            ErrorCode::TooLarge,
            format!("The file is too large: {} bytes (at most {RESPONSE_FILE_MAX}).", content.len()),
            "Choose a smaller file.",
        ));
    }
    let file = response::file_of(query.name, &content);
    let kept = file.clone();
    engine
        .store
        .write(move |connection| hookbench_store::response_file::keep_file(&kept, connection, &content), |()| ())
        .await?;
    Ok((StatusCode::CREATED, Json(file)))
}

/// Restart the sequence of a response rule
///
/// Resets all positions in the sequence of responses. The next request gets the first response.
#[utoipa::path(post, path = "/inboxes/{name}/rules/{id}/restart", tag = "inboxes", params(("name" = String, Path), ("id" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn restart(
    State(engine): State<Arc<Engine>>,
    extract::Path((name, id)): extract::Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let address = super::inboxes::find(&engine, &name)?;
    let number = address.number;
    if !address.compiled_rules.rules.iter().any(|(rule, _)| rule.id == id) {
        return Err(ApiError::not_found(ErrorCode::RuleNotFound, format!("The inbox {name} has no rule {id:?}.")));
    }
    engine.steps.forget(number, Some(&id));
    engine
        .store
        .write(move |connection| hookbench_store::sequence::forget(connection, number, Some(&id)), |()| ())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Time span of the statistics of rules, in ms: 24 hours.
const STATS_MS: i64 = 24 * 3_600 * 1_000;

/// Retrieve the statistics of response rules
///
/// Returns the number of requests that each response rule of an inbox responded to in the last 24 hours.
#[utoipa::path(get, path = "/inboxes/{name}/rules/stats", tag = "inboxes", params(("name" = String, Path)), responses(
    (status = 200, body = InboxRuleStatsList), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn stats(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<InboxRuleStatsList>, ApiError> {
    let inbox = super::inboxes::find(&engine, &name)?;
    let (number, since) = (inbox.number, RowId::at(engine.clock.now_us() / 1_000 - STATS_MS));
    let read = move |connection: &Connection| counts_by_origin(connection, number, since);
    let mut counts = engine.store.readers().read(read).await?;
    let cut = counts.iter().map(|count| count.requests).sum::<u64>() >= COUNTED_MAX as u64;
    let mut items: Vec<InboxRuleStats> = Vec::new();
    for (rule, _) in &inbox.compiled_rules.rules {
        let origin = format!("Rule {}", rule.shown_name());
        let of_rule = |count: &OriginCount| {
            let rest = count.origin.strip_prefix(&origin);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(", ") && rest.contains(" of "))
        };
        let (own, others) = counts.into_iter().partition(of_rule);
        counts = others;
        items.push(summed(Some(rule.id.clone()), own));
    }
    items.push(summed(None, counts));
    Ok(Json(InboxRuleStatsList { items, cut }))
}

fn summed(id: Option<String>, counts: Vec<OriginCount>) -> InboxRuleStats {
    InboxRuleStats {
        id,
        requests: counts.iter().map(|count| count.requests).sum(),
        last_at: counts.iter().map(|count| count.last_us).max().map(timestamp),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DryRunQuery {
    /// Name of the inbox whose rules are evaluated. Default: the inbox of the request.
    inbox: Option<String>,
}

/// Preview the response to a request
///
/// Returns the response that a stored request would get now, with the rules and forwards that were evaluated. Nothing
/// is sent, and no sequence advances.
#[utoipa::path(get, path = "/requests/{id}/response-preview", tag = "requests", params(("id" = String, Path), DryRunQuery), responses(
    (status = 200, body = ResponsePreview), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn dry_run(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<DryRunQuery>,
) -> Result<Json<ResponsePreview>, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let name = query.inbox.unwrap_or_else(|| stored.summary.inbox.clone());
    let address = super::inboxes::find(&engine, &name)?;
    let read = move |connection: &Connection| hookbench_store::request::body_start(connection, row, SEARCHED_MAX);
    let body = engine.store.readers().read(read).await?;
    let arrival = Arrival {
        method: &stored.summary.method,
        target: &stored.summary.target,
        headers: &stored.header_block,
        body: &body,
        body_bytes: stored.summary.body_bytes,
        remote_address: &stored.summary.remote_address,
        arrived_us: stored.summary.arrived_at.as_microsecond(),
    };
    let looking = ArrivedRequest::new(&engine, &address, arrival);
    let mut considered = Vec::new();
    let outcome =
        hookbench_engine::response::decide::consider(&engine, &looking, false, &mut |one| considered.push(one));
    let response = match hookbench_engine::response::decide::made(&engine, &looking, &outcome).await {
        DecidedResponse::Own => Some((*address.own).clone()),
        DecidedResponse::Response { response, .. } => Some(response),
        DecidedResponse::Forward(_) => None,
    };
    Ok(Json(ResponsePreview { considered, response }))
}
