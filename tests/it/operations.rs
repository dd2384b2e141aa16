//! Every operation of the API succeeds once and fails in each documented way that a caller can cause. `operations.json` has
//! the calls that succeed. Each response is valid by the OpenAPI document.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::TcpStream,
};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    hookline::{Serve, until},
    target::Receiver,
};

/// Prefix of every path in the document.
const PREFIX: &str = "/api/v1";

/// Operations that accept larger bodies than this test sends.
const LARGE: &[&str] =
    &["/events", "/replays", "/signature/explain", "/signature/find", "/signature/sign", "/signature/verify"];

/// A call of `operations.json`. Names in braces stand for values that earlier calls saved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    call: String,
    /// JSON body.
    body: Option<Value>,
    /// Body of another kind.
    text: Option<String>,
    status: u16,
    /// Values of the response, by JSON pointer. The call is repeated until they are there.
    #[serde(default)]
    until: BTreeMap<String, Value>,
    /// Values of the response to save, by JSON pointer.
    #[serde(default)]
    save: BTreeMap<String, String>,
}

/// An operation of the document.
struct Operation<'d> {
    method: Method,
    path: &'d str,
    described: &'d Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        let path = path.strip_prefix(PREFIX).unwrap();
        item.as_object().unwrap().iter().map(move |(method, described)| Operation {
            method: method.to_uppercase().parse().unwrap(),
            path,
            described,
        })
    });
    all.collect()
}

impl Operation<'_> {
    /// Whether a method and path, without a query, belong to the operation.
    fn takes(&self, method: &Method, path: &str) -> bool {
        let (own, given): (Vec<&str>, Vec<&str>) = (self.path.split('/').collect(), path.split('/').collect());
        let fits = |(own, given): (&&str, &&str)| own == given || own.starts_with('{');
        self.method == *method && own.len() == given.len() && own.iter().zip(&given).all(fits)
    }

    /// Checks a response against its description.
    fn check(&self, document: &Value, status: u16, text: &str) -> Result<(), String> {
        let described = &self.described["responses"][status.to_string()];
        if described.is_null() {
            return Err(format!("the status {status} is not documented: {text}"));
        }
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Ok(());
        }
        let value: Value = serde_json::from_str(text).map_err(|e| format!("{status} is not JSON ({e}): {text}"))?;
        let schema = json!({ "allOf": [schema], "components": document["components"] });
        let validator = jsonschema::validator_for(&schema).map_err(|e| e.to_string())?;
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        if errors.is_empty() { Ok(()) } else { Err(format!("{status} does not match its schema: {errors:?}")) }
    }
}

fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Sends a multipart request and one that the listener refuses, and returns the id of the first.
async fn prepare(serve: &Serve) -> String {
    let body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n";
    let request = reqwest::Client::new().post(format!("{}/inbox", serve.receiver)).body(body);
    request.header("content-type", "multipart/form-data; boundary=b").send().await.unwrap();
    let id = serve.newest(1).await["id"].as_str().unwrap().to_owned();
    let mut socket = TcpStream::connect(serve.address()).unwrap();
    let refused = "POST /inbox HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(refused.as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    id
}

#[tokio::test]
async fn every_operation_succeeds_as_documented() {
    let (folder, app) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let serve = Serve::start();
    let document = serve.get("/openapi.json").await;
    let operations = operations(&document);
    let mut values = BTreeMap::from([
        ("app".to_owned(), app.url.clone()),
        ("folder".to_owned(), folder.path().to_string_lossy().into_owned()),
        ("multipart".to_owned(), prepare(&serve).await),
    ]);
    let calls: Vec<Call> = serde_json::from_str(include_str!("../operations.json")).unwrap();
    let (mut wrong, mut visited) = (Vec::new(), BTreeSet::new());
    for call in &calls {
        let line = filled(&call.call, &values);
        let (method, path) = line.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let body = call.body.as_ref().map(|body| filled(&body.to_string(), &values));
        let (status, text) = until(&line, async || {
            let mut request = serve.request(method.clone(), path);
            if let Some(body) = &body {
                request = request.header("content-type", "application/json").body(body.clone());
            } else if let Some(text) = &call.text {
                request = request.body(text.clone());
            }
            let response = request.send().await.unwrap();
            let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            let is_there = call.until.iter().all(|(pointer, wanted)| value.pointer(pointer) == Some(wanted));
            is_there.then_some((status, text))
        })
        .await;
        let bare = path.split('?').next().unwrap();
        // A path without parameters is the better match.
        let operation =
            operations.iter().filter(|one| one.takes(&method, bare)).min_by_key(|one| one.path.matches('{').count());
        let operation = operation.unwrap_or_else(|| panic!("{line} is not documented"));
        if status != call.status {
            wrong.push(format!("{line}: {status} instead of {}: {text}", call.status));
            continue;
        }
        visited.insert((operation.method.to_string(), operation.path));
        wrong.extend(operation.check(&document, status, &text).err().map(|why| format!("{line}: {why}")));
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        for (name, pointer) in &call.save {
            let saved = value.pointer(pointer).unwrap_or_else(|| panic!("{line}: no {pointer} in {text}"));
            values.insert(name.clone(), saved.as_str().map_or_else(|| saved.to_string(), str::to_owned));
        }
    }
    let feed = serve.request(Method::GET, "/feed").send().await.unwrap();
    assert_eq!(feed.status(), 200);
    visited.insert(("GET".to_owned(), "/feed"));
    let all: BTreeSet<_> = operations.iter().map(|one| (one.method.to_string(), one.path)).collect();
    assert_eq!(all.difference(&visited).collect::<Vec<_>>(), Vec::<&(String, &str)>::new(), "without a success");
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn every_operation_fails_as_documented() {
    let serve = Serve::start();
    let document = serve.get("/openapi.json").await;
    let (mut wrong, client) = (Vec::new(), reqwest::Client::new());
    let large = bytes::Bytes::from(format!("\"{}\"", "x".repeat(3_000_000)));
    for operation in operations(&document) {
        let replaced = |with: &str| {
            let segments =
                operation.path.split('/').map(|segment| if segment.starts_with('{') { with } else { segment });
            segments.collect::<Vec<_>>().join("/")
        };
        let path = replaced("1");
        let request = |path: &str| serve.request(operation.method.clone(), path);
        let api = serve.request(Method::GET, "").build().unwrap().url().clone();
        let mut failures = vec![("token_needed", client.request(operation.method.clone(), format!("{api}{path}")))];
        let json = &operation.described["requestBody"]["content"]["application/json"];
        if json.is_object() {
            let typed = || request(&path).header("content-type", "application/json");
            failures.push(("malformed_json", typed().body("{")));
            failures.push(("unsupported_media_type", request(&path).body("{}")));
            if !LARGE.contains(&operation.path) {
                failures.push(("too_large", typed().body(large.clone())));
            }
        } else if operation.path.contains('{') {
            // It cannot be decoded.
            failures.push(("invalid_path", request(&replaced("%ff"))));
        } else if operation.described["parameters"].is_array() {
            failures.push(("invalid_query", request(&format!("{path}?no_such_parameter=1"))));
        }
        for (code, request) in failures {
            let response = request.send().await.unwrap();
            let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
            let what = format!("{} {} {code}", operation.method, operation.path);
            wrong.extend(operation.check(&document, status, &text).err().map(|why| format!("{what}: {why}")));
            let error: hookline_model::Error = match serde_json::from_str(&text) {
                Ok(error) => error,
                Err(why) => {
                    wrong.push(format!("{what}: {status} {why}: {text}"));
                    continue;
                }
            };
            if error.code.to_string() != code || error.code.status() != status {
                wrong.push(format!("{what}: {status} {text}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
