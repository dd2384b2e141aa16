//! Routes for the signature debugger.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use hookbench_engine::{
    Engine,
    debugger::{
        self, DebuggerError, Explained, Rule, SignatureExplanation, SignatureInput, SignatureMatchList,
        SignatureResult, SignatureValues,
    },
    inbox::InboxConfig,
    verification::{header_pairs, settings_of},
};
use hookbench_model::{ErrorCode, VerificationSettings};
use hookbench_provider::Catalog;
use hookbench_query::body::{content_of, decode};
use hookbench_signature::Message;
use hookbench_store::request::{StoredRequest, collect_body};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{error::ApiError, extract, requests::stored};

/// Maximum size of a body whose signature is explained, in bytes.
const EXPLAINED_MAX: u64 = 16 * 1024 * 1024;

impl From<DebuggerError> for ApiError {
    fn from(error: DebuggerError) -> Self {
        Self::invalid(error.0)
    }
}

/// Runs blocking work on a separate thread. `work` gets the current time in ms since the Unix epoch.
async fn apart<T: Send + 'static>(
    engine: &Arc<Engine>,
    work: impl FnOnce(&Engine, i64) -> Result<T, ApiError> + Send + 'static,
) -> Result<Json<T>, ApiError> {
    let (engine, now_ms) = (engine.clone(), engine.clock.now_us() / 1_000);
    let done = tokio::task::spawn_blocking(move || {
        engine.providers.refresh();
        work(&engine, now_ms)
    })
    .await;
    done.map_err(|e| ApiError::internal(e.to_string()))?.map(Json)
}

/// Verify a message
///
/// Returns the signature status of a message.
#[utoipa::path(post, path = "/signature/verify", tag = "signature", request_body = SignatureInput, responses(
    (status = 200, body = SignatureResult), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn verify(
    State(engine): State<Arc<Engine>>,
    extract::Json(question): extract::Json<SignatureInput>,
) -> Result<Json<SignatureResult>, ApiError> {
    apart(&engine, move |engine, now| Ok(debugger::verify(&engine.providers.catalog(), &question, now)?)).await
}

/// Sign a message
///
/// Returns the signature that the vendor would send with a message.
#[utoipa::path(post, path = "/signature/sign", tag = "signature", request_body = SignatureInput, responses(
    (status = 200, body = SignatureValues), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn sign(
    State(engine): State<Arc<Engine>>,
    extract::Json(question): extract::Json<SignatureInput>,
) -> Result<Json<SignatureValues>, ApiError> {
    apart(&engine, move |engine, now| Ok(debugger::sign(&engine.providers.catalog(), &question, now)?)).await
}

/// Explain the signature of a message
///
/// Returns the signature status of a message. If the signature is not valid, tests common mistakes to find the cause.
#[utoipa::path(post, path = "/signature/explain", tag = "signature", request_body = SignatureInput, responses(
    (status = 200, body = SignatureExplanation), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn explain(
    State(engine): State<Arc<Engine>>,
    extract::Json(question): extract::Json<SignatureInput>,
) -> Result<Json<SignatureExplanation>, ApiError> {
    apart(&engine, move |engine, now| {
        Ok(debugger::explain(&engine.providers.catalog(), &question, known_secrets(engine, None), now)?)
    })
    .await
}

/// Detect the signature scheme of a message
///
/// Returns every signature scheme for which the signature of a message is valid.
#[utoipa::path(post, path = "/signature/detect", tag = "signature", request_body = SignatureInput, responses(
    (status = 200, body = SignatureMatchList), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn find(
    State(engine): State<Arc<Engine>>,
    extract::Json(question): extract::Json<SignatureInput>,
) -> Result<Json<SignatureMatchList>, ApiError> {
    apart(&engine, move |engine, _| Ok(debugger::find(&engine.providers.catalog(), &question)?)).await
}

/// Returns the secrets of all inboxes and endpoints, each with a description of the owner. The inbox `but` is excluded.
fn known_secrets(engine: &Engine, but: Option<i64>) -> Vec<(String, String)> {
    let mut known = Vec::new();
    for inbox in engine.inboxes.all().into_iter().filter(|inbox| Some(inbox.number) != but) {
        let owner = format!("the inbox {}", inbox.name);
        known.extend(inbox.verification.secrets.iter().map(|secret| (owner.clone(), secret.clone())));
    }
    for row in engine.outbox.schedule().endpoints() {
        let owner = format!("the endpoint {}", row.settings.name);
        known.extend(row.settings.secrets.iter().map(|secret| (owner.clone(), secret.value.clone())));
    }
    known
}

/// Returns the signature scheme that verifies the requests of an inbox.
fn rule_of<'c>(catalog: &'c Catalog, verification: &VerificationSettings) -> Result<Rule<'c>, ApiError> {
    let id = verification.provider.as_deref().filter(|id| catalog.get(id).is_some()).ok_or_else(no_provider)?;
    let scheme = verification.scheme.clone().map(Value::String);
    Ok(debugger::rule_of(catalog, Some(id), scheme.as_ref())?.0)
}

/// A stored request with its body, ready for verification.
struct Subject {
    inbox: InboxConfig,
    stored: StoredRequest,
    body: Vec<u8>,
    decoded: Option<Vec<u8>>,
}

impl Subject {
    async fn load(engine: &Engine, id: &str) -> Result<Self, ApiError> {
        let (row, stored) = stored(engine, id).await?;
        let inbox = engine.inboxes.get(&stored.summary.inbox).ok_or_else(ApiError::no_request)?;
        let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
        let body = collect_body(body, EXPLAINED_MAX).await?.ok_or_else(|| {
            ApiError::new(
                ErrorCode::TooLargeToExplain,
                format!("The body is too large to explain its signature: more than {EXPLAINED_MAX} bytes."),
                "The signature status is correct. Only the explanation is not available.",
            )
        })?;
        let content = content_of(&stored.header_block);
        let decoded = match content.codings.is_empty() {
            true => None,
            false => decode(&body, &content.codings, EXPLAINED_MAX).ok().map(|decoded| decoded.bytes),
        };
        Ok(Self { inbox, stored, body, decoded })
    }

    /// Returns the settings that the request was verified with.
    fn settings(&self) -> VerificationSettings {
        settings_of(&self.inbox, &header_pairs(&self.stored.header_block)).into_owned()
    }

    /// Calls `look` with the message, whose URL is the one registered in `verification`.
    fn read<T>(&self, verification: &VerificationSettings, look: impl FnOnce(&Message<'_>) -> T) -> T {
        let headers = header_pairs(&self.stored.header_block);
        let url = verification.signed_url(&self.inbox.name, &self.stored.summary.target);
        look(&Message {
            method: &self.stored.summary.method,
            target: &self.stored.summary.target,
            url: url.as_deref(),
            headers: &headers,
            body: &self.body,
        })
    }

    /// Returns the signature status at the time of arrival, with an explanation.
    fn explained(
        &self,
        engine: &Engine,
        catalog: &Catalog,
        rule: &Rule<'_>,
        verification: &VerificationSettings,
    ) -> SignatureExplanation {
        let subject = Explained {
            rule,
            provider: verification.provider.as_deref().and_then(|id| catalog.get(id)),
            keys: &hookbench_engine::verification::keys(verification),
            other_secrets: known_secrets(engine, Some(self.inbox.number)),
        };
        let arrived_ms = self.stored.summary.arrived_at.as_millisecond();
        self.read(verification, |message| {
            subject.searched(catalog, message, self.decoded.as_deref(), arrived_ms, &debugger::elapsed())
        })
    }
}

/// Explain the signature of a request
///
/// Returns the signature status of a stored request, verified at its time of arrival, with an explanation.
#[utoipa::path(get, path = "/requests/{id}/signature", tag = "signature", params(("id" = String, Path)), responses(
    (status = 200, body = SignatureExplanation), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error),
    (status = 413, body = hookbench_model::Error)
))]
pub(crate) async fn explain_request(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<SignatureExplanation>, ApiError> {
    let subject = Subject::load(&engine, &id).await?;
    apart(&engine, move |engine, _| {
        let catalog = engine.providers.catalog();
        let verification = subject.settings();
        let rule = rule_of(&catalog, &verification)?;
        Ok(subject.explained(engine, &catalog, &rule, &verification))
    })
    .await
}

fn no_provider() -> ApiError {
    ApiError::new(
        ErrorCode::NoProvider,
        "The inbox has no provider, so its signatures cannot be verified.",
        "Select a provider and enter its secret in the settings of the inbox.",
    )
}

/// Values that replace the verification settings of the inbox.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignatureTrial {
    /// Custom signature scheme as an object. Default: the scheme of the inbox.
    #[schema(value_type = Option<Object>)]
    scheme: Option<Value>,
    /// Secrets. A masked secret is replaced by the secret of the inbox at the same position. Default: the secrets of
    /// the inbox.
    secrets: Option<Vec<String>>,
    /// Parameters of the signature scheme. Default: the parameters of the inbox.
    params: Option<BTreeMap<String, String>>,
    /// URL as registered with the vendor. Default: the URL of the inbox.
    url: Option<String>,
}

impl SignatureTrial {
    /// Returns the verification settings of the inbox with these values applied.
    fn over(&self, inbox: &VerificationSettings) -> VerificationSettings {
        inbox.changed_to(VerificationSettings {
            secrets: self.secrets.clone().unwrap_or_else(|| inbox.secrets.clone()),
            params: self.params.clone().unwrap_or_else(|| inbox.params.clone()),
            url: self.url.clone().or_else(|| inbox.url.clone()),
            ..inbox.clone()
        })
    }
}

/// Verify a request with other settings
///
/// Verifies a stored request with another scheme or secret, and explains the result. The result is not stored.
#[utoipa::path(post, path = "/requests/{id}/signature/verify", tag = "signature", params(("id" = String, Path)), request_body = SignatureTrial, responses(
    (status = 200, body = SignatureExplanation), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error),
    (status = 413, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn try_request(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(trial): extract::Json<SignatureTrial>,
) -> Result<Json<SignatureExplanation>, ApiError> {
    let subject = Subject::load(&engine, &id).await?;
    apart(&engine, move |engine, _| {
        let catalog = engine.providers.catalog();
        let verification = trial.over(&subject.settings());
        let rule = match &trial.scheme {
            Some(scheme) => debugger::rule_of(&catalog, None, Some(scheme))?.0,
            None => rule_of(&catalog, &verification)?,
        };
        Ok(subject.explained(engine, &catalog, &rule, &verification))
    })
    .await
}

/// Detect the signature scheme of a request
///
/// Returns every signature scheme for which the signature of a stored request is valid.
#[utoipa::path(post, path = "/requests/{id}/signature/detect", tag = "signature", params(("id" = String, Path)), request_body = SignatureTrial, responses(
    (status = 200, body = SignatureMatchList), (status = 404, body = hookbench_model::Error), (status = 413, body = hookbench_model::Error)
))]
pub(crate) async fn find_for_request(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(trial): extract::Json<SignatureTrial>,
) -> Result<Json<SignatureMatchList>, ApiError> {
    let subject = Subject::load(&engine, &id).await?;
    apart(&engine, move |engine, _| {
        let catalog = engine.providers.catalog();
        let verification = trial.over(&subject.settings());
        Ok(subject.read(&verification, |message| {
            debugger::found(&catalog, message, &hookbench_engine::verification::keys(&verification))
        }))
    })
    .await
}
