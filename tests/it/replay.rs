//! End-to-end tests of replays: exact, edited, re-signed and rate-limited replays, restarts and reports.

use std::time::{Duration, Instant};

use base64::Engine as _;

use crate::{
    destination::{TargetServer, id},
    hookbench::{Serve, until},
    json::{Json, json},
};

async fn begin(serve: &Serve, new: Json) -> Json {
    let (status, replay) = serve.call(reqwest::Method::POST, "/replays", new).await;
    assert_eq!(status, 202, "{replay}");
    replay
}

async fn ended(serve: &Serve, replay: &Json) -> Json {
    until("the replay to end", async || {
        let replay = serve.get(&format!("/replays/{}", id(replay))).await;
        (!replay["ended_at"].is_null()).then_some(replay)
    })
    .await
}

/// Imports `count` requests into the inbox, oldest first.
async fn stored(serve: &Serve, count: usize) {
    let lines: String = (0..count)
        .map(|n| format!("{{\"method\":\"POST\",\"target\":\"/inbox/{n}\",\"body\":\"body {n}\",\"headers\":[[\"Content-Type\",\"text/plain\"],[\"Host\",\"customer.example\"]]}}\n"))
        .collect();
    let job = serve
        .request(reqwest::Method::POST, "/import?as=jsonl&inbox=inbox&name=a.jsonl")
        .body(lines)
        .send()
        .await
        .unwrap();
    assert_eq!(job.status(), 202);
    until("the import", async || (serve.get("/inboxes/inbox").await["requests"] == count).then_some(())).await;
}

#[tokio::test]
async fn replays_request_byte_for_byte() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    for body in [b"\x00\xff{\"a\": 1}\r\n ".to_vec(), vec![], (0..3_000_000_u32).map(|n| (n % 251) as u8).collect()] {
        let sent = reqwest::Client::new()
            .put(format!("{}/inbox/a%2Fb/../c?x=%20&y", serve.listener))
            .header("x-a", "1")
            .header("x-a", "2")
            .header("x-latin", reqwest::header::HeaderValue::from_bytes("café".as_bytes()).unwrap())
            .body(body.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), 200);
        let row = serve.all("inbox").await.remove(0);
        let target = row["target"].as_str().unwrap().to_owned();
        let replay = begin(&serve, json!({ "requests": [id(&row)], "settings": { "to": { "url": app.url } } })).await;
        assert_eq!(ended(&serve, &replay).await["delivered"], 1);
        let got = app.got().pop().unwrap();
        assert!(got.body == body, "{} bytes", got.body.len());
        assert_eq!(got.path, target.trim_start_matches("/inbox"));
        assert_eq!(got.headers["x-latin"], "café");
        assert_eq!(got.headers["host"], app.url.trim_start_matches("http://"));
        assert!(!got.headers.contains_key("via") && !got.headers.contains_key("x-forwarded-for"));
        // The stored request is unchanged.
        assert_eq!(serve.body(&id(&row)).await, body);
    }
    // The next replay uses the same target by default.
    let row = serve.all("inbox").await.remove(1);
    let replay = begin(&serve, json!({ "requests": [id(&row)] })).await;
    assert_eq!(ended(&serve, &replay).await["settings"]["to"], json!({ "url": app.url }));
    let detail = serve.get(&format!("/deliveries?replay={}", id(&replay))).await;
    assert_eq!((&detail["items"][0]["method"], &detail["items"][0]["origin"]), (&json!("PUT"), &json!("replay")));
}

#[tokio::test]
async fn re_signs_edited_request_with_valid_signature() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    for (vendor, secret) in [
        ("stripe", "whsec_test_secret"),
        ("github", "It's a Secret to Everybody"),
        ("slack", "8f742231b10e8888abcd99yyyzzz85a5"),
        ("onwebchat", "a3f5c1d2e4b60718293a4b5c6d7e8f90a3f5c1d2e4b60718293a4b5c6d7e8f90"),
        ("standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ] {
        let (_, made) = serve
            .call(
                reqwest::Method::POST,
                "/inboxes",
                json!({ "name": vendor, "verification": { "provider": vendor, "secrets": [secret] } }),
            )
            .await;
        assert_eq!(made["name"], vendor, "{made}");
        assert_eq!(serve.call(reqwest::Method::POST, &format!("/inboxes/{vendor}/test-event"), json!({})).await.0, 200);
        let row = until("the signature status", async || {
            let row = serve.all(vendor).await.pop()?;
            (row["signature_status"] == "valid").then_some(row)
        })
        .await;
        let question = |got: &crate::destination::Got| {
            let head: String = got.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let mut raw = format!("POST {}/orders HTTP/1.1\r\n{head}\r\n", app.url).into_bytes();
            raw.extend_from_slice(&got.body);
            json!({ "provider": vendor, "secret": secret, "request": base64::engine::general_purpose::STANDARD.encode(raw) })
        };
        let edited = br#"{"edited":true}"#;
        for (re_sign, state) in [(json!("inbox"), "valid"), (Json::NULL, "invalid")] {
            let new = json!({ "requests": [id(&row)], "body": base64::engine::general_purpose::STANDARD.encode(edited),
                "settings": { "to": { "url": app.url }, "re_sign": re_sign, "edit": { "method": "POST", "path": "/orders" } } });
            let replay = begin(&serve, new).await;
            assert_eq!(ended(&serve, &replay).await["delivered"], 1, "{vendor}");
            let got = app.got().pop().unwrap();
            assert_eq!((&got.body[..], got.path.as_str()), (&edited[..], "/orders"));
            let (_, signature_status) = serve.call(reqwest::Method::POST, "/signature/verify", question(&got)).await;
            assert_eq!(signature_status["status"], state, "{vendor}: {signature_status}");
            let made = serve.get(&format!("/deliveries?replay={}", id(&replay))).await;
            assert_eq!(made["items"][0]["re_signed"], re_sign.is_string());
        }
        assert_ne!(serve.body(&id(&row)).await, edited);
    }
}

#[tokio::test]
async fn rejects_invalid_replays_before_sending() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    stored(&serve, 3).await;
    let rows = serve.all("inbox").await;
    let ids: Vec<String> = rows.iter().map(id).collect();
    let refused = async |new: Json, code: u16, word: &str| {
        let (status, error) = serve.call(reqwest::Method::POST, "/replays", new).await;
        assert_eq!(status, code, "{error}");
        assert!(error["message"].as_str().unwrap().contains(word), "{error}");
    };
    // The Host header of an imported request is not a replay target.
    refused(json!({ "requests": [ids[0]] }), 422, "No replay target").await;
    refused(json!({ "requests": [ids[0]], "settings": { "to": { "url": "ftp://x" } } }), 422, "http://").await;
    refused(
        json!({ "requests": ids, "settings": { "to": { "url": app.url }, "edit": { "path": "/x" } } }),
        422,
        "single request",
    )
    .await;
    refused(json!({ "query": "((", "settings": { "to": { "url": app.url } } }), 422, "").await;
    refused(json!({ "requests": [], "settings": {} }), 422, "1 to 10000 IDs").await;
    refused(
        json!({ "query": "", "settings": { "to": { "url": "http://staging.example/x" } } }),
        409,
        "3 requests would go to staging.example,",
    )
    .await;
    assert_eq!(serve.get("/replays").await["items"], json!([]));
    // A confirmed host needs no further confirmation.
    let new = json!({ "query": "", "confirm": "staging.example:1", "settings": { "to": { "url": "http://staging.example:1/x" }, "timeout_ms": 1_000 } });
    let replay = begin(&serve, new.clone()).await;
    serve.call(reqwest::Method::POST, &format!("/replays/{}/cancel", id(&replay)), Json::NULL).await;
    let mut again = new;
    again.remove("confirm");
    let replay = begin(&serve, again).await;
    serve.call(reqwest::Method::POST, &format!("/replays/{}/cancel", id(&replay)), Json::NULL).await;
    assert_eq!(ended(&serve, &replay).await["state"], "canceled");
    assert!(app.got().is_empty());
}

#[tokio::test]
async fn replays_in_order_and_stops_at_first_failure() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    stored(&serve, 60).await;
    let to = json!({ "url": app.url });
    let set = json!({ "set": [["Authorization", "Bearer s3cret"]] });
    let replay =
        begin(&serve, json!({ "query": "", "inbox": "inbox", "settings": { "to": to, "headers": set } })).await;
    assert!(!replay.to_string().contains("s3cret"), "{replay}");
    assert_eq!(ended(&serve, &replay).await["delivered"], 60);
    let paths = |from: usize| app.got()[from..].iter().map(|got| got.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(0), (0..60).map(|n| format!("/{n}")).collect::<Vec<_>>());
    assert_eq!(app.got()[0].headers["authorization"], "Bearer s3cret");
    let newest = json!({ "query": "path:/5", "settings": { "to": to, "newest_first": true } });
    ended(&serve, &begin(&serve, newest).await).await;
    assert_eq!(paths(60).first().map(String::as_str), Some("/59"));
    let before = app.got().len();
    app.responds_by(|got| crate::destination::TargetResponse::Status(if got.path == "/7" { 500 } else { 204 }));
    let replay = begin(&serve, json!({ "query": "", "settings": { "to": to, "stop_on_failure": true } })).await;
    let stopped = ended(&serve, &replay).await;
    assert_eq!(
        (&stopped["state"], stopped["delivered"].as_u64(), stopped["failed"].as_u64()),
        (&json!("stopped"), Some(7), Some(1))
    );
    assert_eq!(app.got().len() - before, 8);
    let report = serve.get(&format!("/replays/{}/report", id(&replay))).await;
    assert_eq!((report["unsent"].as_u64(), &report["failures"][0]["status"]), (Some(52), &json!(500)));
    assert!(report["latencies"]["p50"].as_f64().unwrap() > 0.0, "{report}");
}

#[tokio::test]
async fn html_report_contains_no_scripts() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    app.responses(500);
    let hostile = "/inbox/<script>alert(1)</script>";
    let line = json!({ "method": "POST", "target": hostile, "body": "x" }).to_string();
    let sent =
        serve.request(reqwest::Method::POST, "/import?as=jsonl&inbox=inbox&name=a").body(line).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let row = serve.newest(1).await;
    let replay = begin(&serve, json!({ "requests": [id(&row)], "settings": { "to": { "url": app.url } } })).await;
    assert_eq!(ended(&serve, &replay).await["failed"], 1);
    let page =
        serve.request(reqwest::Method::GET, &format!("/replays/{}/report?as=html", id(&replay))).send().await.unwrap();
    assert!(page.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let text = page.text().await.unwrap();
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script"), "{text}");
}

/// The measured rate must be within 5 % of the limit, and a cancellation must take effect within 1 s.
#[tokio::test(flavor = "multi_thread")]
async fn limits_rate_of_ten_thousand_requests_and_cancels() {
    // The rate is low because the other tests run at the same time.
    const RATE: f64 = 200.0;
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    stored(&serve, 10_000).await;
    let new = json!({ "query": "", "settings": { "to": { "url": app.url }, "rate": RATE, "concurrency": 32 } });
    let replay = begin(&serve, new).await;
    until("1600 replayed requests", async || (app.got().len() >= 1_600).then_some(())).await;
    let got = app.got();
    let measured = |from: usize, to: usize| (to - from) as f64 / (got[to].at - got[from].at).as_secs_f64();
    let held = measured(200, 1_500);
    assert!((RATE * 0.95..RATE * 1.05).contains(&held), "{held} a second");
    let canceled = Instant::now();
    serve.call(reqwest::Method::POST, &format!("/replays/{}/cancel", id(&replay)), Json::NULL).await;
    let ended = ended(&serve, &replay).await;
    assert_eq!(ended["state"], "canceled");
    let last = until("no request to arrive for 1.5 s", async || {
        let last = app.got().last()?.at;
        (last.elapsed() > Duration::from_millis(1_500)).then_some(last)
    })
    .await;
    assert!(last < canceled + Duration::from_secs(1), "{:?} after", last - canceled);
    assert!(app.got().len() < 3_000, "{}", app.got().len());
}

#[tokio::test]
async fn continues_replay_after_restart_without_duplicates() {
    let dir = tempfile::TempDir::new().unwrap();
    let (serve, app) = (Serve::start_in(&dir.path().join("data")), TargetServer::start().await);
    let data = serve.data.clone();
    stored(&serve, 2_000).await;
    let new = json!({ "query": "", "settings": { "to": { "url": app.url }, "rate": 800, "concurrency": 8 } });
    let replay = begin(&serve, new).await;
    until("600 replayed requests", async || (app.got().len() >= 600).then_some(())).await;
    serve.kill_9();
    let serve = Serve::start_in(&data);
    let done = ended(&serve, &replay).await;
    assert_eq!(done["state"], "done");
    let (delivered, failed) = (done["delivered"].as_u64().unwrap(), done["failed"].as_u64().unwrap());
    assert_eq!(delivered + failed, 2_000, "{done}");
    // Requests that were in flight count as failures with unknown outcome and are not sent again.
    assert!(failed <= 8, "{failed}");
    let mut paths: Vec<String> = app.got().iter().map(|got| got.path.clone()).collect();
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all, "no request may arrive twice");
    assert!(all as u64 >= delivered, "{all} arrived, {delivered} delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_command_sends_edits_and_tests_idempotency() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    stored(&serve, 3).await;
    let row = serve.all("inbox").await.remove(0);
    let done = serve.cli(&["replay", &id(&row), "--to", &app.url, "--header", "X-Again: yes", "--body", "other"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!((&app.got()[0].body[..], app.got()[0].headers["x-again"].as_str()), (&b"other"[..], "yes"));
    let same = serve.cli(&["replay", &id(&row), "--twice"]);
    assert!(
        same.status.success(),
        "{}{}",
        String::from_utf8_lossy(&same.stdout),
        String::from_utf8_lossy(&same.stderr)
    );
    assert_eq!(app.got().len(), 3);
    let mut first = true;
    app.responds_by(move |_| {
        crate::destination::TargetResponse::Status(if std::mem::take(&mut first) { 200 } else { 409 })
    });
    let differs = serve.cli(&["replay", &id(&row), "--twice", "--at-once"]);
    assert_eq!(differs.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&differs.stdout).contains("409"), "{}", String::from_utf8_lossy(&differs.stdout));
    app.responses(200);
    let report = serve.data.join("report.html");
    let many = serve.cli(&[
        "replay",
        "--query",
        "path:/1 or path:/2",
        "--to",
        &app.url,
        "--rate",
        "50/s",
        "--report",
        report.to_str().unwrap(),
    ]);
    assert!(
        String::from_utf8_lossy(&many.stderr).contains(" delivered, "),
        "{}",
        String::from_utf8_lossy(&many.stderr)
    );
    assert!(std::fs::read_to_string(&report).unwrap().contains("<h2>Responses</h2>"));
    let unconfirmed = serve.cli(&["replay", "--query", "", "--to", "http://staging.example/"]);
    assert!(String::from_utf8_lossy(&unconfirmed.stderr).contains("3 requests would go to staging.example"));
}
