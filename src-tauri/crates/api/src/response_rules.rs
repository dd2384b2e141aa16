use std::sync::Arc;

use axum::{Json, extract::State};
use bytes::Bytes;
use hookbench_engine::{
    Engine,
    response::{self, ANSWER_FILE_MAX, Arrival, Looking, Made},
};
use hookbench_model::{ErrorCode, ResponseFile, ResponsePreview};
use hookbench_query::SEARCHED_MAX;
use http::StatusCode;
use rusqlite::Connection;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{error::ApiError, extract, requests::stored};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileQuery {
    /// Its name.
    name: String,
}

/// Keep a file that an answer is to be made of, sent as the body. It stays as long as an answer names it.
#[utoipa::path(post, path = "/answer-files", tag = "inboxes", params(FileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 201, body = ResponseFile), (status = 413, body = hookbench_model::Error)
))]
pub(crate) async fn add_file(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<FileQuery>,
    content: Bytes,
) -> Result<(StatusCode, Json<ResponseFile>), ApiError> {
    if content.len() > ANSWER_FILE_MAX {
        return Err(ApiError::new(
            ErrorCode::TooLarge,
            format!("The file has {} bytes; an answer has {ANSWER_FILE_MAX} at most.", content.len()),
            "Choose a smaller one.",
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

/// Let the sequences of an inbox's rule begin again.
#[utoipa::path(post, path = "/inboxes/{name}/rules/{id}/restart", tag = "inboxes", params(("name" = String, Path), ("id" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn restart(
    State(engine): State<Arc<Engine>>,
    extract::Path((name, id)): extract::Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let address = engine.addresses.get(&name).ok_or_else(|| ApiError::no_inbox(&name))?;
    let number = address.number;
    if !address.answering.rules.iter().any(|(rule, _)| rule.id == id) {
        return Err(ApiError::not_found(ErrorCode::RuleNotFound, format!("The inbox {name} has no rule {id:?}.")));
    }
    engine.steps.forget(number, Some(&id));
    engine
        .store
        .write(move |connection| hookbench_store::sequence::forget(connection, number, Some(&id)), |()| ())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DryRunQuery {
    /// The inbox whose rules are tried; the request's own if absent.
    inbox: Option<String>,
}

/// Say which rule would answer a stored request, and why. Nothing is sent, and no sequence goes on.
#[utoipa::path(get, path = "/requests/{id}/answering", tag = "requests", params(("id" = String, Path), DryRunQuery), responses(
    (status = 200, body = ResponsePreview), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn dry_run(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<DryRunQuery>,
) -> Result<Json<ResponsePreview>, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let name = query.inbox.unwrap_or_else(|| stored.summary.inbox.clone());
    let address = engine.addresses.get(&name).ok_or_else(|| ApiError::no_inbox(&name))?;
    let read = move |connection: &Connection| hookbench_store::request::body_start(connection, row, SEARCHED_MAX);
    let body = engine.store.readers().read(read).await?;
    let arrival = Arrival {
        method: &stored.summary.method,
        target: &stored.summary.target,
        headers: &stored.header_block,
        body: &body,
        body_bytes: stored.summary.body_bytes,
        peer: &stored.summary.peer,
        arrived_us: stored.summary.arrived_at.as_microsecond(),
    };
    let looking = Looking::new(&engine, &address, arrival);
    let mut considered = Vec::new();
    let outcome =
        hookbench_engine::response::decide::consider(&engine, &looking, false, &mut |one| considered.push(one));
    let answer = match hookbench_engine::response::decide::made(&engine, &looking, &outcome).await {
        Made::Own => Some((*address.own).clone()),
        Made::Answer { answer, .. } => Some(answer),
        Made::Forward(_) => None,
    };
    Ok(Json(ResponsePreview { considered, answer }))
}
