//! End-to-end tests of sending: signed deliveries, retries and the final state of each delivery.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use base64::Engine as _;

use crate::{
    destination::{TargetResponse, TargetServer, endpoint, id, in_state, send},
    hookbench::{Serve, until},
    json::{Json, json},
};

/// The received bytes must equal the stored bytes, and their signature must verify.
#[tokio::test]
async fn delivers_signed_events_of_each_founding_vendor_unchanged() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let mut kinds = 0;
    for vendor in ["deway", "flow-session", "onwebchat", "vowchat", "sydx-ai"] {
        let made = endpoint(&serve, json!({ "provider": vendor, "url": destination.url, "local_test": true })).await;
        let secrets = serve.get(&format!("/endpoints/{}/secrets", id(&made))).await;
        let provider = serve.get(&format!("/providers/{vendor}")).await;
        for event in provider["sending"]["events"].items() {
            kinds += 1;
            let kind = event["type"].as_str().unwrap();
            let sent = send(&serve, json!({ "provider": vendor, "type": kind, "endpoints": [id(&made)] })).await;
            let delivery = in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
            let got = destination.got().pop().unwrap();
            assert_eq!(got.headers["content-type"], "application/json");
            let body = serve
                .request(reqwest::Method::GET, &format!("/deliveries/{}/body", id(&delivery)))
                .send()
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap();
            assert_eq!(body, got.body);
            assert!(delivery["attempts_made"][0]["timings"]["total_us"].as_u64().unwrap() > 0);
            if secrets["items"].is_an_empty_array() {
                assert!(!got.headers.keys().any(|name| name.contains("signature")), "{vendor} must not sign");
                continue;
            }
            let secret = secrets["items"][0]["value"].as_str().unwrap();
            let head: String = got.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let mut raw = format!("POST / HTTP/1.1\r\n{head}\r\n").into_bytes();
            raw.extend_from_slice(&got.body);
            for (raw, state) in [(raw.clone(), "valid"), ([&raw[..], b" "].concat(), "invalid")] {
                let question = json!({ "provider": vendor, "secret": secret,
                    "request": base64::engine::general_purpose::STANDARD.encode(raw) });
                let (_, signature_status) = serve.call(reqwest::Method::POST, "/signature/verify", question).await;
                assert_eq!(signature_status["status"], state, "{vendor} {kind}: {signature_status}");
            }
            let shown = serve.get(&format!("/deliveries/{}", id(&delivery))).await.to_string();
            assert!(!shown.contains(secret), "the delivery must not contain the secret");
        }
    }
    assert_eq!(kinds, 28);
}

/// Runs the retry schedule of onWebChat (206 minutes) in about half a second.
// The test blocks this thread while a command runs, so the test server needs another thread.
#[tokio::test(flavor = "multi_thread")]
async fn retries_on_schedule_then_disables_endpoint() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    destination.responses(500);
    let time_scale = 20_000.0;
    let made =
        endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url, "time_scale": time_scale })).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.closed" })).await;
    let ended = in_state(&serve, &id(&sent["deliveries"][0]), &["exhausted"]).await;
    assert_eq!((ended["attempts"].as_u64(), ended["status"].as_u64()), (Some(6), Some(500)));
    let got = destination.got();
    assert_eq!(got.len(), 6);
    // Each attempt sends the same bytes and id, and never earlier than the schedule allows.
    for (pair, wait_s) in got.windows(2).zip([60.0, 300.0, 1_200.0, 3_600.0, 7_200.0]) {
        let gap = (pair[1].at - pair[0].at).as_secs_f64();
        assert!(gap >= wait_s / time_scale * 0.95, "{gap} after {wait_s}");
        assert_eq!(
            (&pair[0].body, &pair[0].headers["x-owc-delivery"]),
            (&pair[1].body, &pair[1].headers["x-owc-delivery"])
        );
    }
    let off = serve.get(&format!("/endpoints/{}", id(&made))).await;
    assert_eq!(
        (&off["state"]["enabled"], &off["state"]["reason"]),
        (&json!(false), &json!("5 retries of one delivery failed."))
    );
    // Deliveries to a disabled endpoint are stored as skipped with a reason and can be resent.
    let skipped = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated" })).await;
    let skipped = &skipped["deliveries"][0];
    assert_eq!(skipped["state"], "skipped");
    assert!(skipped["reason"].as_str().unwrap().contains("5 retries"), "{skipped}");
    let late = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated", "count": 3 })).await;
    destination.responses(200);
    let path = format!("/endpoints/{}", id(&made));
    let (status, on) = serve.call(reqwest::Method::PATCH, &path, json!({ "enabled": true })).await;
    assert_eq!((status, &on["state"]["enabled"], &on["state"]["reason"]), (200, &json!(true), &Json::NULL));
    let (status, _) = serve.call(reqwest::Method::POST, &format!("/deliveries/{}/retry", id(skipped)), json!({})).await;
    assert_eq!(status, 202);
    in_state(&serve, &id(skipped), &["delivered"]).await;
    // A single command resends all skipped deliveries.
    let own = id(&made);
    let sent = serve.cli(&["delivery", "retry", "--endpoint", &own, "--state", "skipped", "--json"]);
    assert_eq!(String::from_utf8_lossy(&sent.stdout).trim(), r#"{"deliveries":3,"left":0}"#);
    for one in late["deliveries"].items() {
        in_state(&serve, &id(one), &["delivered"]).await;
    }
    for (which, expected) in [
        (json!({ "endpoint": own, "state": "delivered" }), 422),
        (json!({ "endpoint": "unknown", "state": "skipped" }), 404),
        (json!({}), 422),
        (json!({ "since": "soon" }), 422),
    ] {
        let (status, error) = serve.call(reqwest::Method::POST, "/deliveries/retry", which).await;
        assert_eq!(status, expected, "{error}");
    }
}

#[tokio::test]
async fn reports_final_state_of_each_delivery() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let only = json!({ "provider": "onwebchat", "url": destination.url, "events": ["chat.rated"], "name": "only" });
    let filtered = endpoint(&serve, only).await;
    let gone = endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url, "name": "gone" })).await;
    destination.responses(410);
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.closed" })).await;
    let of = |endpoint: &Json| {
        sent["deliveries"].items().find(|delivery| delivery["endpoint"] == endpoint["id"]).unwrap().clone()
    };
    assert_eq!(of(&filtered)["state"], "filtered");
    let failed = in_state(&serve, &id(&of(&gone)), &["failed"]).await;
    assert!(failed["reason"].as_str().unwrap().contains("410"), "{failed}");
    let off = serve.get(&format!("/endpoints/{}", id(&gone))).await;
    assert_eq!(
        (&off["state"]["enabled"], &off["state"]["reason"]),
        (&json!(false), &json!("The endpoint responded with 410 Gone."))
    );

    // VowChat does not retry after 4xx. Refused connections are retried until the delivery is canceled.
    let vowchat = json!({ "provider": "vowchat", "url": destination.url, "local_test": true });
    let vowchat = endpoint(&serve, vowchat).await;
    destination.responses(429);
    let sent = send(&serve, json!({ "provider": "vowchat", "type": "message_created" })).await;
    let failed = in_state(&serve, &id(&sent["deliveries"][0]), &["failed"]).await;
    assert_eq!((failed["attempts"].as_u64(), failed["status"].as_u64()), (Some(1), Some(429)));
    let unreachable = json!({ "settings": { "url": "http://127.0.0.1:1/" } });
    serve.call(reqwest::Method::PATCH, &format!("/endpoints/{}", id(&vowchat)), unreachable).await;
    let sent = send(&serve, json!({ "provider": "vowchat", "type": "message_created" })).await;
    let waiting = until("the delivery to wait for its second attempt", async || {
        let one = serve.get(&format!("/deliveries/{}", id(&sent["deliveries"][0]))).await;
        (one["attempts"] == 1 && one["state"] == "waiting").then_some(one)
    })
    .await;
    assert_eq!(waiting["attempts_made"][0]["error"]["kind"], "refused");
    assert!(waiting["next_at"].is_string());
    let (status, ended) =
        serve.call(reqwest::Method::POST, &format!("/deliveries/{}/cancel", id(&waiting)), json!({})).await;
    assert_eq!((status, &ended["state"]), (200, &json!("canceled")));
    let (status, error) =
        serve.call(reqwest::Method::POST, &format!("/deliveries/{}/cancel", id(&waiting)), json!({})).await;
    assert_eq!((status, &error["code"]), (409, &json!("not_waiting")));
    // `all_retries` runs all retries now, without delays.
    let all_retries = json!({ "all_retries": true });
    serve.call(reqwest::Method::POST, &format!("/deliveries/{}/retry", id(&waiting)), all_retries).await;
    let ended = in_state(&serve, &id(&waiting), &["exhausted"]).await;
    assert!(ended["attempts"].as_u64().unwrap() >= 6, "{ended}");
}

#[tokio::test]
async fn rejects_settings_that_the_vendor_does_not_allow() {
    let serve = Serve::start();
    let url = "http://127.0.0.1:1/hook";
    for (settings, word) in [
        (json!({ "provider": "vowchat", "url": url }), "https"),
        (json!({ "provider": "deway", "url": url }), "https"),
        (json!({ "provider": "unknown", "url": url }), "No such provider"),
        (json!({ "provider": "onwebchat", "url": "ftp://x/" }), "http://"),
        (json!({ "provider": "onwebchat", "url": url, "events": ["chat.exploded"] }), "chat.exploded"),
        (json!({ "provider": "deway", "url": url, "local_test": true, "events": ["chats"] }), "every event"),
        (json!({ "provider": "onwebchat", "url": url, "time_scale": 0 }), "time_scale"),
        (json!({ "provider": "onwebchat", "url": url, "time_scale": 1e-308 }), "time_scale"),
        (json!({ "provider": "onwebchat", "url": url, "rate": 1e-300 }), "rate"),
        (json!({ "provider": "onwebchat", "url": url, "policy": { "timeout_ms": 0 } }), "timeout_ms"),
        (json!({ "provider": "onwebchat", "url": url, "policy": { "redirects": true } }), "does not follow redirects"),
        (
            json!({ "provider": "onwebchat", "url": url, "policy": { "disable": { "failed_attempts": 0 } } }),
            "at least 1",
        ),
        (
            json!({ "provider": "onwebchat", "url": url, "policy": { "schedule": { "fixed": vec![1; 101] } } }),
            "100 retries",
        ),
        (json!({ "provider": "onwebchat", "url": url, "headers": [{ "name": "Host", "value": "x" }] }), "Host"),
        (json!({ "provider": "onwebchat", "url": url, "headers": [{ "name": "X", "value": "a\r\nB: c" }] }), "header"),
        (json!({ "provider": "onwebchat", "url": url, "trusted_certificate": "nonsense?" }), "certificate"),
    ] {
        let (status, error) = serve.call(reqwest::Method::POST, "/endpoints", settings).await;
        assert_eq!(status, 422, "{error}");
        assert!(error["message"].as_str().unwrap().contains(word), "{word}: {error}");
    }
    // The vendor allows five endpoints per flow. A sixth endpoint is allowed in another flow.
    for n in 0..5 {
        let url = format!("http://127.0.0.1:1/{n}");
        endpoint(&serve, json!({ "provider": "flow-session", "url": url, "account": "kyc" })).await;
    }
    let sixth = json!({ "provider": "flow-session", "url": "http://127.0.0.1:1/5", "account": "kyc" });
    let (status, error) = serve.call(reqwest::Method::POST, "/endpoints", sixth).await;
    assert_eq!(status, 422);
    assert!(error["message"].as_str().unwrap().contains("5 endpoints per flow"), "{error}");
    endpoint(&serve, json!({ "provider": "flow-session", "url": url, "account": "onboarding" })).await;
    let vowchat = json!({ "provider": "vowchat", "url": "https://a.example/x", "account": "acme" });
    endpoint(&serve, vowchat.clone()).await;
    let (status, error) = serve.call(reqwest::Method::POST, "/endpoints", vowchat).await;
    assert_eq!(status, 422);
    assert!(error["message"].as_str().unwrap().contains("only once"), "{error}");
}

/// The endpoint responds with 410 while thousands of events are still being stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_not_send_after_endpoint_is_disabled() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    destination.responses(410);
    let made = endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url, "concurrency": 4 })).await;
    send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated", "count": 5_000 })).await;
    until("all deliveries to end", async || {
        let mut open = 0;
        for state in ["waiting", "sending"] {
            open += serve.get(&format!("/deliveries?state={state}&limit=1")).await["items"].items().count();
        }
        (open == 0 && serve.get("/status").await["queue"] == 0).then_some(())
    })
    .await;
    // Only the attempts that were in flight at the first response arrive.
    assert!(destination.got().len() <= 8, "{} arrived", destination.got().len());
    let stats = serve.get(&format!("/endpoints/{}", id(&made))).await;
    assert_eq!(stats["state"]["enabled"], false);
    // Resending stops once the endpoint is disabled again. Deleting the endpoint leaves no waiting deliveries.
    let path = format!("/endpoints/{}", id(&made));
    serve.call(reqwest::Method::PATCH, &path, json!({ "enabled": true })).await;
    let which = json!({ "endpoint": id(&made), "state": "skipped" });
    serve.call(reqwest::Method::POST, "/deliveries/retry", which).await;
    serve.call(reqwest::Method::DELETE, &path, Json::NULL).await;
    until("no waiting deliveries", async || {
        let waiting = serve.get("/deliveries?state=waiting&limit=1").await;
        (waiting["items"] == json!([])).then_some(())
    })
    .await;
    assert!(destination.got().len() <= 16, "{} arrived", destination.got().len());
}

/// The attempt stores the received part of the response and the error.
#[tokio::test]
async fn stores_truncated_response_with_error() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    destination.responds_by(|_| TargetResponse::Broken);
    let made = endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url })).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated" })).await;
    let shown = in_state(&serve, &id(&sent["deliveries"][0]), &["waiting"]).await;
    let shown = until("the attempt to be stored", async || {
        let shown = serve.get(&format!("/deliveries/{}", id(&shown))).await;
        shown["attempts_made"][0]["error"].is_object().then_some(shown)
    })
    .await;
    let attempt = &shown["attempts_made"][0];
    assert_eq!((&attempt["status"], &attempt["response_bytes"]), (&json!(200), &json!(6)), "{attempt}");
    assert_eq!((&attempt["error"]["phase"], &shown["status"]), (&json!("body"), &Json::NULL), "{attempt}");
    assert_eq!(serve.get(&format!("/endpoints/{}", id(&made))).await["state"]["failed_attempts"], 1);
}

/// Later attempts use the new URL, and a resend starts a new retry schedule.
#[tokio::test]
async fn sends_waiting_deliveries_to_the_current_url() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    destination.responses(500);
    let old = format!("{}/old", destination.url);
    let made = endpoint(&serve, json!({ "provider": "onwebchat", "url": old, "time_scale": 20_000.0 })).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated" })).await;
    let delivery = id(&sent["deliveries"][0]);
    in_state(&serve, &delivery, &["exhausted"]).await;
    let path = format!("/endpoints/{}", id(&made));
    let new = json!({ "settings": { "url": format!("{}/new", destination.url) }, "enabled": true });
    serve.call(reqwest::Method::PATCH, &path, new).await;
    // The next failure is the first of a new schedule and must not disable the endpoint.
    let before = destination.got().len();
    serve.call(reqwest::Method::POST, &format!("/deliveries/{delivery}/retry"), json!({})).await;
    until("two more attempts", async || (destination.got().len() >= before + 2).then_some(())).await;
    destination.responses(200);
    let shown = in_state(&serve, &delivery, &["delivered"]).await;
    assert!(shown["url"].as_str().unwrap().ends_with("/new"), "{shown}");
    assert!(destination.got()[before..].iter().all(|got| got.path == "/new"));
    assert_eq!(serve.get(&path).await["state"]["enabled"], true);
}

#[tokio::test]
async fn sends_paused_deliveries_on_resume() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let made = endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url, "paused": true })).await;
    let path = format!("/endpoints/{}", id(&made));
    serve.call(reqwest::Method::PATCH, &path, json!({ "settings": { "paused": false } })).await;
    serve.call(reqwest::Method::PATCH, &path, json!({ "settings": { "paused": true } })).await;
    let stopped = Instant::now();
    until("the pause to last 1.5 s", async || (stopped.elapsed() > Duration::from_millis(1_500)).then_some(())).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated" })).await;
    serve.call(reqwest::Method::PATCH, &path, json!({ "settings": { "paused": false } })).await;
    let delivery = id(&sent["deliveries"][0]);
    let shown = serve.get(&format!("/deliveries/{delivery}")).await;
    if let Some(next) = shown["next_at"].as_str() {
        assert!(
            next.parse::<jiff::Timestamp>().unwrap() <= jiff::Timestamp::now(),
            "the length of the pause must not delay the delivery: {shown}"
        );
    }
    in_state(&serve, &delivery, &["delivered"]).await;
}

/// The test server responds with random statuses, truncated responses or no response.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_deliveries_with_random_failures_all_end() {
    const COUNT: usize = 10_000;
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let settings =
        json!({ "provider": "standard-webhooks", "url": destination.url, "time_scale": 100_000.0, "concurrency": 64 });
    let made = endpoint(&serve, settings).await;
    let policy = json!({ "timeout_ms": 300, "schedule": { "fixed": [1, 2, 3] }, "disable": "never" });
    let change = json!({ "settings": { "policy": policy } });
    let (status, changed) = serve.call(reqwest::Method::PATCH, &format!("/endpoints/{}", id(&made)), change).await;
    assert_eq!(status, 200, "{changed}");
    // Response statuses per delivery, in order. 0 is an incomplete or missing response.
    let expected: Arc<Mutex<BTreeMap<String, Vec<u16>>>> = Arc::default();
    let (kept, mut chance) = (expected.clone(), 0x9e37_79b9_7f4a_7c15_u64);
    destination.responds_by(move |got| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (status, response) = match (chance >> 40) % 100 {
            0..=44 => (200, TargetResponse::Status(200)),
            45..=74 => (500, TargetResponse::Status(500)),
            75..=84 => (404, TargetResponse::Status(404)),
            85..=98 => (0, TargetResponse::Broken),
            _ => (0, TargetResponse::Silent),
        };
        kept.lock().unwrap().entry(got.headers["webhook-id"].clone()).or_default().push(status);
        response
    });
    send(&serve, json!({ "provider": "standard-webhooks", "type": "user.created", "count": COUNT })).await;
    // The test fails if no attempt arrives for 60 s.
    let mut last = (0, Instant::now());
    loop {
        if serve.get("/status").await["queue"] == 0 {
            let open = serve.get("/deliveries?state=sending&limit=1").await;
            if open["items"] == json!([]) {
                break;
            }
        }
        let arrived = destination.got().len();
        if arrived != last.0 {
            last = (arrived, Instant::now());
        }
        assert!(last.1.elapsed() < Duration::from_secs(60), "no attempt arrived for 60 s");
        tokio::task::yield_now().await;
    }
    let (mut after, mut ends) = (String::new(), BTreeMap::<String, usize>::new());
    let expected = expected.lock().unwrap().clone();
    loop {
        let page = serve.get(&format!("/deliveries?limit=500{after}")).await;
        for delivery in page["items"].items() {
            let state = delivery["state"].as_str().unwrap().to_owned();
            let responses = &expected[delivery["event"].as_str().unwrap()];
            assert_eq!(delivery["attempts"].as_u64(), Some(responses.len() as u64), "{delivery}");
            let good = responses.iter().filter(|status| **status == 200).count();
            let last = responses.last().copied().unwrap();
            match state.as_str() {
                "delivered" => assert_eq!((good, last), (1, 200), "{delivery} {responses:?}"),
                "exhausted" => assert_eq!((good, responses.len()), (0, 4), "{delivery} {responses:?}"),
                _ => panic!("{delivery}"),
            }
            *ends.entry(state).or_default() += 1;
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(ends.values().sum::<usize>(), COUNT);
    // 45 % of the responses are 200, so about 9 % of the deliveries fail all four attempts.
    let exhausted = ends["exhausted"] as f64 / COUNT as f64;
    assert!((0.07..0.12).contains(&exhausted), "{ends:?}");
}

#[tokio::test]
async fn hanging_endpoints_do_not_block_other_endpoints() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    for n in 0..60 {
        let url = format!("{}/hang/{n}", destination.url);
        endpoint(&serve, json!({ "provider": "onwebchat", "url": url, "account": "hung", "concurrency": 1 })).await;
    }
    for n in 0..20 {
        let url = format!("{}/fine/{n}", destination.url);
        endpoint(&serve, json!({ "provider": "onwebchat", "url": url, "account": "fine" })).await;
    }
    send(&serve, json!({ "provider": "onwebchat", "type": "chat.created", "account": "hung", "count": 3 })).await;
    until("60 hanging attempts", async || (destination.hangs.load(Ordering::SeqCst) == 60).then_some(())).await;
    send(&serve, json!({ "provider": "onwebchat", "type": "chat.created", "account": "fine", "count": 5 })).await;
    until("the deliveries to the other endpoints", async || {
        (destination.got().iter().filter(|got| got.path.contains("fine")).count() == 100).then_some(())
    })
    .await;
    // The hanging endpoints still have attempts in flight.
    let sending = serve.get("/deliveries?state=sending&limit=200").await;
    let hangs = |delivery: &&Json| delivery["url"].as_str().unwrap().contains("/hang/");
    assert_eq!(sending["items"].items().filter(hangs).count(), 60);
}

#[tokio::test]
async fn limits_rate_and_holds_deliveries_while_paused() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let made = endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url, "rate": 50.0 })).await;
    send(&serve, json!({ "provider": "onwebchat", "type": "chat.created", "count": 40 })).await;
    until("all deliveries", async || (destination.got().len() == 40).then_some(())).await;
    let stats = until("the statistics to count all deliveries", async || {
        let stats = serve.get(&format!("/endpoints/{}/stats", id(&made))).await;
        (stats["delivered"] == 40).then_some(stats)
    })
    .await;
    assert_eq!((&stats["failed"], &stats["success_rate"]), (&json!(0), &json!(1.0)), "{stats}");
    assert!(stats["p50_ms"].as_f64() <= stats["p99_ms"].as_f64() && stats["p50_ms"].as_f64() > Some(0.0), "{stats}");
    let got = destination.got();
    let took = (got[39].at - got[0].at).as_secs_f64();
    assert!(took > 39.0 / 50.0 * 0.9, "{took}");
    let path = format!("/endpoints/{}", id(&made));
    serve.call(reqwest::Method::PATCH, &path, json!({ "settings": { "paused": true } })).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.created" })).await;
    let (_, resumed) = serve.call(reqwest::Method::PATCH, &path, json!({ "settings": { "name": "renamed" } })).await;
    assert_eq!(resumed["paused"], true);
    assert_eq!(serve.get(&format!("/deliveries/{}", id(&sent["deliveries"][0]))).await["state"], "waiting");
    serve.call(reqwest::Method::PATCH, &path, json!({ "settings": { "paused": false } })).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
}

#[tokio::test]
async fn test_deliveries_do_not_count_and_secrets_rotate() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    destination.responses(500);
    let settings = json!({ "provider": "standard-webhooks", "url": destination.url,
        "headers": [{ "name": "Authorization", "value": "Bearer hush", "secret": true }] });
    let made = endpoint(&serve, settings).await;
    assert!(!made.to_string().contains("hush") && !made.to_string().contains("whsec_"), "{made}");
    let (status, tested) =
        serve.call(reqwest::Method::POST, &format!("/endpoints/{}/test", id(&made)), json!({})).await;
    assert_eq!((status, &tested["origin"]), (202, &json!("test")));
    let ended = in_state(&serve, &id(&tested), &["failed"]).await;
    assert_eq!(ended["attempts"], 1);
    assert!(!ended.to_string().contains("hush"));
    assert_eq!(destination.got()[0].headers["authorization"], "Bearer hush");
    assert_eq!(serve.get(&format!("/endpoints/{}", id(&made))).await["state"]["failed_attempts"], 0);
    // After a rotation, the old secret signs too until it expires.
    destination.responses(200);
    serve.call(reqwest::Method::POST, &format!("/endpoints/{}/rotate", id(&made)), json!({})).await;
    let secrets = serve.get(&format!("/endpoints/{}/secrets", id(&made))).await;
    assert_eq!(secrets["items"].items().count(), 2);
    assert!(secrets["items"][1]["until"].is_string());
    let sent = send(&serve, json!({ "provider": "standard-webhooks", "type": "user.created" })).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let signature = destination.got().pop().unwrap().headers["webhook-signature"].clone();
    assert_eq!(signature.split(' ').filter(|one| one.starts_with("v1,")).count(), 2, "{signature}");
    // An update with a masked secret keeps the stored secret.
    let shown = serve.get(&format!("/endpoints/{}", id(&made))).await;
    let change = json!({ "settings": { "secrets": shown["secrets"], "headers": shown["headers"] } });
    serve.call(reqwest::Method::PATCH, &format!("/endpoints/{}", id(&made)), change).await;
    assert_eq!(serve.get(&format!("/endpoints/{}/secrets", id(&made))).await, secrets);
}

// The test blocks this thread while a command runs, so the test server needs another thread.
#[tokio::test(flavor = "multi_thread")]
async fn trigger_waits_for_deliveries_and_deletes_its_endpoint() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let hook = format!("{}/hook", destination.url);
    let sent = serve.cli(&["trigger", "onwebchat", "chat.closed", "--to", &hook, "--set", "data.chat.id=42", "--json"]);
    let sent: Json = serde_json::from_slice(&sent.stdout).unwrap();
    assert_eq!(sent["state"], "delivered", "{sent}");
    let body: Json = serde_json::from_slice(&destination.got()[0].body).unwrap();
    assert_eq!(body["data"]["chat"]["id"], 42);
    destination.responses(500);
    let failed = serve.cli(&["trigger", "onwebchat", "chat.closed", "--to", &hook]);
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(destination.got().len(), 2, "trigger must not retry without --retries");
    let retried = serve.cli(&["trigger", "deway", "chats", "--to", &hook, "--retries", "--time-scale", "1000"]);
    assert_eq!((retried.status.code(), destination.got().len()), (Some(1), 6));
    assert_eq!(serve.get("/endpoints").await["items"], json!([]), "the temporary endpoint must not be listed");
    // The command waits for all 700 deliveries, which is more than one page of the API.
    destination.responses(200);
    let before = destination.got().len();
    let many = serve.cli(&["trigger", "onwebchat", "chat.rated", "--to", &hook, "--count", "700"]);
    assert_eq!((many.status.code(), destination.got().len() - before), (Some(0), 700));
    // Endpoint options require `--to`.
    for option in [["--time-scale", "2"], ["--name", "x"], ["--policy", "timeout_ms=1"]] {
        let vain = serve.cli(&["trigger", "onwebchat", "chat.rated", option[0], option[1]]);
        assert_eq!(vain.status.code(), Some(2), "{option:?}");
    }
    let refused = serve.cli(&["trigger", "onwebchat", "chat.exploded", "--to", &hook]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("chat.closed"), "the error must list the known events");
}

#[tokio::test]
async fn custom_policy_overrides_vendor_policy() {
    let serve = Serve::start();
    let add = ["endpoint", "add", "onwebchat", "http://127.0.0.1:1/", "--policy", "timeout_ms=500", "--json"];
    let made: Json = serde_json::from_slice(&serve.cli(&add).stdout).unwrap();
    let policy = &made["policy_in_force"];
    assert_eq!((&policy["timeout_ms"], &policy["gone"]), (&json!({ "own": 500 }), &json!({ "stated": "disable" })));
    let own = made["id"].as_str().unwrap();
    let disable = "disable={\"failed_attempts\":2}";
    let set = ["endpoint", "set", own, "--policy", "success=200", "--policy", disable, "--json"];
    let set: Json = serde_json::from_slice(&serve.cli(&set).stdout).unwrap();
    let kept = json!({ "timeout_ms": 500, "success": "200", "disable": { "failed_attempts": 2 } });
    assert_eq!(set["policy"], kept, "{set}");
    let back = ["endpoint", "set", own, "--policy", "timeout_ms=null", "--policy", "success=null", "--json"];
    let back: Json = serde_json::from_slice(&serve.cli(&back).stdout).unwrap();
    assert_eq!(back["policy"], json!({ "disable": { "failed_attempts": 2 } }));
    assert_eq!(back["policy_in_force"]["success"], json!({ "stated": "2xx" }));
    let bad = serve.cli(&["endpoint", "set", own, "--policy", "timeout=3"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("timeout_ms"), "the error must list the known fields");
}

#[tokio::test]
async fn diagnose_reports_why_deliveries_fail() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let failed = async |id: &str, query: &str| {
        let (status, causes) =
            serve.call(reqwest::Method::POST, &format!("/endpoints/{id}/diagnose{query}"), json!({})).await;
        assert_eq!(status, 200, "{causes}");
        let items = causes["items"].to_vec();
        let failed = items.iter().filter(|cause| cause["found"] == "failed");
        failed.map(|cause| cause["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let fine =
        endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url, "events": ["chat.rated"] })).await;
    assert_eq!(failed(&id(&fine), "").await, Vec::<String>::new());
    assert_eq!(failed(&id(&fine), "?event=chat.closed").await, ["Event"]);
    for (url, cause) in [
        ("http://127.0.0.1:1/", "Connection"),
        ("http://no-such-host.invalid/", "DNS"),
        // The server speaks plain HTTP on an https:// URL.
        (&destination.url.replace("http:", "https:"), "TLS"),
    ] {
        let made = endpoint(&serve, json!({ "provider": "onwebchat", "url": url })).await;
        assert_eq!(failed(&id(&made), "").await, [cause], "{url}");
    }
    serve.call(reqwest::Method::PATCH, &format!("/endpoints/{}", id(&fine)), json!({ "enabled": false })).await;
    assert_eq!(failed(&id(&fine), "").await, ["Enabled"]);
}
