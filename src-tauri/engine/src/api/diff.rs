use std::sync::Arc;

use axum::{Json, extract::State};
use futures_util::StreamExt;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::{error::ApiError, extract, requests::stored};
use crate::{
    Engine,
    content::{self, Content},
    diff::{COMPARED_MAX, Diff, Side, SideBody, diff},
    request::{body_stream, collect_body},
};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiffQuery {
    /// Id of the first request.
    a: String,
    /// Id of the second.
    b: String,
}

async fn side(engine: &Engine, id: &str) -> Result<Side, ApiError> {
    let (row, stored) = stored(engine, id).await?;
    let content = Content::of(&stored.header_block);
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let body_bytes = body.length();
    let body = match collect_body(body.clone(), COMPARED_MAX).await? {
        // What cannot be decoded is compared as it was sent.
        Some(coded) if !content.codings.is_empty() => {
            let decoded = content::decode(coded.clone(), &content.codings, COMPARED_MAX).await;
            SideBody::Read(decoded.unwrap_or(coded))
        }
        Some(body) => SideBody::Read(body),
        None => {
            let mut digest = Sha256::new();
            let mut blocks = std::pin::pin!(body_stream(body, 0, body_bytes));
            while let Some(block) = blocks.next().await {
                digest.update(&block?);
            }
            SideBody::Digest(digest.finalize().into())
        }
    };
    Ok(Side { summary: stored.summary, header_block: stored.header_block, body, body_bytes })
}

/// What differs between two requests: JSON by its structure, text line by line, anything else in bytes.
#[utoipa::path(get, path = "/diff", tag = "diff", params(DiffQuery), responses(
    (status = 200, body = Diff), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<DiffQuery>,
) -> Result<Json<Diff>, ApiError> {
    let (a, b) = (side(&engine, &query.a).await?, side(&engine, &query.b).await?);
    let compared = tokio::task::spawn_blocking(move || diff(&a, &b)).await;
    compared.map(Json).map_err(|_| ApiError::internal("A defect in Hookline stopped this comparison."))
}
