//! Events of OpenAPI documents: `webhooks` (3.1), `x-webhooks` (before 3.1), or else the callbacks of the operations.

use serde_json::Value;

use super::{Document, entries, text};
use crate::{definitions::Definitions, import::DescribedEvent};

const METHODS: [&str; 8] = ["post", "put", "patch", "get", "delete", "head", "options", "trace"];

pub(super) fn events(
    number: usize,
    document: &Document,
    definitions: &mut Definitions<'_>,
    into: &mut Vec<DescribedEvent>,
) {
    let before = into.len();
    for (name, item) in entries(&document.value, "webhooks").chain(entries(&document.value, "x-webhooks")) {
        into.extend(event(number, name, item, definitions));
    }
    if into.len() > before {
        return;
    }
    for (_, path) in entries(&document.value, "paths") {
        let (number, path) = definitions.resolved(number, path);
        for operation in METHODS.iter().filter_map(|method| path.get(method)) {
            for (name, callback) in entries(operation, "callbacks") {
                let (number, callback) = definitions.resolved(number, callback);
                let items = callback.as_object().into_iter().flatten();
                into.extend(items.filter_map(|(_, item)| event(number, name, item, definitions)));
            }
        }
    }
}

/// Returns the event of a path item.
fn event(number: usize, name: &str, item: &Value, definitions: &mut Definitions<'_>) -> Option<DescribedEvent> {
    let (number, item) = definitions.resolved(number, item);
    let operation = METHODS.iter().find_map(|method| item.get(method))?;
    let body = operation.get("requestBody").map(|body| definitions.resolved(number, body));
    let content = body.and_then(|(_, body)| body.get("content")?.as_object());
    let is_json = |media_type: &str| media_type.contains("json");
    let media = content.and_then(|content| {
        content.iter().find(|(media_type, _)| is_json(media_type)).or_else(|| content.iter().next()).map(|(_, one)| one)
    });
    let body_number = body.map_or(number, |(number, _)| number);
    let schema = media.and_then(|media| media.get("schema")).map(|schema| definitions.copied(body_number, schema));
    let named = media.and_then(|media| media.get("examples")?.as_object()?.values().next());
    let named = named.and_then(|example| definitions.resolved(body_number, example).1.get("value"));
    let example = media.and_then(|media| media.get("example")).or(named).cloned();
    Some(DescribedEvent {
        name: name.to_owned(),
        about: about(operation).to_owned(),
        schema,
        example,
        headers: headers(number, [item, operation], definitions),
    })
}

/// Returns the summary of an operation, or the description if it is shorter.
fn about(operation: &Value) -> &str {
    let (summary, description) = (text(operation, &["summary"]), text(operation, &["description"]));
    match description.is_empty() || (1..=description.len()).contains(&summary.len()) {
        true => summary,
        false => description,
    }
}

/// Returns the header parameters of a path item and its operation, each with its only value or its example.
fn headers(number: usize, of: [&Value; 2], definitions: &Definitions<'_>) -> Vec<(String, Option<String>)> {
    let parameters = of.into_iter().filter_map(|one| one.get("parameters")?.as_array()).flatten();
    let parameters = parameters.map(|parameter| definitions.resolved(number, parameter).1);
    let headers = parameters.filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some("header"));
    headers
        .filter_map(|header| {
            let schema = header.get("schema").map(|schema| definitions.resolved(number, schema).1);
            let one = schema.and_then(crate::import::only_value).or_else(|| header.get("example"));
            Some((header.get("name")?.as_str()?.to_owned(), one.and_then(Value::as_str).map(str::to_owned)))
        })
        .collect()
}
