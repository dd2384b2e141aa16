//! Route for the import of a provider's events from an OpenAPI, AsyncAPI or JSON Schema document.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_delivery::download;
use hookbench_engine::Engine;
use hookbench_event_schema::{Document, Import, import};
use hookbench_model::Change;
use hookbench_provider::{Catalog, CustomProvider, Places};
use hookbench_signature::Scheme;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{error::ApiError, extract, file_id};

/// Maximum size of the documents of an import, in bytes. GitHub's document has 5 MB.
pub(crate) const DOCUMENTS_MAX: usize = 32 * 1024 * 1024;

/// Media types of the documents.
const ACCEPT: &str = "application/json, application/yaml, */*";

/// Header by which a vendor that signs as Standard Webhooks is recognized, and the ID of the provider with the scheme.
const STANDARD: (&str, &str) = ("header:webhook-id", "standard-webhooks");

/// An import of a provider's events.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderImport {
    /// ID of the provider. Required if the provider exists. An existing provider gets the events, which replace its own events of the same type. Default: derived from the name.
    #[serde(default)]
    id: Option<String>,
    /// Name of a new provider. Default: the title of the document, or else its file name.
    #[serde(default)]
    name: Option<String>,
    /// Documents. They can refer to each other by file name. At most 32 MB.
    #[serde(default)]
    documents: Vec<ProviderDocument>,
    /// URL of a document to download.
    #[serde(default)]
    url: Option<String>,
}

/// A document that describes events of a provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderDocument {
    /// File name.
    name: String,
    /// Content: JSON or YAML.
    text: String,
}

/// Result of an import of a provider's events.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProviderImportResult {
    /// ID of the provider.
    pub id: String,
    /// Name of the provider.
    pub name: String,
    /// True if the provider is new. False if the events were added to an existing provider.
    pub created: bool,
    /// Names of the imported events.
    pub events: Vec<String>,
    /// What could not be imported as described, as sentences.
    pub warnings: Vec<String>,
}

/// Import a provider's events
///
/// Imports events with their schemas from an OpenAPI document (`webhooks`, `x-webhooks` or `callbacks`), an AsyncAPI
/// document, JSON Schemas or sample payloads. The events get sample payloads that are generated from the schemas, and
/// payloads that arrive are validated. A later import replaces the events of an earlier one.
#[utoipa::path(post, path = "/provider-imports", tag = "providers", request_body = ProviderImport, responses(
    (status = 200, body = ProviderImportResult), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn run(
    State(engine): State<Arc<Engine>>,
    extract::Json(asked): extract::Json<ProviderImport>,
) -> Result<Json<ProviderImportResult>, ApiError> {
    let documents = documents(&engine, &asked).await?;
    let work = tokio::task::spawn_blocking(move || save(&engine, &asked, &documents));
    work.await.map_err(|e| ApiError::internal(e.to_string()))?.map(Json)
}

/// Returns the names and texts of the documents.
async fn documents(engine: &Engine, asked: &ProviderImport) -> Result<Vec<(String, String)>, ApiError> {
    let Some(url) = &asked.url else {
        return Ok(asked.documents.iter().map(|one| (one.name.clone(), one.text.clone())).collect());
    };
    if !asked.documents.is_empty() {
        return Err(ApiError::invalid("Pass only one of `documents` and `url`."));
    }
    let bytes =
        download(url, ACCEPT, DOCUMENTS_MAX, engine.clock.now_us() / 1_000_000).await.map_err(ApiError::invalid)?;
    let text =
        String::from_utf8(bytes).map_err(|_| ApiError::invalid(format!("The document at {url} is not UTF-8.")))?;
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    Ok(vec![(name.to_owned(), text)])
}

/// Imports the documents and saves the files of the provider.
fn save(
    engine: &Engine,
    asked: &ProviderImport,
    documents: &[(String, String)],
) -> Result<ProviderImportResult, ApiError> {
    if documents.is_empty() {
        return Err(ApiError::invalid("Pass `documents` or `url`."));
    }
    let parsed = documents.iter().map(|(name, text)| Document::parse(name, text)).collect::<Result<Vec<_>, _>>();
    let import = parsed.and_then(|parsed| import(&parsed)).map_err(|error| ApiError::invalid(format!("{error}")))?;
    let stem = documents[0].0.split('.').next().unwrap_or_default();
    let given = asked.name.as_deref().or(import.title.as_deref()).unwrap_or(stem).trim();
    let id = asked.id.clone().unwrap_or_else(|| kebab(given));
    file_id::check("provider", &id).map_err(|error| match asked.id {
        Some(_) => error,
        None => ApiError::invalid(format!("The name {given:?} gives no ID of a provider. Pass an ID.")),
    })?;
    let catalog = engine.providers.catalog();
    let known = catalog.get(&id);
    // Without an ID, another document with the same title must not change a provider.
    let is_again = catalog.event_file(&id).is_some_and(|file| file.source == import.file.source);
    if let Some(known) = known.filter(|_| asked.id.is_none() && !is_again) {
        let message =
            format!("The provider {} ({id}) exists. Pass its ID to add the events, or another ID.", known.name);
        return Err(ApiError::invalid(message));
    }
    let text = serde_json::to_string(&import.file).map_err(|e| ApiError::internal(e.to_string()))?;
    let unwritable = |e: std::io::Error| ApiError::internal(format!("The provider file cannot be written: {e}."));
    if known.is_none() {
        let file = new_provider(given, &import, &catalog)?;
        engine.providers.save(&id, &file).map_err(unwritable)?;
    }
    engine.providers.save_events(&id, &text).map_err(unwritable)?;
    engine.feed().publish([Change::ProvidersChanged]);
    let mut warnings = import.warnings;
    warnings.extend(unknown_type(&id, &engine.providers.catalog(), import.event_type.as_deref()));
    Ok(ProviderImportResult {
        name: known.map_or(given, |known| &known.name).to_owned(),
        created: known.is_none(),
        events: import.file.events.iter().map(|event| event.name.clone()).collect(),
        warnings,
        id,
    })
}

/// Returns a warning if the file of the provider does not say where a request contains its event type.
fn unknown_type(id: &str, catalog: &Catalog, found: Option<&str>) -> Option<String> {
    let provider = catalog.get(id).filter(|provider| provider.event_type.is_empty())?;
    let place = match found {
        Some(place) => format!("event_type = [{place:?}]"),
        None => "event_type, such as [\"json:type\"] or [\"header:X-Event\"],".to_owned(),
    };
    Some(format!(
        "Hookbench does not know where a request of {} contains its event type, so payloads are not validated. Set {place} in \
         providers/{id}.toml of the data folder.",
        provider.name
    ))
}

/// Returns the file of a provider that is known only from the documents.
fn new_provider(name: &str, import: &Import, catalog: &Catalog) -> Result<String, ApiError> {
    let places = |text: &Option<String>| text.iter().map(|text| text.parse::<Places>()).collect::<Result<Vec<_>, _>>();
    let (header, standard) = STANDARD;
    let is_standard = import.event_id.as_deref() == Some(header);
    let record = catalog.get(standard).filter(|_| is_standard).and_then(|provider| provider.schemes.first());
    let file = CustomProvider {
        name: name.chars().filter(|c| !c.is_control()).collect(),
        recognize: Vec::new(),
        event_type: places(&import.event_type).map_err(ApiError::internal)?,
        event_id: places(&import.event_id).map_err(ApiError::internal)?,
        scheme: record.and_then(|record| match &record.scheme {
            Scheme::Digest(digest) => Some(digest.clone()),
            _ => None,
        }),
    };
    file.to_toml().map_err(ApiError::internal)
}

/// Returns an ID for a name: `Acme Shop (v2)` becomes `acme-shop-v2`.
fn kebab(name: &str) -> String {
    let mapped: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = mapped.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-").chars().take(40).collect::<String>().trim_end_matches('-').to_owned()
}
