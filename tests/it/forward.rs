//! End-to-end tests of forwards: mirror and proxy mode, retries, loops and hostile paths.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use base64::Engine as _;

use crate::{
    destination::{TargetResponse, TargetServer},
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
};

async fn forwards(serve: &Serve, forwards: Json) -> Json {
    serve.patch("/inboxes/inbox", json!({ "forwards": forwards })).await
}

async fn post(serve: &Serve, path: &str, body: &str) -> reqwest::Response {
    reqwest::Client::new().post(format!("{}{path}", serve.listener)).body(body.to_owned()).send().await.unwrap()
}

/// Waits until `count` deliveries of a request have ended and returns them.
async fn ended(serve: &Serve, request: &str, count: usize) -> Vec<Json> {
    until("the deliveries to end", async || {
        let page = serve.get(&format!("/deliveries?request={request}")).await;
        let items = page["items"].to_vec();
        (items.len() == count && items.iter().all(|one| !one["ended_at"].is_null())).then_some(items)
    })
    .await
}

#[tokio::test]
async fn mirrors_requests_to_matching_targets_after_the_response() {
    let (serve, app, other) = (Serve::start(), TargetServer::start().await, TargetServer::start().await);
    // Requests that arrived before a forward was created are not forwarded.
    post(&serve, "/inbox/before", "{}").await;
    forwards(
        &serve,
        json!([
            { "to": format!("{}/hooks", app.url), "headers": { "forwarded": true, "set": [["Authorization", "Bearer s3cret"]] } },
            { "to": other.url, "when": "body.kind:order", "path": "exact" },
            { "to": other.url, "enabled": false },
        ]),
    )
    .await;
    let response = post(&serve, "/inbox/orders/1?x=%20a", "{\"kind\":\"order\"}").await;
    assert_eq!(response.status(), 200);
    let request = serve.newest(2).await;
    let deliveries = ended(&serve, request["id"].as_str().unwrap(), 2).await;
    assert!(deliveries.iter().all(|one| one["state"] == "delivered" && one["origin"] == "forward"));
    let got = app.got();
    assert_eq!((got.len(), got[0].path.as_str()), (1, "/hooks/orders/1?x=%20a"));
    assert_eq!(got[0].body, "{\"kind\":\"order\"}");
    assert_eq!(got[0].headers["host"], app.url.trim_start_matches("http://"));
    assert_eq!(got[0].headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(got[0].headers["x-forwarded-host"], serve.address());
    assert!(got[0].headers["via"].starts_with("1.1 hookbench-"));
    assert_eq!(other.got()[0].path, "/");
    // Credentials are masked, and an update with the masked value keeps them.
    let shown = serve.get("/inboxes/inbox").await;
    assert!(!shown.to_string().contains("s3cret"));
    forwards(&serve, shown["forwards"].clone()).await;
    post(&serve, "/inbox", "{}").await;
    until("the second mirrored request", async || (app.got().len() == 2).then_some(())).await;
    assert_eq!(app.got()[1].headers["authorization"], "Bearer s3cret");
    assert_eq!(other.got().len(), 1);
    // The card of a forward shows the statistics of its deliveries.
    let forward = shown["forwards"][0]["id"].as_str().unwrap();
    let counted = async || {
        let stats = serve.get(&format!("/endpoints/{forward}/stats")).await;
        (stats["success_rate"] == 1.0 && stats["p50_ms"].as_f64().is_some()).then_some(())
    };
    until("the statistics of the forward", counted).await;
    let thread = serve.get(&format!("/requests/{}/timeline", request["id"].as_str().unwrap())).await;
    assert_eq!(thread["items"].items().count(), 3, "{thread}");
}

#[tokio::test]
async fn returns_app_response_or_fallback() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    app.responses(418);
    let fallback = json!({ "status": 503, "body": "later", "headers": [["Retry-After", "7"]] });
    forwards(
        &serve,
        json!([{ "to": app.url, "mode": "proxy", "deadline_ms": 400, "timeout_ms": 3_000, "fallback": fallback }]),
    )
    .await;
    let response = post(&serve, "/inbox/a", "{}").await;
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (418, "response of the server"));
    let row = until("the stored response status", async || {
        let row = serve.newest(1).await;
        (row["status"] == 418).then_some(row)
    })
    .await;
    assert_eq!(ended(&serve, row["id"].as_str().unwrap(), 1).await[0]["status"], 418);

    // If the app does not respond, the sender gets the fallback at the deadline. The attempt runs until its timeout.
    let began = Instant::now();
    let response = post(&serve, "/inbox/hang", "{}").await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    assert_eq!(response.text().await.unwrap(), "later");
    assert!(began.elapsed() >= Duration::from_millis(400));
    let row = serve.newest(2).await;
    let late = ended(&serve, row["id"].as_str().unwrap(), 1).await;
    assert!(late[0]["error"].as_str().unwrap().contains("3000 ms"), "{late:?}");
    assert_eq!(app.hangs.load(Ordering::SeqCst), 1);

    // A truncated response of the app is truncated for the sender, too.
    app.responds_by(|_| TargetResponse::Broken);
    let response = post(&serve, "/inbox/broken", "{}").await;
    assert_eq!(response.status(), 200);
    assert!(response.text().await.is_err());

    // The app is not running.
    forwards(&serve, json!([{ "to": "http://127.0.0.1:1", "mode": "proxy", "fallback": { "status": 504 } }])).await;
    assert_eq!(post(&serve, "/inbox", "{}").await.status(), 504);
    let row = until("the request with the fallback status", async || {
        let row = serve.newest(4).await;
        (row["status"] == 504).then_some(row)
    })
    .await;
    let shown = serve.get(&format!("/requests/{}", row["id"].as_str().unwrap())).await;
    assert_eq!(shown["response_origin"], "Fallback of http://127.0.0.1:1");
    assert!(
        ended(&serve, row["id"].as_str().unwrap(), 1).await[0]["error"].as_str().unwrap().contains("Nothing listens")
    );
}

#[tokio::test]
async fn forwards_large_bodies() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    forwards(&serve, json!([{ "to": app.url, "mode": "proxy" }])).await;
    let body = "0123456789abcdef".repeat(200_000);
    assert_eq!(post(&serve, "/inbox", &body).await.status(), 200);
    assert!(app.got()[0].body == body.as_bytes(), "{} bytes arrived", app.got()[0].body.len());
    assert_eq!(app.got()[0].headers["content-length"], body.len().to_string());
}

#[tokio::test]
async fn hostile_paths_cannot_leave_the_target() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    forwards(&serve, json!([{ "to": format!("{}/in/side", app.url) }])).await;
    let mut count = 0;
    for path in ["/../../x", "/%2e%2e/x", "/a/..%2f..%2fx", "/%252e%252e/x", "//evil.example/x", "/@evil.example/x"] {
        let mut stream = std::net::TcpStream::connect(serve.address()).unwrap();
        use std::io::{Read, Write};
        write!(
            stream,
            "POST /inbox{path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        count += 1;
        let row = serve.newest(count).await;
        let delivery = ended(&serve, row["id"].as_str().unwrap(), 1).await.remove(0);
        match path.contains("evil") {
            true => assert_eq!(delivery["state"], "delivered", "{path}"),
            false => assert!(delivery["reason"].as_str().unwrap().contains("leads out"), "{path}: {delivery}"),
        }
    }
    assert!(app.got().iter().all(|got| got.path.starts_with("/in/side/")), "{:?}", app.got());
    assert_eq!(app.got().len(), 2);
}

/// Retries use the current target and headers of the forward.
#[tokio::test]
async fn waiting_deliveries_use_the_changed_forward() {
    let (serve, old, new) = (Serve::start(), TargetServer::start().await, TargetServer::start().await);
    old.responses(500);
    old.hold();
    let forward =
        json!({ "to": old.url, "retries": { "fixed": [1, 1] }, "headers": { "set": [["Authorization", "old"]] } });
    let made = forwards(&serve, json!([forward])).await;
    post(&serve, "/inbox/x", "{}").await;
    until("the first attempt", async || (old.got().len() == 1).then_some(())).await;
    let mut changed = made["forwards"][0].clone();
    changed["to"] = json!(format!("{}/new", new.url));
    changed["headers"]["set"] = json!([["Authorization", "new"], ["X-Api-Token", "t"]]);
    let shown = forwards(&serve, json!([changed])).await;
    assert!(!shown.to_string().contains(r#""t""#), "{shown}");
    old.release();
    until("the second attempt", async || (new.got().len() == 1).then_some(())).await;
    assert_eq!((new.got()[0].path.as_str(), new.got()[0].headers["authorization"].as_str()), ("/new/x", "new"));
    assert_eq!(old.got().len(), 1);
    // Waiting deliveries continue after the inbox is renamed.
    new.responses(500);
    post(&serve, "/inbox/y", "{}").await;
    until("the first attempt of the other request", async || (new.got().len() == 2).then_some(())).await;
    new.responses(200);
    serve.patch("/inboxes/inbox", json!({ "name": "renamed" })).await;
    until("the second attempt after the rename", async || (new.got().len() == 3).then_some(())).await;
    assert_eq!(new.got()[2].path, "/new/y");
    // A delivery that succeeds keeps the URL of its attempt if the forward changes during the attempt.
    new.hold();
    post(&serve, "/renamed/z", "{}").await;
    until("the attempt", async || (new.got().len() == 4).then_some(())).await;
    let id = serve.get("/requests?inbox=renamed").await["items"][0]["id"].as_str().unwrap().to_owned();
    let mut changed = shown["forwards"][0].clone();
    changed["to"] = json!(old.url);
    serve.patch("/inboxes/renamed", json!({ "forwards": [changed] })).await;
    new.release();
    let delivery = ended(&serve, &id, 1).await.remove(0);
    assert_eq!((&delivery["state"], &delivery["url"]), (&json!("delivered"), &json!(format!("{}/new/z", new.url))));
    serve.patch("/inboxes/renamed", json!({ "name": "inbox" })).await;
    // A masked value without a stored value is rejected.
    let masked = json!({ "to": new.url, "headers": { "set": [["Authorization", "••••••••"]] } });
    let (status, error) = serve.call(reqwest::Method::PATCH, "/inboxes/inbox", json!({ "forwards": [masked] })).await;
    assert_eq!(status, 422, "{error}");
}

/// Deliveries of a deleted inbox wait until the deletion is undone. Deliveries of a deleted request continue while the
/// deletion can be undone.
#[tokio::test]
async fn undo_restores_waiting_deliveries() {
    let (serve, app, beacon) = (Serve::start(), TargetServer::start().await, TargetServer::start().await);
    app.responses(500);
    beacon.responses(500);
    app.hold();
    beacon.hold();
    let retried = |to: &str| json!([{ "to": to, "retries": { "fixed": [1, 1] } }]);
    let other = json!({ "name": "other" });
    assert_eq!(serve.call(reqwest::Method::POST, "/inboxes", other).await.0, 201);
    forwards(&serve, retried(&app.url)).await;
    serve.patch("/inboxes/other", json!({ "forwards": retried(&beacon.url) })).await;
    post(&serve, "/inbox/x", "{}").await;
    until("the first attempt", async || (app.got().len() == 1).then_some(())).await;
    let (status, deletion) = serve.call(reqwest::Method::DELETE, "/inboxes/inbox", json!(null)).await;
    assert_eq!(status, 200, "{deletion}");
    app.release();
    // The later failure in the other inbox is retried, so the earlier one would have been retried by now.
    post(&serve, "/other/x", "{}").await;
    until("the first attempt of the other request", async || (beacon.got().len() == 1).then_some(())).await;
    let id = serve.get("/requests?inbox=other").await["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(serve.call(reqwest::Method::DELETE, &format!("/requests/{id}"), json!(null)).await.0, 200);
    beacon.release();
    beacon.responses(200);
    until("the second attempt of the other request", async || (beacon.got().len() == 2).then_some(())).await;
    assert_eq!(app.got().len(), 1);
    app.responses(200);
    let undo = format!("/deletions/{}/undo", deletion["id"]);
    assert_eq!(serve.call(reqwest::Method::POST, &undo, json!(null)).await.0, 200);
    until("the second attempt", async || (app.got().len() == 2).then_some(())).await;
}

/// A sender that does not read the response in time gets a truncated response.
#[tokio::test(flavor = "multi_thread")]
async fn truncates_response_for_slow_sender() {
    use std::io::{Read, Write};
    let serve = Serve::start();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback(async || {
        let pieces = (0..200).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024]));
        axum::body::Body::from_stream(futures_util::stream::iter(pieces))
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    forwards(&serve, json!([{ "to": to, "mode": "proxy", "timeout_ms": 1_000 }])).await;
    let mut stream = std::net::TcpStream::connect(serve.address()).unwrap();
    stream.write_all(b"POST /inbox HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    let row = serve.newest(1).await;
    let made = ended(&serve, row["id"].as_str().unwrap(), 1).await;
    assert!(made[0]["error"].as_str().unwrap().contains("sender did not read"), "{made:?}");
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    assert!(all.len() < 200 * 64 * 1024 && !all.ends_with(b"0\r\n\r\n"), "{} bytes", all.len());
}

#[tokio::test]
async fn stops_forwarding_loops() {
    let serve = Serve::start();
    forwards(&serve, json!([{ "to": format!("{}/inbox/again", serve.listener) }])).await;
    post(&serve, "/inbox", "{}").await;
    let row = serve.newest(2).await;
    let stopped = ended(&serve, row["id"].as_str().unwrap(), 1).await;
    assert_eq!((&stopped[0]["state"], stopped[0]["attempts"].as_u64()), (&json!("skipped"), Some(0)));
    // In proxy mode, the inbox sends its own response if the forward would loop.
    forwards(&serve, json!([{ "to": format!("{}/inbox/again", serve.listener), "mode": "proxy" }])).await;
    assert_eq!(post(&serve, "/inbox", "{}").await.status(), 200);
    assert_eq!(serve.all("inbox").await.len(), 4);
}

#[tokio::test]
async fn mirrors_each_request_once_after_kill_9() {
    let dir = tempfile::TempDir::new().unwrap();
    let (serve, app) = (Serve::start_in(&dir.path().join("data")), TargetServer::start().await);
    let data = serve.data.clone();
    forwards(&serve, json!([{ "to": app.url }])).await;
    let client = reqwest::Client::new();
    let sends = (0..300).map(|n| client.post(format!("{}/inbox", serve.listener)).body(n.to_string()).send());
    let responses = futures_util::future::join_all(sends).await;
    let acknowledged =
        responses.iter().filter(|response| response.as_ref().is_ok_and(|a| a.status().is_success())).count();
    assert_eq!(acknowledged, 300);
    serve.kill_9();
    let serve = Serve::start_in(&data);
    let deliveries = until("every mirrored request", async || {
        let page = serve.get("/deliveries?limit=500").await;
        let items = page["items"].to_vec();
        (items.len() == 300 && items.iter().all(|one| !one["ended_at"].is_null())).then_some(items)
    })
    .await;
    // Requests that were in flight during the crash have an unknown outcome and are not sent again.
    let unknown =
        deliveries.iter().filter(|one| one["error"].as_str().unwrap_or_default().contains("may have arrived")).count();
    let mut arrived: Vec<_> = app.got().iter().map(|got| got.body.clone()).collect();
    arrived.sort();
    let all = arrived.len();
    arrived.dedup();
    assert_eq!(arrived.len(), all, "no request may arrive twice");
    assert!(all + unknown >= 300 && all <= 300, "{all} arrived, {unknown} unknown");
}

#[tokio::test]
async fn listen_command_forwards_while_it_runs() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    let mut listen = hookbench()
        .args(["listen", "inbox", "--forward-to", &app.url, "--proxy", "--data"])
        .arg(&serve.data)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    app.responses(299);
    until("the forward", async || (serve.get("/inboxes/inbox").await["forwards"].items().count() == 1).then_some(()))
        .await;
    assert_eq!(post(&serve, "/inbox/x", "{}").await.status(), 299);
    assert!(std::process::Command::new("kill").arg(listen.id().to_string()).status().unwrap().success());
    listen.wait().unwrap();
    assert_eq!(serve.get("/inboxes/inbox").await["forwards"], json!([]));
    assert_eq!(post(&serve, "/inbox/x", "{}").await.status(), 200);
    // A forward of a crashed command is deleted, too.
    let (_, made) = serve
        .call(reqwest::Method::PATCH, "/inboxes/inbox", json!({ "forwards": [{ "to": app.url, "ephemeral": true }] }))
        .await;
    assert_eq!(made["forwards"].items().count(), 1);
    until("the forward to be deleted", async || {
        (serve.get("/inboxes/inbox").await["forwards"] == json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn transforms_requests_by_templates() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    serve.patch("/inboxes/inbox", json!({ "verification": { "provider": "github", "secrets": ["s"] } })).await;
    let body = r#"{"order":{{ request.json.id|json }},"by":"{{ request.uuid }}","at":"{{ request.now }}","event":"{{ request.event }}"}"#;
    let headers =
        json!([["X-Order", "{{ request.json.id }}\n{{ request.headers['x-github-event'] }}"], ["X-Empty", ""]]);
    forwards(
        &serve,
        json!([{ "to": app.url, "path": "exact", "re_sign": true, "retries": { "fixed": [0, 0] }, "transform": { "body": body, "headers": headers } }]),
    )
    .await;
    app.responses(500);
    let mut coded = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut coded, br#"{"id":"a\"b"}"#).unwrap();
    let client = reqwest::Client::new();
    let send = |body: Vec<u8>, coding: Option<&str>| {
        let mut request = client.post(format!("{}/inbox", serve.listener)).header("x-github-event", "push").body(body);
        if let Some(coding) = coding {
            request = request.header("content-encoding", coding);
        }
        request.header("content-type", "application/json").send()
    };
    send(coded.finish().unwrap(), Some("gzip")).await.unwrap();
    let request = serve.newest(1).await;
    let delivery = ended(&serve, request["id"].as_str().unwrap(), 1).await[0].clone();
    let got = app.got();
    assert_eq!(got.len(), 3, "{delivery}");
    let sent: Json = serde_json::from_slice(&got[0].body).unwrap();
    assert_eq!(sent, json!({ "order": "a\"b", "by": delivery["id"], "at": delivery["created_at"], "event": "push" }));
    for one in &got {
        // Each attempt sends the same body, which is signed, and no line break can begin another header.
        assert_eq!(one.body, got[0].body);
        assert_eq!(one.headers["x-order"], "a\"b push");
        assert_eq!(one.headers["x-empty"], "");
        assert!(!one.headers.contains_key("content-encoding"), "{:?}", one.headers);
        let raw = format!(
            "POST / HTTP/1.1\r\nX-Hub-Signature-256: {}\r\n\r\n{}",
            one.headers["x-hub-signature-256"],
            String::from_utf8_lossy(&one.body)
        );
        let signed = json!({ "provider": "github", "secrets": ["s"], "request": base64::engine::general_purpose::STANDARD.encode(raw) });
        let (status, verified) = serve.call(reqwest::Method::POST, "/signature/verify", signed).await;
        assert_eq!((status, &verified["status"]), (200, &json!("valid")), "{verified}");
    }
    let id = delivery["id"].as_str().unwrap();
    let shown = serve.request(reqwest::Method::GET, &format!("/deliveries/{id}/body")).send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), got[0].body);
    // The stored request does not change, and a replay sends it as it is.
    assert_eq!(
        serve.get(&format!("/requests/{}", request["id"].as_str().unwrap())).await["content"]["codings"],
        json!(["gzip"])
    );
    // A body that the template cannot read completely is not sent.
    app.responses(200);
    send(format!("{{\"id\":\"{}\"}}", "x".repeat(300_000)).into_bytes(), None).await.unwrap();
    let large = serve.newest(2).await;
    let delivery = ended(&serve, large["id"].as_str().unwrap(), 1).await[0].clone();
    assert_eq!((&delivery["state"], app.got().len()), (&json!("failed"), 3));
    assert!(delivery["error"].as_str().unwrap().contains("more than 262144 bytes"), "{delivery}");
    // A template that fails says why.
    let failing = json!([{ "to": app.url, "transform": { "body": "{% for a in range(99999) %}{% endfor %}" } }]);
    forwards(&serve, failing).await;
    send(b"{}".to_vec(), None).await.unwrap();
    let last = serve.newest(3).await;
    let delivery = ended(&serve, last["id"].as_str().unwrap(), 1).await[0].clone();
    assert!(
        delivery["error"].as_str().unwrap().contains("The template of the body cannot be rendered: "),
        "{delivery}"
    );
    // Proxy mode transforms as well.
    forwards(&serve, json!([{ "to": app.url, "mode": "proxy", "transform": { "body": "<{{ request.body }}>" } }]))
        .await;
    assert_eq!(post(&serve, "/inbox", "text").await.status(), 200);
    assert_eq!(app.got().last().unwrap().body, "<text>");
    // Templates can be set on the command line.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.txt");
    std::fs::write(&file, "id={{ request.json.id }}").unwrap();
    let args = [
        "inbox",
        "forward",
        "add",
        "inbox",
        &app.url,
        "--body-template",
        file.to_str().unwrap(),
        "--header-template",
        "X-A: {{ request.method }}",
    ];
    let output = serve.cli(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stored = serve.get("/inboxes/inbox").await["forwards"][1]["transform"].clone();
    assert_eq!(stored, json!({ "body": "id={{ request.json.id }}", "headers": [["X-A", "{{ request.method }}"]] }));
}
