//! Checks that each API operation succeeds and fails as documented. `operations.json` contains the successful calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::TcpStream,
};

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    destination::TargetServer,
    document::document,
    hookbench::{Serve, until},
};

/// Operations that accept larger bodies than this test sends.
const LARGE: &[&str] = &[
    "/events",
    "/provider-imports",
    "/replays",
    "/signature/explain",
    "/signature/detect",
    "/signature/sign",
    "/signature/verify",
];

/// A call of `operations.json`. Names in braces are replaced with values that earlier calls saved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    call: String,
    /// JSON body.
    body: Option<Value>,
    /// Body that is not JSON.
    text: Option<String>,
    status: u16,
    /// Expected values of the response, by JSON pointer. The call is repeated until the response contains them.
    #[serde(default)]
    until: BTreeMap<String, Value>,
    /// Values of the response to save, by JSON pointer.
    #[serde(default)]
    save: BTreeMap<String, String>,
}

fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Sends a multipart request and a request that the listener rejects. Returns the id of the first.
async fn prepare(serve: &Serve) -> String {
    let body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n";
    let request = reqwest::Client::new().post(format!("{}/inbox", serve.listener)).body(body);
    request.header("content-type", "multipart/form-data; boundary=b").send().await.unwrap();
    let id = serve.newest(1).await["id"].as_str().unwrap().to_owned();
    let mut socket = TcpStream::connect(serve.address()).unwrap();
    let refused = "POST /inbox HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(refused.as_bytes()).unwrap();
    let mut response = Vec::new();
    socket.read_to_end(&mut response).unwrap();
    assert!(response.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&response));
    id
}

#[tokio::test]
async fn every_operation_succeeds_as_documented() {
    let (folder, app) = (tempfile::tempdir().unwrap(), TargetServer::start().await);
    let serve = Serve::start();
    let document = document();
    let served = serve.request(Method::GET, "/openapi.json").send().await.unwrap();
    assert_eq!(served.json::<Value>().await.unwrap(), hookbench_api::document());
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
            // The server can respond and close the connection while the large body is still being sent.
            let response = until("a response", async || request.try_clone().unwrap().send().await.ok()).await;
            let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            let is_there = call.until.iter().all(|(pointer, wanted)| value.pointer(pointer) == Some(wanted));
            is_there.then_some((status, text))
        })
        .await;
        let operation = document.operation(&method, path).unwrap_or_else(|| panic!("{line} is not documented"));
        if status != call.status {
            wrong.push(format!("{line}: {status} instead of {}: {text}", call.status));
            continue;
        }
        visited.insert((operation.method.to_string(), operation.path.as_str()));
        wrong.extend(document.check(&method, path, status, &text).err());
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        for (name, pointer) in &call.save {
            let saved = value.pointer(pointer).unwrap_or_else(|| panic!("{line}: no {pointer} in {text}"));
            values.insert(name.clone(), saved.as_str().map_or_else(|| saved.to_string(), str::to_owned));
        }
    }
    let feed = serve.request(Method::GET, "/feed").send().await.unwrap();
    assert_eq!(feed.status(), 200);
    visited.insert(("GET".to_owned(), "/feed"));
    let all: BTreeSet<_> = document.operations.iter().map(|one| (one.method.to_string(), one.path.as_str())).collect();
    assert_eq!(
        all.difference(&visited).collect::<Vec<_>>(),
        Vec::<&(String, &str)>::new(),
        "operations without a successful call"
    );
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn every_operation_fails_as_documented() {
    let serve = Serve::start();
    let (mut wrong, client) = (Vec::new(), reqwest::Client::new());
    let large = bytes::Bytes::from(format!("\"{}\"", "x".repeat(3_000_000)));
    for operation in &document().operations {
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
            if !LARGE.contains(&operation.path.as_str()) {
                failures.push(("too_large", typed().body(large.clone())));
            }
        } else if operation.path.contains('{') {
            // `%ff` is not valid UTF-8.
            failures.push(("invalid_path", request(&replaced("%ff"))));
        } else if operation.described["parameters"].is_array() {
            failures.push(("invalid_query", request(&format!("{path}?no_such_parameter=1"))));
        }
        for (code, request) in failures {
            // The server can respond and close the connection while the large body is still being sent.
            let response = until("a response", async || request.try_clone().unwrap().send().await.ok()).await;
            let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
            let what = format!("{} {} {code}", operation.method, operation.path);
            wrong.extend(document().check(&operation.method, &path, status, &text).err());
            let error: hookbench_model::Error = match serde_json::from_str(&text) {
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
