//! What strangers try at a relay's door, and thieves with what they have stolen.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hookbench_capture::Clock;
use hookbench_model::ListenerLimits;
use hookbench_relay::{
    client::run,
    server::{Admin, Config, Quotas, Relay},
    wire::{ATTACH, DeviceKey, PROTOCOL, Signer, Wanted, WantedBasic},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::desk::{Desk, config, enrolled, relay, until, waits};

/// Sends bytes and reads until the other end closes or is quiet.
async fn raw(relay: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(relay).await.unwrap();
    // A relay may close before it has read everything.
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
async fn who_guesses_addresses_is_slowed_down_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let http = reqwest::Client::new();
    let mut answers = Vec::new();
    for guess in 0..40 {
        answers.push(http.get(format!("{}/guess{guess}", relay.url())).send().await.unwrap().status().as_u16());
    }
    assert_eq!(answers.iter().filter(|status| **status == 404).count(), 30, "{answers:?}");
    assert!(answers[30..].iter().all(|status| *status == 429), "{answers:?}");
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    // Nothing of the relay itself answers without a signature, however its path is written.
    for path in
        ["/.hookbench/v1/inboxes", "//.hookbench/v1/inboxes", "/.hookbench/../.hookbench/v1/resume", "/.hookbench/v2"]
    {
        let said = raw(relay.address(), format!("GET {path} HTTP/1.1\r\nHost: r\r\n\r\n").as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 401") || said.starts_with("HTTP/1.1 404"), "{path}: {said}");
    }
    let metrics = Admin::new(dir.path()).metrics().await.unwrap();
    assert!(metrics.contains("hookbench_relay_misses_total 40"), "{metrics}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_attach_is_good_for_nothing() {
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
    // A restart forgets nothing that was used.
    let address = running.address();
    running.stop().await;
    let running = Relay::start(config(dir.path(), &address.to_string()), Clock::system()).await.unwrap();
    let again = raw(running.address(), &recorded).await;
    assert!(again.starts_with("HTTP/1.1 401") && again.contains("replayed"), "{again}");
    // Another path, another relay, another time, another key: none of it holds.
    let elsewhere = Signer { key: key.clone(), relay: "another".into() };
    let stranger = Signer { key: DeviceKey::generate(), relay: id };
    for (what, bytes, code) in [
        (
            "moved",
            String::from_utf8(attach(&signer, now)).unwrap().replace("/attach", "/inboxes").into_bytes(),
            "bad_signature",
        ),
        ("elsewhere", attach(&elsewhere, now), "bad_signature"),
        ("old", attach(&signer, now - 3_600), "bad_time"),
        ("early", attach(&signer, now + 3_600), "bad_time"),
        ("stranger", attach(&stranger, now), "unknown_device"),
    ] {
        let said = raw(running.address(), &bytes).await;
        assert!(said.starts_with("HTTP/1.1 401") && said.contains(code), "{what}: {said}");
    }
    // A stolen key that was revoked.
    Admin::new(dir.path()).revoke(&key.id()).await.unwrap();
    let said = raw(running.address(), &attach(&signer, now)).await;
    assert!(said.starts_with("HTTP/1.1 403") && said.contains("revoked"), "{said}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_readings_of_one_request_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let desk = Arc::new(Desk::default());
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    until("the laptop", || desk.online()).await;
    let path = path_of(&shop.url);
    let hidden = format!("POST {path}/smuggled HTTP/1.1\r\nHost: r\r\nContent-Length: 1\r\n\r\nx");
    let attacks = [
        (
            "both lengths",
            format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}", 5 + hidden.len()),
        ),
        ("both, the other way", format!("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}")),
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
        ("a chunk size that is none", format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{hidden}")),
        ("a chunk size below nothing", format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}")),
        ("a chunk size beyond everything", format!("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{hidden}")),
        ("a chunk size with 0x", format!("Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n{hidden}")),
    ];
    for (what, rest) in &attacks {
        let said = raw(relay.address(), format!("POST {path}/first HTTP/1.1\r\nHost: r\r\n{rest}").as_bytes()).await;
        assert_eq!(said.matches("HTTP/1.1 2").count(), 0, "{what}: {said}");
    }
    // The door still stands, and what came through is what was meant.
    let sent = reqwest::Client::new().post(&shop.url).header("Hookbench-App", "{\"status\":204,\"headers\":[]}");
    let sent = sent.header("Hookbench-Delivery", "{}").header("Prefer", "wait=999").body("{}");
    assert_eq!(sent.send().await.unwrap().status(), 202);
    until("the last", || desk.got().iter().any(|(delivery, body)| delivery.rest.is_empty() && body == b"{}")).await;
    let got = desk.got();
    assert!(!got.iter().any(|(delivery, _)| delivery.rest.contains("smuggled")), "{got:?}");
    let last = &got.iter().find(|(delivery, _)| delivery.rest.is_empty()).unwrap().0;
    assert!(String::from_utf8_lossy(&last.head).contains("hookbench-delivery: {}\r\n"));
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_too_slow_or_too_much_is_refused_and_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let wire =
        ListenerLimits { body_bytes: 100_000, head_timeout_ms: 600, body_stall_ms: 600, ..ListenerLimits::default() };
    let quotas = Quotas { wire, waiting: 3, ..Quotas::default() };
    let relay = Relay::start(Config { quotas, ..config(dir.path(), "127.0.0.1:0") }, Clock::system()).await.unwrap();
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (path, http) = (path_of(&shop.url), reqwest::Client::new());
    // Oversize, everywhere.
    let large = http.post(&shop.url).body(vec![b'a'; 200_000]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let head = format!("POST {path} HTTP/1.1\r\nHost: r\r\nX-A: {}\r\n\r\n", "a".repeat(80_000));
    assert!(raw(relay.address(), head.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let many: String = (0..200).map(|number| format!("X-{number}: a\r\n")).collect();
    let said = raw(relay.address(), format!("POST {path} HTTP/1.1\r\nHost: r\r\n{many}\r\n").as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    let control = http.post(format!("{}/.hookbench/v1/devices", relay.url())).body(vec![b'a'; 400_000]);
    assert_eq!(control.send().await.unwrap().status(), 413);
    // What is announced and never comes takes no room from anybody.
    for announced in ["3000000000", "9223372036854775813"] {
        let said = raw(
            relay.address(),
            format!("POST {path} HTTP/1.1\r\nHost: r\r\nContent-Length: {announced}\r\n\r\nx").as_bytes(),
        )
        .await;
        assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    }
    let desk = Arc::new(Desk::default());
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    until("three", || desk.got().len() == 3).await;
    assert!(desk.got().iter().all(|(delivery, _)| delivery.body_state == "too_large"));
    running.abort();
    // Slow: a head that never ends, a body that stops.
    let mut slow = TcpStream::connect(relay.address()).await.unwrap();
    slow.write_all(format!("POST {path} HTTP/1.1\r\nHost: r\r\nX-A").as_bytes()).await.unwrap();
    let mut end = Vec::new();
    timeout(Duration::from_secs(10), slow.read_to_end(&mut end)).await.expect("it is closed").unwrap();
    let stalled = format!("POST {path} HTTP/1.1\r\nHost: r\r\nContent-Length: 10\r\n\r\nabc");
    let mut stream = TcpStream::connect(relay.address()).await.unwrap();
    stream.write_all(stalled.as_bytes()).await.unwrap();
    let mut said = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut said)).await.expect("it is answered").unwrap();
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    // What broke off stands among what waits; when it is full, that is no 2xx.
    let mut kept = 0;
    let full = loop {
        let answer = http.post(&shop.url).body("{}").send().await.unwrap();
        if answer.status() != 202 {
            break answer;
        }
        kept += 1;
        assert!(kept < 4);
    };
    assert_eq!(full.status(), 503);
    assert!(full.headers().contains_key("retry-after"));
    // When the laptop has fetched it, there is room again.
    let desk = Arc::new(Desk::default());
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    until("three", || desk.got().len() == 3).await;
    let states: Vec<_> = desk.got().iter().map(|(delivery, _)| delivery.body_state.clone()).collect();
    assert!(states.contains(&"stalled".to_owned()), "{states:?}");
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_send_is_told_why_and_nothing_is_kept() {
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
    let basic = Wanted { basic: Some(WantedBasic { sha256 }), ..waits(0) };
    let shop = client.put_inbox("shop", &basic).await.unwrap();
    let http = reqwest::Client::new();
    for sent in [
        http.post(&shop.url),
        http.post(&shop.url).basic_auth("shop", Some("wrong")),
        http.post(&shop.url).bearer_auth("x"),
    ] {
        let answer = sent.body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    }
    assert_eq!(http.post(&shop.url).basic_auth("shop", Some("s3cret")).body("{}").send().await.unwrap().status(), 202);
    // Who guesses is not heard for a while, and nobody else pays for it.
    let guess = |from: &str, password: &str| {
        let sent = http.post(&shop.url).header("X-Forwarded-For", from.to_owned()).basic_auth("shop", Some(password));
        sent.body("{}").send()
    };
    for number in 0..40 {
        guess("198.51.100.9", &number.to_string()).await.unwrap();
    }
    assert_eq!(guess("198.51.100.9", "s3cret").await.unwrap().status(), 429);
    assert_eq!(guess("198.51.100.8", "s3cret").await.unwrap().status(), 202);
    let office = Wanted { allow: vec!["203.0.113.0/24".into()], ..waits(0) };
    let shop = client.put_inbox("shop", &office).await.unwrap();
    let from = |address: &str| http.post(&shop.url).header("X-Forwarded-For", address.to_owned()).body("{}").send();
    assert_eq!(from("198.51.100.1").await.unwrap().status(), 403);
    // What a sender writes itself stands before what its proxy adds.
    assert_eq!(from("203.0.113.7, 198.51.100.1").await.unwrap().status(), 403);
    assert_eq!(from("203.0.113.7").await.unwrap().status(), 202);
    assert!(client.put_inbox("shop", &Wanted { allow: vec!["everywhere".into()], ..waits(0) }).await.is_err());
    assert_eq!(client.inboxes().await.unwrap()[0].waiting, 3);
    relay.stop().await;
}
