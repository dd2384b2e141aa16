//! End-to-end tests of what a list of requests shows: the traffic, found text, app responses, rule statistics, reports.

use reqwest::Method;

use crate::{
    destination::{TargetResponse, TargetServer, id},
    hookbench::{Serve, until},
    json::{Json, json},
};

async fn send(serve: &Serve, path: &str, body: &str) {
    let sent = reqwest::Client::new()
        .post(format!("{}/inbox{path}", serve.listener))
        .header("content-type", "application/json")
        .header("authorization", "Bearer sesame")
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    assert!(sent.status().is_success());
}

/// Returns the number of valid, invalid, unverified and matching requests of the last 60 minutes.
async fn traffic(serve: &Serve, query: &str) -> [u64; 4] {
    let traffic = serve.get(&format!("/requests/traffic{query}")).await;
    let minutes = traffic["minutes"].to_vec();
    assert_eq!(minutes.len(), 60);
    ["valid", "invalid", "unverified", "matching"].map(|name| minutes.iter().map(|one| one[name].to::<u64>()).sum())
}

#[tokio::test]
async fn traffic_counts_requests_by_signature_and_query() {
    let data = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(data.path());
    for n in 0..5 {
        send(&serve, &format!("/orders/{n}"), r#"{"type":"order.paid"}"#).await;
    }
    let (status, _) = serve.call(Method::POST, "/inboxes/inbox/test-event", json!({})).await;
    assert_eq!(status, 200);
    until("the counts", async || (traffic(&serve, "").await[..3] == [1, 0, 5]).then_some(())).await;
    assert_eq!(traffic(&serve, "?inbox=inbox&q=path:orders").await, [1, 0, 5, 5]);
    assert_eq!(traffic(&serve, "?q=path:/inbox/orders/3").await[3], 1);
    // A request that is deleted, and one of another inbox, do not count.
    serve.call(Method::POST, "/inboxes", json!({ "name": "other" })).await;
    assert_eq!(traffic(&serve, "?inbox=other").await, [0; 4]);
    let (oldest, count) = (serve.all("inbox").await.pop().unwrap(), 6);
    serve.call(Method::DELETE, &format!("/requests/{}", id(&oldest)), Json::NULL).await;
    until("one fewer", async || (traffic(&serve, "").await[..3].iter().sum::<u64>() == count - 1).then_some(())).await;
    // After a restart, the counts are read from the database.
    serve.terminate();
    let serve = Serve::start_in(data.path());
    until("the same counts", async || (traffic(&serve, "").await[..3] == [1, 0, 4]).then_some(())).await;
    let (status, error) = serve.call(Method::GET, "/requests/traffic?q=evnt:x", Json::NULL).await;
    assert_eq!((status, &error["code"]), (422, &json!("bad_query")));
}

#[tokio::test]
async fn search_by_time_and_app_response_shows_found_text() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    app.responds_by(|got| TargetResponse::Status(if got.path.contains("bad") { 500 } else { 200 }));
    serve.patch("/inboxes/inbox", json!({ "forwards": [{ "to": app.url }] })).await;
    send(&serve, "/bad", r#"{"data":{"customer":{"email":"zoë@example.com"}}}"#).await;
    send(&serve, "/good", r#"{"data":{"customer":{"email":"max@example.com"}}}"#).await;
    let found = async |query: &str| {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        serve.get(&format!("/requests?q={query}")).await["items"].to_vec()
    };
    until("the app responses", async || (found("app:500").await.len() == 1).then_some(())).await;
    assert_eq!(found("app:500").await[0]["target"], "/inbox/bad");
    assert_eq!(found("app:200").await[0]["target"], "/inbox/good");
    assert_eq!(found("time:today").await.len(), 2);
    assert_eq!(found("time:yesterday").await.len(), 0);
    let items = found("ZOË").await;
    assert_eq!(items.len(), 1);
    let snippet = &items[0]["snippet"];
    assert_eq!((&snippet["place"], &snippet["matched"]), (&json!("data.customer.email"), &json!("zoë")), "{snippet}");
}

#[tokio::test]
async fn rule_statistics_count_the_responses() {
    let serve = Serve::start();
    let inbox = serve
        .patch(
            "/inboxes/inbox",
            json!({ "rules": [{ "name": "tea", "when": "path:/tea", "responses": [{ "status": 202 }] }] }),
        )
        .await;
    for path in ["/tea", "/tea", "/coffee"] {
        send(&serve, path, "{}").await;
    }
    let stats = serve.get("/inboxes/inbox/rules/stats").await;
    let of = |id: &Json| stats["items"].items().find(|one| one["id"] == *id).map(|one| one["requests"].to::<u64>());
    assert_eq!((of(&inbox["rules"][0]["id"]), of(&Json::NULL)), (Some(2), Some(1)), "{stats}");
}

#[tokio::test]
async fn report_shows_request_without_credentials() {
    let serve = Serve::start();
    let body = r#"{"type":"order.paid","customer":{"email":"ann@example.com"},"note":"<script>alert(1)</script>"}"#;
    send(&serve, "/orders", body).await;
    let row = serve.all("inbox").await.remove(0);
    for format in ["markdown", "html"] {
        let path = format!("/requests/report?ids={}&as={format}&redact_paths=customer.email", id(&row));
        let report = serve.get(&path).await;
        let content = report["content"].as_str().unwrap();
        assert!(content.contains("order.paid") && content.contains("POST"), "{content}");
        assert!(!content.contains("sesame") && !content.contains("ann@example.com"), "{content}");
        assert!(format == "markdown" || !content.contains("<script"), "{content}");
        let left_out = report["left_out"].to_string();
        assert!(left_out.contains("authorization") && left_out.contains("customer.email"), "{left_out}");
    }
    let page =
        serve.request(Method::GET, &format!("/requests/report/file?ids={}&as=html", id(&row))).send().await.unwrap();
    assert!(page.headers()["content-disposition"].to_str().unwrap().contains("request-report.html"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ticket.html");
    assert!(serve.cli(&["report", "latest", "--as", "html", "-o", file.to_str().unwrap()]).status.success());
    assert!(std::fs::read_to_string(&file).unwrap().contains("order.paid"));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
    let printed = serve.cli(&["report", "latest", "--no-bodies"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.status.success() && text.contains("/inbox/orders") && !text.contains("order.paid\""), "{text}");
    let (status, _) =
        serve.call(Method::GET, "/requests/report?ids=00000000-0000-7000-8000-000000000000&as=html", Json::NULL).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn sends_a_new_request_without_a_stored_one() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    let settings = json!({
        "to": { "url": format!("{}/new", app.url) },
        "path": "exact",
        "edit": { "method": "PUT", "path": null, "headers": [["X-New", "1"], ["Content-Type", "text/plain"]] },
    });
    let (status, replay) =
        serve.call(Method::POST, "/replays", json!({ "blank": true, "settings": settings, "body": "aGVsbG8=" })).await;
    assert_eq!(status, 202, "{replay}");
    let got = until("the request", async || app.got().pop()).await;
    assert_eq!((got.path.as_str(), &got.body[..], got.headers["x-new"].as_str()), ("/new", &b"hello"[..], "1"));
    assert_eq!(serve.get("/requests").await["items"].items().len(), 0);
    // A replay has exactly one source.
    let (status, _) = serve.call(Method::POST, "/replays", json!({ "settings": settings })).await;
    assert_eq!(status, 422);
}
