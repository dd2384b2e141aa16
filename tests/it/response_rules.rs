//! End-to-end tests of response rules: matching, sequences, templates, files and fault injection.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    hookbench::{Serve, until},
    json::{Json, json},
};

/// Sends a request and reads until the connection ends. Returns the bytes and the result of the last read.
fn raw(serve: &Serve, path: &str, body: &str) -> (Vec<u8>, std::io::Result<()>) {
    let mut stream = TcpStream::connect(serve.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).map(drop);
    (bytes, ended)
}

fn status(serve: &Serve, path: &str, body: &str) -> u16 {
    let (bytes, _) = raw(serve, path, body);
    let text = String::from_utf8_lossy(&bytes);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{text:?}"))
}

async fn rules(serve: &Serve, rules: Json) -> Json {
    serve.patch("/inboxes/inbox", json!({ "rules": rules })).await
}

#[tokio::test]
async fn first_matching_rule_responds_and_preview_explains() {
    let serve = Serve::start();
    let inbox = rules(
        &serve,
        json!([
            { "name": "off", "enabled": false, "responses": [{ "status": 500 }] },
            { "name": "closed", "when": "body.type:closed method:POST", "responses": [{ "status": 409, "headers": [["X-Why", "closed"]], "body": "no" }] },
            { "when": "path:/slow", "responses": [{ "status": 202, "delay_ms": 150 }] },
        ]),
    )
    .await;
    assert!(inbox["rules"].items().all(|rule| rule["id"].as_str().unwrap().len() == 36));
    let (bytes, _) = raw(&serve, "/inbox/a", r#"{"type":"closed"}"#);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 409 ") && text.contains("x-why: closed") && text.ends_with("no"), "{text}");
    assert_eq!(status(&serve, "/inbox/a", r#"{"type":"open"}"#), 200);
    let began = Instant::now();
    assert_eq!(status(&serve, "/inbox/slow", ""), 202);
    assert!(began.elapsed() >= Duration::from_millis(150));
    // Rules also match bodies that are stored in chunks.
    let large = format!(r#"{{"fill":"{}","type":"closed"}}"#, "x".repeat(300_000));
    assert_eq!(status(&serve, "/inbox/a", &large), 409);

    let all = serve.all("inbox").await;
    let statuses: Vec<u64> = all.iter().rev().map(|row| row["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [409, 200, 202, 409]);
    let open = serve.get(&format!("/requests/{}/response-preview", all[2]["id"].as_str().unwrap())).await;
    let why: Vec<(&str, bool)> = open["considered"]
        .items()
        .map(|one| (one["why"].as_str().unwrap(), one["responses"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        why,
        [
            ("Disabled.", false),
            ("body.type:closed does not match.", false),
            ("path:/slow does not match.", false),
            ("No other response matches.", true)
        ]
    );
    let closed = serve.get(&format!("/requests/{}", all[0]["id"].as_str().unwrap())).await;
    assert_eq!((&closed["response"]["status"], &closed["response_origin"]), (&json!(409), &json!("Rule closed")));
}

#[tokio::test]
async fn rejects_invalid_rules_without_changes() {
    let serve = Serve::start();
    for (bad, word) in [
        (json!([{ "when": "status:500", "responses": [{}] }]), "not available"),
        (json!([{ "when": "((", "responses": [{}] }]), "Invalid condition"),
        (json!([{ "responses": [] }]), "responses"),
        (json!([{ "responses": [{ "status": 99 }] }]), "99"),
        (json!([{ "responses": [{ "template": true, "body": "{{ x" }] }]), "template"),
        (json!([{ "responses": [{ "fault": { "type": "truncate" } }] }]), "body"),
        (json!([{ "responses": [{ "fault": { "type": "slow", "over_ms": 0 }, "body": "x" }] }]), "slow"),
        (json!([{ "responses": [{ "template": true, "body": "{{ 'x' * request.json.n }}" }] }]), "do not support `*`"),
        (json!([{ "responses": [{ "file": { "id": "00", "name": "x", "bytes": 1 } }] }]), "does not exist"),
    ] {
        let (code, error) = serve.call(reqwest::Method::PATCH, "/inboxes/inbox", json!({ "rules": bad })).await;
        assert_eq!(code, 422, "{bad}");
        assert!(error["message"].as_str().unwrap().contains(word), "{error}");
    }
    assert_eq!(serve.get("/inboxes/inbox").await["rules"], json!([]));
}

#[tokio::test]
async fn sequence_counts_per_event_and_survives_kill_9() {
    let dir = tempfile::TempDir::new().unwrap();
    let data = dir.path().join("data");
    let serve = Serve::start_in(&data);
    serve.patch("/inboxes/inbox", json!({ "verification": { "provider": "github" } })).await;
    rules(&serve, json!([{ "responses": [{ "status": 500 }, { "status": 503 }, { "status": 200 }] }])).await;
    let sent = |serve: &Serve, body: &str| status(serve, "/inbox", body);
    assert_eq!((sent(&serve, "{\"n\":1}"), sent(&serve, "{\"n\":1}"), sent(&serve, "{\"n\":2}")), (500, 503, 500));
    serve.kill_9();
    let serve = Serve::start_in(&data);
    assert_eq!((sent(&serve, "{\"n\":1}"), sent(&serve, "{\"n\":1}"), sent(&serve, "{\"n\":2}")), (200, 200, 503));
    let id = serve.get("/inboxes/inbox").await["rules"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/inboxes/inbox/rules/{id}/restart");
    assert_eq!(serve.call(reqwest::Method::POST, &path, Json::NULL).await.0, 204);
    assert_eq!(sent(&serve, "{\"n\":1}"), 500);
    // Per inbox, each request gets the next response. After the last response, the next rule applies.
    rules(
        &serve,
        json!([
            { "per": "inbox", "at_end": "next_rule", "responses": [{ "status": 500 }, { "status": 502 }] },
            { "responses": [{ "status": 201 }] },
        ]),
    )
    .await;
    assert_eq!([1, 2, 3, 4].map(|n| sent(&serve, &format!("{{\"n\":{n}}}"))), [500, 502, 201, 201]);
}

#[tokio::test]
async fn responds_with_templates_files_and_path_status() {
    let serve = Serve::start();
    let file = serve
        .request(reqwest::Method::POST, "/response-files?name=logo.bin")
        .body(vec![0_u8, 255, 7, 13])
        .send()
        .await
        .unwrap();
    let file: Json = file.json().await.unwrap();
    rules(
        &serve,
        json!([
            { "when": "path:/template", "responses": [{ "template": true, "headers": [["X-Id", "{{ request.json.id }}"]],
                "body": "{\"challenge\":{{ request.json.challenge|json }},\"of\":\"{{ request.query.q }}\"}" }] },
            { "when": "path:/file", "responses": [{ "file": file, "headers": [["Content-Type", "image/x-logo"]] }] },
            { "when": "path:/broken", "responses": [{ "template": true, "body": "{{ 1 // 0 }}" }] },
        ]),
    )
    .await;
    serve.patch("/inboxes/inbox", json!({ "status_by_path": true })).await;
    let (bytes, _) = raw(&serve, "/inbox/template?q=%22x", r#"{"id":"a\r\nX-Evil: 1","challenge":"\"c"}"#);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with(r#"{"challenge":"\"c","of":""x"}"#), "{text}");
    assert!(text.contains("x-id: a  X-Evil: 1\r\n") && !text.contains("\nX-Evil"), "{text}");
    let (bytes, _) = raw(&serve, "/inbox/file", "");
    assert!(bytes.ends_with(&[b'\n', 0, 255, 7, 13]), "{}", bytes.escape_ascii());
    let (bytes, _) = raw(&serve, "/inbox/broken", "");
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 500") && text.contains("template"), "{text}");
    assert_eq!(status(&serve, "/inbox/status/418", ""), 418);
    let made = serve.get(&format!("/requests/{}", serve.all("inbox").await[3]["id"].as_str().unwrap())).await;
    assert_eq!(made["response"]["body"], r#"{"challenge":"\"c","of":""x"}"#);
}

/// Checks each fault on the socket of the sender.
#[tokio::test]
async fn injects_each_fault_on_the_wire() {
    let serve = Serve::start();
    let fault = |kind: Json| json!([{ "responses": [{ "fault": kind, "body": "0123456789", "status": 201 }] }]);

    rules(&serve, fault(json!({ "type": "reset" }))).await;
    let (bytes, ended) = raw(&serve, "/inbox", "{}");
    assert!(bytes.is_empty(), "{}", bytes.escape_ascii());
    assert_eq!(ended.expect_err("the connection must be reset").kind(), ErrorKind::ConnectionReset);

    rules(&serve, fault(json!({ "type": "truncate" }))).await;
    let (bytes, _) = raw(&serve, "/inbox", "{}");
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 201") && text.contains("content-length: 10\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n01234"), "{text}");

    rules(&serve, fault(json!({ "type": "garbage" }))).await;
    let (bytes, _) = raw(&serve, "/inbox", "{}");
    assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP"), "{}", bytes.escape_ascii());

    rules(&serve, fault(json!({ "type": "slow", "over_ms": 600 }))).await;
    let mut stream = TcpStream::connect(serve.address()).unwrap();
    stream.write_all(b"POST /inbox HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    let (mut all, mut arrivals) = (Vec::new(), Vec::new());
    while !all.ends_with(b"0123456789") {
        let mut piece = [0; 512];
        let read = stream.read(&mut piece).unwrap();
        assert_ne!(read, 0, "{}", all.escape_ascii());
        all.extend_from_slice(&piece[..read]);
        arrivals.push(Instant::now());
    }
    assert!(arrivals.len() >= 4, "{}", arrivals.len());
    assert!(*arrivals.last().unwrap() - arrivals[0] >= Duration::from_millis(400));

    rules(&serve, fault(json!({ "type": "hang" }))).await;
    let mut stream = TcpStream::connect(serve.address()).unwrap();
    stream.write_all(b"POST /inbox HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    let hung = until("the request that hangs", async || {
        let all = serve.all("inbox").await;
        (all.len() == 5).then(|| all[0].clone())
    })
    .await;
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let silence = stream.read(&mut [0; 1]).expect_err("no response may arrive").kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
    assert_eq!(hung["status"], 0);
    // The status is 0 if the sender got no status line. The stored request shows the injected fault.
    let statuses: Vec<u64> = serve.all("inbox").await.iter().rev().map(|row| row["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [0, 201, 0, 201, 0]);
    let shown = serve.get(&format!("/requests/{}", hung["id"].as_str().unwrap())).await;
    assert_eq!(shown["response"]["fault"], json!({ "type": "hang" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_commands_add_preview_restart_and_remove_rules() {
    let serve = Serve::start();
    let add = serve.cli(&["inbox", "rule", "add", "inbox", "--when", "method:POST", "--sequence", "500,reset,201"]);
    assert!(add.status.success(), "{}", String::from_utf8_lossy(&add.stderr));
    let line = String::from_utf8(add.stdout).unwrap();
    assert!(line.contains("500, 200 reset, 201"), "{line}");
    assert_eq!(status(&serve, "/inbox", "{}"), 500);
    assert!(raw(&serve, "/inbox", "{}").1.is_err());
    assert_eq!(status(&serve, "/inbox", "{}"), 201);
    let id = serve.all("inbox").await[0]["id"].as_str().unwrap().to_owned();
    let tried = serve.cli(&["inbox", "rule", "try", &id]);
    let text = String::from_utf8(tried.stdout).unwrap();
    assert!(text.contains("> Rule 1: method:POST  All conditions match. Response 3 of 3."), "{text}");
    assert!(serve.cli(&["inbox", "rule", "restart", "inbox", "1"]).status.success());
    assert_eq!(status(&serve, "/inbox", "{}"), 500);
    assert!(serve.cli(&["inbox", "rule", "remove", "inbox", "1"]).status.success());
    assert_eq!(status(&serve, "/inbox", "{}"), 200);
    let bad = serve.cli(&["inbox", "rule", "add", "inbox", "--sequence", "500,teapot"]);
    assert!(String::from_utf8_lossy(&bad.stderr).contains("teapot"));
}
