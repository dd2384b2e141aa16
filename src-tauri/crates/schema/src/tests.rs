//! Tests of inferred schemas and of the generated code.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn learned(bodies: &[Value]) -> InferredSchema {
    let mut shape = InferredSchema::default();
    for (row, body) in bodies.iter().enumerate() {
        shape.learn(body, Sighting { row: row as i64 + 1, us: row as i64 });
    }
    shape
}

fn drift(bodies: &[Value]) -> Vec<(i64, String, ChangeKind)> {
    learned(bodies).drift.into_iter().map(|drift| (drift.seen.row, drift.path, drift.what)).collect()
}

#[test]
fn reports_the_path_and_request_of_changes() {
    let first = json!({ "id": 1, "user": { "name": "Ann", "tags": ["a"] } });
    assert_eq!(drift(&[first.clone(), first.clone()]), []);
    assert_eq!(
        drift(&[
            first.clone(),
            json!({ "id": "1", "user": { "name": null, "tags": [] } }),
            json!({ "id": 2, "user": { "tags": [1], "new key": {"deep": 1} }, "items": [{ "a": 1 }, { "b": 1 }] }),
            first.clone(),
        ]),
        [
            (2, "id".into(), ChangeKind::NewType { value_type: Type::String, before: vec![Type::Integer] }),
            (2, "user.name".into(), ChangeKind::NewType { value_type: Type::Null, before: vec![Type::String] }),
            (3, "user.tags[*]".into(), ChangeKind::NewType { value_type: Type::Integer, before: vec![Type::String] }),
            (3, "user.\"new key\"".into(), ChangeKind::NewField { value_type: Type::Object }),
            (3, "user.name".into(), ChangeKind::Missing),
            (3, "items".into(), ChangeKind::NewField { value_type: Type::Array }),
        ]
    );
    let gone = drift(&[first.clone(), json!({ "user": {} }), json!({ "user": {} })]);
    let missing: Vec<&str> = gone.iter().map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(missing, ["user.name", "user.tags", "id"], "reported once, where first missing");
}

#[test]
fn detects_formats_and_enumerations() {
    let body = |n: usize| {
        json!({
            "at": format!("2026-01-{:02}T08:00:00Z", n % 28 + 1), "day": "2026-01-01", "id": uuid::Uuid::from_u128(n as u128),
            "mail": format!("a{n}@example.com"), "url": "https://a.example/x", "ip": "192.0.2.1",
            "status": if n.is_multiple_of(2) { "open" } else { "closed" }, "text": format!("t{n}"), "sometimes": "1", "empty": "",
        })
    };
    let shape = learned(&(0..200).map(body).collect::<Vec<_>>());
    let format = |key: &str| shape.root.properties[key].format;
    assert_eq!(
        ["at", "day", "id", "mail", "url", "ip", "text"].map(format),
        [
            Some(TextFormat::DateTime),
            Some(TextFormat::Date),
            Some(TextFormat::Uuid),
            Some(TextFormat::Email),
            Some(TextFormat::Uri),
            Some(TextFormat::Ipv4),
            None
        ]
    );
    assert_eq!(shape.root.properties["status"].enumerated("status"), Some(vec!["closed", "open"]));
    assert_eq!(shape.root.properties["text"].enumerated("text"), None);
    assert_eq!(learned(&[json!({ "s": "open" })]).root.properties["s"].enumerated("s"), None, "too few values");
}

#[test]
fn excludes_personal_data_from_enumerations() {
    const WHO: [&str; 4] = ["Amélie Fournier", "Hanna Lindqvist", "amelie", "+49 170 1234567"];
    let body = |n: usize| json!({ "customer": WHO[n % 2], "who": WHO[n % 2], "first_name": WHO[2], "call": WHO[3], "state": "open" });
    let shape = learned(&(0..300).map(body).collect::<Vec<_>>());
    for code in [Code::Typescript, Code::JsonSchema] {
        let text = shape.code(code, "x");
        assert!(text.contains("open") && WHO.iter().all(|who| !text.contains(who)), "{text}");
    }
}

#[test]
fn converts_data_keys_to_a_map_and_limits_the_size() {
    let users: serde_json::Map<String, Value> = (0..200).map(|n| (format!("user-{n}"), json!({ "n": n }))).collect();
    let shape = learned(&[json!({ "users": users })]);
    let any = shape.root.properties["users"].any.as_deref().expect("a map");
    assert_eq!((any.count, any.properties["n"].of(Type::Integer)), (200, 200));
    assert!(shape.code(Code::Typescript, "x").contains("Record<string, {"));
    let mut shape = InferredSchema::default();
    for n in 0..2_000_i64 {
        let deep = (0..40)
            .fold(json!(n), |inner, level| json!({ format!("k{}", (n * 7 + level) % 50): inner, format!("j{n}"): 1 }));
        shape.learn(&deep, Sighting { row: n, us: n });
    }
    assert!(shape.root.places() <= PLACES_MAX && shape.drift.len() <= DRIFT_KEPT, "{}", shape.root.places());
}

fn body() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("id".to_owned()),
        Just("type".into()),
        Just("class".into()),
        Just("self".into()),
        Just("String".into()),
        Just("a-b".into()),
        Just("a_b".into()),
        Just("2nd".into()),
        Just("É\"\\\n".into()),
        Just(String::new()),
        "[a-f]{1,2}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!(1.5)),
        "[a-c]{0,2}".prop_map(Value::from),
        Just(json!("2026-01-01T00:00:00Z")),
        Just(json!("a@b.example")),
        Just(json!("https://a.example/")),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn accepts_every_learned_body(bodies in prop::collection::vec(body(), 1..30)) {
        let shape = learned(&bodies);
        let schema: Value = serde_json::from_str(&shape.code(Code::JsonSchema, "a.b")).expect("JSON");
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
        for body in &bodies {
            prop_assert!(validator.is_valid(body), "{} {}", schema, body);
        }
        let stored: InferredSchema = serde_json::from_str(&serde_json::to_string(&shape).expect("serializable")).expect("parsable");
        prop_assert_eq!(stored, shape);
    }
}
