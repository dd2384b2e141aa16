use std::sync::Arc;

use axum::{Json, extract::State};
use hookline_signature::{Known, Message};

use super::{error::ApiError, extract, requests::stored};
use crate::{
    Engine,
    content::{self, Content},
    judge::header_pairs,
    lab::{self, ExplanationShown, LabError, Question, SignedShown, VerdictShown},
    request::collect_body,
};

/// Largest body that is explained, in bytes.
const EXPLAINED_MAX: u64 = 16 * 1024 * 1024;

impl From<LabError> for ApiError {
    fn from(error: LabError) -> Self {
        Self::invalid(error.0)
    }
}

/// Runs what may take a moment where it holds nobody up.
async fn apart<T: Send + 'static>(
    engine: &Arc<Engine>,
    work: impl FnOnce(&Engine, i64) -> Result<T, ApiError> + Send + 'static,
) -> Result<Json<T>, ApiError> {
    let (engine, now_ms) = (engine.clone(), engine.clock.now_us() / 1_000);
    let done = tokio::task::spawn_blocking(move || work(&engine, now_ms)).await;
    done.map_err(|e| ApiError::internal(e.to_string()))?.map(Json)
}

/// Judge a message.
#[utoipa::path(post, path = "/signature/verify", tag = "signature", request_body = Question, responses(
    (status = 200, body = VerdictShown), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn verify(
    State(engine): State<Arc<Engine>>,
    extract::Json(question): extract::Json<Question>,
) -> Result<Json<VerdictShown>, ApiError> {
    apart(&engine, move |engine, now| Ok(lab::verify(&engine.providers.catalogue(), &question, now)?)).await
}

/// Sign a message as its vendor would.
#[utoipa::path(post, path = "/signature/sign", tag = "signature", request_body = Question, responses(
    (status = 200, body = SignedShown), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn sign(
    State(engine): State<Arc<Engine>>,
    extract::Json(question): extract::Json<Question>,
) -> Result<Json<SignedShown>, ApiError> {
    apart(&engine, move |engine, now| Ok(lab::sign(&engine.providers.catalogue(), &question, now)?)).await
}

/// Say why a message's signature does not hold.
#[utoipa::path(post, path = "/signature/explain", tag = "signature", request_body = Question, responses(
    (status = 200, body = ExplanationShown), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn explain(
    State(engine): State<Arc<Engine>>,
    extract::Json(question): extract::Json<Question>,
) -> Result<Json<ExplanationShown>, ApiError> {
    apart(&engine, move |engine, now| Ok(lab::explain(&engine.providers.catalogue(), &question, now)?)).await
}

/// The verdict on a stored request with everything behind it, judged at its arrival.
#[utoipa::path(get, path = "/requests/{id}/signature", tag = "signature", params(("id" = String, Path)), responses(
    (status = 200, body = ExplanationShown), (status = 404, body = super::ErrorBody), (status = 409, body = super::ErrorBody),
    (status = 413, body = super::ErrorBody)
))]
pub(super) async fn explain_request(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<ExplanationShown>, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let inbox = engine.addresses.get(&stored.summary.inbox).ok_or_else(ApiError::no_request)?;
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let body = collect_body(body, EXPLAINED_MAX).await?.ok_or_else(|| {
        ApiError::new(
            http::StatusCode::PAYLOAD_TOO_LARGE,
            "too_large_to_explain",
            format!("The body is larger than {EXPLAINED_MAX} bytes."),
            "Its verdict stands; only the search for a fault is left out.",
        )
    })?;
    let content = Content::of(&stored.header_block);
    let decoded = match content.codings.is_empty() {
        true => None,
        false => content::decode(body.clone(), &content.codings, EXPLAINED_MAX).await.ok(),
    };
    apart(&engine, move |engine, _| {
        let catalogue = engine.providers.catalogue();
        let Some((_, record)) = inbox.verification.scheme(&catalogue) else {
            return Err(ApiError::new(
                http::StatusCode::CONFLICT,
                "no_provider",
                "The inbox has no provider, so nothing says how its requests are signed.",
                "Choose the provider and enter its secret in the inbox's settings.",
            ));
        };
        let headers = header_pairs(&stored.header_block);
        let url = inbox.verification.url_of(&inbox.name, &stored.summary.target);
        let message = Message {
            method: &stored.summary.method,
            target: &stored.summary.target,
            url: url.as_deref(),
            headers: &headers,
            body: &body,
        };
        let other_secrets = engine
            .addresses
            .all()
            .into_iter()
            .filter(|other| other.number != inbox.number)
            .flat_map(|other| {
                let whose = format!("the inbox {}", other.name);
                other.verification.secrets.iter().map(|secret| (whose.clone(), secret.clone())).collect::<Vec<_>>()
            })
            .collect();
        let known =
            Known { decoded_body: decoded.as_deref(), other_secrets, other_schemes: lab::other_schemes(&catalogue) };
        let arrived_ms = stored.summary.arrived_at.as_millisecond();
        Ok(lab::searched(&record.scheme, &message, &inbox.verification.keys(), &known, arrived_ms))
    })
    .await
}
