//! End-to-end tests of `kill -9` during deliveries: no delivery is lost, and recorded successes are not sent again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use crate::{
    destination::{TargetServer, endpoint, id, in_state, send},
    hookbench::{Serve, until},
    json::json,
};

/// An attempt that a crash interrupts counts as failed. A test delivery is not retried, and a delivery to a disabled
/// endpoint is skipped.
#[tokio::test]
async fn applies_delivery_rules_to_attempts_interrupted_by_crash() {
    let dir = tempfile::tempdir().unwrap();
    let destination = TargetServer::start().await;
    let serve = Serve::start_in(dir.path());
    let hung = format!("{}/hang", destination.url);
    let tested = endpoint(&serve, json!({ "provider": "onwebchat", "url": hung, "name": "tested" })).await;
    let off = endpoint(&serve, json!({ "provider": "onwebchat", "url": hung, "name": "off" })).await;
    let (_, test) = serve.call(reqwest::Method::POST, &format!("/endpoints/{}/test", id(&tested)), json!({})).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated", "endpoints": [id(&off)] })).await;
    until("two hanging attempts", async || (destination.hangs.load(Ordering::SeqCst) == 2).then_some(())).await;
    serve.call(reqwest::Method::PATCH, &format!("/endpoints/{}", id(&off)), json!({ "enabled": false })).await;
    serve.kill_9();
    let serve = Serve::start_in(dir.path());
    let test = serve.get(&format!("/deliveries/{}", id(&test))).await;
    assert_eq!((&test["state"], &test["attempts"]), (&json!("failed"), &json!(1)), "{test}");
    assert_eq!(test["attempts_made"][0]["error"]["kind"], "outcome_unknown");
    let other = serve.get(&format!("/deliveries/{}", id(&sent["deliveries"][0]))).await;
    assert_eq!(other["state"], "skipped", "{other}");
}

/// An attempt that a crash interrupts has an unknown outcome and is retried like a failure.
#[tokio::test]
async fn crash_neither_loses_nor_repeats_deliveries() {
    let dir = tempfile::tempdir().unwrap();
    let destination = TargetServer::start().await;
    let serve = Serve::start_in(dir.path());
    let fast = json!({ "provider": "onwebchat", "url": destination.url, "name": "fast" });
    let (fast, hung) = (endpoint(&serve, fast).await, format!("{}/hang", destination.url));
    let hung =
        endpoint(&serve, json!({ "provider": "onwebchat", "url": hung, "name": "hung", "time_scale": 2_000.0 })).await;
    let mut delivered = Vec::new();
    for _ in 0..20 {
        let sent =
            send(&serve, json!({ "provider": "onwebchat", "type": "chat.created", "endpoints": [id(&fast)] })).await;
        delivered.push(id(&sent["deliveries"][0]));
    }
    for one in &delivered {
        in_state(&serve, one, &["delivered"]).await;
    }
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.closed", "endpoints": [id(&hung)] })).await;
    let under_way = id(&sent["deliveries"][0]);
    until("a hanging attempt", async || (destination.hangs.load(Ordering::SeqCst) == 1).then_some(())).await;
    serve.kill_9();
    let serve = Serve::start_in(dir.path());
    let after = until("the second attempt", async || {
        let one = serve.get(&format!("/deliveries/{under_way}")).await;
        (destination.hangs.load(Ordering::SeqCst) == 2).then_some(one)
    })
    .await;
    assert_eq!(after["attempts_made"][0]["error"]["kind"], "outcome_unknown", "{after}");
    for one in &delivered {
        assert_eq!(serve.get(&format!("/deliveries/{one}")).await["attempts"], 1);
    }
    let mut by_delivery: BTreeMap<String, usize> = BTreeMap::new();
    for got in destination.got().iter().filter(|got| !got.path.contains("hang")) {
        *by_delivery.entry(got.headers["x-owc-delivery"].clone()).or_default() += 1;
    }
    assert!(by_delivery.len() == 20 && by_delivery.values().all(|count| *count == 1), "{by_delivery:?}");
}

/// Kills the server three times under load. Every delivery must end as delivered, and recorded successes must not be
/// sent again.
#[tokio::test]
async fn kill_9_under_load_neither_loses_nor_repeats_deliveries() {
    let dir = tempfile::tempdir().unwrap();
    let destination = TargetServer::start().await;
    let mut serve = Serve::start_in(dir.path());
    let settings =
        json!({ "provider": "onwebchat", "url": destination.url, "time_scale": 100_000.0, "concurrency": 8 });
    endpoint(&serve, settings).await;
    send(&serve, json!({ "provider": "onwebchat", "type": "message.created", "count": 1_500 })).await;
    for round in 1..=3 {
        until("more deliveries to arrive", async || (destination.got().len() >= round * 300).then_some(())).await;
        let recorded: Vec<String> = {
            let page = serve.get("/deliveries?state=delivered&limit=500").await;
            page["items"].items().map(id).collect()
        };
        serve.kill_9();
        let before = destination.got().len();
        serve = Serve::start_in(dir.path());
        let repeated =
            destination.got()[before..].iter().filter(|got| recorded.contains(&got.headers["x-owc-delivery"])).count();
        assert_eq!(repeated, 0, "a delivery was sent again after its success was recorded");
    }
    until("the queue to be empty", async || (serve.get("/status").await["queue"] == 0).then_some(())).await;
    until("all deliveries to be delivered", async || {
        let mut open = 0;
        for state in ["waiting", "sending", "failed", "exhausted", "skipped"] {
            open += serve.get(&format!("/deliveries?state={state}&limit=500")).await["items"].items().count();
        }
        (open == 0).then_some(())
    })
    .await;
    let arrived: BTreeSet<String> = destination.got().iter().map(|got| got.headers["x-owc-delivery"].clone()).collect();
    assert_eq!(arrived.len(), 1_500);
}
