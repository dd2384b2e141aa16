//! Events of AsyncAPI documents: the messages of all channels (2.x and 3.x).

use serde_json::Value;

use super::{Document, entries, text};
use crate::{definitions::Definitions, import::DescribedEvent};

pub(super) fn events(
    number: usize,
    document: &Document,
    definitions: &mut Definitions<'_>,
    into: &mut Vec<DescribedEvent>,
) {
    for (channel, item) in entries(&document.value, "channels") {
        let (number, item) = definitions.resolved(number, item);
        // Version 3: the messages of the channel by name.
        for (name, one) in entries(item, "messages") {
            message(number, name, one, definitions, into);
        }
        // Version 2: one message per direction, or several in `oneOf`.
        for operation in ["publish", "subscribe"].iter().filter_map(|direction| item.get(direction)) {
            let Some(one) = operation.get("message") else { continue };
            let (at, target) = definitions.resolved(number, one);
            match target.get("oneOf").and_then(Value::as_array) {
                Some(several) => several.iter().for_each(|one| message(at, channel, one, definitions, into)),
                None => message(number, channel, one, definitions, into),
            }
        }
    }
}

/// Adds the event of a message. A message without a name is named by its reference, else by `key`.
fn message(
    number: usize,
    key: &str,
    reference: &Value,
    definitions: &mut Definitions<'_>,
    into: &mut Vec<DescribedEvent>,
) {
    let (number, message) = definitions.resolved(number, reference);
    let last = reference.get("$ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next());
    let name = Some(text(message, &["name", "messageId"])).filter(|name| !name.is_empty()).or(last).unwrap_or(key);
    // The same message can be published and received, and be part of several channels.
    if into.iter().any(|event| event.name == name) {
        return;
    }
    // Version 3: a payload of another format than AsyncAPI's is in `schema`. Version 2: the message names the format.
    let payload = message.get("payload").map(|payload| {
        let (at, target) = definitions.resolved(number, payload);
        match target.get("schemaFormat") {
            Some(format) => (at, target.get("schema").unwrap_or(&Value::Bool(true)), Some(format)),
            None => (number, payload, message.get("schemaFormat")),
        }
    });
    // Avro and Protobuf are not JSON Schema.
    let is_json = |format: Option<&Value>| {
        let format = format.and_then(Value::as_str).unwrap_or("aai.asyncapi");
        ["aai.asyncapi", "schema+json", "schema+yaml", "openapi"].iter().any(|known| format.contains(known))
    };
    let payload = payload.filter(|(_, _, format)| is_json(*format));
    let examples = message.get("examples").and_then(Value::as_array);
    into.push(DescribedEvent {
        name: name.to_owned(),
        about: text(message, &["title", "summary", "description"]).to_owned(),
        schema: payload.map(|(at, payload, _)| definitions.copied(at, payload)),
        example: examples.and_then(|examples| examples.iter().find_map(|one| one.get("payload"))).cloned(),
        headers: Vec::new(),
    });
}
