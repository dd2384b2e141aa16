//! Tests of the import over whole documents.

use std::sync::Arc;

use hookbench_provider::{
    EventFile, SchemaEvent,
    sample::{Seeds, filled},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Document, Import, Validators, import};

fn imported(documents: &[(&str, &str)]) -> Import {
    let documents: Vec<Document> = documents
        .iter()
        .map(|(name, text)| Document::parse(name, text).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect();
    import(&documents).unwrap_or_else(|error| panic!("{error}"))
}

fn names(import: &Import) -> Vec<&str> {
    import.file.events.iter().map(|event| event.name.as_str()).collect()
}

fn seeds(seed: u64, event: &str) -> Seeds<'_> {
    Seeds { seed, step: 0, event, id: "7d4f0b0c-7a60-4a39-8a3b-0f2d5a1c9e11", now_ms: 1_767_225_600_000 }
}

/// Returns the violations of a payload, as text.
fn violations(file: &EventFile, event_type: &str, payload: &Value) -> Option<Vec<String>> {
    let found = Validators::default().violations(&Arc::new(file.clone()), event_type, payload)?;
    Some(found.iter().map(ToString::to_string).collect())
}

/// Requires that the sample of every event matches the schema of the event, for several seeds.
fn samples_match(file: &EventFile) {
    for event in &file.events {
        for seed in 0..5 {
            let sample = filled(&event.sample.value(), &seeds(seed, event.sent_as()));
            let found = violations(file, event.sent_as(), &sample);
            assert!(found.as_ref().is_none_or(Vec::is_empty), "{}: {found:?} {sample:#}", event.name);
        }
    }
}

const SHOP: &str = r##"
openapi: 3.1.0
info: { title: Acme Shop, version: "1" }
webhooks:
  orderPaid:
    post:
      summary: An order was paid.
      parameters:
        - { name: webhook-id, in: header, schema: { type: string } }
      requestBody:
        content:
          application/json:
            schema: { $ref: "#/components/schemas/OrderPaid" }
  orderRefunded:
    post:
      description: An order was refunded. Only paid orders can be refunded.
      requestBody: { $ref: "#/components/requestBodies/Refunded" }
components:
  requestBodies:
    Refunded:
      content:
        application/json:
          schema: { $ref: "#/components/schemas/OrderRefunded" }
          example: { id: evt_1, type: order.refunded, data: { id: 1, total: 1.5, currency: EUR } }
  schemas:
    Event:
      type: object
      required: [id, type]
      properties:
        id: { type: string, pattern: "^evt_[a-z0-9]{8,}$|^evt_1$" }
        type: { type: string }
        created: { type: string, format: date-time }
    OrderPaid:
      allOf:
        - $ref: "#/components/schemas/Event"
        - type: object
          required: [data]
          properties:
            type: { const: order.paid }
            data: { $ref: "#/components/schemas/Order" }
    OrderRefunded:
      allOf:
        - $ref: "#/components/schemas/Event"
        - { type: object, properties: { type: { enum: [order.refunded] }, data: { $ref: "#/components/schemas/Order" } } }
    Order:
      type: object
      required: [id, total, currency]
      properties:
        id: { type: integer, minimum: 1 }
        total: { type: number, exclusiveMinimum: 0 }
        currency: { type: string, minLength: 3, maxLength: 3 }
        email: { type: [string, "null"], format: email }
        parent: { $ref: "#/components/schemas/Order" }
        lines: { type: array, minItems: 2, items: { type: object, properties: { sku: { type: string, pattern: "^[A-Z]{2}-\\d+$" } }, required: [sku] } }
"##;

#[test]
fn imports_webhooks_of_openapi() {
    let import = imported(&[("shop.yaml", SHOP)]);
    assert_eq!(import.warnings, Vec::<String>::new());
    assert_eq!(import.title.as_deref(), Some("Acme Shop"));
    assert_eq!(
        (import.event_type.as_deref(), import.event_id.as_deref()),
        (Some("json:type"), Some("header:webhook-id"))
    );
    assert_eq!(names(&import), ["order.paid", "order.refunded"]);
    assert_eq!(import.file.events[0].about, "An order was paid");
    assert_eq!(import.file.events[1].about, "An order was refunded");
    samples_match(&import.file);
    // The example of the document is used, because it matches the schema.
    assert_eq!(import.file.events[1].sample.value()["data"]["total"], 1.5);
    // The same seed gives the same values, and another seed gives other ones.
    let paid = import.file.events[0].sample.value();
    let fill = |seed| filled(&paid, &seeds(seed, "order.paid"));
    assert_eq!(fill(1), fill(1));
    assert_ne!(fill(1)["data"]["id"], fill(2)["data"]["id"]);
    // The file can be stored and read again.
    let text = serde_json::to_string(&import.file).expect("JSON");
    let again = EventFile::parse(&text).expect("a valid file");
    assert_eq!(serde_json::to_string(&again).expect("JSON"), text);
}

#[test]
fn reports_what_differs_and_where() {
    let file = imported(&[("shop.yaml", SHOP)]).file;
    let order = json!({ "id": "evt_1", "type": "order.paid", "data": {
        "id": 0, "total": "12", "currency": "EURO", "email": null, "lines": [{ "sku": "AB-1" }, { "sku": "x" }] } });
    let mut found = violations(&file, "order.paid", &order).expect("a schema");
    found.sort();
    assert_eq!(
        found,
        [
            "`data.currency`: \"EURO\" is longer than 3 characters.",
            "`data.id`: 0 is less than the minimum of 1.",
            "`data.lines[1].sku`: \"x\" does not match \"^[A-Z]{2}-\\d+$\".",
            "`data.total`: \"12\" is not of type \"number\".",
        ]
    );
    assert_eq!(
        violations(&file, "order.paid", &json!({ "id": "evt_1", "type": "order.paid" })),
        Some(vec!["The field \"data\" is missing.".to_owned()])
    );
    assert_eq!(violations(&file, "order.unknown", &json!({})), None);
}

#[test]
fn imports_x_webhooks_and_callbacks_of_openapi_3_0() {
    let document = json!({ "openapi": "3.0.3", "info": { "title": "T" }, "x-webhooks": { "user_created": { "post": {
        "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/User" } } } } } } },
        "components": { "schemas": {
            "User": { "type": "object", "required": ["id", "team", "age"], "properties": {
                "id": { "type": "string", "format": "uuid" },
                "team": { "allOf": [{ "$ref": "#/components/schemas/Team" }], "nullable": true },
                "age": { "type": "integer", "nullable": true, "minimum": 0, "exclusiveMinimum": true } } },
            "Team": { "type": "object", "properties": { "name": { "type": "string", "example": "Sales" } } } } } });
    let import = imported(&[("t.json", &document.to_string())]);
    assert_eq!((names(&import), import.warnings.len()), (vec!["user_created"], 0));
    assert_eq!(import.file.events[0].sample.value()["team"]["name"], "Sales");
    samples_match(&import.file);
    for (value, expected) in [
        (json!({ "id": "a", "team": null, "age": null }), 0),
        (json!({ "id": "a", "team": { "name": "x" }, "age": 1 }), 0),
        (json!({ "id": "a", "team": 1, "age": 0 }), 2),
    ] {
        let found = violations(&import.file, "user_created", &value).expect("a schema");
        assert_eq!(found.len(), expected, "{value}: {found:?}");
    }
    let callbacks = json!({ "openapi": "3.0.0", "paths": { "/subscribe": { "post": { "callbacks": { "jobDone": {
        "{$request.body#/url}": { "post": { "requestBody": { "content": { "application/json": {
            "schema": { "type": "object", "properties": { "state": { "enum": ["done"] } } } } } } } } } } } } } });
    assert_eq!(names(&imported(&[("c.json", &callbacks.to_string())])), ["jobDone"]);
}

#[test]
fn names_events_by_type_and_action() {
    let event = |action: &str| {
        json!({ "post": { "requestBody": { "content": { "application/json": { "schema": {
            "type": "object", "required": ["action"], "properties": { "action": { "type": "string", "enum": [action] } } } } } } } })
    };
    let document = json!({ "openapi": "3.1.0", "webhooks": {
        "pull-request-opened": event("opened"), "pull-request-auto-merge-enabled": event("auto_merge_enabled"),
        "pull-request-was-closed": event("close"), "push": { "post": {} } } });
    let import = imported(&[("g.json", &document.to_string())]);
    let found: Vec<_> = import
        .file
        .events
        .iter()
        .map(|event| (event.name.as_str(), event.sent_as(), event.action.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            ("pull_request.opened", "pull_request", Some("opened")),
            ("pull_request.auto_merge_enabled", "pull_request", Some("auto_merge_enabled")),
            ("pull_request.close", "pull_request", Some("close")),
            ("push", "push", None),
        ]
    );
    let check = |action: Value| violations(&import.file, "pull_request", &json!({ "action": action }));
    assert_eq!(check(json!("opened")), Some(Vec::new()));
    let unknown = check(json!("moved")).expect("a schema");
    assert!(unknown[0].contains("\"moved\" is not an action of pull_request"), "{unknown:?}");
    assert_eq!(violations(&import.file, "push", &json!({})), None, "an event without a schema is not validated");
}

#[test]
fn imports_messages_of_asyncapi() {
    let two = r##"
asyncapi: 2.6.0
channels:
  user/signedup:
    subscribe:
      message:
        oneOf:
          - $ref: "#/components/messages/UserSignedUp"
          - { name: user.left, payload: { type: object, properties: { id: { type: string } }, required: [id] } }
components:
  messages:
    UserSignedUp: { title: A user signed up, payload: { $ref: "#/components/schemas/User" }, examples: [{ payload: { id: u1 } }] }
  schemas:
    User: { type: object, properties: { id: { type: string } }, required: [id] }
"##;
    let import = imported(&[("two.yml", two)]);
    assert_eq!(names(&import), ["UserSignedUp", "user.left"]);
    assert_eq!(import.file.events[0].sample.value(), json!({ "id": "u1" }));
    samples_match(&import.file);
    let three = json!({ "asyncapi": "3.0.0", "channels": { "orders": { "messages": {
        "OrderPlaced": { "payload": { "schemaFormat": "application/schema+json;version=draft-07",
            "schema": { "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] } } } } } } });
    let import = imported(&[("three.json", &three.to_string())]);
    assert_eq!(names(&import), ["OrderPlaced"]);
    assert_eq!(violations(&import.file, "OrderPlaced", &json!({})).map(|found| found.len()), Some(1));
}

#[test]
fn imports_schemas_and_samples_of_a_folder() {
    let import = imported(&[
        (
            "order.created.schema.json",
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object",
            "properties":{"event":{"const":"order.created"},"order":{"$ref":"common.json#/definitions/order"}},"required":["event","order"]}"#,
        ),
        (
            "common.json",
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"order":{"type":"object",
            "required":["pair"],"properties":{"pair":{"type":"array","items":[{"type":"integer"},{"type":"string"}],"additionalItems":false}}}},
            "type":"object"}"#,
        ),
        ("order.shipped.json", r#"{"event":"order.shipped","order":{"pair":[1,"{{not a placeholder}}"]}}"#),
    ]);
    assert_eq!(names(&import), ["order.created", "order.shipped"]);
    assert_eq!(import.event_type.as_deref(), Some("json:event"));
    samples_match(&import.file);
    // Text that looks like a placeholder is not part of a sample.
    assert_eq!(import.file.events[1].sample.value(), json!({}));
    let wrong = json!({ "event": "order.created", "order": { "pair": [1, "a", 2] } });
    assert_eq!(violations(&import.file, "order.created", &wrong).map(|found| found.len()), Some(1));
    // A schema of alternatives describes an event with each.
    let one = json!({ "$schema": "x", "oneOf": [{ "$ref": "#/definitions/issues$opened" }, { "$ref": "#/definitions/ping" }],
        "definitions": { "issues$opened": { "type": "object", "properties": { "action": { "enum": ["opened"] } } }, "ping": { "type": "object" } } });
    let import = imported(&[("all.json", &one.to_string())]);
    assert_eq!(names(&import), ["issues.opened", "ping"]);
    assert_eq!(import.file.events[0].sent_as(), "issues");
    let index = (r#"index.json"#, r#"{"$schema":"x","oneOf":[{"$ref":"./user.left.json"},{"$ref":"user.came.json"}]}"#);
    let user = r#"{"$schema":"x","type":"object","required":["id"],"properties":{"id":{"type":"string"}}}"#;
    assert_eq!(
        names(&imported(&[index, ("user.left.json", user), ("user.came.json", user)])),
        ["user.left", "user.came"]
    );
}

#[test]
fn explains_documents_that_cannot_be_imported() {
    for (text, expected) in [
        ("{\"openapi\": \"3.1.0\",\n  \"webhooks\": {", "d.json is not valid JSON: EOF while parsing"),
        ("openapi: 3.1.0\n  webhooks: [", "d.json is not valid YAML:"),
        ("{\"swagger\": \"2.0\", \"paths\": {}}", "d.json describes no events. Hookbench reads OpenAPI"),
        ("[]", "describes no events"),
        ("just text", "describes no events"),
        ("", "describes no events"),
    ] {
        let result = Document::parse("d.json", text).and_then(|document| import(&[document]));
        let error = result.expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn survives_hostile_documents() {
    // A schema that requires itself has no finite payload. The import ends, and says that the sample does not match.
    let endless = json!({ "openapi": "3.1.0", "webhooks": { "a": { "post": { "requestBody": { "content": { "application/json": {
        "schema": { "$ref": "#/components/schemas/Self" } } } } } } }, "components": { "schemas": {
        "Self": { "type": "object", "required": ["next"], "properties": { "next": { "$ref": "#/components/schemas/Self" } } } } } });
    let import = imported(&[("e.json", &endless.to_string())]);
    assert!(import.warnings[0].starts_with("The generated sample of \"a\" does not match"), "{:?}", import.warnings);
    // References that lead to each other, to nowhere and outside, and values of wrong types everywhere.
    let odd = json!({ "openapi": 3, "webhooks": { "a": { "post": { "requestBody": { "content": { "application/json": { "schema": {
        "type": "object", "properties": { "x": { "$ref": "#/webhooks/b" }, "y": { "$ref": "/etc/passwd#/x" }, "$ref": { "type": "null" },
            "z": { "type": 7, "minimum": "a", "enum": 4, "pattern": "(", "items": 5, "required": true } }, "required": ["x", 4] } } } } } },
        "b": { "$ref": "#/webhooks/c" }, "c": { "$ref": "#/webhooks/b" }, "d": 4, "e": { "post": [] } } });
    let import = imported(&[("o.json", &odd.to_string())]);
    assert!(import.warnings.iter().any(|warning| warning.contains("/etc/passwd")), "{:?}", import.warnings);
    // A pattern that takes exponential time does not delay the validation, and says nothing about the value.
    let slow = json!({ "$schema": "x", "type": "object", "properties": { "a": { "type": "string", "pattern": "^(?=(a+)+$)b" } } });
    let file = imported(&[("slow.json", &slow.to_string())]).file;
    assert!(violations(&file, "slow", &json!({ "a": format!("{}!", "a".repeat(200)) })).is_some());
    // Deep nesting, in JSON and in YAML, and aliases that multiply.
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
    assert!(Document::parse("n.json", &nested("[", "]")).is_err());
    assert!(Document::parse("n.yaml", &format!("a: {}", nested("[", "]"))).is_err());
    let bomb: String =
        (1..12).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 10].join(", "))).collect();
    assert!(Document::parse("b.yaml", &format!("l0: &l0 x\n{bomb}")).is_err());
}

/// Returns schemas that have a payload.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({ "type": "string" })),
        (0..6_u64, 0..20_u64)
            .prop_map(|(low, more)| json!({ "type": "string", "minLength": low, "maxLength": low + more })),
        "[a-z]{1,3}".prop_map(|text| json!({ "enum": [text, null] })),
        prop::sample::select(vec!["^[a-z]{2,5}$", "^\\d{3}-[A-F]+$", "^(x|y)z?$", "."])
            .prop_map(|pattern| json!({ "type": "string", "pattern": pattern })),
        prop::sample::select(vec!["date-time", "date", "uuid", "email", "uri", "ipv4", "ipv6", "time", "hostname"])
            .prop_map(|format| json!({ "type": ["string", "null"], "format": format })),
        (-50..50_i64, 0..100_i64)
            .prop_map(|(low, more)| json!({ "type": "integer", "minimum": low, "maximum": low + more })),
        (1..9_i64).prop_map(|step| json!({ "type": "integer", "multipleOf": step, "minimum": -3 })),
        (-5.0..5.0_f64).prop_map(|low| json!({ "type": "number", "exclusiveMinimum": low })),
        (-5..5_i64).prop_map(|high| json!({ "type": "number", "maximum": high })),
        Just(json!({ "type": "boolean" })),
        Just(json!({ "type": "null" })),
        Just(json!(true)),
        Just(json!({})),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let field = (
            prop::sample::select(vec!["id", "name", "created_at", "email", "url", "a b", "x.y", "{{", "état"]),
            inner.clone(),
        );
        prop_oneof![
            (prop::collection::vec(field, 0..5), any::<bool>(), any::<bool>()).prop_map(
                |(fields, required, closed)| {
                    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
                    let names: std::collections::BTreeSet<&str> = names.into_iter().collect();
                    let properties: serde_json::Map<_, _> =
                        fields.into_iter().map(|(name, one)| (name.to_owned(), one)).collect();
                    let mut schema = json!({ "type": "object", "properties": properties });
                    if required {
                        schema["required"] = json!(names);
                    }
                    if closed {
                        schema["additionalProperties"] = json!(false);
                    }
                    schema
                }
            ),
            (inner.clone(), 0..4_u64)
                .prop_map(|(items, least)| json!({ "type": "array", "items": items, "minItems": least })),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|several| json!({ "anyOf": several })),
            inner.clone().prop_map(|one| json!({ "allOf": [one, {}] })),
            inner.prop_map(|one| json!({ "type": "object", "minProperties": 1, "additionalProperties": one })),
        ]
    })
}

proptest! {
    #[test]
    fn samples_match_their_schemas(schema in schema()) {
        let schema = json!({ "$schema": "x", "type": "object", "required": ["data"], "properties": { "data": schema } });
        let import = imported(&[("any.json", &schema.to_string())]);
        prop_assert!(import.warnings.is_empty(), "{:?} {schema}", import.warnings);
        samples_match(&import.file);
    }

    #[test]
    fn reads_any_text(text in "\\PC{0,200}", json in any::<bool>()) {
        let text = if json { format!("{{{text}") } else { text };
        if let Ok(document) = Document::parse("x", &text) {
            let _ = import(&[document]);
        }
    }
}

#[test]
fn an_event_without_a_schema_has_its_example() {
    let import = imported(&[("chat.closed.json", r#"{"event":"chat.closed","n":1}"#)]);
    let [SchemaEvent { name, schema: None, .. }] = import.file.events.as_slice() else { panic!("{:?}", import.file) };
    assert_eq!(name, "chat.closed");
}

/// Returns an OpenAPI document with one webhook for each payload schema.
fn webhooks(schemas: &[(&str, Value)]) -> String {
    let hooks: serde_json::Map<String, Value> = schemas
        .iter()
        .map(|(name, schema)| {
            let content = json!({ "application/json": { "schema": schema } });
            ((*name).to_owned(), json!({ "post": { "requestBody": { "content": content } } }))
        })
        .collect();
    json!({ "openapi": "3.1.0", "webhooks": hooks }).to_string()
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

#[test]
fn finds_the_field_that_tells_events_apart() {
    // A constant `type` beside the topic.
    let topic = |topic: &str| object(json!({ "type": { "const": "notification_event" }, "topic": { "const": topic } }));
    let import = imported(&[("a.json", &webhooks(&[("a", topic("user.created")), ("b", topic("user.deleted"))]))]);
    assert_eq!(
        (names(&import), import.event_type.as_deref()),
        (vec!["user.created", "user.deleted"], Some("json:topic"))
    );
    // A type with several actions.
    let action = |action: &str| object(json!({ "type": { "const": "Issue" }, "action": { "const": action } }));
    let import = imported(&[("a.json", &webhooks(&[("a", action("create")), ("b", action("update"))]))]);
    assert_eq!(
        (names(&import), import.event_type.as_deref()),
        (vec!["Issue.create", "Issue.update"], Some("json:type"))
    );
    for action in ["create", "update"] {
        let payload = json!({ "type": "Issue", "action": action });
        assert_eq!(violations(&import.file, "Issue", &payload), Some(Vec::new()), "{action}");
    }
    // One webhook for several types, and one for alternatives with a discriminator.
    let several = object(json!({ "type": { "enum": ["invoice.paid", "invoice.void"] }, "id": { "type": "string" } }));
    let import = imported(&[("a.json", &webhooks(&[("invoice", several)]))]);
    assert_eq!(names(&import), ["invoice.paid", "invoice.void"]);
    samples_match(&import.file);
    assert_eq!(import.file.events[1].sample.value()["type"], "invoice.void");
    let one_of = json!({ "oneOf": [object(json!({ "event": { "const": "a" } })), object(json!({ "event": { "const": "b" } }))] });
    assert_eq!(names(&imported(&[("a.json", &webhooks(&[("all", one_of)]))])), ["a", "b"]);
    // An event without a payload says nothing about the others.
    let import = imported(&[("a.json", r#"{"openapi":"3.1.0","webhooks":{"ping":{"post":{"summary":"hi"}}}}"#)]);
    assert_eq!((import.event_type, import.event_id), (None, None));
    // A header, written in different ways.
    let header = |name: &str, value: &str| {
        json!({ "parameters": [{ "in": "header", "name": name, "schema": { "type": "string" }, "example": value }],
            "post": { "requestBody": { "content": { "application/json": { "schema": { "type": "object" } } } } } })
    };
    let document = json!({ "openapi": "3.1.0", "webhooks": {
        "a": header("X-Topic", "orders/create"), "b": header("x-topic", "orders/delete") } });
    let import = imported(&[("a.json", &document.to_string())]);
    assert_eq!(
        (names(&import), import.event_type.as_deref()),
        (vec!["orders/create", "orders/delete"], Some("header:X-Topic"))
    );
}

#[test]
fn reads_yaml_as_openapi_requires_it() {
    let text = "$schema: x\ntype: object\nrequired: [type, n, y]\nproperties:\n  country: { enum: [DE, NO, off, 1_000] }\n  on: { const: yes }\n";
    let file = imported(&[("e.yaml", text)]).file;
    samples_match(&file);
    let payload = json!({ "type": 1, "n": 1, "y": 1, "country": "NO", "on": "yes" });
    assert_eq!(violations(&file, "e", &payload), Some(Vec::new()));
    assert_eq!(
        violations(&file, "e", &json!({ "type": 1, "y": 1 })),
        Some(vec!["The field \"n\" is missing.".to_owned()])
    );
    // A document of several megabytes.
    let large: String = (0..60_000).map(|n| format!("    p{n}: {{ type: string, maxLength: {n} }}\n")).collect();
    assert!(Document::parse("l.yaml", &format!("$schema: x\ntype: object\nproperties:\n{large}")).is_ok());
}

#[test]
fn translates_older_keywords_and_drops_only_what_it_cannot_evaluate() {
    let document = json!({ "openapi": "3.0.0", "x-webhooks": { "a": { "post": { "requestBody": { "content": { "application/json": {
        "schema": { "type": "object", "properties": {
            "one": { "nullable": true, "oneOf": [{ "$ref": "#/components/schemas/A" }, { "$ref": "#/components/schemas/B" }] },
            "any": { "nullable": true, "anyOf": [{ "$ref": "#/components/schemas/A" }] },
            "pet": { "oneOf": [{ "$ref": "#/components/schemas/A" }, { "type": "object" }], "discriminator": { "propertyName": "k" } },
            "slug": { "type": "string", "pattern": "^(?<y>\\d+)-\\k<z>$", "maxLength": 3 }, "x": { "type": "any" } },
            "dependencies": { "credit": ["billing"] } } } } } } } },
        "components": { "schemas": { "A": { "type": "object", "properties": { "k": { "type": "string" } } }, "B": { "type": "integer" } } } });
    let import = imported(&[("d.json", &document.to_string())]);
    assert!(import.warnings[0].starts_with("The pattern ") && import.warnings.len() == 1, "{:?}", import.warnings);
    let check = |payload: Value| violations(&import.file, "a", &payload).expect("a schema").len();
    assert_eq!(check(json!({ "one": null, "any": null, "pet": { "k": "a" }, "slug": "ab", "x": 1 })), 0);
    assert_eq!(check(json!({ "slug": "abcd", "credit": 1 })), 2);
}

#[test]
fn resolves_references_by_path() {
    let common = |kind: &str| object(json!({ "x": { "type": kind } })).to_string();
    let event = r#"{"$schema":"x","type":"object","properties":{"c":{"$ref":"../b/common%20one.json"},"d":{"$ref":"../a/common%20one.json#"}}}"#;
    let documents = [
        ("a/common one.json", common("integer")),
        ("b/common one.json", common("string")),
        ("events/c.json", event.into()),
    ];
    let documents: Vec<(&str, &str)> =
        documents.iter().map(|(name, text): &(&str, String)| (*name, text.as_str())).collect();
    let import = imported(&documents);
    assert_eq!(names(&import), ["c"]);
    let payload = json!({ "c": { "x": "text" }, "d": { "x": 1 } });
    assert_eq!(violations(&import.file, "c", &payload), Some(Vec::new()));
}

#[test]
fn bounds_samples_of_schemas_that_refer_to_each_other() {
    let all: Vec<String> = (0..20).map(|n| format!("S{n}")).collect();
    let one =
        || object(all.iter().map(|name| (name.clone(), json!({ "$ref": format!("#/definitions/{name}") }))).collect());
    let definitions: serde_json::Map<_, _> = all.iter().map(|name| (name.clone(), one())).collect();
    let text = json!({ "$schema": "x", "$ref": "#/definitions/S0", "definitions": definitions }).to_string();
    let file = imported(&[("wide.json", &text)]).file;
    samples_match(&file);
    assert!(file.events[0].sample.value().to_string().len() < 200_000);
}

#[test]
fn tells_schemas_samples_and_definitions_apart() {
    let import = imported(&[
        ("a.json", r#"{"title":"A","properties":{"event":{"type":"string"}},"required":["event"]}"#),
        ("b.json", r##"{"$ref":"#/definitions/B","definitions":{"B":{"type":"object","required":["id"]}}}"##),
        ("c.json", r#"{"event":"track","properties":{"plan":"pro","seats":3}}"#),
        ("d.json", r#"{"definitions":{"D":{"type":"object"}}}"#),
    ]);
    let with_schema: Vec<_> =
        import.file.events.iter().map(|event| (event.name.as_str(), event.schema.is_some())).collect();
    assert_eq!(with_schema, [("a", true), ("b", true), ("c", false)]);
}

#[test]
fn a_payload_with_many_differences_is_bounded() {
    let schema = object(
        json!({ "list": { "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": "^(a+)+$" } } }),
    );
    let file = imported(&[("many.json", &json!({ "$schema": "x", "allOf": [schema] }).to_string())]).file;
    for list in [json!(vec![1; 400_000]), json!((0..80_000).map(|n| format!("aaaaaaaa{n}")).collect::<Vec<_>>())] {
        assert_eq!(violations(&file, "many", &json!({ "list": list })).map(|found| found.len()), Some(20));
    }
}
