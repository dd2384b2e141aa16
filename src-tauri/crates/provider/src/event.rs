//! Extraction of event type and event id from a message, and recognition of the vendor.

use std::{fmt, str::FromStr};

use hookbench_signature::{ParsedMessage, Place, Source};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Catalog, Provider};

/// Maximum length of an event type or id, in characters. Longer values are ignored.
const VALUE_MAX: usize = 200;

/// Maximum length of a subject, in characters. A longer subject is truncated.
const SUBJECT_MAX: usize = 120;

/// Locations whose values belong together, written as `json:type+json:action`. At least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places(Vec<Source>);

impl FromStr for Places {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split('+').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"))
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Places {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Places {
    /// Returns the locations.
    pub fn sources(&self) -> &[Source] {
        &self.0
    }

    /// Returns the values joined by a full stop, or `None` if a value is missing.
    fn value(&self, reading: &ParsedMessage<'_>) -> Option<String> {
        let values: Vec<String> = self.0.iter().map(|source| source.value(reading)).collect::<Option<_>>()?;
        let value = values.join(".");
        (!value.is_empty() && value.chars().count() <= VALUE_MAX).then_some(value)
    }

    /// Returns the values joined by a middle dot and without control characters, or `None` if a value is missing.
    fn subject(&self, reading: &ParsedMessage<'_>) -> Option<String> {
        let values: Vec<String> = self.0.iter().map(|source| source.value(reading)).collect::<Option<_>>()?;
        let values: Vec<_> = values.iter().map(|value| value.trim()).collect();
        if values.iter().any(|value| value.is_empty()) {
            return None;
        }
        let line = values.join(" · ");
        Some(line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT_MAX).collect())
    }

    fn there(&self, reading: &ParsedMessage<'_>) -> bool {
        self.0.iter().all(|source| source.is_in(reading))
    }
}

/// Provider, event type, event id and subject of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recognized {
    /// Provider id.
    pub provider: Option<String>,
    /// Event type.
    pub event_type: Option<String>,
    /// Event id.
    pub event_id: Option<String>,
    /// Values that tell a person what the event is about.
    pub subject: Option<String>,
}

impl Provider {
    /// Returns event type, event id and subject from the locations that this vendor uses.
    pub fn read(&self, reading: &ParsedMessage<'_>) -> Recognized {
        let first = |places: &[Places]| places.iter().find_map(|place| place.value(reading));
        Recognized {
            provider: Some(self.id.clone()),
            event_type: first(&self.event_type),
            event_id: first(&self.event_id),
            subject: self.subject.iter().find_map(|places| places.subject(reading)),
        }
    }

    /// Returns headers in lower case, at least one of which every message of this vendor has. Empty if the vendor is
    /// recognized by the body only.
    pub(crate) fn hint_headers(&self) -> Vec<String> {
        let first = self.recognize.iter().flat_map(|places| &places.0).find(|source| source.place == Place::Header);
        first.map_or_else(Vec::new, |source| source.name.split('|').map(str::to_ascii_lowercase).collect())
    }

    fn sent(&self, reading: &ParsedMessage<'_>) -> bool {
        !self.recognize.is_empty() && self.recognize.iter().all(|place| place.there(reading))
    }
}

/// Returns event type and id of a CloudEvent (cloudevents.io, HTTP protocol binding 1.0.2): from the headers in binary
/// mode, from the JSON in structured mode, and from the first event of a batch.
fn cloud_event(reading: &ParsedMessage<'_>) -> Option<(String, Option<String>)> {
    let value = |place: &str| place.parse::<Source>().ok()?.value(reading);
    let short = |text: &String| !text.is_empty() && text.chars().count() <= VALUE_MAX;
    let of = |kind: &str, id: &str| Some((value(kind).filter(short)?, value(id).filter(short)));
    if value("header:ce-specversion").is_some() {
        return of("header:ce-type", "header:ce-id");
    }
    let structured =
        |at: &str| value(&format!("json:{at}specversion")).is_some() && value(&format!("json:{at}source")).is_some();
    match () {
        () if structured("") => of("json:type", "json:id"),
        () if structured("[].") => of("json:[].type", "json:[].id"),
        () => None,
    }
}

impl Recognized {
    /// Extracts event type and id from the locations of the provider, or from a CloudEvent if the provider has no event
    /// type.
    pub fn read(provider: Option<&Provider>, reading: &ParsedMessage<'_>) -> Self {
        let mut recognized = provider.map(|provider| provider.read(reading)).unwrap_or_default();
        if recognized.event_type.is_none()
            && let Some((event_type, event_id)) = cloud_event(reading)
        {
            recognized.event_type = Some(event_type);
            recognized.event_id = recognized.event_id.or(event_id);
        }
        recognized
    }
}

impl Catalog {
    /// Returns the provider that the message matches. Of several, the provider with the most conditions is returned.
    pub fn recognize(&self, reading: &ParsedMessage<'_>) -> Option<&Provider> {
        self.candidates(&reading.message()).filter(|provider| provider.sent(reading)).max_by_key(|provider| {
            // Many vendors use the generic scheme, so a more specific provider has precedence.
            (provider.recognize.len(), !["standard-webhooks", "svix"].contains(&provider.id.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use hookbench_signature::Message;

    use super::*;

    fn read(provider: Option<&str>, headers: &[(&str, &str)], body: &str) -> (Option<String>, Option<String>) {
        let (catalog, _) = Catalog::load([]);
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: body.as_bytes() };
        let provider = provider.map(|id| catalog.get(id).expect("known provider"));
        let read = Recognized::read(provider, &ParsedMessage::lenient(&message));
        (read.event_type, read.event_id)
    }

    fn both(event_type: &str, event_id: &str) -> (Option<String>, Option<String>) {
        (Some(event_type.into()), Some(event_id.into()))
    }

    #[test]
    fn reads_cloud_events_without_a_provider() {
        let event = r#"{"specversion":"1.0","type":"a.b","source":"/s","id":"7"}"#;
        let binary = [("ce-specversion", "1.0"), ("ce-type", "a.b"), ("ce-id", "7"), ("ce-source", "/s")];
        assert_eq!(read(None, &binary, "{}"), both("a.b", "7"));
        assert_eq!(read(None, &[("Content-Type", "application/cloudevents+json")], event), both("a.b", "7"));
        assert_eq!(read(None, &[], &format!("[{event},{event}]")), both("a.b", "7"));
        assert_eq!(read(None, &[], r#"{"type":"a.b","id":"7"}"#), (None, None));
    }

    #[test]
    fn reads_events_in_all_body_formats() {
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        assert_eq!(
            read(Some("stripe"), &[], "\u{feff}{\"type\":\"invoice.paid\",\"id\":\"evt_1\"}"),
            both("invoice.paid", "evt_1")
        );
        assert_eq!(
            read(Some("stripe"), &[], "{\"type\":\"invoice.paid\",\"n\":NaN,\"id\":\"evt_1\"}"),
            both("invoice.paid", "evt_1")
        );
        assert_eq!(read(Some("auth0"), &[], "{\"log_id\":\"9\",\"data\":{\"type\":\"sapi\"}}"), both("sapi", "9"));
        assert_eq!(
            read(Some("auth0"), &[], "{\"log_id\":\"9\",\"data\":{\"type\":\"sapi\"}}\n{\"log_id\":\"10\"}\n"),
            both("sapi", "9")
        );
        assert_eq!(read(Some("auth0"), &[], "[{\"log_id\":\"9\",\"data\":{\"type\":\"sapi\"}}]"), both("sapi", "9"));
        let slack = read(Some("slack"), &[form], "payload=%7B%22type%22%3A%22block_actions%22%7D");
        assert_eq!(slack.0.as_deref(), Some("block_actions"));
    }
}
