//! Route that waits for captured requests.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use hookbench_capture::RowId;
use hookbench_engine::{
    Engine,
    pipeline::{WaitOutcome, WaitQuery, parse_wait, wait as wait_for},
};
use hookbench_model::{RequestWait, RequestWaitOther, RequestWaitResult};
use hookbench_query::moment_us;
use tokio::time::Instant;

use super::{error::ApiError, extract, requests::number_of};

/// Maximum number of requests to wait for, and maximum time in ms.
const COUNT_MAX: u32 = 500;
const TIMEOUT_MAX: u32 = 60_000;

/// Wait for requests
///
/// Responds when the requests have arrived and are verified, or at the timeout with the requests that came instead. To
/// wait longer, call again with the `after` of the response. No request between two calls is missed.
#[utoipa::path(post, path = "/wait", tag = "requests", request_body = RequestWait, responses(
    (status = 200, body = RequestWaitResult), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn wait(
    State(engine): State<Arc<Engine>>,
    extract::Json(asked): extract::Json<RequestWait>,
) -> Result<Json<RequestWaitResult>, ApiError> {
    if !(1..=COUNT_MAX).contains(&asked.count) {
        return Err(ApiError::invalid(format!("`count` must be between 1 and {COUNT_MAX} (got {}).", asked.count)));
    }
    if asked.timeout_ms > TIMEOUT_MAX {
        let got = asked.timeout_ms;
        return Err(ApiError::invalid(format!("`timeout_ms` must be between 0 and {TIMEOUT_MAX} (got {got}).")));
    }
    let number = number_of(&engine, asked.inbox.as_deref())?;
    let wanted = Arc::new(WaitQuery {
        query: parse_wait(&asked.q).map_err(ApiError::invalid)?,
        inbox: number.zip(asked.inbox.clone()),
        requests: asked.count as usize,
        after: start(&engine, &asked)?,
        text: asked.q,
    });
    let deadline = Instant::now() + Duration::from_millis(asked.timeout_ms.into());
    let WaitOutcome { found, others, last } = wait_for(&engine, wanted.clone(), deadline).await?;
    let complete = found.len() == asked.count as usize;
    let requests = engine.requests();
    let read = move |connection: &rusqlite::Connection| {
        let found: rusqlite::Result<Vec<_>> = found.iter().map(|row| requests.one(connection, *row)).collect();
        let shown = if complete { Vec::new() } else { others };
        let others: rusqlite::Result<Vec<_>> = (shown.into_iter())
            .filter_map(|(row, unmet)| {
                let request = requests.one(connection, row).transpose()?;
                let unmet = unmet.into_iter().map(|one| wanted.text_of(one)).collect();
                Some(request.map(|request| RequestWaitOther { request, unmet }))
            })
            .collect();
        Ok((found?.into_iter().flatten().collect(), others?))
    };
    let (requests, others) = engine.store.readers().read(read).await?;
    Ok(Json(RequestWaitResult { complete, requests, others, after: engine.id_of(last) }))
}

/// Returns the row after which requests count.
fn start(engine: &Engine, asked: &RequestWait) -> Result<RowId, ApiError> {
    match (&asked.after, &asked.since) {
        (Some(_), Some(_)) => Err(ApiError::invalid("`after` cannot be combined with `since`.")),
        (Some(id), None) => engine.row_of(id).ok_or_else(|| ApiError::invalid(format!("There is no request {id:?}."))),
        (None, Some(since)) => {
            let wrong = || format!("`since` must be an RFC 3339 timestamp or a duration such as 5m (got {since:?}).");
            let us = moment_us(since, engine.clock.now_us()).ok_or_else(|| ApiError::invalid(wrong()))?;
            Ok(RowId(RowId::at(us / 1_000).0 - 1))
        }
        (None, None) => Ok(engine.pipeline.committed()),
    }
}
