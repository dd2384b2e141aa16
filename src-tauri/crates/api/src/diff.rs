//! Route for comparing requests and responses.

use hookbench_model::ErrorCode;
use std::sync::Arc;

use axum::{Json, extract::State};
use futures_util::StreamExt;
use hookbench_diff::{COMPARED_MAX, Diff, Side, SideBody, diff};
use hookbench_engine::{Engine, request};
use hookbench_query::body::{as_text, content_of, decode};
use hookbench_store::{
    delivery,
    delivery::AttemptResponse,
    request::{body_stream, collect_body},
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::{error::ApiError, extract, requests::stored};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// First side: the ID of a request, or the response of an attempt as `DELIVERY:NUMBER`.
    a: String,
    /// Second side, in the same form.
    b: String,
    /// True to mask the credentials in the bodies of requests before they are compared. Default: false.
    mask: Option<bool>,
}

async fn side(engine: &Engine, id: &str) -> Result<Side, ApiError> {
    let (row, stored) = stored(engine, id).await?;
    let content = content_of(&stored.header_block);
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let body_bytes = body.length();
    let body = match collect_body(body.clone(), COMPARED_MAX).await? {
        // A body that cannot be decoded is compared as sent.
        Some(coded) => SideBody::Read(match decode(&coded, &content.codings, COMPARED_MAX) {
            Ok(decoded) => as_text(&content, decoded.bytes.into()).bytes.into_owned(),
            Err(_) => coded,
        }),
        None => {
            let mut digest = Sha256::new();
            let mut blocks = std::pin::pin!(body_stream(body, 0, body_bytes));
            while let Some(block) = blocks.next().await {
                digest.update(&block?);
            }
            SideBody::Digest(digest.finalize().into())
        }
    };
    let line = format!("{} {}", stored.summary.method, stored.summary.target);
    Ok(Side { line, header_block: stored.header_block, body, body_bytes })
}

/// Returns the response of an attempt.
async fn response(engine: &Engine, delivery: &str, number: u32) -> Result<Side, ApiError> {
    let delivery = delivery.to_owned();
    let found =
        engine.store.readers().read(move |connection| delivery::response_of(connection, &delivery, number)).await?;
    let Some(AttemptResponse { status, headers, body, body_bytes }) = found else {
        return Err(ApiError::not_found(ErrorCode::AttemptNotFound, "The attempt does not exist or has no response."));
    };
    // The clock of the server does not make a difference between two responses.
    let headers = headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date"));
    let block = headers.flat_map(|(name, value)| format!("{name}: {value}\r\n").into_bytes()).collect();
    Ok(Side { line: format!("HTTP {status}"), header_block: block, body: SideBody::Read(body), body_bytes })
}

/// Returns a request by ID, or the response of an attempt given as `DELIVERY:NUMBER`.
async fn side_of(engine: &Engine, id: &str) -> Result<Side, ApiError> {
    match id.split_once(':') {
        None => side(engine, id).await,
        Some((delivery, number)) => {
            let number =
                number.parse().map_err(|_| ApiError::invalid(format!("Invalid attempt number: {number:?}.")))?;
            response(engine, delivery, number).await
        }
    }
}

/// Compare two requests or responses
///
/// Returns the differences. JSON is compared by structure, text by line, and other content by bytes. The `Date` headers
/// of responses are not compared.
#[utoipa::path(get, path = "/diff", tag = "diff", params(DiffQuery), responses(
    (status = 200, body = Diff), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<DiffQuery>,
) -> Result<Json<Diff>, ApiError> {
    let (mut a, mut b) = (side_of(&engine, &query.a).await?, side_of(&engine, &query.b).await?);
    if query.mask.unwrap_or(false) {
        let paths = request::every_secret_path(&engine.providers.catalog());
        for side in [&mut a, &mut b] {
            if let SideBody::Read(body) = &mut side.body {
                *body = request::masked(std::mem::take(body), &paths);
            }
        }
    }
    let compared = tokio::task::spawn_blocking(move || diff(&a, &b)).await;
    compared.map(Json).map_err(|_| ApiError::internal("An internal error stopped the comparison."))
}
