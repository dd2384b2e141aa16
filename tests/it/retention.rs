//! Tests of retention and deletion with a simulated clock.

use std::sync::Arc;

use hookbench_engine::{Clock, Engine, OwnerKind};
use http::Request;

use tower::ServiceExt;

use crate::json::{Json, json};

struct Bench {
    engine: Arc<Engine>,
    clock: Clock,
    listener: String,
    _dir: tempfile::TempDir,
}

const START_US: i64 = 1_800_000_000_000_000;
const DAY_US: i64 = 86_400_000_000;

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(START_US);
        let engine = Engine::open(dir.path(), OwnerKind::Command, clock.clone()).await.unwrap();
        engine.start_listener(Some(([127, 0, 0, 1], 0).into())).await;
        let mut bench = Self { engine, clock, listener: String::new(), _dir: dir };
        bench.listener = bench.call("GET", "/status", None).await["listener"]["url"].as_str().unwrap().to_owned();
        bench
    }

    async fn call(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let request =
            Request::builder().method(method).uri(format!("/api/v1{path}")).header("content-type", "application/json");
        let body = axum::body::Body::from(body.map_or(String::new(), |b| b.to_string()));
        let response = hookbench_api::router(self.engine.clone()).oneshot(request.body(body).unwrap()).await.unwrap();
        serde_json::from_slice(&axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap()).unwrap()
    }

    async fn send(&self, count: usize, size: usize) {
        let client = reqwest::Client::new();
        for n in 0..count {
            let sent = client.post(format!("{}/inbox/{n}", self.listener)).body(vec![b'x'; size]).send().await.unwrap();
            assert_eq!(sent.status(), 200);
        }
    }

    async fn targets(&self) -> Vec<String> {
        let list = self.call("GET", "/requests?limit=500", None).await;
        list["items"].items().map(|r| r["target"].as_str().unwrap().to_owned()).collect()
    }

    async fn pin_oldest(&self) {
        let list = self.call("GET", "/requests?limit=500", None).await;
        let id = list["items"].items().next_back().unwrap()["id"].as_str().unwrap().to_owned();
        self.call("PATCH", &format!("/requests/{id}"), Some(json!({ "pinned": true }))).await;
    }

    async fn totals(&self) -> (u64, u64) {
        let inbox = self.call("GET", "/inboxes/inbox", None).await;
        (inbox["requests"].as_u64().unwrap(), inbox["bytes"].as_u64().unwrap())
    }
}

#[tokio::test]
async fn deletes_oldest_requests_over_count_limit() {
    let bench = Bench::new().await;
    bench.send(20, 10).await;
    bench.pin_oldest().await;
    bench.call("PATCH", "/settings", Some(json!({ "retention": { "requests": 5 } }))).await;
    bench.engine.tidy().await;
    assert_eq!(
        bench.targets().await,
        ["/inbox/19", "/inbox/18", "/inbox/17", "/inbox/16", "/inbox/15", "/inbox/0"],
        "the pinned request must not count"
    );
    assert_eq!(bench.totals().await, (6, 60));
}

#[tokio::test]
async fn deletes_oldest_requests_over_size_limit() {
    let bench = Bench::new().await;
    bench.send(8, 400_000).await;
    bench.pin_oldest().await;
    bench.call("PATCH", "/settings", Some(json!({ "retention": { "bytes": 1_300_000 } }))).await;
    bench.engine.tidy().await;
    assert_eq!(
        bench.targets().await,
        ["/inbox/7", "/inbox/6", "/inbox/5", "/inbox/0"],
        "the pinned request must not count"
    );
    assert_eq!(bench.totals().await, (4, 1_600_000));
}

#[tokio::test]
async fn deletes_requests_over_age_limit() {
    let bench = Bench::new().await;
    bench.send(3, 10).await;
    bench.pin_oldest().await;
    bench.clock.set_us(START_US + 2 * DAY_US);
    bench.send(1, 10).await;
    bench.call("PATCH", "/settings", Some(json!({ "retention": { "days": 1 } }))).await;
    bench.engine.tidy().await;
    assert_eq!(bench.targets().await, ["/inbox/0", "/inbox/0"]);
    assert_eq!(bench.totals().await, (2, 20));
}

#[tokio::test]
async fn deletion_can_be_undone_until_it_is_final() {
    let bench = Bench::new().await;
    bench.send(1200, 10).await;
    let deletion = bench.call("DELETE", "/inboxes/inbox/requests", None).await;
    assert_eq!(deletion["requests"], 1200);
    assert_eq!((bench.targets().await.len(), bench.totals().await), (0, (0, 0)));
    bench.clock.set_us(START_US + 9_000_000);
    bench.engine.tidy().await;
    let undone = bench.call("POST", &format!("/deletions/{}/undo", deletion["id"]), None).await;
    assert_eq!(undone["requests"], 1200, "{undone}");
    assert_eq!(bench.totals().await, (1200, 12_000));

    let deletion = bench.call("DELETE", "/inboxes/inbox/requests", None).await;
    bench.send(1, 10).await;
    bench.clock.set_us(START_US + 30_000_000);
    bench.engine.tidy().await;
    let late = bench.call("POST", &format!("/deletions/{}/undo", deletion["id"]), None).await;
    assert_eq!(late["code"], "deletion_not_found");
    assert_eq!((bench.targets().await.len(), bench.totals().await), (1, (1, 10)));
}

#[tokio::test]
async fn counts_unread_after_reads_deletions_and_pins() {
    let bench = Bench::new().await;
    let unread = async || bench.call("GET", "/inboxes/inbox", None).await["unread"].as_u64().unwrap();
    bench.send(6, 1).await;
    assert_eq!(unread().await, 6);
    let list = bench.call("GET", "/requests", None).await;
    let id = |place: usize| list["items"][place]["id"].as_str().unwrap().to_owned();
    bench.call("PATCH", &format!("/requests/{}", id(0)), Some(json!({ "read": true }))).await;
    assert_eq!(unread().await, 5);
    bench.call("DELETE", &format!("/requests/{}", id(1)), None).await;
    bench.call("DELETE", &format!("/requests/{}", id(0)), None).await;
    assert_eq!(unread().await, 4);
    bench.call("PATCH", &format!("/requests/{}", id(2)), Some(json!({ "pinned": true }))).await;
    bench.call("POST", "/inboxes/inbox/read", None).await;
    assert_eq!(unread().await, 0);
    bench.send(2, 1).await;
    assert_eq!(unread().await, 2);
}

#[tokio::test]
async fn counts_stay_correct_after_repeated_deletions() {
    let bench = Bench::new().await;
    let remove = async |path: &str| bench.call("DELETE", path, None).await["id"].as_i64().unwrap();
    let agree = async || {
        let inbox = bench.call("GET", "/inboxes/inbox", None).await;
        let list = bench.call("GET", "/requests?inbox=inbox&limit=500", None).await;
        let items = list["items"].to_vec();
        let unread = items.iter().filter(|r| r["unread"] == true).count() as u64;
        assert_eq!(
            (inbox["requests"].as_u64(), inbox["unread"].as_u64()),
            (Some(items.len() as u64), Some(unread)),
            "{inbox}"
        );
        items.len()
    };
    for _ in 0..3 {
        bench.send(2, 10).await;
        remove("/inboxes/inbox/requests").await;
        assert_eq!(agree().await, 0);
    }
    bench.send(3, 10).await;
    bench.pin_oldest().await;
    // A second deletion of the inbox fails, and one undo restores all requests.
    let deletion = remove("/inboxes/inbox").await;
    assert_eq!(bench.call("DELETE", "/inboxes/inbox", None).await["code"], "inbox_not_found");
    bench.call("POST", &format!("/deletions/{deletion}/undo"), None).await;
    assert_eq!(agree().await, 3);
    // A second deletion of all requests returns the first deletion.
    let first = remove("/inboxes/inbox/requests").await;
    assert_eq!(remove("/inboxes/inbox/requests").await, first);
    agree().await;
    bench.clock.set_us(START_US + 60_000_000);
    bench.engine.tidy().await;
    agree().await;
}

#[tokio::test]
async fn rejects_huge_limits_and_ignores_pinned_requests() {
    let bench = Bench::new().await;
    bench.send(1, 10).await;
    bench.pin_oldest().await;
    bench.call("PATCH", "/settings", Some(json!({ "retention": { "requests": 1 } }))).await;
    bench.send(1, 10).await;
    bench.engine.tidy().await;
    assert_eq!(bench.targets().await.len(), 2, "the pinned request must not count toward the limit");
    for most in [u64::MAX, 1 << 63] {
        let refused =
            bench.call("PATCH", "/settings", Some(json!({ "retention": { "requests": most, "bytes": most } }))).await;
        assert_eq!(refused["code"], "invalid");
    }
    bench.engine.tidy().await;
    assert_eq!(bench.targets().await.len(), 2);
}

#[tokio::test]
async fn deletes_request_that_arrives_after_its_inbox_is_deleted() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let bench = Bench::new().await;
    bench.call("POST", "/inboxes", Some(json!({ "name": "gone" }))).await;
    let mut sender = tokio::net::TcpStream::connect(bench.listener.trim_start_matches("http://")).await.unwrap();
    sender
        .write_all(b"POST /gone HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await
        .unwrap();
    // The listener has selected the inbox when it sends 100 Continue.
    let mut asked = [0; 25];
    sender.read_exact(&mut asked).await.unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"));
    bench.call("DELETE", "/inboxes/gone", None).await;
    bench.clock.set_us(START_US + 60_000_000);
    bench.engine.tidy().await;
    sender.write_all(b"late").await.unwrap();
    let mut response = [0; 12];
    sender.read_exact(&mut response).await.unwrap();
    assert_eq!(&response, b"HTTP/1.1 200");
    bench.engine.tidy().await;
    let database = rusqlite::Connection::open(bench.engine.dir().database()).unwrap();
    let rows: (i64, i64) = database
        .query_row(
            "SELECT (SELECT count(*) FROM request), (SELECT count(*) FROM inbox_total WHERE requests > 0)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(rows, (0, 0));
}

/// Retention also deletes the events, attempts and temporary endpoints of the deliveries.
#[tokio::test]
async fn deletes_old_deliveries_and_their_events() {
    let bench = Bench::new().await;
    let url = format!("{}/inbox", bench.listener);
    for n in 0..6 {
        let event = json!({ "provider": "github", "type": "push", "to": { "provider": "github", "url": url } });
        bench.call("POST", "/events", Some(event)).await;
        crate::hookbench::until("the request to arrive", async || (bench.targets().await.len() == n + 1).then_some(()))
            .await;
        bench.clock.set_us(START_US + (n as i64 + 1) * 1_000_000);
    }
    let delivered = async || bench.call("GET", "/deliveries?state=delivered", None).await["items"].clone();
    crate::hookbench::until("all deliveries to be stored as delivered", async || {
        (delivered().await.items().count() == 6).then_some(())
    })
    .await;
    let newest = delivered().await[0]["id"].as_str().unwrap().to_owned();
    bench.clock.set_us(START_US + 60_000_000);
    bench.call("PATCH", "/settings", Some(json!({ "retention": { "deliveries": 2 } }))).await;
    bench.engine.tidy().await;
    assert_eq!(delivered().await.items().count(), 2);
    assert_eq!(delivered().await[0]["id"], newest);
    assert_eq!(bench.call("GET", "/events", None).await["items"].items().count(), 2);
    // The endpoint of the delivery was temporary.
    let again = bench.call("POST", &format!("/deliveries/{newest}/retry"), Some(json!({}))).await;
    assert_eq!(again["code"], "endpoint_gone", "{again}");
    bench.clock.set_us(START_US + 3 * DAY_US);
    bench.call("PATCH", "/settings", Some(json!({ "retention": { "days": 1 } }))).await;
    bench.engine.tidy().await;
    let database = rusqlite::Connection::open(bench.engine.dir().database()).unwrap();
    for table in ["event", "delivery", "attempt", "endpoint"] {
        let rows: i64 = database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}
