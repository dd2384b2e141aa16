//! End-to-end tests of sent requests: URLs, payload bytes, headers, delivery policies and TLS certificates.

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
    destination::{TargetResponse, TargetServer, endpoint, id, in_state, send},
    hookbench::{Serve, until},
    json::{Json, json},
};

/// Sends an event to a temporary endpoint. Returns the status and the response of the API.
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
async fn validates_and_normalizes_endpoint_urls() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let port = destination.url.rsplit(':').next().unwrap();
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
        assert_eq!(destination.got().pop().unwrap().path, path, "{url}");
    }
    // User name and password of the URL are decoded for the Authorization header and never returned.
    let made =
        endpoint(&serve, json!({ "provider": "onwebchat", "url": format!("http://user:p%40ss@127.0.0.1:{port}/x") }))
            .await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated", "endpoints": [id(&made)] })).await;
    let delivery = in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("user:p@ss"));
    assert_eq!(destination.got().pop().unwrap().headers["authorization"], basic);
    for shown in [&made, &sent, &delivery, &serve.get("/endpoints").await, &serve.get("/deliveries").await] {
        assert!(!shown.to_string().contains("p%40ss") && !shown.to_string().contains("p@ss"), "{shown}");
    }
    // An update with the masked URL keeps the stored password.
    let change = json!({ "settings": { "url": made["url"], "name": "kept" } });
    serve.call(Method::PATCH, &format!("/endpoints/{}", id(&made)), change).await;
    let sent = send(&serve, json!({ "provider": "onwebchat", "type": "chat.rated", "endpoints": [id(&made)] })).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    assert_eq!(destination.got().pop().unwrap().headers["authorization"], basic);
}

#[tokio::test]
async fn keeps_replay_target_and_masks_its_password() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let port = destination.url.rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    reqwest::Client::new().post(format!("{}/inbox", serve.listener)).body("{}").send().await.unwrap();
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("user:p@ss"));
    let mut to = json!({ "url": format!("http://user:p%40ss@127.0.0.1:{port}/x") });
    for sent in 1..=2 {
        let settings = json!({ "query": "", "inbox": "inbox", "settings": { "to": to } });
        let (status, replay) = serve.call(Method::POST, "/replays", settings).await;
        assert_eq!(status, 202, "{replay}");
        until("the replay to arrive", async || (destination.got().len() == sent).then_some(())).await;
        assert_eq!(destination.got().pop().unwrap().headers["authorization"], basic);
        let inbox = serve.get("/inboxes/inbox").await;
        assert!(!inbox.to_string().contains("p%40ss"), "{inbox}");
        // The masked URL can be sent back and refers to the same target.
        to = inbox["replayed_to"].clone();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_payload_bytes_unchanged() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let exact = "{ \"id\": 9007199254740993, \"a\":1.10,\"k\":1,\"k\":2 }";
    for event in [json!({ "body": exact }), json!({ "body": exact, "fill": true })] {
        let (_, sent) = sent_to(&serve, &destination.url, event).await;
        in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
        assert_eq!(destination.got().pop().unwrap().body, exact);
    }
    // JSON inside the API call is not reformatted.
    let raw = format!(
        "{{\"provider\":\"onwebchat\",\"type\":\"chat.rated\",\"payload\":{exact},\"set\":{{\"x.y\":true}},\"to\":{{\"provider\":\"onwebchat\",\"url\":\"{}\"}}}}",
        destination.url
    );
    let request = serve.request(Method::POST, "/events").header("content-type", "application/json").body(raw);
    let sent: Json = request.send().await.unwrap().json().await.unwrap();
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let got = destination.got().pop().unwrap().body;
    assert_eq!(got, exact.replace("\"k\":2 }", "\"k\":2,\"x\":{\"y\":true} }"));
    // Sends binary payloads, one of them 5 MiB.
    let large = vec![b'z'; 5 * 1024 * 1024];
    for bytes in [vec![0xff, 0x00, 0x80], large] {
        let coded = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let (_, sent) = sent_to(&serve, &destination.url, json!({ "body_base64": coded })).await;
        in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
        assert!(destination.got().pop().unwrap().body == bytes);
    }
    let coded = base64::engine::general_purpose::STANDARD.encode(vec![b'z'; 25 * 1024 * 1024 + 1]);
    let (status, error) = sent_to(&serve, &destination.url, json!({ "body_base64": coded })).await;
    assert!(status == 422 && error["message"].as_str().unwrap().contains("got 26214401"), "{error}");
    // `--set` changes a value in the payload of a file.
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
        &destination.url,
    ];
    let done = serve.cli(&args);
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stderr).contains("temporary secret"), "{done:?}");
    assert_eq!(destination.got().pop().unwrap().body, "{\"a\":1.10,\"x\":1.50}");
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
        &destination.url,
    ];
    assert_eq!(serve.cli(&args).status.code(), Some(2), "--set must fail for a payload that is not JSON");
}

#[tokio::test]
async fn sends_vendor_headers_and_custom_headers() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let headers = json!([{ "name": "X-Dup", "value": "a" }, { "name": "X-Dup", "value": "b" }, { "name": "X-Priv", "value": "HDRSECRET1", "secret": true }]);
    let (_, sent) = sent_to(&serve, &destination.url, json!({ "to": { "headers": headers } })).await;
    let delivery = in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    // The test server keeps only the last header of a name, so the test checks the attempt log.
    let log = delivery["attempts_made"][0]["request_headers"].to_vec();
    assert_eq!(log.iter().filter(|line| line["name"] == "X-Dup").count(), 2, "{delivery}");
    assert!(!delivery.to_string().contains("HDRSECRET1"), "{delivery}");
    assert_eq!(destination.got().pop().unwrap().headers["x-priv"], "HDRSECRET1");
    for name in ["X-OWC-Signature", "x-owc-event", "X-OWC-Delivery"] {
        let own = json!({ "to": { "headers": [{ "name": name, "value": "mine" }] } });
        let (status, error) = sent_to(&serve, &destination.url, own).await;
        assert!(
            status == 422 && error["message"].as_str().unwrap().contains("cannot be a custom header"),
            "{name}: {error}"
        );
    }
    // A vendor without sample events still gets headers for event type and delivery id.
    let (_, sent) =
        sent_to(&serve, &destination.url, json!({ "provider": "woocommerce", "type": "order.created", "body": "{}" }))
            .await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let got = destination.got().pop().unwrap();
    assert_eq!(got.headers["x-wc-webhook-topic"], "order.created");
    assert!(!got.headers["x-wc-webhook-delivery-id"].is_empty());
    // Some vendors send the same event id to every endpoint, others a separate id per endpoint.
    for (name, provider, header, same) in [
        ("a", "github", "x-github-delivery", true),
        ("b", "standard-webhooks", "webhook-id", true),
        ("c", "onwebchat", "x-owc-delivery", false),
    ] {
        for hook in ["one", "two"] {
            let url = format!("{}/{name}/{hook}", destination.url);
            endpoint(&serve, json!({ "provider": provider, "url": url, "secrets": [{ "value": "whsec_c2VjcmV0" }] }))
                .await;
        }
        let kind = serve.get(&format!("/providers/{provider}")).await["sending"]["events"][0]["type"].clone();
        let sent = send(&serve, json!({ "provider": provider, "type": kind })).await;
        for delivery in sent["deliveries"].items() {
            in_state(&serve, &id(delivery), &["delivered"]).await;
        }
        let ids: Vec<String> = destination.got().iter().rev().take(2).map(|got| got.headers[header].clone()).collect();
        assert_eq!(ids[0] == ids[1], same, "{provider}: {ids:?}");
    }
    let (_, sent) = sent_to(&serve, &destination.url, json!({ "provider": "github", "type": "ping" })).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    let got = destination.got().pop().unwrap();
    assert!(got.headers["user-agent"].starts_with("GitHub-Hookshot/"), "{:?}", got.headers);
    assert!(
        got.headers["x-hub-signature"].starts_with("sha1=")
            && got.headers["x-hub-signature-256"].starts_with("sha256=")
    );
    assert!(got.headers.contains_key("x-github-hook-installation-target-id"));
    // An endpoint can select events without a sample and groups of events.
    for (provider, chosen) in [("github", "workflow_run"), ("onwebchat", "chat.*")] {
        endpoint(
            &serve,
            json!({ "provider": provider, "url": format!("{}/chosen", destination.url), "events": [chosen] }),
        )
        .await;
    }
}

#[tokio::test]
async fn applies_vendor_success_codes_and_retry_headers() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    // WooCommerce counts a redirect as success.
    destination.responses(302);
    let (_, sent) =
        sent_to(&serve, &destination.url, json!({ "provider": "woocommerce", "type": "order.created", "body": "{}" }))
            .await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["delivered"]).await;
    // Slack sends the retry number and the reason in headers.
    destination.responses(500);
    let slack = json!({ "provider": "slack", "type": "app_mention", "retries": true, "to": { "time_scale": 1_000.0 } });
    let (_, sent) = sent_to(&serve, &destination.url, slack).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["exhausted"]).await;
    let got = destination.got();
    let of = |name: &str| -> Vec<Option<String>> {
        got.iter().rev().take(4).rev().map(|got| got.headers.get(name).cloned()).collect()
    };
    let numbers = [None, Some("1".to_owned()), Some("2".to_owned()), Some("3".to_owned())];
    assert_eq!(of("x-slack-retry-num"), numbers);
    assert_eq!(of("x-slack-retry-reason")[1].as_deref(), Some("http_error"));
    // Sydx accepts only status 200, and the diagnosis reports that.
    destination.responses(204);
    let made = endpoint(
        &serve,
        json!({ "provider": "sydx-ai", "url": destination.url, "local_test": true, "time_scale": 100_000.0 }),
    )
    .await;
    let sent = send(&serve, json!({ "provider": "sydx-ai", "type": "new_message", "endpoints": [id(&made)] })).await;
    in_state(&serve, &id(&sent["deliveries"][0]), &["exhausted"]).await;
    let (_, causes) = serve.call(Method::POST, &format!("/endpoints/{}/diagnose", id(&made)), Json::NULL).await;
    let last = causes["items"].items().next_back().unwrap().clone();
    assert_eq!(last["found"], "failed", "{causes}");
    assert!(last["detail"].as_str().unwrap().contains("the vendor expects 200"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_deliveries_and_resends_them() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    destination.responds_by(|got| TargetResponse::Status(if got.path.contains("broken") { 503 } else { 200 }));
    let once = json!({ "schedule": { "fixed": [] } });
    for name in ["good", "broken"] {
        let url = format!("{}/{name}", destination.url);
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
    let unknown = serve.request(Method::GET, "/deliveries?endpoint=unknown").send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    let listed = serve.cli(&["delivery", "list", "--endpoint", "broken", "--json"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 3);
    assert_eq!(serve.cli(&["delivery", "list", "--endpoint", "unknown"]).status.code(), Some(2));
    let stats = async || {
        serve.get(&format!("/endpoints/{}/stats", id(&serve.get("/endpoints?name=broken").await["items"][0]))).await
    };
    assert_eq!(stats().await["success_rate"], 0.0);
    // A single command resends all matching deliveries. The statistics keep the earlier failures.
    destination.responds_by(|_| TargetResponse::Status(200));
    let again = serve.cli(&["delivery", "retry", "--since", "1h", "--type", "chat.*", "--status", "5xx"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("2 deliveries"), "{again:?}");
    until("both deliveries to arrive", async || (count("endpoint=broken&state=delivered").await == 2).then_some(()))
        .await;
    assert_eq!(stats().await["success_rate"], 0.0, "a resend must not change the success rate");
}

/// Runs openssl with arguments that are separated by spaces.
fn openssl(dir: &Path, args: &str) {
    let done = Command::new("openssl").args(args.split(' ')).current_dir(dir).output().expect("cannot run openssl");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Starts a TLS server that responds with 200. With `client_ca`, the server requires a client certificate of that CA.
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
async fn reports_untrusted_certificates_and_masks_private_keys() {
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
    let requires_certificate = tls_server(at, "chain.pem", "leaf.key", Some("ca.pem"), b"http/1.1");
    let own = tls_server(at, "self.pem", "self.key", None, b"http/1.1");
    let modern = tls_server(at, "chain.pem", "leaf.key", None, b"h2");
    let (serve, http) = (Serve::start(), TargetServer::start().await);
    let pair = text("client.pem") + &text("client.key");
    for (port, settings, expected) in [
        (plain, json!({ "trusted_certificate": text("ca.pem") }), None),
        (plain, json!({ "trusted_certificate": text("chain.pem") }), None),
        (plain, json!({ "trusted_certificate": text("leaf.pem") }), None),
        (own, json!({ "trusted_certificate": text("self.pem") }), None),
        (requires_certificate, json!({ "trusted_certificate": text("ca.pem"), "client_certificate": pair }), None),
        (plain, json!({}), Some("untrusted")),
        (own, json!({}), Some("self-signed")),
        (own, json!({ "trusted_certificate": text("ca.pem") }), Some("self-signed")),
        (requires_certificate, json!({ "trusted_certificate": text("ca.pem") }), Some("client certificate")),
        (modern, json!({ "trusted_certificate": text("ca.pem") }), Some("HTTP/2 only")),
        (http.url.rsplit(':').next().unwrap().parse().unwrap(), json!({}), Some("does not respond with TLS")),
    ] {
        let (status, sent) = sent_to(&serve, &format!("https://localhost:{port}/x"), json!({ "to": settings })).await;
        assert_eq!(status, 202, "{sent}");
        let delivery = in_state(&serve, &id(&sent["deliveries"][0]), &["delivered", "failed"]).await;
        let error = delivery["error"].as_str().unwrap_or_default();
        match expected {
            None => assert_eq!(delivery["state"], "delivered", "{error}"),
            Some(expected) => assert!(error.contains(expected) && !error.contains("Error("), "{expected}: {error}"),
        }
    }
    // Private keys are masked, and invalid PEM text is rejected.
    let made =
        endpoint(&serve, json!({ "provider": "onwebchat", "url": "https://localhost/x", "client_certificate": pair }))
            .await;
    assert!(!made.to_string().contains("PRIVATE KEY"), "{made}");
    for (field, why) in [("trusted_certificate", "no PEM certificate"), ("client_certificate", "certificate")] {
        let (status, error) = sent_to(&serve, "https://localhost/x", json!({ "to": { field: "nonsense" } })).await;
        assert!(status == 422 && error["message"].as_str().unwrap().contains(why), "{error}");
    }
    let alone = json!({ "to": { "client_certificate": text("client.pem") } });
    let (status, error) = sent_to(&serve, "https://localhost/x", alone).await;
    assert!(status == 422 && error["message"].as_str().unwrap().contains("no private key"), "{error}");
}

#[tokio::test]
async fn lists_endpoints_in_pages() {
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
