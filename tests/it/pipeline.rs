//! End-to-end tests of the pipeline: each stored request is verified, mirrored and indexed once, also after a crash.

use std::collections::BTreeMap;

use crate::{
    destination::TargetServer,
    hookbench::{Serve, until},
    json::{Json, json},
};

const REQUESTS: usize = 240;

async fn post(serve: &Serve, body: String) {
    let request = reqwest::Client::new().post(format!("{}/inbox", serve.listener)).header("x-gitlab-token", "s");
    let status = request.header("content-type", "application/json").body(body).send().await.unwrap().status();
    assert_eq!(status, 200);
}

/// Waits until no request is waiting for a stage.
async fn at_rest(serve: &Serve) {
    until("every stage to be idle", async || {
        let status = serve.get("/status").await;
        let stages = status["pipeline"].to_vec();
        let names: Vec<&str> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
        assert_eq!(names, ["verify", "forward", "schema", "index", "alerts"]);
        stages.iter().all(|stage| stage["waiting"] == 0 && stage["behind_ms"] == 0).then_some(())
    })
    .await;
}

async fn deliveries_by_request(serve: &Serve) -> BTreeMap<String, usize> {
    let (mut counts, mut after) = (BTreeMap::new(), None);
    loop {
        let page = match &after {
            None => serve.get("/deliveries?limit=100").await,
            Some(after) => serve.get(&format!("/deliveries?limit=100&after={after}")).await,
        };
        let items = page["items"].to_vec();
        for item in &items {
            *counts.entry(item["request"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match items.last() {
            Some(last) => after = Some(last["id"].as_str().unwrap().to_owned()),
            None => return counts,
        }
    }
}

fn is_verified(request: &Json) -> bool {
    request["signature_status"] == "valid" && request["provider"] == "gitlab"
}

#[tokio::test]
async fn processes_each_request_once_after_crash() {
    let dir = tempfile::tempdir().unwrap();
    let app = TargetServer::start().await;
    let serve = Serve::start_in(dir.path());
    let verification = json!({ "provider": "gitlab", "secrets": ["s"] });
    let forwards = json!([{ "to": app.url, "when": "signature:valid" }]);
    serve.patch("/inboxes/inbox", json!({ "verification": verification, "forwards": forwards })).await;
    at_rest(&serve).await;
    // The bodies exceed the memory limit of the pipeline, and some of them are stored in chunks.
    let sizes = |n: usize| if n.is_multiple_of(40) { 1_500_000 } else { 100_000 };
    let bodies = (0..REQUESTS).map(|n| json!({ "n": n, "text": "x".repeat(sizes(n)) }).to_string());
    for chunk in bodies.collect::<Vec<_>>().chunks(24) {
        futures_util::future::join_all(chunk.iter().map(|body| post(&serve, body.clone()))).await;
    }
    serve.kill_9();
    let serve = Serve::start_in(dir.path());
    at_rest(&serve).await;
    let requests = serve.all("inbox").await;
    assert_eq!(requests.len(), REQUESTS);
    let unverified: Vec<&Json> = requests.iter().filter(|request| !is_verified(request)).collect();
    assert_eq!(unverified, Vec::<&Json>::new());
    let mirrored = deliveries_by_request(&serve).await;
    assert_eq!(mirrored.len(), REQUESTS);
    assert_eq!(mirrored.values().filter(|count| **count != 1).count(), 0, "{mirrored:?}");
}

/// The response rule depends on the signature, so requests are verified before the response.
#[tokio::test]
async fn stores_signature_status_that_the_rule_used() {
    let serve = Serve::start();
    let rule = json!({ "when": "signature:valid", "responses": [{ "status": 202 }] });
    let verification = json!({ "provider": "gitlab", "secrets": ["s"] });
    serve.patch("/inboxes/inbox", json!({ "verification": verification, "rules": [rule] })).await;
    let client = reqwest::Client::new();
    for (token, status, signature_status) in [("s", 202, "valid"), ("t", 200, "invalid")] {
        let request = client.post(format!("{}/inbox", serve.listener)).header("x-gitlab-token", token);
        let request = request.header("x-gitlab-event", "Push Hook").body(r#"{"object_kind":"push"}"#);
        assert_eq!(request.send().await.unwrap().status(), status);
        let stored = until("a signature status", async || {
            let request = serve.get("/requests?limit=1").await["items"][0].clone();
            (request["signature_status"] != "unverified").then_some(request)
        })
        .await;
        assert_eq!(
            (&stored["signature_status"], &stored["provider"]),
            (&json!(signature_status), &json!("gitlab")),
            "{stored}"
        );
        assert_eq!(stored["event_type"], "Push Hook", "{stored}");
        at_rest(&serve).await;
    }
}
