//! Tests that the agent rejects invalid deliveries from a malicious relay.

use std::sync::Arc;

use bytes::Bytes;
use hookbench_relay::wire::{ATTACH, Ack, BodyPlace, Delivery, PREFIX, PROTOCOL, client_builder};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use crate::{
    hookbench::{Serve, until},
    json::{Json, json},
};

type Send = Arc<Mutex<Option<SendRequest<Full<Bytes>>>>>;

/// Starts a relay that accepts all calls of an agent. Returns the URL and the attached connection.
async fn relay() -> (String, Send) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let send = Send::default();
    let (attached, base) = (send.clone(), url.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(served(stream, base.clone(), attached.clone()));
        }
    });
    (url, send)
}

async fn served(mut stream: TcpStream, base: String, attached: Send) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    if head.contains(ATTACH) {
        let response =
            format!("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: {PROTOCOL}\r\n\r\n");
        stream.write_all(response.as_bytes()).await.unwrap();
        let (send, connection) = client_builder().handshake(TokioIo::new(stream)).await.unwrap();
        *attached.lock().await = Some(send);
        let _ = connection.await;
        return;
    }
    let body = match head.split(' ').nth(1).unwrap().trim_start_matches(PREFIX) {
        "" => json!({ "relay": "false", "unix_s": 0 }),
        "/devices" => json!({ "device": "d", "url": base }),
        "/resume" => json!({ "again": 0 }),
        _ => json!({ "name": "inbox", "url": format!("{base}/token"), "waiting": 0, "refused": 0, "seq": 0 }),
    };
    let body = body.to_string();
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(response.as_bytes()).await.unwrap();
}

fn honest(number: i64) -> Delivery {
    let sha256: String = Sha256::digest(b"{}").iter().map(|byte| format!("{byte:02x}")).collect();
    Delivery {
        id: uuid::Uuid::from_u128(number as u128),
        inbox: "inbox".into(),
        seq: number,
        attempt: 0,
        received_us: 1_700_000_000_000_000,
        age_us: 0,
        receiving_us: 5,
        method: "POST".into(),
        rest: "/a".into(),
        version: "HTTP/1.1".into(),
        remote_address: "192.0.2.1:5".into(),
        names: "exact".into(),
        head: b"Host: r\r\n".to_vec(),
        trailers: Vec::new(),
        body_bytes: 2,
        body_state: "complete".into(),
        sha256,
        body: BodyPlace::Here,
        responded: Some(200),
    }
}

async fn deliver(send: &Send, delivery: &Delivery, body: &'static [u8]) -> Option<Ack> {
    let mut request = http::Request::new(Full::new(Bytes::from_static(body)));
    *request.method_mut() = http::Method::PUT;
    *request.uri_mut() = format!("http://agent/inbox/inbox/{}", delivery.id).parse().unwrap();
    *request.headers_mut() = delivery.headers(None);
    let response = send.lock().await.as_mut().unwrap().send_request(request);
    let (parts, body) = response.await.unwrap().into_parts();
    Ack::from_response(parts.status, &parts.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn rejects_invalid_deliveries_from_malicious_relay() {
    let (serve, (url, send)) = (Serve::start(), relay().await);
    let add = |path: String, body: Json| serve.request(reqwest::Method::POST, &path).json(&body).send();
    let tunnel: Json = add("/tunnels".into(), json!({ "type": "relay", "relay": url, "code": "x" }))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let path = format!("/tunnels/{}/inboxes/inbox", tunnel["id"].as_str().unwrap());
    let exposed = serve.request(reqwest::Method::PUT, &path).json(&json!({})).send().await.unwrap();
    assert!(exposed.status().is_success());
    serve.patch("/settings", json!({ "limits": { "body_bytes": 1_000_000, "body_stall_ms": 30_000, "head_timeout_ms": 30_000, "connections": 1_024 } })).await;
    serve.request(reqwest::Method::POST, "/inboxes").json(&json!({ "name": "other" })).send().await.unwrap();
    until("the agent to attach", async || send.lock().await.is_some().then_some(())).await;
    assert_eq!(deliver(&send, &honest(1), b"{}").await, Some(Ack::Stored(None)));
    assert_eq!(deliver(&send, &honest(1), b"{}").await, Some(Ack::Had));
    // The same id with another payload is a conflict. A hash or length that does not match the body is an error.
    let sha256: String = Sha256::digest(b"[]").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(deliver(&send, &Delivery { sha256, ..honest(1) }, b"[]").await, Some(Ack::Conflict));
    assert!(matches!(deliver(&send, &honest(2), b"[]").await, Some(Ack::Later { .. })));
    assert!(matches!(deliver(&send, &Delivery { body_bytes: 3, ..honest(2) }, b"{}").await, Some(Ack::Later { .. })));
    let lies = [
        Delivery { rest: "-elsewhere".into(), ..honest(5) },
        Delivery { rest: "/a b".into(), ..honest(6) },
        Delivery { rest: "/a\r\nX: y".into(), ..honest(7) },
        Delivery { method: "PO ST".into(), ..honest(8) },
        Delivery { version: "HTTP/9".into(), ..honest(9) },
        Delivery { remote_address: "invalid".into(), ..honest(10) },
        Delivery { body_state: "fine".into(), ..honest(11) },
        // A body that would fill the disk is not fetched.
        Delivery { body: BodyPlace::Relay, body_bytes: u64::MAX / 2, ..honest(12) },
    ];
    for lie in &lies {
        let ack = deliver(&send, lie, b"{}").await;
        assert!(matches!(ack, Some(Ack::Never(_))), "{lie:?}: {ack:?}");
    }
    // A delivery for an inbox that is not exposed is retried later, because the inbox may be exposed by then.
    for unexposed in
        [Delivery { inbox: "other".into(), ..honest(3) }, Delivery { inbox: "../other".into(), ..honest(4) }]
    {
        assert!(matches!(deliver(&send, &unexposed, b"{}").await, Some(Ack::Later { .. })));
    }
    // Unusual but possible values are stored and returned unchanged.
    let odd = Delivery {
        received_us: i64::MAX,
        receiving_us: i64::MIN,
        seq: -5,
        head: b"\0\xff no header\r\n: \r\nA: \x1b[31m\r\n".to_vec(),
        ..honest(13)
    };
    assert_eq!(deliver(&send, &odd, b"{}").await, Some(Ack::Stored(None)));
    let old = Delivery { received_us: i64::MIN, ..honest(14) };
    assert_eq!(deliver(&send, &old, b"{}").await, Some(Ack::Stored(None)));
    let all = serve.all("inbox").await;
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(serve.all("other").await.is_empty());
    for request in &all {
        let detail = serve.get(&format!("/requests/{}", request["id"].as_str().unwrap())).await;
        assert_eq!(detail["target"], "/inbox/a");
    }
}
