//! Completion of the OpenAPI document with tags, examples, and responses that all operations share.

use serde_json::{Map, Value, json};

/// Names and descriptions of the tags.
const TAGS: &[(&str, &str)] = &[
    ("inboxes", "Inboxes, which capture requests, and their responses."),
    ("requests", "Captured requests, their bodies, and refused requests."),
    ("signature", "Verify, sign and explain signatures, and detect the scheme of an unknown sender."),
    ("diff", "Comparison of two requests."),
    ("search", "The query language and saved searches."),
    ("schemas", "Schemas of JSON bodies, inferred from captured requests."),
    ("providers", "Vendors: their signatures, handshakes and events."),
    ("endpoints", "Endpoints, which receive events as a vendor sends them."),
    ("events", "Send and list events."),
    ("deliveries", "Deliveries of events, forwards and replays, with every attempt."),
    ("scenarios", "Scenarios: sequences of events."),
    ("scenario-runs", "Runs of scenarios: their events and deliveries."),
    ("replays", "Replays of captured requests."),
    ("checks", "Checks of a webhook handler."),
    ("projects", "Projects: the resources that project files manage."),
    ("tunnels", "Tunnels, which expose inboxes to the internet."),
    ("import-export", "Import and export."),
    ("jobs", "Long-running jobs and their progress."),
    ("settings", "Settings."),
    ("status", "Status of the listener and the database."),
    ("feed", "The event stream."),
];

/// Names, descriptions and examples of path parameters.
const PARAMETERS: &[(&str, &str, &str)] = &[
    ("inbox", "Name of the inbox.", "shop"),
    ("index", "Position of the part, from 0.", "0"),
    ("number", "Number of the attempt, from 1.", "1"),
];

/// ID for examples.
const ID: &str = "01a22946-25ef-7318-9002-e30b762c2d0c";

/// Maximum nesting depth of generated examples.
const DEPTH_MAX: usize = 6;

/// Returns the document as JSON, completed for every operation.
pub(crate) fn finished(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    open_composed(&mut document["components"]["schemas"]);
    let schemas = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            finish(operation, path, &schemas);
        }
    }
    document["servers"] = json!([{
        "url": "http://127.0.0.1:4666",
        "description": "Local HTTP API. `engine.json` in the data folder contains the address.",
    }]);
    document["components"]["securitySchemes"] = json!({ "token": {
        "type": "http", "scheme": "bearer",
        "description": "Content of the file `token` in the data folder. To replace the token, delete the file and restart.",
    } });
    document["security"] = json!([{ "token": [] }]);
    document["tags"] =
        TAGS.iter().map(|(name, description)| json!({ "name": name, "description": description })).collect();
    document
}

/// Replaces references to closed schemas in composed schemas by their content. A closed schema (`additionalProperties:
/// false`) describes a request body, and would reject the other properties of a response that contains it.
fn open_composed(schemas: &mut Value) {
    let closed = schemas.clone();
    for schema in schemas.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
            let name = part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
            if closed[name]["additionalProperties"] == false {
                *part = closed[name].clone();
                part.as_object_mut().map(|part| part.remove("additionalProperties"));
            }
        }
    }
}

fn finish(operation: &mut Value, path: &str, schemas: &Map<String, Value>) {
    let tag = operation["tags"][0].as_str().unwrap_or_default().to_owned();
    if operation["description"].is_null() {
        operation["description"] = operation["summary"].clone();
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["in"] != "path" {
            continue;
        }
        let name = parameter["name"].as_str().unwrap_or_default();
        let (description, example) = of_parameter(name, &tag, path);
        parameter["example"] = match parameter["schema"]["type"].as_str() {
            Some("integer") => example.parse::<u64>().unwrap_or_default().into(),
            _ => example.into(),
        };
        if parameter["description"].is_null() {
            parameter["description"] = description.into();
        }
    }
    if let Some(content) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut) {
        examples(content, schemas);
    }
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        if response.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
            response["description"] = meaning(status).into();
        }
        if status.starts_with('2')
            && let Some(content) = response.get_mut("content").and_then(Value::as_object_mut)
        {
            examples(content, schemas);
        }
    }
    // Every route can respond with an error for a missing token, an internal error or a database failure.
    let error = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
    let mut usual = vec!["401", "500", "503"];
    if operation["parameters"].as_array().is_some_and(|all| !all.is_empty()) {
        usual.push("400");
    }
    if operation["requestBody"].is_object() {
        usual.extend(["400", "413", "415", "422"]);
    }
    for status in usual {
        let response = &mut operation["responses"][status];
        if response.is_null() {
            *response = json!({ "description": meaning(status), "content": error });
        }
    }
}

fn of_parameter(name: &str, tag: &str, path: &str) -> (String, String) {
    if let Some((_, description, example)) = PARAMETERS.iter().find(|(known, ..)| *known == name) {
        return ((*description).to_owned(), (*example).to_owned());
    }
    match (name, tag) {
        ("name", "search") => ("Name of the saved search.".into(), "Unpaid".into()),
        ("name", _) => ("Name of the inbox.".into(), "shop".into()),
        ("id", "providers") => ("ID of the provider.".into(), "stripe".into()),
        ("id", "checks") => ("ID of the check run.".into(), ID.into()),
        ("id", "scenarios") => ("ID of the scenario.".into(), "support-chat".into()),
        ("id", _) => {
            let parts: Vec<&str> = path.split('/').collect();
            let list = parts.iter().position(|part| *part == "{id}").and_then(|at| parts.get(at.checked_sub(1)?));
            (format!("ID, as returned in the list of {}.", list.unwrap_or(&"these")), ID.into())
        }
        _ => (format!("The {name}."), "1".into()),
    }
}

/// Returns the description of a status.
fn meaning(status: &str) -> &'static str {
    match status {
        "200" => "Success.",
        "201" => "Created.",
        "202" => "Started. The work continues after this response.",
        "204" => "Success, without a body.",
        "206" => "The requested range.",
        "400" => "The request could not be parsed.",
        "401" => "The token is missing or wrong.",
        "404" => "Not found. `code` identifies the missing resource, such as `inbox_not_found`.",
        "409" => "The current state does not allow the request. `code` contains the reason.",
        "410" => "No longer available.",
        "413" => "The request is too large.",
        "415" => "The request is not JSON.",
        "416" => "The range is outside the body.",
        "422" => "A value is invalid. `message` contains the value and the allowed values. Nothing was changed.",
        "500" => "Internal error. Please report the error with the log.",
        "502" => "A relay or an SSH host could not be reached.",
        "503" => "The database cannot be read or written.",
        "507" => "The disk is full.",
        _ => "See `code`.",
    }
}

/// Adds an example to each content type, generated from the schema.
fn examples(content: &mut Map<String, Value>, schemas: &Map<String, Value>) {
    for (kind, content) in content {
        if !content["example"].is_null() || !content["examples"].is_null() {
            continue;
        }
        content["example"] = match (kind.as_str(), &content["schema"]) {
            (_, Value::Null) => "…".into(),
            (kind, schema) if kind.contains("json") => example(schema, "", schemas, 0),
            _ => "…".into(),
        };
    }
}

/// Returns a value that a schema allows. An object contains the required fields, or all fields if none is required and
/// the nesting is shallow.
fn example(schema: &Value, name: &str, schemas: &Map<String, Value>, depth: usize) -> Value {
    if let Some(found) = schema["$ref"].as_str().and_then(|path| schemas.get(path.rsplit('/').next()?)) {
        return example(found, name, schemas, depth + 1);
    }
    for given in ["example", "default"] {
        if !schema[given].is_null() {
            return schema[given].clone();
        }
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    if !schema["const"].is_null() {
        return schema["const"].clone();
    }
    for several in ["oneOf", "anyOf"] {
        let usable = |schema: &&Value| schema["type"] != "null";
        if let Some(first) = schema[several].as_array().and_then(|all| all.iter().find(usable)) {
            return example(first, name, schemas, depth + 1);
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in all {
            if let Value::Object(fields) = example(part, name, schemas, depth + 1) {
                whole.extend(fields);
            }
        }
        return whole.into();
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    match kinds.iter().find(|kind| **kind != "null").copied() {
        Some("object") | None if schema["properties"].is_object() => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let fields = schema["properties"].as_object().into_iter().flatten();
            let shown = |field: &str| required.contains(&field) || (required.is_empty() && depth < 2);
            fields
                .filter(|(field, _)| shown(field))
                .map(|(field, schema)| (field.clone(), example(schema, field, schemas, depth + 1)))
                .collect::<Map<_, _>>()
                .into()
        }
        Some("object") => json!({}),
        Some("array") if depth >= DEPTH_MAX => json!([]),
        Some("array") if schema["prefixItems"].is_array() => schema["prefixItems"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| example(item, name, schemas, depth + 1))
            .collect(),
        Some("array") => json!([example(&schema["items"], name, schemas, depth + 1)]),
        Some("boolean") => true.into(),
        Some("integer" | "number") => schema["minimum"].as_i64().map_or(1, |least| least.max(1)).into(),
        Some("string") => text(schema, name).into(),
        _ => Value::Null,
    }
}

/// Returns an example string for a field, chosen by format and name.
fn text(schema: &Value, name: &str) -> String {
    match (schema["format"].as_str(), name) {
        (Some("date-time"), _) => "2026-11-29T21:46:32.815547Z",
        (Some("uuid"), _) | (_, "id" | "request" | "event" | "endpoint" | "replay" | "a" | "b") => ID,
        (_, "url" | "to") => "https://app.example/webhooks",
        (_, "name" | "inbox" | "was") => "shop",
        (_, "provider") => "stripe",
        (_, "type" | "event_type" | "kind") => "invoice.paid",
        (_, "method") => "POST",
        (_, "target" | "path") => "/shop/webhooks",
        (_, "remote_address") => "127.0.0.1:40472",
        (_, "address" | "listen") => "127.0.0.1:4665",
        (_, "query" | "when") => "event:invoice.paid",
        _ => "text",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::document;

    /// Nouns that schema names start with.
    const NOUNS: &[&str] = &[
        "Attempt",
        "Backlog",
        "Backup",
        "Body",
        "Change",
        "Check",
        "CodeSample",
        "Database",
        "Deletion",
        "Delivery",
        "Diagnosis",
        "Diff",
        "Endpoint",
        "Error",
        "Event",
        "Exposure",
        "Feed",
        "File",
        "Forward",
        "Header",
        "Http",
        "Import",
        "Inbox",
        "Job",
        "Listener",
        "Outgoing",
        "Path",
        "Pipeline",
        "Project",
        "Provider",
        "Query",
        "ReSign",
        "Refusal",
        "Replay",
        "Request",
        "Response",
        "Retention",
        "SavedSearch",
        "Scenario",
        "Schema",
        "Search",
        "Sequence",
        "Settings",
        "SideEffect",
        "Signature",
        "Stage",
        "Status",
        "Timeline",
        "Tunnel",
        "Verification",
    ];

    #[test]
    fn schema_names_start_with_their_resource() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let next_is_a_word = |name: &str, noun: &str| {
            name.strip_prefix(noun).is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_lowercase()))
        };
        let others: Vec<&String> =
            schemas.keys().filter(|name| !NOUNS.iter().any(|noun| next_is_a_word(name, noun))).collect();
        assert!(others.is_empty(), "{others:?}");
        assert!(schemas.len() > 100, "{}", schemas.len());
    }

    #[test]
    fn tags_variants_with_type_or_state() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let mut variants = 0;
        for (name, schema) in schemas {
            for variant in schema["oneOf"].as_array().into_iter().flatten() {
                let tags = variant["properties"].as_object().into_iter().flatten().filter(|(_, property)| {
                    property["enum"].as_array().is_some_and(|values| values.len() == 1) || property["const"].is_string()
                });
                for (tag, _) in tags {
                    variants += 1;
                    assert!(tag == "type" || tag == "state", "{name}: {tag}");
                }
            }
        }
        assert!(variants > 20, "{variants}");
    }

    #[test]
    fn every_operation_has_a_summary_and_an_example() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
        assert!(document["servers"][0]["url"].is_string());
        let tags: Vec<&str> =
            document["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
        let mut operations = 0;
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                operations += 1;
                let whole = operation.to_string();
                for field in ["summary", "description", "operationId"] {
                    assert!(operation[field].as_str().is_some_and(|text| text.len() > 3), "{method} {path}: {field}");
                }
                assert!(tags.contains(&operation["tags"][0].as_str().unwrap_or_default()), "{method} {path}");
                assert!(whole.contains("\"example\":"), "{method} {path} has no example");
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    assert!(parameter["description"].is_string(), "{method} {path}: {parameter}");
                }
                for (status, response) in operation["responses"].as_object().expect("responses") {
                    let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
                    assert!(described, "{method} {path}: {status}");
                }
            }
        }
        assert!(operations > 100, "{operations}");
    }
}
