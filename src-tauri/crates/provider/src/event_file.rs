//! Event files: events of a vendor with schemas, as an import writes them. An event file extends a provider file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{EventType, Provider, Sample, Sending};

/// Extension of the name of an event file. The rest of the name is the ID of the provider.
pub const EVENT_FILE_EXTENSION: &str = ".events.json";

/// Events of a vendor with their schemas, in JSON Schema 2020-12.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventFile {
    /// Name of the document that the events were imported from.
    pub source: String,
    /// Events, in the order of the document.
    pub events: Vec<SchemaEvent>,
    /// Schemas that the events refer to as `#/$defs/NAME`. They stay text, because most of them are never used.
    #[serde(rename = "$defs", default)]
    pub definitions: BTreeMap<String, Box<RawValue>>,
}

/// Event of an event file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaEvent {
    /// Name of the event, unique within the file: the type, followed by the action if there is one.
    pub name: String,
    /// Event type as sent by the vendor. Default: the name.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Value of the field `action` of this event, for vendors that send several events under one type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Short description.
    #[serde(default)]
    pub about: String,
    /// Sample payload with placeholders.
    pub sample: Sample,
    /// Schema of the payload. Absent if the event was imported from a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Box<RawValue>>,
}

impl SchemaEvent {
    /// Returns the event type as sent by the vendor.
    pub fn sent_as(&self) -> &str {
        self.kind.as_deref().unwrap_or(&self.name)
    }
}

impl EventFile {
    /// Parses an event file.
    ///
    /// # Errors
    ///
    /// Returns an error with line and column if the text is invalid.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Samples are not parsed here, because the files of all providers are loaded at start.
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Adds the events to those of the provider. They replace the events of the provider file with the same type, whose
    /// samples are shorter than the payloads that the vendor sends.
    pub(crate) fn extend(&self, provider: &mut Provider) {
        let signed = !provider.schemes.is_empty();
        let sending =
            provider.sending.get_or_insert_with(|| Sending { signed, more_events: true, ..Sending::default() });
        let types: BTreeSet<&str> = self.events.iter().map(SchemaEvent::sent_as).collect();
        sending.events.retain(|event| !types.contains(event.kind.as_str()));
        sending.events.extend(self.events.iter().map(|event| EventType {
            kind: event.name.clone(),
            sent_as: event.kind.clone(),
            about: event.about.clone(),
            sample: event.sample.clone(),
            stated: Vec::new(),
        }));
    }
}
