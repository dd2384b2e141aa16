//! End-to-end tests of signature verification, signing, detection and the signature debugger.

use std::{io::Write, process::Stdio};

use base64::Engine as _;

use crate::{
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
};

const SECRET: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7abcdef0123";

/// A vendor, its secret, a body, vendor headers, and the event type of that request.
type Vendor = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const VENDORS: &[Vendor] = &[
    ("onwebchat", SECRET, r#"{"event":"chat.closed"}"#, &[("X-OWC-Event", "chat.closed")], "chat.closed"),
    ("stripe", "whsec_abc", r#"{"type":"invoice.paid","id":"evt_1"}"#, &[], "invoice.paid"),
    ("github", "It's a Secret to Everybody", r#"{"zen":"x"}"#, &[("X-GitHub-Event", "push")], "push"),
    ("slack", SECRET, r#"{"event":{"type":"app_mention"},"event_id":"Ev1"}"#, &[], "app_mention"),
    ("shopify", SECRET, r#"{"id":1}"#, &[("X-Shopify-Topic", "orders/create")], "orders/create"),
    ("standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", r#"{"type":"user.created"}"#, &[], "user.created"),
    ("linear", SECRET, r#"{"type":"Issue","action":"create"}"#, &[("Linear-Event", "Issue")], "Issue.create"),
];

fn message(serve: &Serve, inbox: &str, headers: &[(String, String)], body: &str) -> String {
    let mut text = format!("POST /{inbox} HTTP/1.1\r\nHost: {}\r\n", serve.address());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n" + body
}

async fn post(serve: &Serve, path: &str, body: Json) -> Json {
    let (status, response) = serve.call(reqwest::Method::POST, path, body).await;
    assert!((200..300).contains(&status), "{path}: {status} {response}");
    response
}

async fn send(serve: &Serve, inbox: &str, headers: &[(String, String)], body: &str) {
    let mut request = reqwest::Client::new().post(format!("{}/{inbox}", serve.listener)).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    assert_eq!(request.send().await.unwrap().status(), 200);
}

async fn newest_verified(serve: &Serve, inbox: &str, count: usize) -> Json {
    until("the signature status", async || {
        let all = serve.all(inbox).await;
        (all.len() == count && all[0]["signature_status"] != "unverified").then(|| all[0].clone())
    })
    .await
}

#[tokio::test]
async fn verifies_requests_and_reads_event_types_of_vendors() {
    let serve = Serve::start();
    for (provider, secret, body, own, event_type) in VENDORS {
        let verification = json!({ "provider": provider, "secrets": [secret] });
        post(&serve, "/inboxes", json!({ "name": provider, "verification": verification })).await;
        let mut headers: Vec<(String, String)> = own.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        // Linear sends the signing time in the body.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let body = &body.replace(r#""action":"#, &format!(r#""webhookTimestamp":{now},"action":"#));
        let raw = base64::engine::general_purpose::STANDARD.encode(message(&serve, provider, &headers, body));
        let signed =
            post(&serve, "/signature/sign", json!({ "provider": provider, "secret": secret, "request": raw })).await;
        for header in signed["headers"].items() {
            headers.push((header[0].as_str().unwrap().into(), header[1].as_str().unwrap().into()));
        }
        send(&serve, provider, &headers, body).await;
        let request = newest_verified(&serve, provider, 1).await;
        assert_eq!(
            (&request["signature_status"], &request["event_type"]),
            (&json!("valid"), &json!(event_type)),
            "{request}"
        );
        assert_eq!(request["provider"], *provider);

        send(&serve, provider, &headers, &body.replace('{', "{ ")).await;
        let request = newest_verified(&serve, provider, 2).await;
        assert_eq!(
            (&request["signature_status"], &request["reason"]),
            (&json!("invalid"), &json!("mismatch")),
            "{request}"
        );
        let explained = serve.get(&format!("/requests/{}/signature", request["id"].as_str().unwrap())).await;
        assert_eq!(explained["findings"][0]["code"], "body_compact", "{provider}: {explained}");
        assert!(!explained.to_string().contains(secret), "{provider}: the explanation must not contain the secret");

        send(&serve, provider, &[], body).await;
        assert_eq!(newest_verified(&serve, provider, 3).await["signature_status"], "unsigned", "{provider}");
    }
}

#[tokio::test]
async fn explain_names_endpoint_whose_secret_signed() {
    let serve = Serve::start();
    let hub = |secret: &str| {
        json!({ "provider": "github", "secret": secret,
            "request": base64::engine::general_purpose::STANDARD.encode(message(&serve, "hub", &[], "{}")) })
    };
    let inbox = json!({ "name": "hub", "verification": { "provider": "github", "secrets": ["one"] } });
    post(&serve, "/inboxes", inbox).await;
    let endpoint = json!({ "name": "staging", "provider": "github", "url": "http://127.0.0.1:9/", "secrets": [{ "value": "another" }] });
    post(&serve, "/endpoints", endpoint).await;
    let signed = post(&serve, "/signature/sign", hub("another")).await;
    let headers: Vec<(String, String)> = signed["headers"].to();
    send(&serve, "hub", &headers, "{}").await;
    let request = newest_verified(&serve, "hub", 1).await;
    let explained = serve.get(&format!("/requests/{}/signature", request["id"].as_str().unwrap())).await;
    assert_eq!(explained["sentence"], "The message was signed with the secret of the endpoint staging.", "{explained}");
}

/// Without a scheme in the call, the debugger uses the scheme whose signature header is present.
#[tokio::test]
async fn debugger_detects_scheme_and_reads_folded_headers() {
    let serve = Serve::start();
    let question = |scheme: Option<&str>, message: &str| {
        json!({ "provider": "github", "scheme": scheme, "secret": "s",
            "request": base64::engine::general_purpose::STANDARD.encode(message) })
    };
    let signed = post(&serve, "/signature/sign", question(Some("sha1"), &message(&serve, "x", &[], "{}"))).await;
    let mut headers: Vec<(String, String)> = signed["headers"].to();
    let verification = post(&serve, "/signature/verify", question(None, &message(&serve, "x", &headers, "{}"))).await;
    assert_eq!(verification["status"], "valid", "{verification}");
    headers[0].1.insert_str(20, "\r\n  ");
    let folded = question(None, &message(&serve, "x", &headers, "{}"));
    let explained = post(&serve, "/signature/explain", folded).await;
    assert_eq!(explained["findings"][0]["code"], "header_folded", "{explained}");
}

#[tokio::test]
async fn re_verifies_stored_requests_after_secret_change() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let sign = async |secret: &str, body: &str| {
        let raw = base64::engine::general_purpose::STANDARD.encode(message(&serve, "inbox", &[], body));
        let signed =
            post(&serve, "/signature/sign", json!({ "provider": "github", "secret": secret, "request": raw })).await;
        (signed["headers"][0][0].as_str().unwrap().to_owned(), signed["headers"][0][1].as_str().unwrap().to_owned())
    };
    let one = sign("first secret", "{}").await;
    for _ in 0..3 {
        send(&serve, "inbox", &[one.clone(), ("X-GitHub-Event".into(), "push".into())], "{}").await;
    }
    // The sender is recognized even if the inbox has no provider.
    until("the sender to be recognized", async || {
        serve
            .all("inbox")
            .await
            .iter()
            .all(|r| r["event_type"] == "push" && r["signature_status"] == "unverified")
            .then_some(())
    })
    .await;
    for (secrets, wanted) in [
        (json!(["another secret"]), "invalid"),
        (json!(["another secret", "first secret"]), "valid"),
        (json!([]), "unverified"),
    ] {
        let verification = json!({ "provider": "github", "secrets": secrets });
        let shown = serve.patch("/inboxes/inbox", json!({ "verification": verification })).await;
        assert!(!shown.to_string().contains("secret\""), "{shown}");
        until(wanted, async || serve.all("inbox").await.iter().all(|r| r["signature_status"] == wanted).then_some(()))
            .await;
    }
    // An update with a masked secret keeps the stored secret.
    serve
        .patch("/inboxes/inbox", json!({ "verification": { "provider": "github", "secrets": ["first secret"] } }))
        .await;
    let masked = serve.get("/inboxes/inbox").await["verification"].clone();
    assert_ne!(masked["secrets"][0], "first secret");
    serve.patch("/inboxes/inbox", json!({ "verification": masked })).await;
    assert_eq!(serve.get("/inboxes/inbox/secrets").await["items"], json!(["first secret"]));
    // Requests that a crash left unverified are verified at the next start.
    serve.kill_9();
    let serve = Serve::start_in(dir.path());
    until("all requests to be valid", async || {
        serve.all("inbox").await.iter().all(|r| r["signature_status"] == "valid").then_some(())
    })
    .await;
    let refused = serve
        .request(reqwest::Method::PATCH, "/inboxes/inbox")
        .json(&json!({ "verification": { "provider": "unknown" } }))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 422);
}

/// Runs a command with a message on standard input. Returns exit status, stdout and stderr.
fn verb(args: &[&str], secret: &str, message: &str) -> (i32, String, String) {
    let mut child = hookbench()
        .args(args)
        .env("HOOKBENCH_SECRET", secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

#[test]
fn verify_sign_and_explain_commands() {
    // The example from the GitHub documentation.
    let good = "POST / HTTP/1.1\nX-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\n\nHello, World!";
    let secret = "It's a Secret to Everybody";
    let (code, out, _) = verb(&["verify", "--provider", "github"], secret, good);
    assert_eq!((code, out.starts_with("✓ valid")), (0, true), "{out}");
    let (code, out, _) = verb(&["verify", "--provider", "github", "--json"], secret, &good.replace("World", "Welt"));
    let verification: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &verification["status"], &verification["reason"]), (1, &json!("invalid"), &json!("mismatch")));
    let (code, out, _) = verb(&["explain", "--provider", "github", "--json"], secret, &format!("{good}\n"));
    let explained: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &explained["findings"][0]["code"]), (1, &json!("body_newline_added")), "{out}");
    let (code, out, _) = verb(&["sign", "--provider", "github"], secret, "POST / HTTP/1.1\n\nHello, World!");
    assert_eq!((code, good.contains(out.trim())), (0, true), "{out}");
    // Test vector 1 of Standard Webhooks, verified at its own time and at other times.
    let standard = "POST / HTTP/1.1\nwebhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 1614265330\nwebhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n\n{\"test\": 2432232314}";
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let at = |now: &str| verb(&["verify", "--provider", "standard-webhooks", "--json", "--now", now], key, standard);
    assert_eq!(at("1614265330").0, 0);
    assert!(at("1614265931").1.contains("\"expired\""), "{}", at("1614265931").1);
    assert!(at("1614264000").1.contains("\"not_yet_valid\""));
    for (args, message, word) in [
        (&["verify", "--provider", "unknown"][..], good, "No such provider"),
        (&["verify", "--provider", "hubspot", "--scheme", "v9"], good, "no such scheme"),
        (&["verify", "--provider", "github"], "nonsense", "blank line"),
        (&["verify", "--provider", "github"], "\u{1}\n\n", "not a valid HTTP request"),
        (&["verify", "--provider", "github"], "POST / HTTP/1.1\nX: 1", "blank line"),
    ] {
        let (code, _, err) = verb(args, secret, message);
        assert_eq!((code, err.contains(word)), (2, true), "{args:?}: {err}");
    }
    let listed = hookbench().args(["provider", "list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).lines().count() >= 150);
    let shown = hookbench().args(["provider", "show", "stripe", "--json"]).output().unwrap();
    let stripe: Json = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(stripe["schemes"][0]["based_on"], "sdk");
}

#[tokio::test]
async fn loads_custom_provider_files_and_reports_invalid_ones() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("providers");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("ours.toml"),
        "name = \"Ours\"\nrecognize = [\"header:X-Ours\"]\nevent_type = [\"json:kind\"]\n",
    )
    .unwrap();
    std::fs::write(folder.join("bad.toml"), "name = \"Bad\"\nschemas = 1\n").unwrap();
    let shown = hookbench().args(["provider", "show", "github"]).output().unwrap();
    std::fs::write(folder.join("shown.toml"), shown.stdout).unwrap();
    let serve = Serve::start_in(dir.path());
    send(&serve, "inbox", &[("X-Ours".into(), "1".into())], r#"{"kind":"it happened"}"#).await;
    until("the sender to be recognized", async || {
        (serve.all("inbox").await[0]["event_type"] == "it happened").then_some(())
    })
    .await;
    let bad = serve.get("/providers").await["bad_files"].clone();
    assert_eq!(bad.items().count(), 1, "the output of `show` must be a valid provider file: {bad}");
    let bad = bad[0].as_str().unwrap().to_owned();
    std::fs::write(folder.join("later.toml"), "name = \"Later\"\n").unwrap();
    post(&serve, "/inboxes", json!({ "name": "later", "verification": { "provider": "later" } })).await;
    std::fs::remove_file(folder.join("bad.toml")).unwrap();
    assert_eq!(serve.get("/providers").await["bad_files"], json!([]), "changed files must be reloaded");
    assert!(bad.contains("bad.toml") && bad.contains("line 2") && bad.contains("schemas"), "{bad}");
}

#[tokio::test]
async fn rejects_invalid_signature_calls() {
    let serve = Serve::start();
    for (question, word) in [
        (json!({}), "No provider and no scheme"),
        (json!({ "provider": "github", "request": "%" }), "base64"),
        (json!({ "scheme": { "digest": { "signature": [] } } }), "cannot be parsed"),
        (json!({ "provider": "strava", "request": "" }), "does not sign"),
    ] {
        for verb in ["verify", "sign", "explain"] {
            let response = serve
                .request(reqwest::Method::POST, &format!("/signature/{verb}"))
                .json(&question)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 422, "{verb} {question}");
            let error: Json = response.json().await.unwrap();
            assert!(error["message"].as_str().unwrap().contains(word), "{error}");
        }
    }
}

/// The scripts `tests/vectors/generate.mjs` and `generate.py` create the vectors with the official SDKs.
#[test]
fn signature_status_matches_official_sdks() {
    let files = [include_str!("../vectors/vectors.json"), include_str!("../vectors/vectors-pypi.json")];
    let vectors: Vec<Json> = files.iter().flat_map(|file| serde_json::from_str::<Vec<Json>>(file).unwrap()).collect();
    let (catalog, _) = hookbench_engine::catalog(std::path::Path::new("/nowhere"));
    let mut sdks = std::collections::BTreeSet::new();
    let mut wrong = Vec::new();
    for vector in &vectors {
        let mut question = vector.clone();
        let (by, what, valid) =
            (question.remove("by").unwrap(), question.remove("what").unwrap(), question.remove("valid").unwrap());
        sdks.insert(by.as_str().unwrap().split(' ').next().unwrap().to_owned());
        let question = question.to();
        let verification = hookbench_engine::debugger::verify(&catalog, &question, 0).unwrap();
        if (verification.status == hookbench_model::SignatureStatus::Valid) != valid.as_bool().unwrap() {
            wrong.push(format!("{by} {what}: {} {:?}", verification.status.as_str(), verification.reason));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(sdks.len() >= 30 && vectors.len() > 150, "{} of {}", vectors.len(), sdks.len());
}

#[tokio::test]
async fn detects_unknown_scheme_and_saves_it_as_provider() {
    let serve = Serve::start();
    let scheme = json!({ "digest": { "signature": ["header:X-Acme-Signature"], "prefix": "v1=",
        "content": "{header:X-Acme-Time}.{body}", "algorithm": "hmac-sha256", "encoding": "base64",
        "timestamp": { "from": "header:X-Acme-Time", "unit": "s", "past_s": 300, "future_s": 300 } } });
    let body = r#"{"kind":"order.paid","id":"o_1"}"#;
    let raw = base64::engine::general_purpose::STANDARD.encode(message(&serve, "inbox", &[], body));
    let signed = post(&serve, "/signature/sign", json!({ "scheme": scheme, "secret": SECRET, "request": raw })).await;
    let headers: Vec<(String, String)> = signed["headers"].to();
    send(&serve, "inbox", &headers, body).await;
    let id = serve.newest(1).await["id"].as_str().unwrap().to_owned();

    // No provider uses the scheme, so detection tries common constructions. The detected scheme verifies the request.
    let found = post(&serve, &format!("/requests/{id}/signature/detect"), json!({ "secrets": [SECRET] })).await;
    assert_eq!((found["items"].items().count(), &found["items"][0]["provider"]), (1, &Json::NULL), "{found}");
    let rule = found["items"][0]["rule"].clone();
    for (secret, state) in [(SECRET, "valid"), ("another", "invalid")] {
        let trial = json!({ "scheme": rule, "secrets": [secret] });
        let tried = post(&serve, &format!("/requests/{id}/signature/verify"), trial).await;
        assert_eq!(tried["status"], state, "{tried}");
    }
    let nothing = post(&serve, &format!("/requests/{id}/signature/detect"), json!({ "secrets": ["another"] })).await;
    assert_eq!(nothing["items"], json!([]));

    // The saved provider verifies the requests of the inbox.
    let put = async |id: &str, body: Json| {
        serve.request(reqwest::Method::PUT, &format!("/providers/{id}")).json(&body).send().await.unwrap()
    };
    let own = json!({ "name": "Acme", "scheme": rule, "event_type": ["json:kind"], "event_id": ["json:id"] });
    assert_eq!(put("acme", own.clone()).await.status(), 200);
    assert!(serve.data.join("providers/acme.toml").is_file());
    let verification = json!({ "provider": "acme", "secrets": [SECRET] });
    serve.patch("/inboxes/inbox", json!({ "verification": verification })).await;
    let verified = newest_verified(&serve, "inbox", 1).await;
    assert_eq!(
        (&verified["signature_status"], &verified["event_type"], &verified["event_id"]),
        (&json!("valid"), &json!("order.paid"), &json!("o_1"))
    );
    let shown = serve.cli(&["provider", "show", "acme", "--snippet", "python"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("def verify"), "{:?}", String::from_utf8(shown.stderr));

    for (id, body, status, word) in [
        ("github", own.clone(), 409, "ships"),
        ("../evil", own.clone(), 404, "route"),
        ("Evil", own.clone(), 422, "lowercase"),
        ("acme", json!({ "name": "Acme", "scheme": { "digest": { "signature": [] } } }), 422, "cannot be parsed"),
        ("acme", json!({ "name": " ", "scheme": rule }), 422, "name"),
        ("acme", json!({ "name": "Acme", "scheme": rule, "event_type": ["nowhere"] }), 422, "has no type"),
    ] {
        let response = put(id, body).await;
        assert_eq!(response.status(), status, "{id}");
        assert!(response.text().await.unwrap().contains(word), "{id}: {word}");
    }
    for (id, status) in [("acme", 204), ("acme", 404), ("github", 409)] {
        let response = serve.request(reqwest::Method::DELETE, &format!("/providers/{id}")).send().await.unwrap();
        assert_eq!(response.status(), status, "{id}");
    }
}

#[tokio::test]
async fn detects_scheme_of_known_vendor() {
    let serve = Serve::start();
    let raw = base64::engine::general_purpose::STANDARD.encode(message(&serve, "inbox", &[], "{}"));
    let question = json!({ "provider": "stripe", "secret": SECRET, "request": raw });
    let signed = post(&serve, "/signature/sign", question).await;
    let headers: Vec<(String, String)> = signed["headers"].to();
    let raw = base64::engine::general_purpose::STANDARD.encode(message(&serve, "inbox", &headers, "{}"));
    let found = post(&serve, "/signature/detect", json!({ "secret": SECRET, "request": raw })).await;
    assert_eq!(found["items"][0]["provider"], "stripe", "{found}");
    let snippets = serve.get("/providers/stripe/snippets").await;
    assert_eq!(snippets["items"].items().count(), 7);
    assert_eq!(serve.get("/providers/twilio/snippets").await["items"], json!([]));
}

/// The test event has the format of the vendor and is signed with the secret of the inbox.
#[tokio::test]
async fn test_event_matches_vendor_of_inbox() {
    let serve = Serve::start();
    for (provider, secrets, event, signature_status) in [
        ("deway", json!([]), "test", "unverified"),
        ("onwebchat", json!([SECRET]), "chat.created", "valid"),
        ("vowchat", json!([SECRET]), "conversation_created", "valid"),
        ("flow-session", json!([]), "flow.start", "unverified"),
        ("standard-webhooks", json!(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]), "user.created", "valid"),
        ("github", json!([SECRET]), "test", "valid"),
    ] {
        let verification = json!({ "provider": provider, "secrets": secrets });
        post(&serve, "/inboxes", json!({ "name": provider, "verification": verification })).await;
        let sent = post(&serve, &format!("/inboxes/{provider}/test-event"), json!({})).await;
        assert_eq!(sent["status"], 200);
        let request = until("the test event", async || {
            let all = serve.all(provider).await;
            let known = all.first().is_some_and(|one| provider == "github" || one["event_type"] == event);
            (known && all[0]["signature_status"] == signature_status).then(|| all[0].clone())
        })
        .await;
        assert_eq!(request["provider"], provider);
    }
    // An inbox without a vendor gets an onWebChat event, signed with the test secret of the database.
    post(&serve, "/inboxes/inbox/test-event", json!({})).await;
    let request = until("the sender to be recognized", async || {
        let all = serve.all("inbox").await;
        (all.first()?["event_type"] == "chat.closed").then(|| all[0].clone())
    })
    .await;
    assert_eq!((&request["provider"], &request["signature_status"]), (&json!("onwebchat"), &json!("valid")));
}

/// If the vendor sends the secret in the body, the API returns it only with `reveal=true`.
#[tokio::test]
async fn masks_secret_in_body() {
    let serve = Serve::start();
    let verification = json!({ "provider": "figma", "secrets": ["hush-hush-hush"] });
    post(&serve, "/inboxes", json!({ "name": "figma", "verification": verification })).await;
    let body = r#"{"event_type":"FILE_UPDATE","passcode":"hush-hush-hush","n":1.50}"#;
    send(&serve, "figma", &[], body).await;
    let request = newest_verified(&serve, "figma", 1).await;
    assert_eq!(request["signature_status"], "valid");
    let id = request["id"].as_str().unwrap();
    for (form, reveal) in
        [("body", false), ("raw", false), ("code", false), ("body", true), ("raw", true), ("code", true)]
    {
        let path = format!("/requests/{id}/{form}{}", if reveal { "?reveal=true" } else { "" });
        let shown = serve.request(reqwest::Method::GET, &path).send().await.unwrap().text().await.unwrap();
        assert_eq!(shown.contains("hush"), reveal, "{form}: {shown}");
        assert!(shown.contains("FILE_UPDATE") && shown.contains("1.50"), "{form}: {shown}");
    }
    assert_eq!(serve.body(id).await, body.replace("hush-hush-hush", "**************").into_bytes());
}
