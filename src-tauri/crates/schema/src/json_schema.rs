//! Output of a schema as JSON Schema 2020-12.

use serde_json::{Map, Value, json};

use super::node::{Node, Type};

/// Returns the schema as formatted JSON.
pub(super) fn write(root: &Node, title: &str) -> String {
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), title.into());
    schema.extend(of(root, ""));
    let mut text = serde_json::to_string_pretty(&Value::Object(schema)).unwrap_or_default();
    text.push('\n');
    text
}

fn of(node: &Node, key: &str) -> Map<String, Value> {
    let mut schema = Map::new();
    // In JSON Schema, integers are numbers, so `number` covers both.
    let types: Vec<&Type> =
        node.types.keys().filter(|one| **one != Type::Integer || node.of(Type::Number) == 0).collect();
    match types[..] {
        [] => return schema,
        [one] => schema.insert("type".into(), json!(one)),
        _ => schema.insert("type".into(), json!(types)),
    };
    if let Some(values) = node.enumerated(key) {
        let mut values: Vec<Value> = values.into_iter().map(Value::from).collect();
        // The list is complete, so values of other types are not allowed.
        if types.iter().all(|one| matches!(one, Type::String | Type::Null)) {
            values.extend((node.of(Type::Null) > 0).then_some(Value::Null));
            schema.insert("enum".into(), values.into());
        }
    }
    if let Some(format) = node.format {
        schema.insert("format".into(), json!(format));
    }
    if node.of(Type::Array) > 0 {
        schema.insert("items".into(), node.items.as_deref().map_or(Value::Bool(true), |items| of(items, key).into()));
    }
    if let Some(any) = &node.any {
        schema.insert("additionalProperties".into(), of(any, "").into());
    } else if !node.properties.is_empty() {
        let properties: Map<String, Value> =
            node.properties.iter().map(|(key, property)| (key.clone(), of(property, key).into())).collect();
        let required: Vec<&String> =
            node.properties.iter().filter(|(_, property)| node.always(property)).map(|(key, _)| key).collect();
        schema.insert("properties".into(), properties.into());
        if !required.is_empty() {
            schema.insert("required".into(), json!(required));
        }
    }
    schema
}
