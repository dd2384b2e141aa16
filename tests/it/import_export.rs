//! End-to-end tests of import and export: formats, redaction, errors and cancellation.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Output,
};

use reqwest::{Method, StatusCode};

use crate::{
    hookbench::{Serve, until},
    json::{Json, json},
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn sample(name: &str) -> String {
    format!("{}/tests/samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn file(dir: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn job(done: &Output) -> Json {
    let line = text(&done.stdout);
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}: {}", text(&done.stderr)))
}

/// Sends raw bytes and waits for a 2xx status line.
fn send_raw(serve: &Serve, bytes: &[u8]) {
    use std::io::Read;
    let mut stream = std::net::TcpStream::connect(serve.address()).unwrap();
    stream.write_all(bytes).unwrap();
    let mut response = [0; 12];
    stream.read_exact(&mut response).unwrap();
    assert!(response.starts_with(b"HTTP/1.1 2"), "{}", text(&response));
}

/// Returns the fields and the body of a request that must survive export and import.
async fn exported(serve: &Serve, summary: &Json) -> (Json, Vec<u8>) {
    let id = summary["id"].as_str().unwrap();
    let detail = serve.get(&format!("/requests/{id}/reveal")).await;
    let kept = [
        "method",
        "target",
        "version",
        "headers",
        "trailers",
        "arrived_at",
        "receiving_ms",
        "remote_address",
        "status",
        "note",
        "pinned",
        "body_bytes",
        "body_state",
        "names",
        "response",
    ];
    let mut exported = json!({});
    kept.into_iter().for_each(|key| exported[key] = detail[key].clone());
    (exported, serve.body(id).await)
}

#[tokio::test]
async fn export_and_import_preserve_every_byte() {
    let (from, to) = (Serve::start(), Serve::start());
    send_raw(&from, b"POST /inbox/a?x=%2F..//b HTTP/1.1\r\nHost: x\r\nX-Twice: 1\r\nx-TWICE:   2\r\nX-Latin: caf\xe9\r\nContent-Length: 6\r\n\r\n\x00\xff\r\n\n{");
    send_raw(&from, b"PUT /inbox/chunks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: after\r\n\r\n");
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    send_raw(
        &from,
        &[
            format!("POST /inbox/large HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", large.len()).as_bytes(),
            &large,
        ]
        .concat(),
    );
    let id = from.newest(3).await["id"].as_str().unwrap().to_owned();
    from.patch(&format!("/requests/{id}"), json!({ "pinned": true, "note": "look at this" })).await;
    let dir = tempfile::tempdir().unwrap();
    for form in ["archive", "jsonl", "har"] {
        let path = dir.path().join(format!("all.{form}"));
        let out = path.to_str().unwrap();
        let done = from.cli(&["export", "--as", form, "--secrets", "-o", out]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777, 0o600);
        let done = to.cli(&["import", out, "--inbox", form, "--json"]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        assert_eq!((&job(&done)["imported"]["requests"], &job(&done)["imported"]["format"]), (&json!(3), &json!(form)));
        // The export is newest first and the import keeps that order, so the import reverses the list.
        let (mut sent, came) = (from.all("inbox").await, to.all(form).await);
        sent.reverse();
        for (sent, came) in sent.iter().zip(&came) {
            assert_eq!(exported(&from, sent).await, exported(&to, came).await, "{form}");
            assert_eq!(came["source"], format!("all.{form}"));
        }
    }
    let newest = to.get("/requests?q=source%3Aarchive+pinned%3Atrue").await;
    assert_eq!(newest["items"].items().count(), 1);
}

#[tokio::test]
async fn export_omits_secrets_and_redacts_selected_values() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    for (name, value) in [("x-hub-signature", "kept"), ("authorization", "Bearer t0ken"), ("x-user", "ann@example.com")]
    {
        client
            .post(format!("{}/inbox", serve.listener))
            .header(name, value)
            .json(&json!({ "user": { "email": "ann@example.com" }, "n": 1 }))
            .send()
            .await
            .unwrap();
    }
    // Compressed bodies are decoded before redaction.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(br#"{"user":{"email":"bob@example.com"}}"#).unwrap();
    client
        .post(format!("{}/inbox", serve.listener))
        .header("content-encoding", "gzip")
        .header("content-type", "application/json")
        .body(gzip.finish().unwrap())
        .send()
        .await
        .unwrap();
    for form in ["har", "jsonl", "csv", "raw", "archive"] {
        let plain = serve.cli(&["export", "--as", form]).stdout;
        if form == "archive" {
            assert!(plain.starts_with(b"PK"));
        } else {
            assert!(text(&plain).contains("ann@example.com") && !text(&plain).contains("t0ken"), "{form}");
            assert!(text(&serve.cli(&["export", "--as", form, "--secrets"]).stdout).contains("t0ken"), "{form}");
        }
        let redacted = serve.cli(&["export", "--as", form, "--redact-header", "X-User", "--redact-path", "user.email"]);
        let redacted = text(&redacted.stdout);
        assert!(
            !redacted.contains("@example.com") && (form == "archive" || redacted.contains("kept")),
            "{form}: {redacted}"
        );
    }
    let bad = serve.cli(&["export", "--as", "har", "--redact-path", "user..email:x or"]);
    assert_eq!(bad.status.code(), Some(2), "{}", text(&bad.stdout));
    assert_eq!(serve.cli(&["export", "--as", "har", "--query", "status:>>"]).status.code(), Some(2));
}

#[tokio::test]
async fn reports_invalid_entries_and_imports_the_rest_or_nothing() {
    let serve = Serve::start();
    let dir = tempfile::tempdir().unwrap();
    let lines = file(dir.path(), "some.jsonl", b"{\"method\":\"PUT\",\"target\":\"/a\"}\n\nnonsense\n{\"method\":\"B AD\",\"target\":\"/\"}\n{\"target\":\"/z\",\"body\":\"last\"}\n");
    let lines = lines.to_str().unwrap();
    let done = serve.cli(&["import", lines, "--json"]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    assert_eq!(job(&done)["imported"]["requests"], 2);
    let output = text(&done.stderr);
    assert!(
        output.contains("line 3: not a JSON object") && output.contains("line 4: the method is invalid: \"B AD\""),
        "{output}"
    );
    assert_eq!(serve.all("imported").await.len(), 2);

    let done = serve.cli(&["import", lines, "--atomic", "--inbox", "second"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        text(&done.stderr).contains("2 entries cannot be imported; nothing was imported"),
        "{}",
        text(&done.stderr)
    );
    assert!(
        serve.request(Method::GET, "/requests?inbox=second").send().await.unwrap().status() == StatusCode::NOT_FOUND
    );

    // The complete entries of a truncated file are imported.
    let har = std::fs::read(sample("mitmproxy.har")).unwrap();
    let cut = file(dir.path(), "cut.har", &har[..har.len() / 2]);
    let done = serve.cli(&["import", cut.to_str().unwrap(), "--inbox", "cut"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("cannot be parsed to the end"), "{}", text(&done.stderr));
    assert!(serve.all("cut").await.len() > 3);

    for (name, content, why) in [
        ("empty.har", &b""[..], "is empty"),
        ("prose.txt", b"Dear support,", "is not supported"),
        ("bomb.zip", b"PK\x03\x04nonsense", "incomplete"),
    ] {
        let done = serve.cli(&["import", file(dir.path(), name, content).to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(2), "{name}");
        assert!(text(&done.stderr).contains(why), "{name}: {}", text(&done.stderr));
    }
    assert!(text(&serve.cli(&["import", "/nonexistent.har"]).stderr).contains("/nonexistent.har cannot be read"));
    assert!(text(&serve.cli(&["import", lines, "--inbox", "../x"]).stderr).contains("inbox name"));
    let left: Vec<_> = std::fs::read_dir(serve.data.join("import")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn imports_and_verifies_files_of_other_tools() {
    let serve = Serve::start();
    for (name, format, requests) in [
        ("chromium.har", "har", 21),
        ("mitmproxy.har", "har", 16),
        ("chromium-curl-bash.txt", "curl", 22),
        ("chromium-curl-cmd.txt", "curl", 22),
        ("webhook-site.json", "webhook_site", 3),
    ] {
        let done = serve.cli(&["import", &sample(name), "--json"]);
        assert!(done.status.success(), "{name}: {}", text(&done.stderr));
        assert_eq!(
            (&job(&done)["imported"]["format"], &job(&done)["imported"]["requests"]),
            (&json!(format), &json!(requests)),
            "{name}"
        );
        let counted = serve.get(&format!("/requests/count?q=source%3A{name}")).await;
        assert_eq!(counted["requests"], requests, "{name}");
    }
    // An imported request is verified with the secret of its inbox, at its original arrival time.
    serve.cli(&["inbox", "add", "pay", "--provider", "stripe", "--secret", "whsec_test"]);
    let at = jiff::Timestamp::now().as_second() - 86_400;
    let body = r#"{"id":"evt_1","object":"event","type":"charge.failed"}"#;
    let dir = tempfile::tempdir().unwrap();
    let message = format!("POST /pay HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}");
    let message = file(dir.path(), "message.http", message.as_bytes());
    let signed = serve.cli(&[
        "sign",
        "--provider",
        "stripe",
        "--secret",
        "whsec_test",
        "--now",
        &at.to_string(),
        "--request",
        message.to_str().unwrap(),
        "--json",
    ]);
    let signed: Json = serde_json::from_slice(&signed.stdout).unwrap();
    let arrived = jiff::Timestamp::from_second(at).unwrap();
    let line = json!({ "target": "/pay", "arrived_at": arrived, "headers": signed["headers"], "body": body });
    let path = file(dir.path(), "stripe.jsonl", line.to_string().as_bytes());
    assert!(serve.cli(&["import", path.to_str().unwrap(), "--inbox", "pay"]).status.success());
    let verified = until("the signature status", async || {
        let all = serve.all("pay").await;
        (all[0]["signature_status"] != "unverified").then(|| all[0].clone())
    })
    .await;
    assert_eq!(
        (&verified["signature_status"], &verified["event_type"], &verified["event_id"]),
        (&json!("valid"), &json!("charge.failed"), &json!("evt_1"))
    );
    assert!(verified["arrived_at"].as_str().unwrap() < serve.get("/inboxes/pay").await["created_at"].as_str().unwrap());
}

#[tokio::test]
async fn cancels_imports_and_cleans_up_after_crash() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let serve = Serve::start_in(&data);
    let line = format!("{{\"method\":\"POST\",\"target\":\"/x\",\"body\":\"{}\"}}\n", "x".repeat(900));
    let import = async |serve: &Serve, query: &str| -> Json {
        let sent =
            serve.request(Method::POST, &format!("/import?{query}")).body(line.repeat(60_000)).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
        sent.json().await.unwrap()
    };
    let begun = import(&serve, "inbox=many&name=many.jsonl").await;
    let id = begun["id"].as_str().unwrap();
    until("some requests", async || {
        serve
            .request(Method::GET, "/requests/count?q=source:many")
            .send()
            .await
            .unwrap()
            .json::<Json>()
            .await
            .ok()
            .filter(|c| c["requests"] != 0)
    })
    .await;
    let canceled: Json =
        serve.request(Method::POST, &format!("/jobs/{id}/cancel")).send().await.unwrap().json().await.unwrap();
    assert_eq!(canceled["state"], "canceled");
    let kept = until("the import report", async || {
        let job = serve.get(&format!("/jobs/{id}")).await;
        let stored = serve.get("/requests/count?q=source:many&most=100000").await;
        let (imported, stored) = (job["imported"]["requests"].as_u64().unwrap(), stored["requests"].as_u64().unwrap());
        (imported == stored && imported > 0).then_some(imported)
    })
    .await;
    assert!(kept < 60_000, "{kept}");

    // A canceled atomic import deletes the requests that it stored.
    let begun = import(&serve, "inbox=none&atomic=true").await;
    let id = begun["id"].as_str().unwrap();
    until("some requests", async || {
        serve
            .request(Method::GET, "/requests?inbox=none&limit=1")
            .send()
            .await
            .unwrap()
            .json::<Json>()
            .await
            .ok()
            .filter(|page| page.get("items").is_some_and(|items| !items.is_an_empty_array()))
    })
    .await;
    serve.request(Method::POST, &format!("/jobs/{id}/cancel")).send().await.unwrap();
    until("the imported requests to be deleted", async || serve.all("none").await.is_empty().then_some(())).await;

    import(&serve, "inbox=died").await;
    serve.kill_9();
    let serve = Serve::start_in(&data);
    assert!(!data.join("import").exists(), "partial uploads must be deleted at start");
    assert!(serve.get("/status").await["requests"].as_u64().unwrap() >= kept);
    serve.terminate();
}

#[tokio::test]
async fn canceled_export_breaks_the_download() {
    let serve = Serve::start();
    let lines = "{\"target\":\"/x\",\"body\":\"some content\"}\n".repeat(30_000);
    let sent = serve.request(Method::POST, "/import?inbox=many").body(lines).send().await.unwrap();
    let id = sent.json::<Json>().await.unwrap()["id"].as_str().unwrap().to_owned();
    until("the import", async || (serve.get(&format!("/jobs/{id}")).await["state"] == "done").then_some(())).await;
    let mut reading = serve.request(Method::GET, "/export?as=jsonl&inbox=many").send().await.unwrap();
    assert!(reading.headers()["content-disposition"].to_str().unwrap().contains(".jsonl"));
    reading.chunk().await.unwrap();
    let jobs = serve.get("/jobs").await;
    let export = jobs["items"].items().find(|job| job["kind"] == "export").unwrap();
    serve.request(Method::POST, &format!("/jobs/{}/cancel", export["id"].as_str().unwrap())).send().await.unwrap();
    let broken = loop {
        match reading.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "the client must get an error for an incomplete export");
    // A client that disconnects also ends the export.
    drop(serve.request(Method::GET, "/export?as=raw&inbox=many").send().await.unwrap());
    until("the export to end", async || {
        let jobs = serve.get("/jobs").await;
        jobs["items"].items().all(|job| job["state"] != "running").then_some(())
    })
    .await;
    for (query, why) in
        [("as=curl", "not supported"), ("as=nope", "as"), ("as=har&ids=x", "no request"), ("as=har&inbox=none", "none")]
    {
        let refused = serve.request(Method::GET, &format!("/export?{query}")).send().await.unwrap();
        assert!(refused.status().is_client_error(), "{query}");
        assert!(refused.text().await.unwrap().contains(why), "{query}");
    }
}
