use std::sync::Arc;

use axum::{Json, extract::State};
use hookline_provider::Provider;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract};
use crate::{Engine, Snippet, snippets};

/// A vendor as a list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderRow {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// How it signs.
    schemes: Vec<SchemeRow>,
    /// What it has to be answered, by the handshakes' names.
    handshakes: Vec<String>,
    /// Settings those need.
    handshake_params: Vec<String>,
}

/// One way a vendor signs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SchemeRow {
    /// Its name among the vendor's.
    id: String,
    /// What its rule rests on: `sdk`, `example`, `document` or `assumed`.
    #[schema(value_type = String)]
    rests_on: hookline_provider::RestsOn,
    /// Settings it needs beside the secret.
    params: Vec<String>,
    /// Whether the URL as registered has to be known.
    signs_url: bool,
    /// Whether the whole body is covered.
    signs_body: bool,
    /// Where the signature stands.
    places: Vec<String>,
}

impl ProviderRow {
    fn of(provider: &Provider) -> Self {
        let schemes = provider.schemes.iter().map(|record| SchemeRow {
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
            schemes: schemes.collect(),
            handshakes: provider.handshakes.iter().map(|handshake| handshake.name.clone()).collect(),
            handshake_params: provider.handshake_params(),
        }
    }
}

/// All vendors, by id, and the files of your own that do not read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderList {
    items: Vec<ProviderRow>,
    /// Files that are no vendor, each with line, column and what was expected.
    bad_files: Vec<String>,
}

/// All vendors.
#[utoipa::path(get, path = "/providers", tag = "providers", responses((status = 200, body = ProviderList)))]
pub(super) async fn list(State(engine): State<Arc<Engine>>) -> Json<ProviderList> {
    let items = engine.providers.catalogue().providers().map(ProviderRow::of).collect();
    Json(ProviderList { items, bad_files: engine.providers.bad_files().iter().map(ToString::to_string).collect() })
}

/// One vendor, as its file has it.
#[utoipa::path(get, path = "/providers/{id}", tag = "providers", params(("id" = String, Path)), responses(
    (status = 200, body = Object), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Value>, ApiError> {
    let catalogue = engine.providers.catalogue();
    let provider =
        catalogue.get(&id).ok_or_else(|| ApiError::not_found("provider", format!("There is no provider {id:?}.")))?;
    serde_json::to_value(provider).map(Json).map_err(|e| ApiError::internal(e.to_string()))
}

/// Which snippets are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct SnippetQuery {
    /// One of the vendor's schemes; the usual one if absent.
    scheme: Option<String>,
}

/// Verifying code in every language it can be written in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SnippetList {
    items: Vec<Snippet>,
}

/// Code that verifies a vendor's requests, for a receiver of your own.
#[utoipa::path(get, path = "/providers/{id}/snippets", tag = "providers", params(("id" = String, Path), SnippetQuery), responses(
    (status = 200, body = SnippetList), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn list_snippets(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<SnippetQuery>,
) -> Result<Json<SnippetList>, ApiError> {
    let catalogue = engine.providers.catalogue();
    let provider =
        catalogue.get(&id).ok_or_else(|| ApiError::not_found("provider", format!("There is no provider {id:?}.")))?;
    let items = match (provider.scheme(query.scheme.as_deref()), query.scheme) {
        (Some(record), _) => snippets(&provider.name, &record.scheme),
        (None, None) => Vec::new(),
        (None, Some(scheme)) => {
            return Err(ApiError::not_found("scheme", format!("{} has no scheme {scheme:?}.", provider.name)));
        }
    };
    Ok(Json(SnippetList { items }))
}
