//! End-to-end tests of the listener over raw sockets: stored bytes, limits, malformed HTTP and responses.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    hookbench::{PATIENCE, Serve, until},
    json::{Json, json},
};

async fn connect(serve: &Serve) -> TcpStream {
    TcpStream::connect(serve.address()).await.expect("cannot connect to the listener")
}

/// Sends bytes and reads until the listener closes the connection.
pub async fn exchange(serve: &Serve, bytes: &[u8]) -> String {
    let mut stream = connect(serve).await;
    stream.write_all(bytes).await.expect("cannot send");
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut response)).await.expect("the listener must close the connection");
    String::from_utf8_lossy(&response).into_owned()
}

/// Reads the head of one response.
async fn read_response(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        timeout(PATIENCE, stream.read_exact(&mut byte)).await.expect("no response").expect("the connection was closed");
        response.push(byte[0]);
    }
    String::from_utf8_lossy(&response).into_owned()
}

fn header_list(detail: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().expect("the value must be a string").to_owned();
    detail["headers"].items().map(|h| (text(&h["name"]), text(&h["value"]))).collect()
}

async fn detail(serve: &Serve, request: &Json) -> Json {
    serve.get(&format!("/requests/{}", request["id"].as_str().expect("the request must have an id"))).await
}

async fn limits(serve: &mut Serve, limits: Json) {
    serve.patch("/settings", json!({ "limits": limits, "listen": serve.address() })).await;
}

#[tokio::test]
async fn keeps_header_case_order_and_duplicates() {
    let serve = Serve::start();
    let response = exchange(
        &serve,
        b"POST /inbox/a/../b%2fc?x=1&&y HTTP/1.1\r\nhOsT: h\r\nX-Sig: 1\r\nContent-Length: 2\r\nx-sig: 2\r\nX-Latin: caf\xe9\r\nX-Empty:\r\nConnection: close\r\n\r\nhi",
    )
    .await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    let request = serve.newest(1).await;
    assert_eq!(request["target"], "/inbox/a/../b%2fc?x=1&&y");
    assert_eq!(request["names"], "exact");
    let headers = header_list(&detail(&serve, &request).await);
    let expected = [
        ("hOsT", "h"),
        ("X-Sig", "1"),
        ("Content-Length", "2"),
        ("x-sig", "2"),
        ("X-Latin", "caf\\xe9"),
        ("X-Empty", ""),
        ("Connection", "close"),
    ];
    assert_eq!(headers, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
}

#[tokio::test]
async fn separates_pipelined_requests() {
    let serve = Serve::start();
    let response = exchange(
        &serve,
        concat!(
            "POST /inbox/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: X-Sum\r\n\r\n",
            "1d;ext=\"x\"\r\nPOST /inbox/fake HTTP/1.1\r\n\r\n\r\n0\r\nX-Sum: 42\r\n\r\n",
            "POST /inbox/2 HTTP/1.1\nHost: h\nContent-Length: 3\n\nGET",
            "\r\nGET /inbox/3 HTTP/1.1\r\nHost: h\r\nX-Last: Yes\r\nConnection: close\r\n\r\n",
        )
        .as_bytes(),
    )
    .await;
    assert_eq!(response.matches("HTTP/1.1 200").count(), 3, "{response}");
    serve.newest(3).await;
    let all = serve.all("inbox").await;
    let targets: Vec<_> = all.iter().map(|r| (r["target"].as_str().unwrap(), r["names"].as_str().unwrap())).collect();
    assert_eq!(targets, [("/inbox/3", "exact"), ("/inbox/2", "exact"), ("/inbox/1", "exact")]);
    assert_eq!(serve.body(all[2]["id"].as_str().unwrap()).await, b"POST /inbox/fake HTTP/1.1\r\n\r\n");
    assert_eq!(detail(&serve, &all[2]).await["trailers"][0]["value"], "42");
    assert_eq!(serve.body(all[1]["id"].as_str().unwrap()).await, b"GET");
}

#[tokio::test]
async fn sends_100_continue_before_the_body() {
    let serve = Serve::start();
    let mut stream = connect(&serve).await;
    stream
        .write_all(
            b"PUT /inbox HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    assert!(read_response(&mut stream).await.starts_with("HTTP/1.1 100"));
    stream.write_all(b"body").await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert_eq!(serve.newest(1).await["body_bytes"], 4);
}

#[tokio::test]
async fn accepts_http2_with_prior_knowledge() {
    let serve = Serve::start();
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    for i in 0..20 {
        let response = client
            .post(format!("{}/inbox/{i}?q", serve.listener))
            .header("X-Upper", "v")
            .body(vec![b'x'; 300_000])
            .send()
            .await
            .unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
    }
    let request = serve.newest(20).await;
    assert_eq!((request["version"].as_str(), request["names"].as_str()), (Some("HTTP/2"), Some("lowercase")));
    let headers = header_list(&detail(&serve, &request).await);
    assert!(headers.contains(&("host".into(), serve.address().into())), "{headers:?}");
    assert_eq!(serve.body(request["id"].as_str().unwrap()).await, vec![b'x'; 300_000]);
}

#[tokio::test]
async fn listens_on_ipv6() {
    let serve = Serve::start();
    let settings = serve.patch("/settings", json!({ "listen": "[::1]:0" })).await;
    assert_eq!(settings["listen"], "[::1]:0");
    let status = serve.get("/status").await;
    let url = status["listener"]["url"].as_str().expect("the listener must have a URL").to_owned();
    assert!(url.starts_with("http://[::1]:"), "{url}");
    assert_eq!(reqwest::Client::new().post(format!("{url}/inbox")).body("six").send().await.unwrap().status(), 200);
    assert!(serve.newest(1).await["remote_address"].as_str().unwrap().starts_with("[::1]:"));
}

#[tokio::test]
async fn rejects_unknown_inbox_or_creates_it_on_first_request() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    let refused = client.post(format!("{}/missing/x", serve.listener)).body("x").send().await.unwrap();
    assert_eq!(refused.status(), 404);
    let error: Json = refused.json().await.unwrap();
    assert_eq!(error["code"], "inbox_not_found");
    assert!(error["message"].as_str().unwrap().contains("missing") && error["hint"].is_string(), "{error}");
    serve.patch("/settings", json!({ "create_inboxes": true })).await;
    assert_eq!(client.post(format!("{}/missing/x", serve.listener)).body("x").send().await.unwrap().status(), 200);
    assert_eq!(serve.all("missing").await.len(), 1);
    assert_eq!(client.post(format!("{}/.hidden", serve.listener)).body("x").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn rejects_and_stores_body_over_the_limit_with_413() {
    let mut serve = Serve::start();
    limits(&mut serve, json!({ "body_bytes": 1000 })).await;
    let announced = exchange(
        &serve,
        format!("POST /inbox HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n{}", "x".repeat(5000)).as_bytes(),
    )
    .await;
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("body_too_large"), "{announced}");
    let request = serve.newest(1).await;
    assert_eq!(
        (request["body_state"].as_str(), request["body_bytes"].as_u64(), request["status"].as_u64()),
        (Some("too_large"), Some(5000), Some(413))
    );
    assert!(serve.body(request["id"].as_str().unwrap()).await.is_empty());
    let chunked = exchange(
        &serve,
        format!(
            "POST /inbox HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n",
            "x".repeat(2000)
        )
        .as_bytes(),
    )
    .await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
    serve.newest(2).await;
    // A sender that waits for 100 Continue gets the 413 before it sends the body.
    let asked =
        exchange(&serve, b"POST /inbox HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n")
            .await;
    assert!(asked.starts_with("HTTP/1.1 413") && !asked.contains("100 Continue"), "{asked}");
    let exact = exchange(
        &serve,
        format!(
            "POST /inbox HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n{}",
            "x".repeat(1000)
        )
        .as_bytes(),
    )
    .await;
    assert!(exact.starts_with("HTTP/1.1 200"), "{exact}");
}

#[tokio::test]
async fn rejects_heads_over_the_limits_with_431() {
    let serve = Serve::start();
    let head = |value: usize| {
        format!("GET /inbox HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Long: {}\r\n\r\n", "v".repeat(value))
    };
    let fits = exchange(&serve, head(60_000).as_bytes()).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    let headers = header_list(&detail(&serve, &serve.newest(1).await).await);
    assert_eq!(headers[2].1.len(), 60_000);
    let long = exchange(&serve, head(70_000).as_bytes()).await;
    assert!(long.starts_with("HTTP/1.1 431"), "{long}");
    let lines = |count: usize| format!("GET /inbox HTTP/1.1\r\n{}Connection: close\r\n\r\n", "X: 1\r\n".repeat(count));
    assert!(exchange(&serve, lines(99).as_bytes()).await.starts_with("HTTP/1.1 200"));
    let many = exchange(&serve, lines(100).as_bytes()).await;
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    serve.newest(2).await;
    // A connection is counted when it ends, which is after its last response.
    until("both rejected heads to be counted", async || {
        (serve.get("/status").await["heads_refused"] == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn stores_stalled_body_as_incomplete_with_408() {
    let mut serve = Serve::start();
    limits(&mut serve, json!({ "body_stall_ms": 200 })).await;
    let response = exchange(&serve, b"POST /inbox HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\npart").await;
    assert!(response.starts_with("HTTP/1.1 408") && response.contains("body_stalled"), "{response}");
    let request = serve.newest(1).await;
    assert_eq!(
        (request["body_state"].as_str(), request["body_bytes"].as_u64(), request["status"].as_u64()),
        (Some("stalled"), Some(4), Some(408))
    );
    assert_eq!(serve.body(request["id"].as_str().unwrap()).await, b"part");
}

#[tokio::test]
async fn closes_connection_with_incomplete_head() {
    let mut serve = Serve::start();
    limits(&mut serve, json!({ "head_timeout_ms": 300 })).await;
    for beginning in ["", "P", "PRI * HT", "POST /inbox HTTP/1.1\r\nHost: h\r\nX-Slow: "] {
        let mut stream = connect(&serve).await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let response = read_all(&mut stream).await;
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 408"), "{beginning:?}: {response}");
    }
    assert!(exchange(&serve, b"POST /inbox HTTP/1.0\r\nContent-Length: 1\r\n\r\nx").await.starts_with("HTTP/1.0 200"));
}

#[tokio::test]
async fn rejects_malformed_http_with_400_and_keeps_listening() {
    let serve = Serve::start();
    for nonsense in [
        &b"NOT HTTP AT ALL\r\n\r\n"[..],
        b"GET /inbox HTTP/9.9\r\n\r\n",
        b"GET /inbox HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET /inbox HTTP/1.1\r\nX: a\r\n folded\r\n\r\n",
        b"POST /inbox HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n",
        b"POST /inbox HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /inbox HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let mut stream = connect(&serve).await;
        stream.write_all(nonsense).await.unwrap();
        stream.shutdown().await.unwrap();
        let response = read_all(&mut stream).await;
        assert!(
            response.is_empty() || response.starts_with("HTTP/1.1 400"),
            "{:?}: {response}",
            String::from_utf8_lossy(nonsense)
        );
    }
    assert!(
        exchange(&serve, b"POST /inbox HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert_eq!(serve.newest(1).await["body_bytes"], 2);
}

#[tokio::test]
async fn stores_incomplete_request_of_disconnected_sender() {
    let serve = Serve::start();
    for (count, sent) in [(1, 4usize), (2, 400_000)] {
        let mut stream = connect(&serve).await;
        stream
            .write_all(
                format!("POST /inbox HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n{}", "x".repeat(sent))
                    .as_bytes(),
            )
            .await
            .unwrap();
        // A sender that closes only its write side still gets a response.
        stream.shutdown().await.unwrap();
        assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 400"));
        let request = serve.newest(count).await;
        assert_eq!((&request["body_state"], &request["status"]), (&json!("broken_off"), &json!(400)));
        let kept = serve.body(request["id"].as_str().unwrap()).await;
        assert_eq!((kept.len() as u64, kept.len() <= sent), (request["body_bytes"].as_u64().unwrap(), true));
    }
}

#[tokio::test]
async fn stores_body_with_broken_framing_as_incomplete() {
    let serve = Serve::start();
    for (count, body) in ["ZZ\r\nabc\r\n0\r\n\r\n", "3\r\nabcXX0\r\n\r\n", "FFFFFFFFFFFFFFFFF\r\n"].iter().enumerate() {
        let sent = format!("POST /inbox HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let response = exchange(&serve, sent.as_bytes()).await;
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 400"), "{body:?}: {response}");
        assert_eq!(serve.newest(count + 1).await["body_state"], "broken_off");
    }
}

#[tokio::test]
async fn keeps_received_part_of_body_on_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let mut stream = connect(&serve).await;
    stream
        .write_all(b"POST /inbox HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
        .await
        .unwrap();
    assert!(read_response(&mut stream).await.starts_with("HTTP/1.1 100"));
    stream.write_all(b"part").await.unwrap();
    serve.terminate();
    let again = Serve::start_in(dir.path());
    assert_eq!(again.newest(1).await["body_state"], "broken_off");
}

#[tokio::test]
async fn rejects_excess_connections_with_503_and_retry_after() {
    let mut serve = Serve::start();
    limits(&mut serve, json!({ "connections": 4 })).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = connect(&serve).await;
        stream.write_all(b"POST /inbox HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        assert!(read_response(&mut stream).await.starts_with("HTTP/1.1 200"));
        held.push(stream);
    }
    let mut fifth = connect(&serve).await;
    let refused = read_all(&mut fifth).await;
    assert!(
        refused.starts_with("HTTP/1.1 503")
            && refused.contains("Retry-After: 1")
            && refused.contains("too_many_connections"),
        "{refused}"
    );
    held.clear();
    until("a free connection", async || {
        let mut stream = connect(&serve).await;
        stream
            .write_all(b"POST /inbox HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await
            .ok()?;
        read_all(&mut stream).await.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
    assert!(serve.get("/status").await["connections_refused"].as_u64().unwrap() >= 1);
}

#[tokio::test]
async fn returns_configured_response_with_delay_and_cors() {
    let serve = Serve::start();
    let response = json!({ "status": 418, "headers": [["X-A", "1"], ["X-A", "2"], ["Content-Type", "text/x"]], "body": "short", "delay_ms": 300, "cors": true });
    serve.patch("/inboxes/inbox", json!({ "response": response })).await;
    let client = reqwest::Client::new();
    let started = std::time::Instant::now();
    let response = client.post(format!("{}/inbox", serve.listener)).body("x").send().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(response.text().await.unwrap(), "short");
    let preflight = client
        .request(reqwest::Method::OPTIONS, format!("{}/inbox", serve.listener))
        .header("Origin", "http://page.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "x-b")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (preflight.status().as_u16(), preflight.headers()["access-control-allow-headers"].to_str().unwrap()),
        (204, "x-b")
    );
    let request = serve.newest(2).await;
    assert_eq!((request["method"].as_str(), request["status"].as_u64()), (Some("OPTIONS"), Some(204)));
    // The stored request keeps the sent response when the inbox changes.
    serve.patch("/inboxes/inbox", json!({ "response": { "status": 200 } })).await;
    assert_eq!(detail(&serve, &request).await["response"]["status"], 418);
}

#[tokio::test]
async fn reports_owner_of_used_port_and_suggests_free_port() {
    let holder = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = holder.local_addr().unwrap().port();
    let serve = Serve::start();
    let before = serve.get("/status").await["listener"].clone();
    let wanted = json!({ "listen": format!("127.0.0.1:{port}") });
    let (status, error) = serve.call(reqwest::Method::PATCH, "/settings", wanted.clone()).await;
    assert_eq!((status, &error["code"]), (409, &json!("port_taken")), "{error}");
    let message = error["message"].as_str().unwrap();
    for text in [format!("process {}", std::process::id()), "is free".into(), "still listens".into()] {
        assert!(message.contains(&text), "{text}: {message}");
    }
    // The rejected change keeps the current address.
    assert_eq!(serve.get("/status").await["listener"], before);
    assert_ne!(serve.get("/settings").await["listen"], wanted["listen"]);
    drop(holder);
    let (status, _) = serve.call(reqwest::Method::PATCH, "/settings", wanted.clone()).await;
    assert_eq!(status, 200);
    let listener = serve.get("/status").await["listener"].clone();
    assert_eq!((&listener["state"], &listener["address"]), (&json!("listening"), &wanted["listen"]), "{listener}");
}

#[tokio::test]
async fn restarts_on_the_address_of_the_run() {
    let serve = Serve::start();
    let before = serve.get("/status").await["listener"].clone();
    assert_ne!(before["address"], serve.get("/settings").await["listen"]);
    let (status, listener) = serve.call(reqwest::Method::POST, "/listener", json!({})).await;
    assert_eq!((status, &listener), (200, &before));
    serve.patch("/settings", json!({ "limits": { "body_bytes": 5_000 } })).await;
    assert_eq!(serve.get("/status").await["listener"], before);
    serve.patch("/settings", json!({ "listen": "127.0.0.1:0" })).await;
    assert_ne!(serve.get("/status").await["listener"], before);
}

#[tokio::test]
async fn large_bodies_use_bounded_memory() {
    let serve = Serve::start();
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", serve.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    let body: Vec<u8> = (0..90 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let send = async |body: &[u8]| {
        let url = format!("{}/inbox", serve.listener);
        let sent = reqwest::Client::new().post(url).body(body.to_vec()).send().await.unwrap();
        assert_eq!(sent.status(), 200);
    };
    // The first large body fills caches and buffers once. A body of nine times the size must not need more memory.
    send(&body[..10 << 20]).await;
    let before = resident();
    send(&body).await;
    let grown = resident() - before;
    assert!(grown < 48, "memory grew by {grown} MiB for 80 MiB of additional body");
    let request = serve.newest(2).await;
    assert!(serve.body(request["id"].as_str().unwrap()).await == body);
    let range = serve
        .request(reqwest::Method::GET, &format!("/requests/{}/body", request["id"].as_str().unwrap()))
        .header("Range", "bytes=262140-262150")
        .send()
        .await
        .unwrap();
    assert_eq!(range.status(), 206);
    assert_eq!(range.bytes().await.unwrap(), body[262_140..=262_150]);
}
