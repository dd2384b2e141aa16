//! Sample payloads that are generated from schemas. The values that vary are placeholders of [`hookbench_provider::sample`].

use std::{cell::Cell, collections::BTreeMap};

use hookbench_model::RequestViolation;
use hookbench_provider::sample::{Seeds, filled};
use serde_json::{Map, Value, json};

use crate::{
    import::{DescribedEvent, only_value, target},
    pattern,
    validate::{compile, violations},
};

/// Depth up to which optional fields are generated.
const OPTIONAL_DEPTH: usize = 6;

/// Depth below which a value is as small as possible. Schemas can refer to themselves.
const DEPTH_MAX: usize = 24;

/// Number of values after which a sample gets only required fields. Schemas that refer to each other describe payloads of
/// any size.
const VALUES_MAX: usize = 4_000;

/// Maximum length of a generated text, in characters.
const TEXT_MAX: u64 = 10_000;

/// Beginnings of placeholders whose values have the same length.
const FIXED_LENGTH: [&str; 3] = ["{{hex ", "{{uuid ", "{{iso_s "];

/// Maximum number of generated items of a list.
const ITEMS_MAX: u64 = 20;

/// Way of generating. If a sample does not match its schema, the next way is tried: documents contain examples that their
/// own schema does not allow, and alternatives that exclude each other.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// True to use the examples and defaults of the schema.
    examples: bool,
    /// True to generate optional fields.
    optional: bool,
    /// Alternative that is chosen of `oneOf` and `anyOf`. The last one if there are fewer.
    alternative: usize,
}

const WAYS: &[Way] = &[
    Way { examples: true, optional: true, alternative: 0 },
    Way { examples: false, optional: true, alternative: 0 },
    Way { examples: false, optional: false, alternative: 0 },
    Way { examples: false, optional: true, alternative: 1 },
    Way { examples: false, optional: false, alternative: 1 },
    Way { examples: false, optional: false, alternative: 2 },
];

/// Seeds of the sample that is validated.
const SEEDS: Seeds<'_> =
    Seeds { seed: 1, step: 0, event: "event", id: "3f1c2a9e-8d47-4b0e-9c55-d0a1b2c3d4e5", now_ms: 1_767_225_600_000 };

/// Returns the sample of an event, and a violation if the sample does not match the schema.
pub(crate) fn sample(
    event: &DescribedEvent,
    definitions: &BTreeMap<String, Value>,
) -> (Value, Option<RequestViolation>) {
    let example = event.example.as_ref().filter(|example| is_plain(example));
    let Some(schema) = &event.schema else { return (example.cloned().unwrap_or_else(|| json!({})), None) };
    let validator = compile(schema.clone(), |name| definitions.get(name).cloned());
    let fault = |sample: &Value| match &validator {
        Some(validator) => violations(validator, &filled(sample, &SEEDS)).into_iter().next(),
        None => Some(RequestViolation { path: String::new(), message: "The schema is invalid.".into() }),
    };
    let mut first = None;
    let generated =
        WAYS.iter().map(|way| Generator { definitions, way: *way, made: Cell::new(0) }.value(schema, "", 0));
    for sample in example.cloned().into_iter().chain(generated) {
        match fault(&sample) {
            None => return (sample, None),
            fault => drop(first.get_or_insert((sample, fault))),
        }
    }
    first.unwrap_or_default()
}

/// Returns true if no text of the value could be mistaken for a placeholder.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains("{{"),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(fields) => fields.values().all(is_plain),
        _ => true,
    }
}

struct Generator<'d> {
    definitions: &'d BTreeMap<String, Value>,
    way: Way,
    /// Number of generated values.
    made: Cell<usize>,
}

impl Generator<'_> {
    /// Generates a value for the field at a path.
    fn value(&self, schema: &Value, path: &str, depth: usize) -> Value {
        self.made.set(self.made.get() + 1);
        let schema = self.flat(schema, 0);
        if let Some(one) = only_value(&Value::Object(schema.clone())).filter(|one| is_plain(one)) {
            return one.clone();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let default = schema.get("default").filter(|default| values.contains(default));
            let types = schema.get("type");
            let mut allowed = values.iter().filter(|value| has_type(value, types));
            let chosen = default.or_else(|| allowed.clone().find(|value| !value.is_null())).or_else(|| allowed.next());
            return chosen.filter(|value| is_plain(value)).cloned().unwrap_or_default();
        }
        if self.way.examples {
            let examples = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
            let mut given = examples.chain(schema.get("default")).filter(|value| is_plain(value) && !is_empty(value));
            if let Some(example) = given.find(|value| has_type(value, schema.get("type"))) {
                return example.clone();
            }
        }
        match kind(&schema) {
            "object" => self.object(&schema, path, depth),
            "array" => self.array(&schema, path, depth),
            "string" => text(&schema, path),
            "integer" => number(&schema, path, true),
            "number" => number(&schema, path, false),
            "boolean" => placeholder("bool", path, ""),
            _ => Value::Null,
        }
    }

    /// Merges a schema with the schemas that it refers to and combines: `$ref`, `allOf`, and one of the alternatives.
    fn flat(&self, schema: &Value, depth: usize) -> Map<String, Value> {
        let Some(own) = schema.as_object() else { return Map::new() };
        let mut merged = Map::new();
        if depth > DEPTH_MAX {
            return merged;
        }
        if own.contains_key("$ref") {
            merge(&mut merged, self.flat(target(schema, self.definitions), depth + 1));
        }
        for part in own.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            merge(&mut merged, self.flat(part, depth + 1));
        }
        let plain = own.iter().filter(|(key, _)| !["$ref", "allOf", "oneOf", "anyOf"].contains(&key.as_str()));
        merge(&mut merged, plain.map(|(key, value)| (key.clone(), value.clone())).collect());
        for alternatives in ["oneOf", "anyOf"].iter().filter_map(|key| own.get(*key)?.as_array()) {
            let is_null = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("null");
            let several: Vec<&Value> = alternatives.iter().filter(|one| !is_null(one)).collect();
            let chosen = several.get(self.way.alternative).or(several.last()).copied().or(alternatives.first());
            merge(&mut merged, chosen.map(|one| self.flat(one, depth + 1)).unwrap_or_default());
        }
        merged
    }

    fn object(&self, schema: &Map<String, Value>, path: &str, depth: usize) -> Value {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut fields = Map::new();
        let optional = self.way.optional && depth < OPTIONAL_DEPTH && self.made.get() < VALUES_MAX;
        for (name, property) in properties.into_iter().flatten() {
            let is_required = required.contains(&name.as_str());
            if property == &Value::Bool(false) || !is_required && (!optional || self.made.get() >= VALUES_MAX) {
                continue;
            }
            fields.insert(name.clone(), self.field(property, path, name, depth));
        }
        for name in required {
            if !fields.contains_key(name) {
                let any = schema.get("additionalProperties").cloned().unwrap_or_default();
                fields.insert(name.to_owned(), self.field(&any, path, name, depth));
            }
        }
        let least = schema.get("minProperties").and_then(Value::as_u64).unwrap_or_default().min(ITEMS_MAX);
        let other = schema.get("additionalProperties").filter(|other| other.is_object());
        for number in 1.. {
            if fields.len() as u64 >= least {
                break;
            }
            let name = format!("key_{number}");
            fields.insert(name.clone(), self.field(other.unwrap_or(&Value::Bool(true)), path, &name, depth));
        }
        Value::Object(fields)
    }

    fn field(&self, schema: &Value, path: &str, name: &str, depth: usize) -> Value {
        if depth > DEPTH_MAX || self.made.get() > 2 * VALUES_MAX {
            return smallest(&self.flat(schema, 0));
        }
        let inner = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        self.value(schema, &inner, depth + 1)
    }

    fn array(&self, schema: &Map<String, Value>, path: &str, depth: usize) -> Value {
        let of = |key: &str| schema.get(key).and_then(Value::as_u64);
        let tuple = schema.get("prefixItems").and_then(Value::as_array);
        let mut items: Vec<Value> = tuple
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(place, one)| self.field(one, path, &place.to_string(), depth))
            .collect();
        let usual = u64::from(depth < OPTIONAL_DEPTH && self.way.optional && self.made.get() < VALUES_MAX);
        let wanted = of("minItems").unwrap_or(usual).min(of("maxItems").unwrap_or(ITEMS_MAX)).min(ITEMS_MAX);
        let item = schema.get("items").filter(|items| *items != &Value::Bool(false));
        while (items.len() as u64) < wanted && (item.is_some() || tuple.is_none()) {
            let place = items.len().to_string();
            items.push(self.field(item.unwrap_or(&Value::Bool(true)), path, &place, depth));
        }
        Value::Array(items)
    }
}

/// Adds the keywords of a schema that must be met as well.
fn merge(into: &mut Map<String, Value>, other: Map<String, Value>) {
    for (key, value) in other {
        match (key.as_str(), into.get_mut(&key)) {
            ("properties", Some(Value::Object(known))) => {
                for (name, property) in value.as_object().into_iter().flatten() {
                    let both = match known.get(name) {
                        Some(Value::Bool(false)) => Value::Bool(false),
                        _ if property == &Value::Bool(false) => Value::Bool(false),
                        Some(other) if other != property => json!({ "allOf": [other, property] }),
                        _ => property.clone(),
                    };
                    known.insert(name.clone(), both);
                }
            }
            ("required", Some(Value::Array(known))) => {
                let further: Vec<Value> =
                    value.as_array().into_iter().flatten().filter(|name| !known.contains(name)).cloned().collect();
                known.extend(further);
            }
            ("enum", Some(Value::Array(known))) => {
                known.retain(|one| value.as_array().is_none_or(|values| values.contains(one)));
            }
            ("type", Some(known)) => *known = both_types(known, value),
            _ => drop(into.insert(key, value)),
        }
    }
}

/// Returns the types that both lists contain. Lists that contradict each other give the second.
fn both_types(one: &Value, other: Value) -> Value {
    let list = |types: &Value| types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
    let of_other = list(&other);
    let both: Vec<Value> = list(one).into_iter().filter(|name| of_other.contains(name)).collect();
    if both.is_empty() { other } else { Value::Array(both) }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn has_type(value: &Value, types: Option<&Value>) -> bool {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |one: &Value| one == name || one == "number" && name == "integer";
    match types {
        None => true,
        Some(Value::Array(types)) => types.iter().any(is),
        Some(one) => is(one),
    }
}

/// Returns the type of the generated value: the first that is allowed, or the one that the keywords are about.
fn kind(schema: &Map<String, Value>) -> &str {
    match schema.get("type") {
        Some(Value::String(one)) => one,
        Some(Value::Array(types)) => {
            types.iter().filter_map(Value::as_str).find(|one| *one != "null").unwrap_or("null")
        }
        _ if schema.contains_key("properties") || schema.contains_key("required") => "object",
        _ if schema.contains_key("items") || schema.contains_key("prefixItems") => "array",
        _ if schema.contains_key("minimum") || schema.contains_key("maximum") => "number",
        _ => "string",
    }
}

/// Returns the smallest value of a type.
fn smallest(schema: &Map<String, Value>) -> Value {
    match kind(schema) {
        _ if has_type(&Value::Null, schema.get("type")) => Value::Null,
        "object" => json!({}),
        "array" => json!([]),
        "boolean" => json!(false),
        "integer" | "number" => json!(0),
        _ => json!(""),
    }
}

/// Returns a placeholder. Its name is the path of the object, so the same object has the same value in all events.
fn placeholder(kind: &str, path: &str, rest: &str) -> Value {
    // A name must not contain white space or braces, and a name that begins with `+` is different for each event.
    let name: String = path.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let name = if name.is_empty() { "value" } else { &name };
    let inside = format!("{kind} {name} {rest}");
    Value::String(format!("{{{{{}}}}}", inside.trim_end()))
}

fn last(path: &str) -> &str {
    path.rsplit('.').find(|part| !part.chars().all(|c| c.is_ascii_digit())).unwrap_or_default()
}

fn text(schema: &Map<String, Value>, path: &str) -> Value {
    let key = last(path);
    let lower = key.to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| lower.ends_with(end));
    let plain = lower.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let url = format!("https://example.com/{}", plain.trim_matches('-'));
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let example = || schema.get("pattern").and_then(Value::as_str).and_then(pattern::example);
    let generated = match format {
        _ if schema.contains_key("pattern") => example().map_or_else(|| json!(key), Value::from),
        "date-time" => placeholder("iso_s", path, ""),
        "date" => json!("2026-01-15"),
        "time" => json!("10:30:00Z"),
        "duration" => json!("PT1H"),
        "uuid" => placeholder("uuid", path, ""),
        "email" | "idn-email" => placeholder("email", path, ""),
        "hostname" | "idn-hostname" => json!("example.com"),
        "ipv4" => json!("192.0.2.1"),
        "ipv6" => json!("2001:db8::1"),
        "uri" | "iri" | "url" | "uri-template" => json!(url),
        "uri-reference" | "iri-reference" | "json-pointer" => json!(format!("/{plain}")),
        "byte" => json!("aGVsbG8="),
        _ if ends(&["_id", "guid", "uuid"]) || lower == "id" || key.ends_with("Id") => placeholder("hex", path, "24"),
        _ if ends(&["_at", "_on", "timestamp"]) || key.ends_with("At") => placeholder("iso_s", path, ""),
        _ if ends(&["email"]) => placeholder("email", path, ""),
        _ if ends(&["phone"]) => placeholder("phone", path, ""),
        _ if ends(&["url", "uri", "href"]) => json!(url),
        _ if ends(&["currency"]) => json!("EUR"),
        _ if ends(&["country"]) => json!("DE"),
        _ if ends(&["description", "message", "comment", "text", "body"]) => placeholder("text", path, ""),
        _ if lower == "name" || ends(&["_name"]) || key.ends_with("Name") => placeholder("name", path, ""),
        _ => json!(if is_plain(&json!(key)) && !key.is_empty() { key } else { "text" }),
    };
    fitted(schema, generated)
}

/// Brings a text to the allowed length. A placeholder is replaced if its values have another length.
fn fitted(schema: &Map<String, Value>, generated: Value) -> Value {
    let of = |key: &str| schema.get(key).and_then(Value::as_u64);
    let (least, most) = (of("minLength").unwrap_or_default().min(TEXT_MAX), of("maxLength").unwrap_or(u64::MAX));
    if least == 0 && most == u64::MAX {
        return generated;
    }
    let value = filled(&generated, &SEEDS);
    let shown = value.as_str().unwrap_or_default();
    // The values of some placeholders differ in length: names have 7 characters or more, and texts up to 60.
    let lengths = match value == generated
        || FIXED_LENGTH.iter().any(|kind| generated.as_str().is_some_and(|text| text.starts_with(kind)))
    {
        true => shown.chars().count() as u64..=shown.chars().count() as u64,
        false => 7..=100,
    };
    if least <= *lengths.start() && *lengths.end() <= most {
        return generated;
    }
    let length = shown.chars().count() as u64;
    let fit: String = shown.chars().chain(std::iter::repeat('x')).take(least.max(length.min(most)) as usize).collect();
    Value::String(fit)
}

fn number(schema: &Map<String, Value>, path: &str, integer: bool) -> Value {
    let of = |key: &str| schema.get(key).and_then(Value::as_f64);
    let low = of("minimum").or(of("exclusiveMinimum").map(|limit| (limit + 1.0).floor()));
    let high = of("maximum").or(of("exclusiveMaximum").map(|limit| (limit - 1.0).ceil()));
    if let Some(multiple) = of("multipleOf").filter(|multiple| *multiple > 0.0) {
        let value = (low.unwrap_or(multiple) / multiple).ceil() * multiple;
        return if integer || value.fract() == 0.0 { json!(value as i64) } else { json!(value) };
    }
    if low.is_none() && high.is_none() {
        let key = last(path).to_ascii_lowercase();
        let is_time = ["_at", "timestamp", "created", "updated"].iter().any(|end| key.ends_with(end));
        return match is_time {
            true => placeholder("unix", path, ""),
            false => placeholder("int", path, "1 99999"),
        };
    }
    let low = low.unwrap_or_else(|| (high.unwrap_or_default() - 1_000.0).max(0.0).min(high.unwrap_or_default()));
    let high = high.unwrap_or(low + 99_999.0).max(low);
    match low.fract() == 0.0 && high.abs() < 9e15 && low.abs() < 9e15 {
        true => placeholder("int", path, &format!("{} {}", low as i64, high.floor().max(low) as i64)),
        // A range between two integers, such as 0.1 to 0.9.
        false => json!(low),
    }
}
