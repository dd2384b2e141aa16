//! Tests of the API over each transport: runs the calls of `tests/contract.json` in this process and over HTTP. The
//! window tests make the same calls through the desktop window and the browser.

use std::collections::BTreeMap;

use axum::body::Body;
use futures_util::StreamExt;
use hookbench_engine::{Clock, Engine, OwnerKind};
use http::{Request, StatusCode};
use tower::ServiceExt;

use crate::{
    hookbench::{Serve, until},
    json::{Json, json},
};

/// Returns true if `found` contains every member of `wanted`. Arrays must have the same length.
fn has(found: &Json, wanted: &Json) -> bool {
    if wanted.is_object() && found.is_object() {
        return wanted.members().all(|(key, value)| found.get(key).is_some_and(|found| has(found, value)));
    }
    if wanted.is_array() && found.is_array() {
        return found.items().len() == wanted.items().len()
            && found.items().zip(wanted.items()).all(|(found, wanted)| has(found, wanted));
    }
    found == wanted
}

fn fill(text: &str, saved: &BTreeMap<String, String>) -> String {
    saved.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

async fn keeps_the_contract(call: impl AsyncFn(&str, &str, Option<String>) -> (StatusCode, Json)) {
    let steps: Vec<Json> = serde_json::from_str(include_str!("../contract.json")).unwrap();
    let mut saved = BTreeMap::new();
    for step in steps {
        let what = step["what"].as_str().unwrap();
        let (method, path) = step["call"].as_str().unwrap().split_once(' ').unwrap();
        let body = step
            .get("text")
            .map(|text| text.as_str().unwrap().to_owned())
            .or_else(|| step.get("body").map(Json::to_string));
        let (status, response) = call(method, &fill(path, &saved), body).await;
        assert_eq!(status.as_u16(), step["status"].as_u64().unwrap() as u16, "{what}: {response}");
        let wanted: Json =
            serde_json::from_str(&fill(&step.get("has").unwrap_or(&Json::NULL).to_string(), &saved)).unwrap();
        assert!(has(&response, &wanted), "{what}: {response} does not contain {wanted}");
        if status.is_client_error() {
            assert!(
                ["code", "message", "hint"]
                    .into_iter()
                    .all(|key| response[key].as_str().is_some_and(|t| !t.is_empty())),
                "{what}: {response}"
            );
        }
        for (name, pointer) in step.get("save").into_iter().flat_map(Json::members) {
            let value = response.pointer(pointer.as_str().unwrap()).unwrap();
            saved.insert(name.to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
}

#[tokio::test]
async fn fulfills_the_contract_in_process() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path(), OwnerKind::Command, Clock::system()).await.unwrap();
    engine.start_listener(Some(([127, 0, 0, 1], 0).into())).await;
    let router = hookbench_api::router(engine);
    keeps_the_contract(async |method, path, body| {
        let request =
            Request::builder().method(method).uri(format!("/api/v1{path}")).header("content-type", "application/json");
        let response =
            router.clone().oneshot(request.body(Body::from(body.unwrap_or_default())).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    })
    .await;
}

#[tokio::test]
async fn fulfills_the_contract_over_http() {
    let serve = Serve::start();
    keeps_the_contract(async |method, path, body| {
        let request = serve.request(method.parse().unwrap(), path).header("content-type", "application/json");
        let response = request.body(body.unwrap_or_default()).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    })
    .await;
}

#[tokio::test]
async fn http_api_requires_token_host_and_origin() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    let url = format!("{}/api/v1/status", serve.api);
    assert_eq!(status(client.get(&url)).await, 401);
    assert_eq!(status(client.get(&url).bearer_auth("0".repeat(64))).await, 401);
    assert_eq!(status(client.get(&url).bearer_auth(serve.token())).await, 200);
    assert_eq!(status(client.get(&url).bearer_auth(serve.token()).header("Host", "evil.example")).await, 421);
    assert_eq!(status(client.get(&url).bearer_auth(serve.token()).header("Origin", "http://evil.example")).await, 403);
    assert_eq!(status(client.get(&url).bearer_auth(serve.token()).header("Origin", "null")).await, 403);
    assert_eq!(status(client.get(format!("{}/api/v1/feed", serve.api))).await, 401);
    assert_eq!(status(client.get(format!("{}/api/v1/openapi.json", serve.api))).await, 401);
    // The listener does not serve the API.
    assert_eq!(status(client.get(format!("{}/api/v1/status", serve.listener)).bearer_auth(serve.token())).await, 404);
    let preflight =
        client.request(reqwest::Method::OPTIONS, &url).header("Origin", "http://evil.example").send().await.unwrap();
    assert!(preflight.headers().get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn page_has_strict_csp_and_exchanges_its_code_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = crate::hookbench::hookbench();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--data"])
        .arg(dir.path())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stderr = child.stderr.take().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stderr));
    let line = lines.find_map(|line| line.ok().filter(|l| l.contains('#'))).unwrap();
    let (url, code) = line.split_whitespace().last().unwrap().split_once('#').unwrap();
    let client = reqwest::Client::new();
    let page = client.get(url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("default-src 'self'") && !policy.contains("unsafe-eval") && !policy.contains("script-src"),
        "{policy}"
    );
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let exchange_code =
        async |code: &str| client.post(format!("{url}session")).json(&json!({ "code": code })).send().await.unwrap();
    assert_eq!(exchange_code("0").await.status(), 403);
    let session: Json = exchange_code(code).await.json().await.unwrap();
    assert_eq!(session["token"].as_str().unwrap().len(), 64);
    assert_eq!(exchange_code(code).await.status(), 403);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn serves_bodies_as_inert_attachments() {
    let serve = Serve::start();
    reqwest::Client::new()
        .post(format!("{}/inbox", serve.listener))
        .header("Content-Type", "text/html")
        .body("<script>alert(1)</script>")
        .send()
        .await
        .unwrap();
    let id = serve.newest(1).await["id"].as_str().unwrap().to_owned();
    for route in ["body", "raw"] {
        let response = serve.request(reqwest::Method::GET, &format!("/requests/{id}/{route}")).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            (header("content-type"), header("content-disposition"), header("x-content-type-options")),
            ("application/octet-stream".into(), "attachment".into(), "nosniff".into())
        );
        assert!(header("content-security-policy").contains("sandbox"));
    }
}

#[tokio::test]
async fn masks_credentials_unless_revealed() {
    let serve = Serve::start();
    reqwest::Client::new()
        .post(format!("{}/inbox", serve.listener))
        .bearer_auth("s3cret")
        .header("X-Gitlab-Token", "s3cret")
        .header("Cookie", "a=s3cret")
        .body("x")
        .send()
        .await
        .unwrap();
    let id = serve.newest(1).await["id"].as_str().unwrap().to_owned();
    for (route, shown) in [
        ("", false),
        ("/code", false),
        ("/raw", false),
        ("/reveal", true),
        ("/code?as=go&reveal=true", true),
        ("/raw?reveal=true", true),
    ] {
        let text = serve
            .request(reqwest::Method::GET, &format!("/requests/{id}{route}"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(text.contains("s3cret"), shown, "{route}");
    }
}

/// Reads an event stream until it contains `count` added requests. Returns their sequence numbers.
async fn seqs(response: reqwest::Response, count: usize) -> Vec<i64> {
    let (mut stream, mut text) = (response.bytes_stream(), String::new());
    loop {
        let found: Vec<i64> = text
            .split("\n\n")
            .filter(|event| event.contains("\"type\":\"request_added\"") && event.ends_with('}'))
            .filter_map(|event| event.lines().find_map(|line| line.strip_prefix("id: ")?.parse().ok()))
            .collect();
        if found.len() >= count {
            return found;
        }
        text.push_str(&String::from_utf8_lossy(&stream.next().await.expect("the event stream ended").unwrap()));
    }
}

#[tokio::test]
async fn event_stream_continues_from_sequence_number_of_list() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    let send = async |count: usize| {
        for _ in 0..count {
            assert_eq!(client.post(format!("{}/inbox", serve.listener)).body("x").send().await.unwrap().status(), 200);
        }
    };
    send(5).await;
    let seq = serve.get("/requests").await["seq"].as_i64().unwrap();
    send(5).await;
    let follow =
        async |after: i64| serve.request(reqwest::Method::GET, &format!("/feed?after={after}")).send().await.unwrap();
    let following = follow(seq).await;
    send(5).await;
    let first = seqs(following, 10).await;
    assert_eq!(first, (seq + 1..=seq + 10).collect::<Vec<_>>());
    // A client that reconnects sends `Last-Event-ID`, as browsers do.
    let resumed = serve
        .request(reqwest::Method::GET, "/feed")
        .header("Last-Event-ID", (seq + 7).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(seqs(resumed, 3).await, [seq + 8, seq + 9, seq + 10]);
    let gone = follow(seq + 1_000).await;
    assert_eq!(gone.status(), 410);
    assert_eq!(gone.json::<Json>().await.unwrap()["code"], "feed_gone");
}

#[tokio::test]
async fn sequence_numbers_increase_after_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = Serve::start_in(dir.path());
    let before = first.get("/status").await["seq"].as_i64().unwrap();
    first.terminate();
    let second = Serve::start_in(dir.path());
    assert!(second.get("/status").await["seq"].as_i64().unwrap() > before);
    let gone = second.request(reqwest::Method::GET, &format!("/feed?after={before}")).send().await.unwrap();
    assert_eq!(gone.status(), 410);
}

#[tokio::test]
async fn rejects_decoded_bodies_over_the_limit() {
    let serve = Serve::start();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 200 << 20), &mut bomb).unwrap();
    reqwest::Client::new()
        .post(format!("{}/inbox", serve.listener))
        .header("Content-Encoding", "gzip")
        .body(bomb.finish().unwrap())
        .send()
        .await
        .unwrap();
    let id = serve.newest(1).await["id"].as_str().unwrap().to_owned();
    let response =
        serve.request(reqwest::Method::GET, &format!("/requests/{id}/body?decoded=true")).send().await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(response.json::<Json>().await.unwrap()["code"], "too_large_to_decode");
}

#[tokio::test]
async fn backup_job_rejects_existing_file() {
    let serve = Serve::start();
    let path = serve.data.with_file_name("backup.db");
    let start =
        async || serve.request(reqwest::Method::POST, "/backup").json(&json!({ "path": path })).send().await.unwrap();
    let job: Json = start().await.json().await.unwrap();
    let id = job["id"].as_str().unwrap().to_owned();
    until("the backup", async || (serve.get(&format!("/jobs/{id}")).await["state"] == "done").then_some(())).await;
    assert_eq!(start().await.status(), 409);
}

#[tokio::test]
async fn canceled_backup_deletes_its_file() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    for _ in 0..20 {
        client.post(format!("{}/inbox", serve.listener)).body(vec![b'x'; 1_000_000]).send().await.unwrap();
    }
    let file = serve.data.with_file_name("cancelled.db");
    let started = serve.request(reqwest::Method::POST, "/backup").json(&json!({ "path": file })).send().await.unwrap();
    let job: Json = started.json().await.unwrap();
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    let canceled = serve.request(reqwest::Method::POST, &format!("{path}/cancel")).send().await.unwrap();
    assert!(canceled.status().is_success(), "{}", canceled.status());
    assert_eq!(serve.get(&path).await["state"], "canceled");
    until("the file to be deleted", async || (!file.exists()).then_some(())).await;
}

#[tokio::test]
async fn rejects_arrays_in_place_of_objects() {
    let serve = Serve::start();
    for patch in [json!(["127.0.0.1:1"]), json!({ "limits": [1, 2, 3, 4] }), json!(7)] {
        let response = serve.request(reqwest::Method::PATCH, "/settings").json(&patch).send().await.unwrap();
        assert_eq!(response.status(), 422, "{patch}");
        let error: Json = response.json().await.unwrap();
        assert!(error["message"].as_str().unwrap().contains("must be an object"), "{error}");
    }
}
