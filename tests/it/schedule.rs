//! Tests of the retry schedules of the founding vendors with a simulated clock.

use std::sync::Arc;

use hookbench_engine::{Clock, Engine, OwnerKind};
use http::Request;
use tower::ServiceExt;

use crate::{
    destination::TargetServer,
    hookbench::until,
    json::{Json, json},
};

const START_US: i64 = 1_800_000_000_000_000;

struct Bench {
    engine: Arc<Engine>,
    clock: Clock,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(START_US);
        let engine = Engine::open(dir.path(), OwnerKind::Serve, clock.clone()).await.unwrap();
        Self { engine, clock, _dir: dir }
    }

    async fn call(&self, method: &str, path: &str, body: Json) -> Json {
        let request =
            Request::builder().method(method).uri(format!("/api/v1{path}")).header("content-type", "application/json");
        let body = axum::body::Body::from(if body.is_null() { String::new() } else { body.to_string() });
        let response = hookbench_api::router(self.engine.clone()).oneshot(request.body(body).unwrap()).await.unwrap();
        serde_json::from_slice(&axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap()).unwrap()
    }

    async fn delivery(&self, id: &str) -> Json {
        self.call("GET", &format!("/deliveries/{id}"), Json::NULL).await
    }

    /// Creates an endpoint and sends an event to it. Returns the ids of the endpoint and the delivery.
    async fn sent(&self, vendor: &str, kind: &str, url: &str) -> (String, String) {
        let settings = json!({ "provider": vendor, "url": url, "local_test": true, "account": url });
        let made = self.call("POST", "/endpoints", settings).await;
        let endpoint = made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        let event = json!({ "provider": vendor, "type": kind, "endpoints": [endpoint] });
        let sent = self.call("POST", "/events", event).await;
        (endpoint, sent["deliveries"][0]["id"].as_str().unwrap().to_owned())
    }

    /// Sets the clock and waits until the delivery queue has processed the new time.
    async fn at(&self, us: i64, fine: &TargetServer) {
        self.clock.set_us(us);
        let (_, marker) = self.sent("github", "push", &format!("{}/{us}", fine.url)).await;
        until("the marker delivery", async || (self.delivery(&marker).await["state"] == "delivered").then_some(()))
            .await;
    }
}

#[tokio::test]
async fn founding_vendors_retry_on_schedule() {
    const USUAL: &[i64] = &[60, 300, 1_200, 3_600, 7_200];
    for (vendor, kind, status, waits, end, enabled) in [
        ("deway", "chats", 500, &[30, 60, 120][..], "exhausted", true),
        ("flow-session", "flow.end", 500, USUAL, "exhausted", true),
        ("onwebchat", "chat.closed", 404, USUAL, "exhausted", false),
        ("onwebchat", "chat.closed", 410, &[], "failed", false),
        ("vowchat", "message_created", 503, USUAL, "exhausted", true),
        ("vowchat", "message_created", 404, &[], "failed", true),
        ("vowchat", "message_created", 429, &[], "failed", true),
        // Sydx accepts only status 200.
        ("sydx-ai", "new_message", 204, USUAL, "exhausted", true),
    ] {
        let (bench, destination, fine) = (Bench::new().await, TargetServer::start().await, TargetServer::start().await);
        destination.responses(status);
        let (endpoint, delivery) = bench.sent(vendor, kind, &destination.url).await;
        let what = format!("{vendor} after {status}");
        let mut now_us = START_US;
        for (made, wait_s) in (1..).zip(waits) {
            until(&format!("{what}: attempt {made}"), async || {
                let shown = bench.delivery(&delivery).await;
                (shown["attempts"] == made && shown["state"] == "waiting").then_some(())
            })
            .await;
            now_us += wait_s * 1_000_000;
            // No attempt is sent one millisecond before its time.
            bench.at(now_us - 1_000, &fine).await;
            assert_eq!(destination.got().len(), made, "{what}: too early");
            bench.clock.set_us(now_us);
        }
        let ended = until(&format!("{what}: the final state"), async || {
            let shown = bench.delivery(&delivery).await;
            (shown["state"] == end).then_some(shown)
        })
        .await;
        assert_eq!(ended["attempts"], waits.len() + 1, "{what}");
        // No further attempt is sent within a day.
        bench.at(now_us + 86_400_000_000, &fine).await;
        assert_eq!(destination.got().len(), waits.len() + 1, "{what}");
        let state = bench.call("GET", &format!("/endpoints/{endpoint}"), Json::NULL).await["state"].clone();
        assert_eq!(state["enabled"], enabled, "{what}: {state}");
        let bodies: Vec<_> = destination.got().iter().map(|got| got.body.clone()).collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{what}: each attempt must send the same bytes");
    }
}
