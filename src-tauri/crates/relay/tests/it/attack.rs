//! Tests of attacks on a relay: guessed URLs and passwords, replayed signatures, request smuggling and overload.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hookbench_capture::Clock;
use hookbench_model::ListenerLimits;
use hookbench_relay::{
    client::run,
    server::{Admin, Config, Quotas, Relay},
    wire::{ATTACH, BasicCredentials, DeviceKey, ExposedInbox, PROTOCOL, Signer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::desk::{TestAgent, config, enrolled, relay, until, waits};

/// Sends bytes, and reads until the relay closes the connection or sends nothing for 2.5 seconds.
async fn raw(relay: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(relay).await.unwrap();
    // The relay may close the connection before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(length @ 1..)) = timeout(Duration::from_millis(2_500), stream.read(&mut buffer)).await {
        got.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&got).into_owned()
}

fn path_of(url: &str) -> String {
    format!("/{}", url.rsplit('/').next().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limits_guessed_urls() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let http = reqwest::Client::new();
    let mut responses = Vec::new();
    for guess in 0..40 {
        responses.push(http.get(format!("{}/guess{guess}", relay.url())).send().await.unwrap().status().as_u16());
    }
    assert_eq!(responses.iter().filter(|status| **status == 404).count(), 30, "{responses:?}");
    assert!(responses[30..].iter().all(|status| *status == 429), "{responses:?}");
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    // The routes of the relay require a signature for every spelling of the path.
    for path in
        ["/.hookbench/v1/inboxes", "//.hookbench/v1/inboxes", "/.hookbench/../.hookbench/v1/resume", "/.hookbench/v2"]
    {
        let response = raw(relay.address(), format!("GET {path} HTTP/1.1\r\nHost: r\r\n\r\n").as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 401") || response.starts_with("HTTP/1.1 404"), "{path}: {response}");
    }
    let metrics = Admin::new(dir.path()).metrics().await.unwrap();
    assert!(metrics.contains("hookbench_relay_misses_total 40"), "{metrics}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejects_replayed_and_forged_signatures() {
    let dir = tempfile::tempdir().unwrap();
    let running = relay(dir.path()).await;
    let (code, _) = Admin::new(dir.path()).add_device().await.unwrap();
    let key = DeviceKey::generate();
    let (_, id) = hookbench_relay::client::enrol(running.url(), &key, "desk", &code).await.unwrap();
    let signer = Signer { key: key.clone(), relay: id.clone() };
    let now = Clock::system().now_us() / 1_000_000;
    let attach = |signer: &Signer, unix_s: i64| {
        let signed = signer.sign("GET", ATTACH, b"", unix_s);
        let lines: String = signed.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("GET {ATTACH} HTTP/1.1\r\nHost: r\r\nConnection: Upgrade\r\nUpgrade: {PROTOCOL}\r\n{lines}\r\n")
            .into_bytes()
    };
    let recorded = attach(&signer, now);
    assert!(raw(running.address(), &recorded).await.starts_with("HTTP/1.1 101"));
    let again = raw(running.address(), &recorded).await;
    assert!(again.starts_with("HTTP/1.1 401") && again.contains("replayed"), "{again}");
    // Used nonces are remembered after a restart.
    let address = running.address();
    running.stop().await;
    let running = Relay::start(config(dir.path(), &address.to_string()), Clock::system()).await.unwrap();
    let again = raw(running.address(), &recorded).await;
    assert!(again.starts_with("HTTP/1.1 401") && again.contains("replayed"), "{again}");
    // The signature must match path, relay, time and key.
    let other_relay = Signer { key: key.clone(), relay: "another".into() };
    let stranger = Signer { key: DeviceKey::generate(), relay: id };
    for (what, bytes, code) in [
        (
            "moved",
            String::from_utf8(attach(&signer, now)).unwrap().replace("/attach", "/inboxes").into_bytes(),
            "bad_signature",
        ),
        ("other relay", attach(&other_relay, now), "bad_signature"),
        ("old", attach(&signer, now - 3_600), "bad_time"),
        ("early", attach(&signer, now + 3_600), "bad_time"),
        ("stranger", attach(&stranger, now), "unknown_device"),
    ] {
        let response = raw(running.address(), &bytes).await;
        assert!(response.starts_with("HTTP/1.1 401") && response.contains(code), "{what}: {response}");
    }
    // A revoked key is rejected.
    Admin::new(dir.path()).revoke(&key.id()).await.unwrap();
    let response = raw(running.address(), &attach(&signer, now)).await;
    assert!(response.starts_with("HTTP/1.1 403") && response.contains("revoked"), "{response}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejects_request_smuggling() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let agent = Arc::new(TestAgent::default());
    let running = tokio::spawn(run(client.clone(), agent.clone()));
    until("the agent to attach", || agent.online()).await;
    let path = path_of(&shop.url);
    let hidden = format!("POST {path}/smuggled HTTP/1.1\r\nHost: r\r\nContent-Length: 1\r\n\r\nx");
    let attacks = [
        (
            "both lengths",
            format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}", 5 + hidden.len()),
        ),
        ("both lengths, reversed", format!("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}")),
        ("two lengths", format!("Content-Length: 0\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len())),
        ("a list of lengths", format!("Content-Length: 0, {}\r\n\r\n{hidden}", hidden.len())),
        ("a signed length", format!("Content-Length: +{}\r\n\r\n{hidden}", hidden.len())),
        ("an unknown coding", format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}")),
        ("a coding with a space", format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}")),
        ("a coding in a tab", format!("Transfer-Encoding:\x0bchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n{hidden}")),
        (
            "a folded header",
            format!("X-A: b\r\n Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        ("an invalid chunk size", format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{hidden}")),
        ("a negative chunk size", format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}")),
        ("an overflowing chunk size", format!("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{hidden}")),
        ("a chunk size with 0x", format!("Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n{hidden}")),
    ];
    for (what, rest) in &attacks {
        let response =
            raw(relay.address(), format!("POST {path}/first HTTP/1.1\r\nHost: r\r\n{rest}").as_bytes()).await;
        assert_eq!(response.matches("HTTP/1.1 2").count(), 0, "{what}: {response}");
    }
    // The relay still works, and only regular requests were delivered.
    let sent = reqwest::Client::new().post(&shop.url).header("Hookbench-App", "{\"status\":204,\"headers\":[]}");
    let sent = sent.header("Hookbench-Delivery", "{}").header("Prefer", "wait=999").body("{}");
    assert_eq!(sent.send().await.unwrap().status(), 202);
    until("the last delivery", || agent.got().iter().any(|(delivery, body)| delivery.rest.is_empty() && body == b"{}"))
        .await;
    let got = agent.got();
    assert!(!got.iter().any(|(delivery, _)| delivery.rest.contains("smuggled")), "{got:?}");
    let last = &got.iter().find(|(delivery, _)| delivery.rest.is_empty()).unwrap().0;
    assert!(String::from_utf8_lossy(&last.head).contains("hookbench-delivery: {}\r\n"));
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejects_large_slow_and_excess_requests() {
    let dir = tempfile::tempdir().unwrap();
    let wire =
        ListenerLimits { body_bytes: 100_000, head_timeout_ms: 600, body_stall_ms: 600, ..ListenerLimits::default() };
    let quotas = Quotas { wire, waiting: 3, ..Quotas::default() };
    let relay = Relay::start(Config { quotas, ..config(dir.path(), "127.0.0.1:0") }, Clock::system()).await.unwrap();
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (path, http) = (path_of(&shop.url), reqwest::Client::new());
    // Bodies, heads and control requests that are too large.
    let large = http.post(&shop.url).body(vec![b'a'; 200_000]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let head = format!("POST {path} HTTP/1.1\r\nHost: r\r\nX-A: {}\r\n\r\n", "a".repeat(80_000));
    assert!(raw(relay.address(), head.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let many: String = (0..200).map(|number| format!("X-{number}: a\r\n")).collect();
    let response = raw(relay.address(), format!("POST {path} HTTP/1.1\r\nHost: r\r\n{many}\r\n").as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 431"), "{response}");
    let control = http.post(format!("{}/.hookbench/v1/devices", relay.url())).body(vec![b'a'; 400_000]);
    assert_eq!(control.send().await.unwrap().status(), 413);
    // A body that is announced and never sent uses no storage.
    for announced in ["3000000000", "9223372036854775813"] {
        let response = raw(
            relay.address(),
            format!("POST {path} HTTP/1.1\r\nHost: r\r\nContent-Length: {announced}\r\n\r\nx").as_bytes(),
        )
        .await;
        assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    }
    let agent = Arc::new(TestAgent::default());
    let running = tokio::spawn(run(client.clone(), agent.clone()));
    until("three deliveries", || agent.got().len() == 3).await;
    assert!(agent.got().iter().all(|(delivery, _)| delivery.body_state == "too_large"));
    running.abort();
    // A head that is never completed, and a body that stops.
    let mut slow = TcpStream::connect(relay.address()).await.unwrap();
    slow.write_all(format!("POST {path} HTTP/1.1\r\nHost: r\r\nX-A").as_bytes()).await.unwrap();
    let mut end = Vec::new();
    timeout(Duration::from_secs(10), slow.read_to_end(&mut end))
        .await
        .expect("the relay closes the connection")
        .unwrap();
    let stalled = format!("POST {path} HTTP/1.1\r\nHost: r\r\nContent-Length: 10\r\n\r\nabc");
    let mut stream = TcpStream::connect(relay.address()).await.unwrap();
    stream.write_all(stalled.as_bytes()).await.unwrap();
    let mut response = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut response)).await.expect("the relay responds").unwrap();
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    // Incomplete requests count as waiting deliveries. When the quota is reached, the response is not a 2xx.
    let mut kept = 0;
    let full = loop {
        let response = http.post(&shop.url).body("{}").send().await.unwrap();
        if response.status() != 202 {
            break response;
        }
        kept += 1;
        assert!(kept < 4);
    };
    assert_eq!(full.status(), 503);
    assert!(full.headers().contains_key("retry-after"));
    // After the agent has fetched the deliveries, there is room again.
    let agent = Arc::new(TestAgent::default());
    let running = tokio::spawn(run(client.clone(), agent.clone()));
    until("three deliveries", || agent.got().len() == 3).await;
    let states: Vec<_> = agent.got().iter().map(|(delivery, _)| delivery.body_state.clone()).collect();
    assert!(states.contains(&"stalled".to_owned()), "{states:?}");
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejects_senders_without_access_and_stores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(
        Config { trusted: vec!["127.0.0.1".into()], ..config(dir.path(), "127.0.0.1:0") },
        Clock::system(),
    )
    .await
    .unwrap();
    let client = enrolled(&relay, dir.path()).await;
    // SHA-256 of `shop:s3cret`.
    let sha256 = "d4bcfce4afc90b5e508585cea6f5ec5fa97cab009a2d39d2d1b84d509c417f1a".to_owned();
    let basic = ExposedInbox { basic: Some(BasicCredentials { sha256 }), ..waits(0) };
    let shop = client.put_inbox("shop", &basic).await.unwrap();
    let http = reqwest::Client::new();
    for sent in [
        http.post(&shop.url),
        http.post(&shop.url).basic_auth("shop", Some("wrong")),
        http.post(&shop.url).bearer_auth("x"),
    ] {
        let response = sent.body("{}").send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    }
    assert_eq!(http.post(&shop.url).basic_auth("shop", Some("s3cret")).body("{}").send().await.unwrap().status(), 202);
    // A sender that guesses passwords is locked out, and other senders are not affected.
    let guess = |from: &str, password: &str| {
        let sent = http.post(&shop.url).header("X-Forwarded-For", from.to_owned()).basic_auth("shop", Some(password));
        sent.body("{}").send()
    };
    for number in 0..40 {
        guess("198.51.100.9", &number.to_string()).await.unwrap();
    }
    assert_eq!(guess("198.51.100.9", "s3cret").await.unwrap().status(), 429);
    assert_eq!(guess("198.51.100.8", "s3cret").await.unwrap().status(), 202);
    let office = ExposedInbox { allow: vec!["203.0.113.0/24".into()], ..waits(0) };
    let shop = client.put_inbox("shop", &office).await.unwrap();
    let from = |address: &str| http.post(&shop.url).header("X-Forwarded-For", address.to_owned()).body("{}").send();
    assert_eq!(from("198.51.100.1").await.unwrap().status(), 403);
    // The proxy appends the real address to the addresses that a sender writes.
    assert_eq!(from("203.0.113.7, 198.51.100.1").await.unwrap().status(), 403);
    assert_eq!(from("203.0.113.7").await.unwrap().status(), 202);
    assert!(client.put_inbox("shop", &ExposedInbox { allow: vec!["everywhere".into()], ..waits(0) }).await.is_err());
    assert_eq!(client.inboxes().await.unwrap()[0].waiting, 3);
    relay.stop().await;
}
