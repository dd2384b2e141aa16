//! Routes for providers: signature schemes, code samples and custom providers.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::{Engine, handlers, samples};
use hookbench_model::{Change, CodeSample, ErrorCode};
use hookbench_provider::{Catalog, CustomProvider, Places, Provider, SchemeRecord};
use hookbench_signature::Scheme;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract, file_id};

/// Summary of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderSummary {
    /// ID of the provider.
    id: String,
    /// Name of the provider.
    name: String,
    /// True for a custom provider.
    own: bool,
    /// Signature schemes.
    schemes: Vec<ProviderScheme>,
    /// Names of the handshakes that the vendor requires.
    handshakes: Vec<String>,
    /// Names of the parameters that the handshakes require.
    handshake_params: Vec<String>,
    /// Event types of which Hookbench has samples.
    events: Vec<String>,
}

/// A signature scheme of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderScheme {
    /// ID of the scheme, unique within the provider.
    id: String,
    /// Basis of the scheme: `sdk`, `example`, `document` or `assumed`.
    #[schema(value_type = String)]
    based_on: hookbench_provider::Basis,
    /// Names of the parameters that the scheme requires in addition to the secret.
    params: Vec<String>,
    /// True if the signature covers the URL. The URL registered with the vendor must then be set on the inbox.
    signs_url: bool,
    /// True if the signature covers the complete body.
    signs_body: bool,
    /// Locations of the signature in a request.
    places: Vec<String>,
}

impl ProviderSummary {
    fn of(provider: &Provider, own: bool) -> Self {
        let schemes = provider.schemes.iter().map(|record| ProviderScheme {
            id: record.id.clone(),
            based_on: record.based_on,
            params: record.scheme.params(),
            signs_url: record.scheme.signs_url(),
            signs_body: record.scheme.signs_body(),
            places: record.scheme.places().iter().map(ToString::to_string).collect(),
        });
        Self {
            id: provider.id.clone(),
            name: provider.name.clone(),
            own,
            schemes: schemes.collect(),
            handshakes: provider.handshakes.iter().map(|handshake| handshake.name.clone()).collect(),
            handshake_params: provider.handshake_params(),
            events: provider
                .sending
                .iter()
                .flat_map(|sending| &sending.events)
                .map(|event| event.kind.clone())
                .collect(),
        }
    }
}

/// List of providers by ID, and of invalid files of custom providers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderList {
    /// The items.
    items: Vec<ProviderSummary>,
    /// Invalid files, each with the line, the column and the expected content.
    bad_files: Vec<String>,
}

/// List providers
///
/// Returns all providers, including custom ones, by ID.
#[utoipa::path(get, path = "/providers", tag = "providers", responses((status = 200, body = ProviderList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Json<ProviderList> {
    engine.providers.refresh();
    let own = engine.providers.own_ids();
    let catalog = engine.providers.catalog();
    let items = catalog.providers().map(|provider| ProviderSummary::of(provider, own.contains(&provider.id))).collect();
    Json(ProviderList { items, bad_files: engine.providers.bad_files().iter().map(ToString::to_string).collect() })
}

/// Retrieve a provider
///
/// Returns the definition of a provider, with the fields of its file.
#[utoipa::path(get, path = "/providers/{id}", tag = "providers", params(("id" = String, Path)), responses(
    (status = 200, body = Object), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Value>, ApiError> {
    engine.providers.refresh();
    let catalog = engine.providers.catalog();
    let provider = catalog.get(&id).ok_or_else(|| ApiError::no_provider(&id, &catalog))?;
    serde_json::to_value(provider).map(Json).map_err(|e| ApiError::internal(e.to_string()))
}

/// Selection of code samples for signature verification.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnippetQuery {
    /// ID of the signature scheme. Default: the first scheme of the provider.
    scheme: Option<String>,
}

/// List of code samples.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodeSampleList {
    /// The items.
    items: Vec<CodeSample>,
}

/// List code samples for signature verification
///
/// Returns code that verifies signatures of a provider, in each supported language.
#[utoipa::path(get, path = "/providers/{id}/snippets", tag = "providers", params(("id" = String, Path), SnippetQuery), responses(
    (status = 200, body = CodeSampleList), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn list_snippets(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<SnippetQuery>,
) -> Result<Json<CodeSampleList>, ApiError> {
    let catalog = engine.providers.catalog();
    let (provider, record) = asked(&catalog, &id, query.scheme.as_deref())?;
    let items = record.map_or_else(Vec::new, |record| samples(&provider.name, &record.scheme));
    Ok(Json(CodeSampleList { items }))
}

/// Returns a provider and the named signature scheme, or the usual one.
fn asked<'c>(
    catalog: &'c Catalog,
    id: &str,
    scheme: Option<&str>,
) -> Result<(&'c Provider, Option<&'c SchemeRecord>), ApiError> {
    let provider = catalog.get(id).ok_or_else(|| ApiError::no_provider(id, catalog))?;
    match (provider.scheme(scheme), scheme) {
        (None, Some(scheme)) => {
            Err(ApiError::not_found(ErrorCode::SchemeNotFound, format!("{} has no scheme {scheme:?}.", provider.name)))
        }
        (record, _) => Ok((provider, record)),
    }
}

/// Selection of code samples of webhook handlers.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandlerQuery {
    /// ID of the signature scheme. Default: the first scheme of the provider.
    scheme: Option<String>,
    /// True if the handler verifies signatures. Default: true if the vendor signs requests.
    signed: Option<bool>,
}

/// List code samples of webhook handlers
///
/// Returns a complete webhook handler for a provider, for each supported framework.
#[utoipa::path(get, path = "/providers/{id}/handlers", tag = "providers", params(("id" = String, Path), HandlerQuery), responses(
    (status = 200, body = CodeSampleList), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn list_handlers(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<HandlerQuery>,
) -> Result<Json<CodeSampleList>, ApiError> {
    let catalog = engine.providers.catalog();
    let (provider, record) = asked(&catalog, &id, query.scheme.as_deref())?;
    let vendors = provider.sending.as_ref().is_none_or(|sending| sending.signed);
    let record = record.filter(|_| query.signed.unwrap_or(vendors));
    Ok(Json(CodeSampleList { items: handlers(provider, record.map(|record| &record.scheme)) }))
}

/// A custom provider to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderNew {
    /// Name of the provider.
    name: String,
    /// Signature scheme: `{"digest": {…}}`, in the form of the schemes that `GET /providers/{id}` returns.
    #[schema(value_type = Object)]
    scheme: Value,
    /// Locations of the event type, such as `json:type` or `header:X-Event`.
    #[serde(default)]
    event_type: Vec<String>,
    /// Locations of the event ID, in the same form.
    #[serde(default)]
    event_id: Vec<String>,
}

fn shipped(id: &str) -> ApiError {
    ApiError::new(
        ErrorCode::ProviderShips,
        format!("The provider {id:?} is built in and cannot be changed."),
        "Choose another ID. To override the provider, add a file of this name to `providers` in the data folder.",
    )
}

/// Save a custom provider
///
/// Creates or replaces a custom provider. The provider is stored as a file in the data folder.
#[utoipa::path(put, path = "/providers/{id}", tag = "providers", params(("id" = String, Path)), request_body = ProviderNew, responses(
    (status = 200, body = Object), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn save(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(new): extract::Json<ProviderNew>,
) -> Result<Json<Value>, ApiError> {
    file_id::check("provider", &id)?;
    let own = engine.providers.own_ids().contains(&id);
    if !own && engine.providers.catalog().get(&id).is_some() {
        return Err(shipped(&id));
    }
    let scheme = hookbench_engine::debugger::custom_scheme(&new.scheme)?;
    let Scheme::Digest(scheme) = scheme else {
        return Err(ApiError::invalid("The scheme of a custom provider must be a digest: {\"digest\": {…}}."));
    };
    let places = |texts: &[String]| {
        texts.iter().map(|text| text.parse::<Places>().map_err(ApiError::invalid)).collect::<Result<Vec<_>, _>>()
    };
    let header = scheme.signature.iter().find_map(|source| source.header_name());
    let recognize = header.into_iter().map(|name| format!("header:{name}")).collect::<Vec<_>>();
    let file = CustomProvider {
        name: new.name.trim().to_owned(),
        recognize: places(&recognize)?,
        event_type: places(&new.event_type)?,
        event_id: places(&new.event_id)?,
        scheme: Some(scheme),
    };
    if file.name.is_empty() {
        return Err(ApiError::invalid("`name` must not be empty."));
    }
    let text = file.to_toml().map_err(ApiError::internal)?;
    // The file is parsed before it is saved, so that every saved file can be loaded.
    Provider::parse(&id, &text).map_err(ApiError::internal)?;
    let (saving, saved) = (engine.clone(), id.clone());
    let done = tokio::task::spawn_blocking(move || saving.providers.save(&saved, &text)).await;
    done.map_err(|e| ApiError::internal(e.to_string()))?
        .map_err(|e| ApiError::internal(format!("The provider file cannot be written: {e}.")))?;
    engine.feed().publish([Change::ProvidersChanged]);
    read(State(engine), extract::Path(id)).await
}

/// Delete a custom provider
///
/// Deletes a custom provider and its file.
#[utoipa::path(delete, path = "/providers/{id}", tag = "providers", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    file_id::check("provider", &id)?;
    let (removing, removed) = (engine.clone(), id.clone());
    let done = tokio::task::spawn_blocking(move || removing.providers.remove(&removed)).await;
    let was = done
        .map_err(|e| ApiError::internal(e.to_string()))?
        .map_err(|e| ApiError::internal(format!("The provider file cannot be deleted: {e}.")))?;
    if was {
        engine.feed().publish([Change::ProvidersChanged]);
    }
    match (was, engine.providers.catalog().get(&id)) {
        (true, _) => Ok(StatusCode::NO_CONTENT),
        (false, Some(_)) => Err(shipped(&id)),
        (false, None) => Err(ApiError::no_provider(&id, &engine.providers.catalog())),
    }
}
