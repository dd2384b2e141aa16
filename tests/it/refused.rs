//! End-to-end tests of rejected requests: error responses, counts, the list of rejected requests, and unusual requests
//! that must be accepted.

use reqwest::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    hookbench::{PATIENCE, Serve, until},
    json::{Json, json},
    listener::exchange,
};

/// Returns the JSON body of the last response.
fn error_of(response: &str) -> Json {
    let (_, body) = response.rsplit_once("\r\n\r\n").expect("the response must have a body");
    serde_json::from_str(body).unwrap_or_else(|e| panic!("{response}: {e}"))
}

/// Waits until there are `count` rejected requests. Returns them, newest first.
async fn refused(serve: &Serve, count: usize) -> Vec<Json> {
    until("the rejected requests", async || {
        let items = serve.get("/refusals").await["items"].to_vec();
        (items.len() == count).then_some(items)
    })
    .await
}

async fn dismiss(serve: &Serve, body: Json) {
    let response = serve.request(Method::POST, "/refusals/dismiss").json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn explains_each_rejection_and_lists_its_bytes() {
    let serve = Serve::start();
    let many = format!("GET /inbox HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(101));
    let long = format!("GET /inbox HTTP/1.1\r\nX: {}\r\n\r\n", "v".repeat(70_000));
    let faults: [(&str, u16, &str, Option<&str>); 12] = [
        ("GET /inbox HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400, "folded_header", Some("inbox")),
        ("GET /inbox HTTP/1.1\r\nX Y: 1\r\n\r\n", 400, "bad_header", Some("inbox")),
        ("GET /inbox HTTP/1.1\r\nX: a\u{1}\r\n\r\n", 400, "bad_header", Some("inbox")),
        ("GET /inbox HTTP/9.9\r\n\r\n", 400, "bad_version", Some("inbox")),
        ("NOT\0HTTP\r\n\r\n", 400, "bad_request_line", None),
        ("POST /inbox HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", 400, "bad_transfer_encoding", Some("inbox")),
        ("POST /inbox HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400, "bad_content_length", Some("inbox")),
        (
            "POST /inbox HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            400,
            "bad_content_length",
            Some("inbox"),
        ),
        (
            "POST /inbox HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "two_lengths",
            Some("inbox"),
        ),
        (&many, 431, "too_many_headers", Some("inbox")),
        (&long, 431, "head_too_large", Some("inbox")),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", 400, "tls", None),
    ];
    for (count, (sent, status, code, inbox)) in faults.into_iter().enumerate() {
        let response = exchange(&serve, sent.as_bytes()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{sent:.80}: {response}");
        let error = error_of(&response);
        assert_eq!(error["code"], code, "{sent:.80}: {error}");
        for part in ["message", "hint"] {
            assert!(
                error[part].as_str().is_some_and(|text| text.ends_with('.')
                    || text.contains("Name: value")
                    || text.contains("HTTP/1.1")),
                "{error}"
            );
        }
        let newest = refused(&serve, count + 1).await.remove(0);
        assert_eq!(
            (&newest["reason"], &newest["status"], &newest["inbox"], &newest["message"]),
            (&json!(code), &json!(status), &json!(inbox), &error["message"])
        );
        let id = newest["id"].as_str().unwrap();
        let raw = serve.request(Method::GET, &format!("/refusals/{id}/raw")).send().await.unwrap();
        let raw = raw.bytes().await.unwrap();
        assert!(!raw.is_empty() && sent.as_bytes().starts_with(&raw), "{raw:?}");
        assert_eq!(newest["bytes"].as_u64(), Some(raw.len() as u64));
    }
    assert!(serve.all("inbox").await.is_empty());
    let status = serve.get("/status").await;
    let open: u64 = status["refusals"].items().map(|total| total["open"].as_u64().unwrap()).sum();
    assert_eq!(open, 12);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let listed = text(&serve.cli(&["requests", "--refused"]).stdout);
    for (_, _, code, _) in faults {
        assert!(listed.contains(code), "{code}: {listed}");
    }
    assert!(!text(&serve.cli(&["requests", "--refused", "--inbox", "inbox"]).stdout).contains("tls"));
}

#[tokio::test]
async fn counts_rejections_by_inbox_and_dismisses_them() {
    let serve = Serve::start();
    serve.request(Method::POST, "/inboxes").json(&json!({ "name": "shop" })).send().await.unwrap();
    for path in ["inbox", "shop", "shop"] {
        exchange(&serve, format!("GET /{path} HTTP/1.1\r\nX Y: 1\r\n\r\n").as_bytes()).await;
    }
    refused(&serve, 3).await;
    let open = async |serve: &Serve| {
        let status = serve.get("/status").await;
        let mut open: Vec<_> = status["refusals"]
            .items()
            .map(|total| (total["inbox"].as_str().unwrap().to_owned(), total["open"].as_u64().unwrap()))
            .collect();
        open.sort();
        open
    };
    assert_eq!(open(&serve).await, [("inbox".to_owned(), 1), ("shop".to_owned(), 2)]);
    dismiss(&serve, json!({ "inbox": "shop" })).await;
    assert_eq!(open(&serve).await, [("inbox".to_owned(), 1)]);
    exchange(&serve, b"GET /shop HTTP/1.1\r\nX Y: 1\r\n\r\n").await;
    refused(&serve, 4).await;
    assert_eq!(open(&serve).await, [("inbox".to_owned(), 1), ("shop".to_owned(), 1)]);
    // Rejected requests persist across restarts. Dismissed ones stay in the list and in the total.
    let data = tempfile::tempdir().unwrap();
    let kept = Serve::start_in(data.path());
    exchange(&kept, b"GET /inbox HTTP/1.1\r\nX Y: 1\r\n\r\n").await;
    refused(&kept, 1).await;
    kept.terminate();
    let again = Serve::start_in(data.path());
    assert_eq!(open(&again).await, [("inbox".to_owned(), 1)]);
    dismiss(&again, json!({})).await;
    assert!(open(&again).await.is_empty());
    let list = again.get("/refusals").await;
    assert_eq!((list["items"].items().count(), &list["totals"][0]["count"]), (1, &json!(1)));
}

#[tokio::test]
async fn masks_credentials_of_rejected_requests() {
    let serve = Serve::start();
    let sent = "POST /inbox HTTP/1.1\r\nAuthorization: Bearer s3cret\r\nContent-Length: 2, 2\r\n\r\nok";
    exchange(&serve, sent.as_bytes()).await;
    let newest = refused(&serve, 1).await.remove(0);
    assert!(!newest["text"].as_str().unwrap().contains("s3cret"), "{newest}");
    let id = newest["id"].as_str().unwrap();
    let raw = async |query: &str| {
        let path = format!("/refusals/{id}/raw{query}");
        serve.request(Method::GET, &path).send().await.unwrap().text().await.unwrap()
    };
    assert!(!raw("").await.contains("s3cret"));
    assert!(sent.starts_with(&raw("?reveal=true").await) && raw("?reveal=true").await.contains("s3cret"));
    let absent = serve.request(Method::GET, "/refusals/nothing/raw").send().await.unwrap();
    assert_eq!(absent.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn accepts_unusual_targets_like_other_servers() {
    let serve = Serve::start();
    let heads: [&[u8]; 3] = [
        b"GET /inbox/\"a\"?q=<b>&c=`d`&e={|}^ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /inbox/caf\xc3\xa9?q=\xe2\x82\xac HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"GET /inbox/\xfc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ];
    let targets = ["/inbox/\"a\"?q=<b>&c=`d`&e={|}^", "/inbox/café?q=€", "/inbox/%FC"];
    for (count, head) in heads.into_iter().enumerate() {
        let response = exchange(&serve, head).await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        assert_eq!(serve.newest(count + 1).await["target"], targets[count]);
    }
    assert!(serve.get("/refusals").await["items"].is_an_empty_array());
}

#[tokio::test]
async fn parses_head_that_arrives_byte_by_byte() {
    let serve = Serve::start();
    let pieces = async |bytes: &[u8]| {
        let mut stream = TcpStream::connect(serve.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in bytes {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut response = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut response)).await.unwrap();
        String::from_utf8_lossy(&response).into_owned()
    };
    let accepted = pieces(b"GET /inbox/<\xc3\xa9> HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(accepted.starts_with("HTTP/1.1 200"), "{accepted}");
    assert_eq!(serve.newest(1).await["target"], "/inbox/<é>");
    let bad = pieces(b"GET /inbox HTTP/1.1\r\nX Y: 1\r\n\r\n").await;
    assert!(bad.starts_with("HTTP/1.1 400"), "{bad}");
}

#[tokio::test]
async fn rejection_keeps_earlier_pipelined_requests() {
    let serve = Serve::start();
    let response = exchange(
        &serve,
        b"POST /inbox/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nokGET /inbox/2 HTTP/1.1\r\nX Y: 1\r\n\r\nGET /inbox/3 HTTP/1.1\r\n\r\n",
    )
    .await;
    assert_eq!(
        (response.matches("HTTP/1.1 200").count(), response.matches("HTTP/1.1 400").count()),
        (1, 1),
        "{response}"
    );
    assert_eq!(serve.newest(1).await["target"], "/inbox/1");
    let newest = refused(&serve, 1).await.remove(0);
    assert!(newest["text"].as_str().unwrap().starts_with("GET /inbox/2 "), "{newest}");
}

#[tokio::test]
async fn counts_flood_of_rejections_and_keeps_the_newest() {
    let serve = Serve::start();
    let flood: Vec<_> = (0..4)
        .map(|_| {
            let address = serve.address().to_owned();
            tokio::spawn(async move {
                for n in 0..300 {
                    let mut stream = TcpStream::connect(&address).await.unwrap();
                    let head = format!("GET /inbox/{n} HTTP/1.1\r\nX Y: 1\r\n\r\n");
                    stream.write_all(head.as_bytes()).await.unwrap();
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                }
            })
        })
        .collect();
    for task in flood {
        task.await.unwrap();
    }
    until("all rejections to be counted", async || {
        let list = serve.get("/refusals?limit=500").await;
        (list["totals"][0]["count"] == 1200).then_some(())
    })
    .await;
    let (mut listed, mut after) = (0, String::new());
    loop {
        let page = serve.get(&format!("/refusals?limit=500{after}")).await;
        listed += page["items"].items().count();
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert!(listed > 0 && listed <= 1_000, "{listed}");
    assert!(exchange(&serve, b"GET /inbox HTTP/1.0\r\n\r\n").await.contains(" 200 "));
}
