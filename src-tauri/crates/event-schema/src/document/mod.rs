//! Documents in which vendors describe their events.

mod asyncapi;
mod openapi;
mod schema;

use serde_json::{Map, Value};

use crate::{definitions::Definitions, import::DescribedEvent};

/// Size of the largest documents, in bytes.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Maximum number of events of one import.
const EVENTS_MAX: usize = 5_000;

/// A parsed JSON or YAML document.
#[derive(Debug, Clone)]
pub struct Document {
    /// File name or last part of the URL, which other documents refer to.
    pub name: String,
    /// Content.
    pub(crate) value: Value,
}

/// Document that cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is neither JSON nor YAML.
    #[error("{name} is not valid {format}: {reason}")]
    Syntax {
        /// Name of the document.
        name: String,
        /// Expected format.
        format: &'static str,
        /// Reason, with line and column.
        reason: String,
    },
    /// The documents describe no events.
    #[error(
        "{0} describes no events. Hookbench reads OpenAPI (`webhooks`, `x-webhooks` or `callbacks`), AsyncAPI, JSON \
         Schemas and sample payloads."
    )]
    NoEvents(String),
    /// The documents describe too many events.
    #[error("The documents describe more than {EVENTS_MAX} events. Import fewer files.")]
    TooMany,
}

impl Document {
    /// Parses a document. Text that begins with `{` or `[` is JSON, other text is YAML.
    ///
    /// # Errors
    ///
    /// Returns an error with line and column if the text is invalid.
    pub fn parse(name: &str, text: &str) -> Result<Self, DocumentError> {
        let text = text.trim_start_matches('\u{feff}');
        let wrong = |format, reason: String| DocumentError::Syntax { name: name.to_owned(), format, reason };
        let value = match text.trim_start().starts_with(['{', '[']) {
            true => serde_json::from_str(text).map_err(|error| wrong("JSON", error.to_string()))?,
            false => serde_saphyr::from_str_with_options(text, yaml())
                .map_err(|error| wrong("YAML", first_line(&error.to_string())))?,
        };
        Ok(Self { name: name.to_owned(), value })
    }

    /// Returns the file name without extensions.
    fn stem(&self) -> &str {
        stem(self.name.rsplit(['/', '\\']).next().unwrap_or_default())
    }
}

/// Returns a file name without extensions: `order.paid.schema.json` becomes `order.paid`.
fn stem(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.strip_suffix(".schema").unwrap_or(stem)
}

/// Returns the options of the YAML parser: YAML 1.2 as OpenAPI requires it, in which `no` and `on` are texts, and limits
/// for documents of [`BYTES_MAX`].
fn yaml() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: BYTES_MAX / 4,
            max_events: BYTES_MAX / 2,
            max_total_scalar_bytes: BYTES_MAX,
            max_depth: 100,
        },
    }
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

/// Returns the title of the API that a document describes.
pub(crate) fn title(documents: &[Document]) -> Option<String> {
    let of = |pointer: &str| documents.iter().find_map(|document| document.value.pointer(pointer)?.as_str());
    let own = || of("/title").filter(|_| documents.len() == 1);
    let title = of("/info/title").or_else(own)?;
    Some(title.trim().to_owned()).filter(|title| !title.is_empty())
}

/// Returns the events that the documents describe.
pub(crate) fn events(
    documents: &[Document],
    definitions: &mut Definitions<'_>,
) -> Result<Vec<DescribedEvent>, DocumentError> {
    let mut events = Vec::new();
    let referenced = definitions.referenced();
    for (number, document) in documents.iter().enumerate() {
        let has = |key: &str| document.value.get(key).is_some();
        match () {
            () if has("openapi") || has("swagger") => openapi::events(number, document, definitions, &mut events),
            () if has("asyncapi") => asyncapi::events(number, document, definitions, &mut events),
            // A file that others refer to contains shared definitions.
            () if referenced.contains(&number) => {}
            () => schema::events(number, document, definitions, &mut events),
        }
        if events.len() > EVENTS_MAX {
            return Err(DocumentError::TooMany);
        }
    }
    match events.is_empty() {
        true => {
            Err(DocumentError::NoEvents(documents.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ")))
        }
        false => Ok(events),
    }
}

/// Returns the entries of an object in an object.
fn entries<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn text<'v>(value: &'v Value, keys: &[&str]) -> &'v str {
    keys.iter().filter_map(|key| value.get(key)?.as_str()).find(|text| !text.trim().is_empty()).unwrap_or_default()
}
