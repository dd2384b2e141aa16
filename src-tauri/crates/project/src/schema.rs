//! JSON Schema of project files, for editors.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::ProjectFile;

/// Returns the JSON Schema (2020-12) of project files. A text can be a reference everywhere.
pub fn schema() -> Value {
    let mut named = Vec::new();
    ProjectFile::schemas(&mut named);
    let mut definitions: Map<String, Value> =
        named.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default())).collect();
    definitions.sort_keys();
    let mut whole = serde_json::to_value(ProjectFile::schema()).unwrap_or_default();
    whole["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    whole["title"] = json!("Project file of Hookbench");
    whole["$defs"] = Value::Object(definitions);
    let text = |description: &str| json!({ "type": "string", "description": description });
    whole["$defs"]["EndpointSettings"]["properties"]["secret"] =
        text("Signing secret, such as `{ env = \"STAGING_SECRET\" }`. Default: Hookbench generates a secret.");
    allow_references(&mut whole);
    whole["$defs"]["ProjectReference"] = json!({
        "description": "A value that is not in the file.",
        "oneOf": [
            { "type": "object", "required": ["env"], "additionalProperties": false,
              "properties": { "env": text("Name of an environment variable.") } },
            { "type": "object", "required": ["file"], "additionalProperties": false,
              "properties": { "file": text("Path of a file in the folder of the project.") } },
            { "type": "object", "required": ["command"], "additionalProperties": false, "properties": { "command": {
                "type": "array", "minItems": 1, "items": { "type": "string" },
                "description": "A program and its arguments. Their output is the value."
            } } },
        ],
    });
    whole
}

/// Lets every text be a reference, and makes references to definitions local.
fn allow_references(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(allow_references);
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                *reference = reference.replace("#/components/schemas/", "#/$defs/");
            }
            let is_text = match members.get("type") {
                Some(Value::String(kind)) => kind == "string",
                Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
                _ => false,
            };
            if is_text && !members.contains_key("enum") && !members.contains_key("const") {
                let description = members.remove("description");
                let text = std::mem::take(members);
                members.extend(description.map(|description| ("description".to_owned(), description)));
                members.insert("anyOf".into(), json!([text, { "$ref": "#/$defs/ProjectReference" }]));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(allow_references),
        _ => {}
    }
}
