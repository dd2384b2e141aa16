//! What leaves is what was meant, to the address that was meant, or nothing leaves and the error says why.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::Command,
    sync::Arc,
};

use base64::Engine as _;
use reqwest::Method;

use crate::{
    hookbench::{Serve, until},
    json::{Json, json},
    target::{Answer, Receiver, endpoint, id, in_state, send},
};

/// What a command's own endpoint gets: the event as the vendor sends it.
async fn sent_to(serve: &Serve, url: &str, more: Json) -> (u16, Json) {
    let mut event = json!({ "provider": "onwebchat", "type": "chat.rated", "to": { "url": url, "provider": "onwebchat", "local_test": true } });
    for (name, value) in more.members() {
        match name {
            "to" => event["to"].extend(value),
            _ => event[name] = value.clone(),
        }
    }
    if let Some(provider) = more.get("provider") {
        event["to"]["provider"] = provider.clone();
    }
    serve.call(Method::POST, "/events", event).await
}

#[tokio::test]
async fn a_url_leads_where_it_says_or_is_refused_everywhere() {
    let (serve, receiver) = (Serve::start(), Receiver::start().await);
    let port = receiver.url.rsplit(':').next().unwrap();
    for bad in [
        "http://127.0.0.1:65537/hook",
        "http://127.0.0.1:99999999/",
        "http://a b/",
        "ftp://a.example/",
        "http:///x",
        "",
    ] {
        let forwards = json!({ "forwards": [{ "to": bad }] });
        let calls = [
            (Method::POST, "/endpoints", json!({ "provider": "onwebchat", "url": bad })),
            (
                Method::POST,
                "/events",
                json!({ "provider": "onwebchat", "type": "chat.rated", "to": { "url": bad, "provider": "onwebchat" } }),
            ),
            (Method::POST, "/replays", json!({ "query": "", "settings": { "to": { "url": bad } } })),
            (Method::PATCH, "/inboxes/inbox", forwards),
        ];
        for (method, path, body) in calls {
            let (status, error) = serve.call(method, path, body).await;
            assert_eq!((status, &error["code"]), (422, &json!("invalid")), "{path} {bad}: {error}");
        }
    }
    for (url, path) in [
        (format!("http://127.0.0.1:{port}?x=1"), "/?x=1"),
        (format!("  http://127.0.0.1:{port}/a b \n"), "/a%20b"),
        (format!("HTTP://127.0.0.1:0{port}/c#d"), "/c"),
    ] {
        let (status, sent) = sent_to(&serve, &url, json!({})).await;
        assert_eq!(status, 202, "{url}: {sent}");
        in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
        assert_eq!(receiver.got().pop().unwrap().path, path, "{url}");
    }
    // A name and a password are decoded when they are sent, and shown nowhere.
    let made =
        endpoint(&serve, json!({ "provider": "onwebchat", "url": format!("http://user:p%40ss@127.0.0.1:{port}/x") }))
            .await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated", "endpoints": [id(&made)] })).await;
    let delivery = in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("user:p@ss"));
    assert_eq!(receiver.got().pop().unwrap().headers["authorization"], basic);
    for shown in [&made, &sent, &delivery, &serve.get("/endpoints").await, &serve.get("/deliveries").await] {
        assert!(!shown.to_string().contains("p%40ss") && !shown.to_string().contains("p@ss"), "{shown}");
    }
    // What is shown of it, sent back with a change, keeps it.
    let change = json!({ "settings": { "url": made["url"], "name": "kept" } });
    serve.call(Method::PATCH, &format!("/endpoints/{}", id(&made)), change).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated", "endpoints": [id(&made)] })).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    assert_eq!(receiver.got().pop().unwrap().headers["authorization"], basic);
}

#[tokio::test]
async fn where_an_inbox_was_replayed_to_is_kept_and_its_password_is_not_shown() {
    let (serve, receiver) = (Serve::start(), Receiver::start().await);
    let port = receiver.url.rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    reqwest::Client::new().post(format!("{}/inbox", serve.receiver)).body("{}").send().await.unwrap();
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("user:p@ss"));
    let mut to = json!({ "url": format!("http://user:p%40ss@127.0.0.1:{port}/x") });
    for sent in 1..=2 {
        let settings = json!({ "query": "", "inbox": "inbox", "settings": { "to": to } });
        let (status, replay) = serve.call(Method::POST, "/replays", settings).await;
        assert_eq!(status, 202, "{replay}");
        until("the replay to arrive", async || (receiver.got().len() == sent).then_some(())).await;
        assert_eq!(receiver.got().pop().unwrap().headers["authorization"], basic);
        let inbox = serve.get("/inboxes/inbox").await;
        assert!(!inbox.to_string().contains("p%40ss"), "{inbox}");
        // What is shown, sent back, means the same.
        to = inbox["replayed_to"].clone();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_leaves_as_it_was_written() {
    let (serve, receiver) = (Serve::start(), Receiver::start().await);
    let exact = "{ \"id\": 9007199254740993, \"a\":1.10,\"k\":1,\"k\":2 }";
    for event in [json!({ "body": exact }), json!({ "body": exact, "fill": true })] {
        let (_, sent) = sent_to(&serve, &receiver.url, event).await;
        in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
        assert_eq!(receiver.got().pop().unwrap().body, exact);
    }
    // The same as JSON inside the call: no reader between here and there rewrites it.
    let raw = format!(
        "{{\"provider\":\"onwebchat\",\"type\":\"chat.rated\",\"payload\":{exact},\"set\":{{\"x.y\":true}},\"to\":{{\"provider\":\"onwebchat\",\"url\":\"{}\"}}}}",
        receiver.url
    );
    let request = serve.request(Method::POST, "/events").header("content-type", "application/json").body(raw);
    let sent: Json = request.send().await.unwrap().json().await.unwrap();
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let got = receiver.got().pop().unwrap().body;
    assert_eq!(got, exact.replace("\"k\":2 }", "\"k\":2,\"x\":{\"y\":true} }"));
    // Bytes that are not text, up to the largest payload of all vendors.
    let large = vec![b'z'; 5 * 1024 * 1024];
    for bytes in [vec![0xff, 0x00, 0x80], large] {
        let coded = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let (_, sent) = sent_to(&serve, &receiver.url, json!({ "body_base64": coded })).await;
        in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
        assert!(receiver.got().pop().unwrap().body == bytes);
    }
    let coded = base64::engine::general_purpose::STANDARD.encode(vec![b'z'; 25 * 1024 * 1024 + 1]);
    let (status, error) = sent_to(&serve, &receiver.url, json!({ "body_base64": coded })).await;
    assert!(status == 422 && error["message"].as_str().unwrap().contains("got 26214401"), "{error}");
    // The command line: a value is set in what a file holds.
    let file = serve.data.join("payload.json");
    fs::write(&file, "{\"a\":1.10}").unwrap();
    let args = [
        "trigger",
        "onwebchat",
        "message.created",
        "--payload",
        file.to_str().unwrap(),
        "--set",
        "x=1.50",
        "--to",
        &receiver.url,
    ];
    let done = serve.cli(&args);
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stderr).contains("temporary secret"), "{done:?}");
    assert_eq!(receiver.got().pop().unwrap().body, "{\"a\":1.10,\"x\":1.50}");
    let text = serve.data.join("payload.txt");
    fs::write(&text, "a=b").unwrap();
    let args = [
        "trigger",
        "onwebchat",
        "message.created",
        "--payload",
        text.to_str().unwrap(),
        "--set",
        "x=1",
        "--to",
        &receiver.url,
    ];
    assert_eq!(serve.cli(&args).status.code(), Some(2), "what cannot be set is not dropped");
}

#[tokio::test]
async fn vendors_headers_leave_as_the_vendors_send_them() {
    let (serve, receiver) = (Serve::start(), Receiver::start().await);
    let headers = json!([{ "name": "X-Dup", "value": "a" }, { "name": "X-Dup", "value": "b" }, { "name": "X-Priv", "value": "HDRSECRET1", "secret": true }]);
    let (_, sent) = sent_to(&serve, &receiver.url, json!({ "to": { "headers": headers } })).await;
    let delivery = in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    // The receiver keeps the last of a name; the log has both.
    let log = delivery["attempts_made"][0]["request_headers"].to_vec();
    assert_eq!(log.iter().filter(|line| line["name"] == "X-Dup").count(), 2, "{delivery}");
    assert!(!delivery.to_string().contains("HDRSECRET1"), "{delivery}");
    assert_eq!(receiver.got().pop().unwrap().headers["x-priv"], "HDRSECRET1");
    for name in ["X-OWC-Signature", "x-owc-event", "X-OWC-Delivery"] {
        let own = json!({ "to": { "headers": [{ "name": name, "value": "mine" }] } });
        let (status, error) = sent_to(&serve, &receiver.url, own).await;
        assert!(
            status == 422 && error["message"].as_str().unwrap().contains("cannot be a custom header"),
            "{name}: {error}"
        );
    }
    // Type and id of a vendor without samples.
    let (_, sent) =
        sent_to(&serve, &receiver.url, json!({ "provider": "woocommerce", "type": "order.created", "body": "{}" }))
            .await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let got = receiver.got().pop().unwrap();
    assert_eq!(got.headers["x-wc-webhook-topic"], "order.created");
    assert!(!got.headers["x-wc-webhook-delivery-id"].is_empty());
    // GitHub: its agent, the older signature beside the newer, and one id for every hook of an event.
    for (name, provider, header, same) in [
        ("a", "github", "x-github-delivery", true),
        ("b", "standard-webhooks", "webhook-id", true),
        ("c", "onwebchat", "x-owc-delivery", false),
    ] {
        for hook in ["one", "two"] {
            let url = format!("{}/{name}/{hook}", receiver.url);
            endpoint(&serve, json!({ "provider": provider, "url": url, "secrets": [{ "value": "whsec_c2VjcmV0" }] }))
                .await;
        }
        let kind = serve.get(&format!("/providers/{provider}")).await["sending"]["events"][0]["type"].clone();
        let sent = send(&serve, json!({ "provider": provider, "type": kind })).await;
        for delivery in sent["deliveries"].items() {
            in_state(&serve, &id(delivery), &["delivered"]).await;
        }
        let ids: Vec<String> = receiver.got().iter().rev().take(2).map(|got| got.headers[header].clone()).collect();
        assert_eq!(ids[0] == ids[1], same, "{provider}: {ids:?}");
    }
    let (_, sent) = sent_to(&serve, &receiver.url, json!({ "provider": "github", "type": "ping" })).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let got = receiver.got().pop().unwrap();
    assert!(got.headers["user-agent"].starts_with("GitHub-Hookshot/"), "{:?}", got.headers);
    assert!(
        got.headers["x-hub-signature"].starts_with("sha1=")
            && got.headers["x-hub-signature-256"].starts_with("sha256=")
    );
    assert!(got.headers.contains_key("x-github-hook-installation-target-id"));
    // A choice may name what no sample is there for, and a group.
    for (provider, chosen) in [("github", "workflow_run"), ("onwebchat", "chat.*")] {
        endpoint(
            &serve,
            json!({ "provider": provider, "url": format!("{}/chosen", receiver.url), "events": [chosen] }),
        )
        .await;
    }
}

#[tokio::test]
async fn a_policy_says_what_is_a_success_and_what_ends_a_delivery() {
    let (serve, receiver) = (Serve::start(), Receiver::start().await);
    // WooCommerce takes a redirect for delivered.
    receiver.answers(302);
    let (_, sent) =
        sent_to(&serve, &receiver.url, json!({ "provider": "woocommerce", "type": "order.created", "body": "{}" }))
            .await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    // Slack numbers its retries, and says why.
    receiver.answers(500);
    let slack = json!({ "provider": "slack", "type": "app_mention", "retries": true, "to": { "speed": 1_000.0 } });
    let (_, sent) = sent_to(&serve, &receiver.url, slack).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["exhausted"]).await;
    let got = receiver.got();
    let of = |name: &str| -> Vec<Option<String>> {
        got.iter().rev().take(4).rev().map(|got| got.headers.get(name).cloned()).collect()
    };
    let numbers = [None, Some("1".to_owned()), Some("2".to_owned()), Some("3".to_owned())];
    assert_eq!(of("x-slack-retry-num"), numbers);
    assert_eq!(of("x-slack-retry-reason")[1].as_deref(), Some("http_error"));
    // Sydx takes 200 alone, and the diagnosis says so.
    receiver.answers(204);
    let made =
        endpoint(&serve, json!({ "provider": "sydx-ai", "url": receiver.url, "local_test": true, "speed": 100_000.0 }))
            .await;
    let sent = send(&serve, json!({ "provider": "sydx-ai", "type": "new_message", "endpoints": [id(&made)] })).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["exhausted"]).await;
    let (_, causes) = serve.call(Method::POST, &format!("/endpoints/{}/diagnose", id(&made)), Json::NULL).await;
    let last = causes["items"].items().next_back().unwrap().clone();
    assert_eq!(last["found"], "failed", "{causes}");
    assert!(last["detail"].as_str().unwrap().contains("only 200"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_found_and_sent_again_by_what_they_are() {
    let (serve, receiver) = (Serve::start(), Receiver::start().await);
    receiver.answers_by(|got| Answer::Status(if got.path.contains("broken") { 503 } else { 200 }));
    let once = json!({ "schedule": { "fixed": [] } });
    for name in ["good", "broken"] {
        let url = format!("{}/{name}", receiver.url);
        endpoint(&serve, json!({ "provider": "onwebchat", "url": url, "name": name, "policy": once })).await;
    }
    for kind in ["chat.rated", "chat.closed", "visitor.banned"] {
        let sent = send(
            &serve,
            json!({ "provider": "onwebchat", "type": kind, "set": { "data.mark": format!("needle-{kind}") } }),
        )
        .await;
        for delivery in sent["deliveries"].items() {
            in_state(&serve, &id(delivery), &["delivered", "failed"]).await;
        }
    }
    let count = async |query: &str| serve.get(&format!("/deliveries?{query}")).await["items"].items().count();
    for (query, expected) in [
        ("endpoint=broken", 3),
        ("type=chat.*", 4),
        ("type=visitor.banned", 2),
        ("status=503", 3),
        ("status=2xx", 3),
        ("status=none", 0),
        ("url=/good", 3),
        ("text=needle-chat.rated", 2),
        ("text=100%25", 0),
        ("since=1h", 6),
        ("until=1h", 0),
        ("state=failed&type=chat.*&endpoint=broken&since=yesterday&status=5xx", 2),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    let nobody = serve.request(Method::GET, "/deliveries?endpoint=nobody").send().await.unwrap();
    assert_eq!(nobody.status(), 404);
    let listed = serve.cli(&["delivery", "list", "--endpoint", "broken", "--json"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 3);
    assert_eq!(serve.cli(&["delivery", "list", "--endpoint", "nobody"]).status.code(), Some(2));
    let stats = async || {
        serve.get(&format!("/endpoints/{}/stats", id(&serve.get("/endpoints?name=broken").await["items"][0]))).await
    };
    assert_eq!(stats().await["success_rate"], 0.0);
    // The whole window, in one call; what it failed by stays a failure.
    receiver.answers_by(|_| Answer::Status(200));
    let again = serve.cli(&["delivery", "retry", "--since", "1h", "--type", "chat.*", "--status", "5xx"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("2 deliveries"), "{again:?}");
    until("both to arrive", async || (count("endpoint=broken&state=delivered").await == 2).then_some(())).await;
    assert_eq!(stats().await["success_rate"], 0.0, "a resend by hand rewrites nothing");
}

/// Runs openssl with these arguments, none of which has a space in it.
fn openssl(dir: &Path, args: &str) {
    let done = Command::new("openssl").args(args.split(' ')).current_dir(dir).output().expect("openssl runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A server that wants no certificate or one that its authority signed, and answers 200.
fn tls_server(dir: &Path, chain: &str, key: &str, client_ca: Option<&str>, protocol: &'static [u8]) -> u16 {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let certificates = |name: &str| {
        CertificateDer::pem_slice_iter(&read(name)).map(|one| one.unwrap().into_owned()).collect::<Vec<_>>()
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match client_ca {
        Some(ca) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add_parsable_certificates(certificates(ca));
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_slice(&read(key)).unwrap();
    let mut config = builder.with_single_cert(certificates(chain), key).unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut bytes = [0; 8192];
            if stream.read(&mut bytes).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.flush();
            }
        }
    });
    port
}

#[tokio::test]
async fn certificates_are_trusted_shown_and_refused_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    fs::write(at.join("leaf.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    openssl(at, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Authority");
    for name in ["leaf", "client"] {
        openssl(at, &format!("req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN=localhost"));
        let signed = "x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile leaf.ext";
        openssl(at, &format!("{signed} -in {name}.csr -out {name}.pem"));
    }
    openssl(at, "req -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.pem -days 30 -subj /CN=localhost");
    let text = |name: &str| fs::read_to_string(at.join(name)).unwrap();
    fs::write(at.join("chain.pem"), text("leaf.pem") + &text("ca.pem")).unwrap();
    let plain = tls_server(at, "chain.pem", "leaf.key", None, b"http/1.1");
    let wary = tls_server(at, "chain.pem", "leaf.key", Some("ca.pem"), b"http/1.1");
    let own = tls_server(at, "self.pem", "self.key", None, b"http/1.1");
    let modern = tls_server(at, "chain.pem", "leaf.key", None, b"h2");
    let (serve, http) = (Serve::start(), Receiver::start().await);
    let pair = text("client.pem") + &text("client.key");
    for (port, settings, said) in [
        (plain, json!({ "trusted_certificate": text("ca.pem") }), None),
        (plain, json!({ "trusted_certificate": text("chain.pem") }), None),
        (plain, json!({ "trusted_certificate": text("leaf.pem") }), None),
        (own, json!({ "trusted_certificate": text("self.pem") }), None),
        (wary, json!({ "trusted_certificate": text("ca.pem"), "client_certificate": pair }), None),
        (plain, json!({}), Some("not trusted")),
        (own, json!({}), Some("self-signed")),
        (own, json!({ "trusted_certificate": text("ca.pem") }), Some("self-signed")),
        (wary, json!({ "trusted_certificate": text("ca.pem") }), Some("client certificate")),
        (modern, json!({ "trusted_certificate": text("ca.pem") }), Some("HTTP/2 only")),
        (http.url.rsplit(':').next().unwrap().parse().unwrap(), json!({}), Some("does not answer with TLS")),
    ] {
        let (status, sent) = sent_to(&serve, &format!("https://localhost:{port}/x"), json!({ "to": settings })).await;
        assert_eq!(status, 202, "{sent}");
        let delivery = in_state(&serve, &id(&sent["deliveries"][0]), &["delivered", "failed"]).await;
        let error = delivery["error"].as_str().unwrap_or_default();
        match said {
            None => assert_eq!(delivery["state"], "delivered", "{error}"),
            Some(said) => assert!(error.contains(said) && !error.contains("Error("), "{said}: {error}"),
        }
    }
    // The key is a secret, and a text that is not what it should be is refused at once.
    let made =
        endpoint(&serve, json!({ "provider": "onwebchat", "url": "https://localhost/x", "client_certificate": pair }))
            .await;
    assert!(!made.to_string().contains("PRIVATE KEY"), "{made}");
    for (field, why) in [("trusted_certificate", "no certificate"), ("client_certificate", "no certificate")] {
        let (status, error) = sent_to(&serve, "https://localhost/x", json!({ "to": { field: "nonsense" } })).await;
        assert!(status == 422 && error["message"].as_str().unwrap().contains(why), "{error}");
    }
    let alone = json!({ "to": { "client_certificate": text("client.pem") } });
    let (status, error) = sent_to(&serve, "https://localhost/x", alone).await;
    assert!(status == 422 && error["message"].as_str().unwrap().contains("no private key"), "{error}");
}

/// What is made as the three-thousandth costs no more than the first: the vendor's rules count by an index.
#[tokio::test]
async fn endpoints_are_listed_in_pages_and_counted_by_their_scope() {
    let serve = Serve::start();
    for number in 0..12 {
        let settings = json!({ "provider": "onwebchat", "url": "http://127.0.0.1:1/", "name": format!("e{number}") });
        endpoint(&serve, settings).await;
    }
    let mut after = String::new();
    let mut names = Vec::new();
    loop {
        let page = serve.get(&format!("/endpoints?limit=5{after}")).await;
        names.extend(page["items"].items().map(|one| one["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(names, (0..12).map(|number| format!("e{number}")).collect::<Vec<_>>());
    assert_eq!(serve.get("/endpoints?name=e7").await["items"].items().count(), 1);
}
