//! End-to-end test that stores and reads back ten thousand payloads over 64 connections.

use std::{collections::HashMap, io::Write, sync::Arc};

use crate::{hookbench::Serve, json::json};

const COUNT: usize = 10_000;
const CONNECTIONS: usize = 64;

/// Returns content type, content coding and bytes of payload number `n`, similar to the payloads of vendors.
fn payload(n: usize) -> (&'static str, Option<&'static str>, Vec<u8>) {
    let id = n.to_string();
    match n % 10 {
        0 => ("application/json", None, json!({ "id": format!("evt_{n}"), "object": "event", "type": "invoice.paid", "data": { "object": { "id": format!("in_{n}"), "amount_due": n * 7, "customer_email": "amélie@example.com" } }, "livemode": false }).to_string().into()),
        1 => ("application/json", None, serde_json::to_vec_pretty(&json!({ "ref": "refs/heads/main", "after": format!("{n:040x}"), "commits": vec![json!({ "message": "fix: ☃ \u{202e}", "added": [format!("src/{n}.rs")] }); n % 30], "repository": { "full_name": "octo/hello" } })).unwrap()),
        2 => ("application/json", None, json!({ "event": "chat.closed", "website_id": 1842, "data": { "chat": { "id": n, "transcript": vec![json!({ "author": "visitor", "text": "Hi 😕" }); n % 20] } } }).to_string().into()),
        3 => ("application/x-www-form-urlencoded", None, format!("payload=%7B%22n%22%3A{n}%7D&token=x+y&empty=&empty=").into()),
        4 => ("application/octet-stream", None, (0..n % 5000 + 1).map(|i| (i.wrapping_mul(n + 131) >> 3) as u8).collect()),
        5 => ("multipart/form-data; boundary=XX", None, [format!("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{n}.bin\"\r\n\r\n").into_bytes(), vec![0, 255, 13, 10, n as u8], b"\r\n--XX--\r\n".to_vec()].concat()),
        6 => {
            let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            coder.write_all(json!({ "n": n, "text": "abc".repeat(n % 500) }).to_string().as_bytes()).unwrap();
            ("application/json", Some("gzip"), coder.finish().unwrap())
        }
        7 => ("application/xml", None, format!("<?xml version=\"1.0\"?><event id=\"{n}\"><![CDATA[ ]] > ]]></event>\r\n").into()),
        8 => ("text/plain; charset=latin1", None, [b"caf\xe9 ".as_slice(), id.as_bytes(), b"\0\n\n"].concat()),
        // Some payloads are large enough to be stored in chunks.
        _ => ("application/json", None, json!({ "n": n, "blob": "x".repeat(if n.is_multiple_of(500) { 700_000 } else { n % 9000 }) }).to_string().into()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_ten_thousand_payloads_byte_for_byte() {
    let serve = Serve::start();
    let client = reqwest::Client::builder().pool_max_idle_per_host(CONNECTIONS).build().unwrap();
    let url: Arc<str> = serve.listener.as_str().into();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..CONNECTIONS {
        let (client, url) = (client.clone(), url.clone());
        senders.spawn(async move {
            for n in (sender..COUNT).step_by(CONNECTIONS) {
                let (content_type, coding, body) = payload(n);
                let mut request = client.post(format!("{url}/inbox/{n}")).header("Content-Type", content_type);
                if let Some(coding) = coding {
                    request = request.header("Content-Encoding", coding);
                }
                assert_eq!(request.body(body).send().await.unwrap().status(), 200);
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    let all = serve.all("inbox").await;
    assert_eq!(all.len(), COUNT);
    let mut seen = HashMap::new();
    for request in &all {
        let n: usize = request["target"].as_str().unwrap().trim_start_matches("/inbox/").parse().unwrap();
        let id = request["id"].as_str().unwrap().to_owned();
        assert_eq!(seen.insert(n, id.clone()), None, "{n} is stored twice");
        assert!(serve.body(&id).await == payload(n).2, "body {n}");
    }
    let mut ids: Vec<_> = all.iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
    let listed = ids.clone();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(ids, listed, "ids must be sorted newest first");
    let decoded =
        serve.request(reqwest::Method::GET, &format!("/requests/{}/body?decoded=true", seen[&6])).send().await.unwrap();
    assert!(decoded.bytes().await.unwrap().starts_with(b"{\"n\":6,"));
    let total = serve.get("/inboxes/inbox").await;
    let bytes: u64 = all.iter().map(|r| r["body_bytes"].as_u64().unwrap()).sum();
    assert_eq!((total["requests"].as_u64(), total["bytes"].as_u64()), (Some(COUNT as u64), Some(bytes)));
}
