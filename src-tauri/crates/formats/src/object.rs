//! JSON objects as requests, in the format of Hookbench or of other tools.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookbench_model::HeaderNames;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, value::RawValue};

use super::{
    Record,
    bytes::Exact,
    record::{is_absolute, pairs_of},
    webhook_site,
};

/// Keys of a line in the format of Hookbench.
const OWN: &[&str] = &[
    "id",
    "inbox",
    "arrived_at",
    "receiving_ms",
    "method",
    "target",
    "version",
    "remote_address",
    "headers",
    "names",
    "trailers",
    "body",
    "body_state",
    "body_bytes",
    "status",
    "response",
    "pinned",
    "note",
    "source",
    "provider",
    "event_type",
    "event_id",
    "signature_status",
    "reason",
    // Keys of earlier releases.
    "peer",
    "answer",
    "verdict",
];

/// Names of the method in other tools, in order of preference. The constants below do the same for other fields.
const METHOD: &[&str] = &["method", "http_method", "httpMethod", "verb"];
const TARGET: &[&str] = &["target", "url", "uri", "path", "request_uri", "requestUri"];
const QUERY: &[&str] = &["query", "query_string", "queryString", "rawQueryString"];
const HEADERS: &[&str] = &["headers", "header"];
const BODY: &[&str] = &["body", "content", "raw_body", "rawBody", "payload", "data"];
const BODY_BASE64: &[&str] = &["body_base64", "bodyBase64"];
const ARRIVED: &[&str] =
    &["arrived_at", "timestamp", "created_at", "createdAt", "received_at", "receivedAt", "date", "time"];
const REMOTE_ADDRESS: &[&str] = &["remote_address", "ip", "remote_addr", "remoteAddr", "source_ip", "sourceIp"];

/// Keys that repeat information of the request itself.
const DERIVED: &[&str] = &[
    "content_length",
    "contentLength",
    "size",
    "host",
    "hostname",
    "user_agent",
    "userAgent",
    "content_type",
    "contentType",
];

/// Parses an object as a request. The error names the kind of a known document that is not a request.
pub(super) fn record(raw: &str) -> Result<Record, String> {
    let keys = keys(raw)?;
    let has = |key: &str| keys.iter().any(|own| own == key);
    let any = |names: &[&str]| names.iter().any(|name| has(name));
    if keys.iter().all(|key| OWN.contains(&key.as_str())) {
        let mut record: Record = serde_json::from_str(raw).map_err(|e| e.to_string())?;
        // A path with only known keys is a request, and nearly every webhook is a POST.
        if record.method.is_empty() && record.target.starts_with('/') {
            record.method = "POST".into();
            record.add_note("The file has no method; POST is assumed.");
        }
        return record.named().map_err(|why| not_a_request(raw, &why));
    }
    if has("uuid") && (has("token_id") || has("content") && !has("body")) {
        return webhook_site::one(raw);
    }
    if !any(METHOD) || !any(TARGET) {
        let missing = match (any(METHOD), any(TARGET)) {
            (false, false) => "no method and no target (url, target or path)",
            (false, true) => "no method",
            _ => "no target (url, target or path)",
        };
        return Err(not_a_request(raw, missing));
    }
    foreign(raw, &keys)
}

/// Returns the keys of an object, in order.
fn keys(raw: &str) -> Result<Vec<String>, String> {
    if !raw.trim_start().starts_with('{') {
        return Err("not a JSON object".into());
    }
    struct Keys;
    impl<'de> serde::de::Visitor<'de> for Keys {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                keys.push(key);
            }
            Ok(keys)
        }
    }
    let mut json = serde_json::Deserializer::from_str(raw);
    let keys = serde::Deserializer::deserialize_map(&mut json, Keys).map_err(|e| e.to_string())?;
    json.end().map_err(|e| e.to_string())?;
    Ok(keys)
}

/// Documents of other tools that are not requests, each with the keys that identify it.
const KNOWN: &[(&str, &[&str])] = &[
    ("a Postman collection", &["info", "item"]),
    ("a Postman environment", &["values", "_postman_variable_scope"]),
    ("ngrok's list of requests", &["uri", "requests"]),
    ("a list of request-baskets", &["requests", "count"]),
    ("a list of request-baskets", &["requests", "total_count"]),
    ("a list of request-baskets", &["requests", "has_more"]),
    ("a list of requests of another tool", &["requests"]),
    ("an Insomnia export", &["_type", "resources"]),
    ("an OpenAPI document", &["openapi", "info"]),
    ("a CloudEvent", &["specversion", "type"]),
];

/// Returns the error for an object that is not a request, with the kind of document it resembles.
fn not_a_request(raw: &str, why: &str) -> String {
    let keys = keys(raw).unwrap_or_default();
    let has = |key: &&str| keys.iter().any(|own| own == key);
    let looks = KNOWN.iter().find(|(_, needed)| needed.iter().all(&has)).map(|(name, _)| *name);
    let looks = looks.or_else(|| (has(&"type") && has(&"data") || has(&"event")).then_some("the payload of a webhook"));
    match looks {
        Some(name) => format!("not a request: {why}. The entry looks like {name}"),
        None => format!("not a request: {why}"),
    }
}

/// Converts an object of another tool. The note of the request lists the keys that are not imported.
fn foreign(raw: &str, keys: &[String]) -> Result<Record, String> {
    let object: std::collections::HashMap<String, &RawValue> = serde_json::from_str(raw).map_err(|e| e.to_string())?;
    let mut used: Vec<&str> = Vec::new();
    let mut take = |names: &[&'static str]| -> Option<&RawValue> {
        let found = names.iter().find(|name| object.get(**name).is_some_and(|value| value.get() != "null"))?;
        used.push(found);
        object.get(*found).copied()
    };
    let text = |value: Option<&RawValue>| -> Option<String> {
        let raw = value?.get();
        Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
    };
    let mut record = Record { names: Some(HeaderNames::Normalized), ..Record::default() };
    record.method = text(take(METHOD)).unwrap_or_default();
    let mut target = text(take(TARGET)).unwrap_or_default();
    if let Some(query) = take(QUERY).map(RawValue::get)
        && !target.contains('?')
    {
        let query = match serde_json::from_str(query) {
            Ok(Value::String(query)) => query.trim_start_matches('?').to_owned(),
            Ok(Value::Object(fields)) => form(&fields),
            _ => String::new(),
        };
        if !query.is_empty() {
            target = format!("{target}?{query}");
        }
    }
    if let Some(headers) = take(HEADERS) {
        record.headers = pairs_of(headers).map_err(|e| format!("headers: {e}"))?;
    }
    match is_absolute(&target) {
        true => record.set_url(&target),
        false => {
            record.target = if target.is_empty() || target.starts_with('/') || target == "*" {
                target
            } else {
                format!("/{target}")
            }
        }
    }
    let coded = take(&["isBase64Encoded"]).is_some_and(|value| value.get() == "true");
    if let Some(body) = take(BODY) {
        record.body = serde_json::from_str(body.get()).map_err(|e| format!("body: {e}"))?;
        if coded {
            let text = String::from_utf8_lossy(&record.body.0).into_owned();
            record.body = Exact(super::bytes::decoded(&text)?);
        }
    }
    if let Some(coded) = text(take(BODY_BASE64)).filter(|_| record.body.is_empty()) {
        record.body = Exact(STANDARD.decode(coded.trim()).map_err(|e| format!("body_base64: {e}"))?);
    }
    if let Some(at) = take(ARRIVED) {
        match serde_json::from_str(at.get())
            .map_err(|e| e.to_string())
            .and_then(|at: Value| super::record::moment_of(&at))
        {
            Ok(at) => record.arrived_at = at,
            Err(why) => record.add_note(&format!("The time was not imported: {why}.")),
        }
    }
    record.remote_address = text(take(REMOTE_ADDRESS));
    record.inbox = text(take(&["inbox"]));
    if let Some(note) = text(take(&["note"])) {
        record.note = if record.note.is_empty() { note } else { format!("{note} {}", record.note) };
    }
    if let Some(status) = text(take(&["status"])) {
        record.set_status(&status);
    }
    let is_imported = |key: &str| {
        [DERIVED, METHOD, TARGET, QUERY, OWN].iter().any(|names| names.contains(&key)) || used.contains(&key)
    };
    let empty = |key: &str| object.get(key).is_none_or(|value| matches!(value.get(), "null" | "\"\"" | "{}" | "[]"));
    let lost: Vec<&str> = keys.iter().map(String::as_str).filter(|key| !is_imported(key) && !empty(key)).collect();
    if !lost.is_empty() {
        record.add_note(&format!("Not imported from the file: {}.", lost.join(", ")));
    }
    record.named()
}

/// Encodes the fields of an object as a query string. A list becomes one pair per item.
fn form(fields: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        match value {
            Value::Array(items) => items.iter().for_each(|item| {
                query.append_pair(name, &text(item));
            }),
            value => {
                query.append_pair(name, &text(value));
            }
        }
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> String {
        match record(raw) {
            Ok(record) => {
                let headers: Vec<String> = record
                    .headers
                    .iter()
                    .map(|(name, value)| {
                        format!("{}: {}", String::from_utf8_lossy(&name.0), String::from_utf8_lossy(&value.0))
                    })
                    .collect();
                format!(
                    "{} {} [{}] {} {}",
                    record.method,
                    record.target,
                    headers.join(", "),
                    String::from_utf8_lossy(&record.body.0),
                    record.note
                )
            }
            Err(why) => why,
        }
    }

    #[test]
    fn converts_requests_of_other_tools() {
        for (raw, expected) in [
            (
                r#"{"method":"POST","url":"https://a.example/x","headers":{"X-A":"1"},"body":"{\"a\":1}"}"#,
                "POST /x [Host: a.example, X-A: 1] {\"a\":1} ",
            ),
            (
                r#"{"date":1700000000000,"header":{"Content-Type":["application/json"]},"content_length":7,"body":"{\"a\":1}","method":"POST","path":"/b","query":"x=1"}"#,
                "POST /b?x=1 [Content-Type: application/json] {\"a\":1} ",
            ),
            (
                r#"{"method":"PUT","url":"/x","path":"/y","body":{"n":1.50},"query":{"a":["1","2"]},"cookies":[{"n":1}]}"#,
                "PUT /x?a=1&a=2 [] {\"n\":1.50} Not imported from the file: cookies.",
            ),
            (
                r#"{"httpMethod":"POST","path":"/l","headers":{},"body":"eyJhIjoxfQ==","isBase64Encoded":true}"#,
                "POST /l [] {\"a\":1} ",
            ),
        ] {
            assert_eq!(of(raw), expected, "{raw}");
        }
    }

    #[test]
    fn assumes_post_without_a_method() {
        let read = record(r#"{"target":"/x","body":"1"}"#).expect("a request");
        assert_eq!((read.method.as_str(), read.note.contains("POST is assumed")), ("POST", true));
        for raw in [r#"{"target":"user_1"}"#, r#"{"target":"https://a.example/"}"#, r#"{"path":"/x","type":"t"}"#] {
            assert!(record(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn names_documents_that_are_not_requests() {
        for (raw, looks) in [
            ("{}", "no method and no target"),
            (r#"{"type":"invoice.paid","data":{"id":7}}"#, "the payload of a webhook"),
            (r#"{"info":{"name":"x"},"item":[]}"#, "a Postman collection"),
            (r#"{"uri":"/api/requests/http","requests":[]}"#, "ngrok's list"),
            (r#"{"requests":[],"count":0,"total_count":0,"has_more":false}"#, "request-baskets"),
            (r#"{"id":"evt_1","note":"x"}"#, "no method and no target"),
            (r#"{"method":"card","amount":10}"#, "no target"),
            (r#"{"url":"https://a.example","id":1}"#, "no method"),
            ("[]", "not a JSON object"),
            ("7", "not a JSON object"),
        ] {
            let why = record(raw).expect_err(raw);
            assert!(why.contains(looks), "{raw}: {why}");
        }
    }
}
