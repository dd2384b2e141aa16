//! Events of JSON Schemas and of sample payloads, one file for each event. A schema that consists of alternatives, such
//! as `oneOf`, describes an event with each.

use serde_json::{Map, Value};

use super::{Document, stem, text};
use crate::{definitions::Definitions, import::DescribedEvent};

/// Maximum depth of alternatives in alternatives.
const DEPTH_MAX: usize = 4;

pub(super) fn events(
    number: usize,
    document: &Document,
    definitions: &mut Definitions<'_>,
    into: &mut Vec<DescribedEvent>,
) {
    match is_schema(&document.value) {
        true => schema(number, document.stem(), &document.value, 0, definitions, into),
        // Shared definitions are not an event.
        false if is_definitions(&document.value) => {}
        false if document.value.is_object() => into.push(DescribedEvent {
            name: document.stem().to_owned(),
            about: String::new(),
            schema: None,
            example: Some(document.value.clone()),
            headers: Vec::new(),
        }),
        false => {}
    }
}

fn is_definitions(value: &Value) -> bool {
    let keys = value.as_object().into_iter().flat_map(Map::keys);
    keys.clone().count() > 0
        && keys.clone().all(|key| ["definitions", "$defs", "$id", "title", "description"].contains(&key.as_str()))
        && keys.clone().any(|key| key == "definitions" || key == "$defs")
}

fn is_schema(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    let is_type = |value: &Value| value.as_str().is_some_and(|text| text == "object") || value.is_array();
    // A sample can have a field `properties` too.
    let is_property = |value: &Value| {
        ["type", "$ref", "enum", "const", "oneOf", "anyOf", "allOf", "properties"]
            .iter()
            .any(|key| value.get(key).is_some())
    };
    let described = |properties: &Map<String, Value>| !properties.is_empty() && properties.values().all(is_property);
    let properties = value.get("properties").and_then(Value::as_object);
    has("$schema")
        || properties.is_some_and(|own| described(own) || value.get("type").is_some_and(is_type))
        || has("$ref")
        || ["oneOf", "anyOf", "allOf"].iter().any(|key| value.get(key).is_some_and(Value::is_array))
}

fn schema(
    number: usize,
    name: &str,
    value: &Value,
    depth: usize,
    definitions: &mut Definitions<'_>,
    into: &mut Vec<DescribedEvent>,
) {
    let (at, target) = definitions.resolved(number, value);
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| target.get(key)?.as_array());
    // Alternatives beside own properties are forms of one event.
    let several = alternatives.filter(|_| depth < DEPTH_MAX && target.get("properties").is_none());
    if let Some(several) = several {
        for (place, one) in several.iter().enumerate() {
            let last = one.get("$ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next());
            // `issues$opened` is the name of an event and its action in a schema of GitHub's events.
            let own = match last {
                // A reference to a whole file.
                Some(last) if !one["$ref"].as_str().unwrap_or_default().contains('#') => stem(last).to_owned(),
                Some(last) => last.replace('$', "."),
                None => format!("{name}-{}", place + 1),
            };
            schema(at, &own, one, depth + 1, definitions, into);
        }
        return;
    }
    into.push(DescribedEvent {
        name: name.to_owned(),
        about: text(target, &["title", "description"]).to_owned(),
        schema: Some(definitions.copied(number, value)),
        example: None,
        headers: Vec::new(),
    });
}
