//! kill -9 while deliveries are under way: nothing is lost, and nothing that arrived is sent again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use crate::{
    hookbench::{Serve, until},
    json::json,
    target::{Receiver, endpoint, id, in_state, send},
};

/// What crashes with the engine is judged as if it had ended: a test is not tried again, and what
/// belongs to an endpoint that was switched off stays.
#[tokio::test]
async fn a_crash_keeps_to_the_rules_of_what_was_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let serve = Serve::start_in(dir.path());
    let hung = format!("{}/hang", receiver.url);
    let tested = endpoint(&serve, json!({ "provider": "onwebchat", "url": hung, "name": "tested" })).await;
    let off = endpoint(&serve, json!({ "provider": "onwebchat", "url": hung, "name": "off" })).await;
    let (_, test) = serve.call(reqwest::Method::POST, &format!("/endpoints/{}/test", id(&tested)), json!({})).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated", "endpoints": [id(&off)] })).await;
    until("both to hang", async || (receiver.hangs.load(Ordering::SeqCst) == 2).then_some(())).await;
    serve.call(reqwest::Method::PATCH, &format!("/endpoints/{}", id(&off)), json!({ "enabled": false })).await;
    serve.kill_9();
    let serve = Serve::start_in(dir.path());
    let test = serve.get(&format!("/deliveries/{}", id(&test))).await;
    assert_eq!((&test["state"], &test["attempts"]), (&json!("failed"), &json!(1)), "{test}");
    assert_eq!(test["attempts_made"][0]["error"]["kind"], "outcome_unknown");
    let other = serve.get(&format!("/deliveries/{}", id(&sent["deliveries"][0]))).await;
    assert_eq!(other["state"], "skipped", "{other}");
}

/// A crash in mid-send: what was under way has an unknown outcome, and goes on as after a failure;
/// what waits is sent at its time.
#[tokio::test]
async fn a_crash_loses_no_delivery_and_repeats_none_that_arrived() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let serve = Serve::start_in(dir.path());
    let fast = json!({ "provider": "onwebchat", "url": receiver.url, "name": "fast" });
    let (fast, hung) = (endpoint(&serve, fast).await, format!("{}/hang", receiver.url));
    let hung =
        endpoint(&serve, json!({ "provider": "onwebchat", "url": hung, "name": "hung", "speed": 2_000.0 })).await;
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
    until("the receiver to hang", async || (receiver.hangs.load(Ordering::SeqCst) == 1).then_some(())).await;
    serve.kill_9();
    let serve = Serve::start_in(dir.path());
    let after = until("the second attempt", async || {
        let one = serve.get(&format!("/deliveries/{under_way}")).await;
        (receiver.hangs.load(Ordering::SeqCst) == 2).then_some(one)
    })
    .await;
    assert_eq!(after["attempts_made"][0]["error"]["kind"], "outcome_unknown", "{after}");
    for one in &delivered {
        assert_eq!(serve.get(&format!("/deliveries/{one}")).await["attempts"], 1);
    }
    let mut by_delivery: BTreeMap<String, usize> = BTreeMap::new();
    for got in receiver.got().iter().filter(|got| !got.path.contains("hang")) {
        *by_delivery.entry(got.headers["x-owc-delivery"].clone()).or_default() += 1;
    }
    assert!(by_delivery.len() == 20 && by_delivery.values().all(|count| *count == 1), "{by_delivery:?}");
}

/// kill -9 under load, again and again: everything ends delivered, and nothing whose success was
/// recorded is sent once more.
#[tokio::test]
async fn kill_9_under_load_loses_and_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut serve = Serve::start_in(dir.path());
    let settings = json!({ "provider": "onwebchat", "url": receiver.url, "speed": 100_000.0, "concurrency": 8 });
    endpoint(&serve, settings).await;
    send(&serve, json!({ "provider": "onwebchat", "type": "message.created", "count": 1_500 })).await;
    for round in 1..=3 {
        until("some to arrive", async || (receiver.got().len() >= round * 300).then_some(())).await;
        let recorded: Vec<String> = {
            let page = serve.get("/deliveries?state=delivered&limit=500").await;
            page["items"].items().map(id).collect()
        };
        serve.kill_9();
        let before = receiver.got().len();
        serve = Serve::start_in(dir.path());
        let repeated =
            receiver.got()[before..].iter().filter(|got| recorded.contains(&got.headers["x-owc-delivery"])).count();
        assert_eq!(repeated, 0, "sent again after its success was recorded");
    }
    until("the queue to be empty", async || (serve.get("/status").await["queue"] == 0).then_some(())).await;
    until("all to be delivered", async || {
        let mut open = 0;
        for state in ["waiting", "sending", "failed", "exhausted", "skipped"] {
            open += serve.get(&format!("/deliveries?state={state}&limit=500")).await["items"].items().count();
        }
        (open == 0).then_some(())
    })
    .await;
    let arrived: BTreeSet<String> = receiver.got().iter().map(|got| got.headers["x-owc-delivery"].clone()).collect();
    assert_eq!(arrived.len(), 1_500);
}
