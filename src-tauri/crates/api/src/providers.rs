use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::{Engine, handlers, samples};
use hookbench_model::{CodeSample, ErrorCode};
use hookbench_provider::{Catalogue, Own, Places, Provider, SchemeRecord};
use hookbench_signature::Scheme;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract};

/// Longest id of a provider.
const ID_MAX: usize = 64;

/// A vendor as a list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderSummary {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Whether it is a file of your own.
    own: bool,
    /// How it signs.
    schemes: Vec<ProviderScheme>,
    /// What it has to be answered, by the handshakes' names.
    handshakes: Vec<String>,
    /// Settings those need.
    handshake_params: Vec<String>,
    /// Event types it sends; none where Hookbench does not know what it sends.
    events: Vec<String>,
}

/// One way a vendor signs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderScheme {
    /// Its name among the vendor's.
    id: String,
    /// What its rule rests on: `sdk`, `example`, `document` or `assumed`.
    #[schema(value_type = String)]
    rests_on: hookbench_provider::RestsOn,
    /// Settings it needs beside the secret.
    params: Vec<String>,
    /// Whether the URL as registered has to be known.
    signs_url: bool,
    /// Whether the whole body is covered.
    signs_body: bool,
    /// Where the signature stands.
    places: Vec<String>,
}

impl ProviderSummary {
    fn of(provider: &Provider, own: bool) -> Self {
        let schemes = provider.schemes.iter().map(|record| ProviderScheme {
            id: record.id.clone(),
            rests_on: record.rests_on,
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

/// All vendors, by id, and the files of your own that do not read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderList {
    items: Vec<ProviderSummary>,
    /// Files that are no vendor, each with line, column and what was expected.
    bad_files: Vec<String>,
}

/// All vendors.
#[utoipa::path(get, path = "/providers", tag = "providers", responses((status = 200, body = ProviderList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Json<ProviderList> {
    engine.providers.refresh();
    let own = engine.providers.own_ids();
    let catalogue = engine.providers.catalogue();
    let items =
        catalogue.providers().map(|provider| ProviderSummary::of(provider, own.contains(&provider.id))).collect();
    Json(ProviderList { items, bad_files: engine.providers.bad_files().iter().map(ToString::to_string).collect() })
}

/// One vendor, as its file has it.
#[utoipa::path(get, path = "/providers/{id}", tag = "providers", params(("id" = String, Path)), responses(
    (status = 200, body = Object), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Value>, ApiError> {
    engine.providers.refresh();
    let catalogue = engine.providers.catalogue();
    let provider = catalogue.get(&id).ok_or_else(|| ApiError::no_provider(&id))?;
    serde_json::to_value(provider).map(Json).map_err(|e| ApiError::internal(e.to_string()))
}

/// Which snippets are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnippetQuery {
    /// One of the vendor's schemes; the usual one if absent.
    scheme: Option<String>,
}

/// Verifying code in every language it can be written in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodeSampleList {
    items: Vec<CodeSample>,
}

/// Code that verifies a vendor's requests, for a receiver of your own.
#[utoipa::path(get, path = "/providers/{id}/snippets", tag = "providers", params(("id" = String, Path), SnippetQuery), responses(
    (status = 200, body = CodeSampleList), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn list_snippets(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<SnippetQuery>,
) -> Result<Json<CodeSampleList>, ApiError> {
    let catalogue = engine.providers.catalogue();
    let (provider, record) = asked(&catalogue, &id, query.scheme.as_deref())?;
    let items = record.map_or_else(Vec::new, |record| samples(&provider.name, &record.scheme));
    Ok(Json(CodeSampleList { items }))
}

/// A vendor and one of its schemes, the usual one if none is named.
fn asked<'c>(
    catalogue: &'c Catalogue,
    id: &str,
    scheme: Option<&str>,
) -> Result<(&'c Provider, Option<&'c SchemeRecord>), ApiError> {
    let provider = catalogue.get(id).ok_or_else(|| ApiError::no_provider(id))?;
    match (provider.scheme(scheme), scheme) {
        (None, Some(scheme)) => {
            Err(ApiError::not_found(ErrorCode::SchemeNotFound, format!("{} has no scheme {scheme:?}.", provider.name)))
        }
        (record, _) => Ok((provider, record)),
    }
}

/// Which handlers are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandlerQuery {
    /// One of the vendor's schemes; the usual one if absent.
    scheme: Option<String>,
    /// Whether requests are signed; as the vendor does if absent.
    signed: Option<bool>,
}

/// A whole receiving handler for a vendor's requests, in each framework it can be written for.
#[utoipa::path(get, path = "/providers/{id}/handlers", tag = "providers", params(("id" = String, Path), HandlerQuery), responses(
    (status = 200, body = CodeSampleList), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn list_handlers(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<HandlerQuery>,
) -> Result<Json<CodeSampleList>, ApiError> {
    let catalogue = engine.providers.catalogue();
    let (provider, record) = asked(&catalogue, &id, query.scheme.as_deref())?;
    let vendors = provider.sending.as_ref().is_none_or(|sending| sending.signed);
    let record = record.filter(|_| query.signed.unwrap_or(vendors));
    Ok(Json(CodeSampleList { items: handlers(provider, record.map(|record| &record.scheme)) }))
}

/// A vendor of your own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderNew {
    /// Its name.
    name: String,
    /// How it signs: `{"digest": {…}}`, as `GET /providers/{id}` shows schemes.
    #[schema(value_type = Object)]
    scheme: Value,
    /// Where the event type stands, such as `json:type` or `header:X-Event`.
    #[serde(default)]
    event_type: Vec<String>,
    /// Where the event id stands.
    #[serde(default)]
    event_id: Vec<String>,
}

/// Whether an id can be a provider's, or the sentence that says why not.
fn check_id(id: &str) -> Result<(), ApiError> {
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > ID_MAX || !id.chars().all(kebab) || id.starts_with('-') {
        return Err(ApiError::invalid(format!(
            "A provider's id has 1 to {ID_MAX} lower-case letters, digits and hyphens, for it is a file's name."
        )));
    }
    Ok(())
}

fn shipped(id: &str) -> ApiError {
    ApiError::new(
        ErrorCode::ProviderShips,
        format!("The provider {id:?} ships with Hookbench."),
        "Choose another id; a file of this name in the data folder's providers can stand in for it.",
    )
}

/// Save a vendor of your own as a file in the data folder.
#[utoipa::path(put, path = "/providers/{id}", tag = "providers", params(("id" = String, Path)), request_body = ProviderNew, responses(
    (status = 200, body = Object), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn save(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(new): extract::Json<ProviderNew>,
) -> Result<Json<Value>, ApiError> {
    check_id(&id)?;
    let own = engine.providers.own_ids().contains(&id);
    if !own && engine.providers.catalogue().get(&id).is_some() {
        return Err(shipped(&id));
    }
    let scheme = hookbench_engine::debugger::custom_scheme(&new.scheme)?;
    let Scheme::Digest(scheme) = scheme else {
        return Err(ApiError::invalid("A provider of your own signs by a digest: give {\"digest\": {…}}."));
    };
    let places = |texts: &[String]| {
        texts.iter().map(|text| text.parse::<Places>().map_err(ApiError::invalid)).collect::<Result<Vec<_>, _>>()
    };
    let header = scheme.signature.iter().find_map(|source| source.header_name());
    let recognise = header.into_iter().map(|name| format!("header:{name}")).collect::<Vec<_>>();
    let file = Own {
        name: new.name.trim().to_owned(),
        recognise: places(&recognise)?,
        event_type: places(&new.event_type)?,
        event_id: places(&new.event_id)?,
        scheme,
    };
    if file.name.is_empty() {
        return Err(ApiError::invalid("A provider needs a name."));
    }
    let text = file.to_toml().map_err(ApiError::internal)?;
    // Read back before it is kept: a file that is written is one that loads.
    Provider::parse(&id, &text).map_err(ApiError::internal)?;
    let (saving, saved) = (engine.clone(), id.clone());
    let done = tokio::task::spawn_blocking(move || saving.providers.save(&saved, &text)).await;
    done.map_err(|e| ApiError::internal(e.to_string()))?
        .map_err(|e| ApiError::internal(format!("The provider's file cannot be written: {e}.")))?;
    read(State(engine), extract::Path(id)).await
}

/// Remove a vendor of your own.
#[utoipa::path(delete, path = "/providers/{id}", tag = "providers", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    check_id(&id)?;
    let (removing, removed) = (engine.clone(), id.clone());
    let done = tokio::task::spawn_blocking(move || removing.providers.remove(&removed)).await;
    let was = done
        .map_err(|e| ApiError::internal(e.to_string()))?
        .map_err(|e| ApiError::internal(format!("The provider's file cannot be removed: {e}.")))?;
    match (was, engine.providers.catalogue().get(&id)) {
        (true, _) => Ok(StatusCode::NO_CONTENT),
        (false, Some(_)) => Err(shipped(&id)),
        (false, None) => Err(ApiError::no_provider(&id)),
    }
}
