//! End-to-end tests of decoding: character sets, content codings, multipart bodies, event types, and round trips of
//! unusual requests.

use std::io::Write;

use reqwest::Method;

use crate::{
    hookbench::{Serve, until},
    json::{Json, json},
    listener::exchange,
};

/// Sends a body with raw header lines and requires status 200.
async fn send(serve: &Serve, path: &str, headers: impl AsRef<[u8]>, body: &[u8]) {
    let line = format!("POST /{path} HTTP/1.1\r\nHost: x\r\n");
    let end = format!("Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let response = exchange(serve, &[line.as_bytes(), headers.as_ref(), end.as_bytes(), body].concat()).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

fn id(request: &Json) -> String {
    request["id"].as_str().expect("the id must be a string").to_owned()
}

async fn text(serve: &Serve, request: &Json) -> String {
    let path = format!("/requests/{}/body?text=true", id(request));
    serve.request(Method::GET, &path).send().await.unwrap().text().await.unwrap()
}

async fn found(serve: &Serve, query: &str) -> usize {
    let url = reqwest::Url::parse_with_params("http://x/", [("q", query)]).unwrap();
    serve.get(&format!("/requests?{}", url.query().unwrap())).await["items"].items().count()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(plain).unwrap();
    coder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(plain).unwrap();
    coder.finish().unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF_u16).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[tokio::test]
async fn decodes_bodies_by_character_set() {
    let serve = Serve::start();
    let coded = utf16(r#"{"city":"Köln"}"#);
    // Each case contains headers, body, decoded text, character set, and a query that must find the request.
    let bodies: [(&str, &[u8], &str, &str, &str); 8] = [
        (
            "Content-Type: application/json; charset=iso-8859-1\r\n",
            b"{\"city\":\"K\xf6ln\"}",
            r#"{"city":"Köln"}"#,
            "windows-1252",
            "body.city:Köln",
        ),
        ("Content-Type: application/json\r\n", &coded, r#"{"city":"Köln"}"#, "utf-16le", "body.city:Köln"),
        (
            "Content-Type: application/x-www-form-urlencoded\r\n",
            b"first_name=J%F6rg&charset=windows-1252",
            "first_name=J%C3%B6rg&charset=windows-1252",
            "windows-1252",
            "form.first_name:Jörg",
        ),
        (
            "Content-Type: text/xml\r\n",
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>K\xf6ln</a>",
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>Köln</a>",
            "windows-1252",
            "Köln",
        ),
        (
            "Content-Type: text/plain; charset=shift_jis\r\n",
            b"\x93\xfa\x96\x7b\x8c\xea",
            "日本語",
            "shift_jis",
            "日本語",
        ),
        ("Content-Type: text/plain\r\n", b"Gr\xfc\xdfe", "Grüße", "windows-1252", "Grüße"),
        (
            "Content-Type: application/json\r\n",
            b"\xef\xbb\xbf{\"value\":[{\"resource\":\"abc\"}]}",
            r#"{"value":[{"resource":"abc"}]}"#,
            "utf-8",
            "body.value[0].resource:abc",
        ),
        ("Content-Type: application/x-www-form-urlencoded\r\n", b"\xef\xbb\xbfa=1&b=2", "a=1&b=2", "utf-8", "form.a:1"),
    ];
    for (count, (headers, body, expected, charset, query)) in bodies.into_iter().enumerate() {
        let before = found(&serve, query).await;
        send(&serve, "inbox", headers, body).await;
        let request = serve.newest(count + 1).await;
        assert_eq!(text(&serve, &request).await, expected, "{headers}");
        let reading = serve.get(&format!("/requests/{}/reading", id(&request))).await;
        assert_eq!(reading["charset"].as_str().unwrap().to_ascii_lowercase(), charset, "{headers}: {reading}");
        until("the query to find it", async || (found(&serve, query).await == before + 1).then_some(())).await;
        // Decoding must not change the stored bytes.
        assert_eq!(serve.body(&id(&request)).await, body);
        assert_eq!(serve.cli(&["show", &id(&request), "--as", "text"]).stdout, expected.as_bytes());
    }
}

#[tokio::test]
async fn decodes_content_codings_and_reports_trailing_data() {
    let serve = Serve::start();
    let plain = br#"{"a":"inside"}"#;
    let mut trailing = gzip(plain);
    trailing.extend_from_slice(b"rest");
    let cut = &gzip(&[&plain[..], &[b' '; 3000], &b"x"[..]].concat())[..30];
    let bodies: [(&str, Vec<u8>, bool); 6] = [
        ("Content-Encoding: gzip\r\n", gzip(plain), false),
        ("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", gzip(&gzip(plain)), false),
        ("Content-Encoding: deflate, gzip\r\n", gzip(&deflate(plain)), false),
        ("Content-Encoding: gzip\r\n", trailing, true),
        ("Content-Encoding: gzip\r\n", plain.to_vec(), true),
        ("Content-Encoding: gzip\r\n", cut.to_vec(), true),
    ];
    for (count, (headers, body, noted)) in bodies.into_iter().enumerate() {
        send(&serve, "inbox", &format!("Content-Type: application/json\r\n{headers}"), &body).await;
        let request = serve.newest(count + 1).await;
        if count < 5 {
            assert_eq!(text(&serve, &request).await.as_bytes(), plain, "{headers} {count}");
        }
        let reading = serve.get(&format!("/requests/{}/reading", id(&request))).await;
        assert_eq!(reading["notes"].is_an_empty_array(), !noted, "{headers} {count}: {reading}");
    }
    until("all requests to be found", async || (found(&serve, "body.a:inside").await == 5).then_some(())).await;
}

#[tokio::test]
async fn parses_json_lines_and_json_form_fields() {
    let serve = Serve::start();
    send(&serve, "inbox", "Content-Type: application/x-ndjson\r\n", b"{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n").await;
    let lines = serve.newest(1).await;
    assert_eq!(serve.get(&format!("/requests/{}/reading", id(&lines))).await["json_values"], 3);
    send(
        &serve,
        "inbox",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        b"payload=%7B%22action%22%3A%22opened%22%7D",
    )
    .await;
    serve.newest(2).await;
    for query in ["body.n:3", "body.action:opened"] {
        until(query, async || (found(&serve, query).await == 1).then_some(())).await;
    }
}

#[tokio::test]
async fn parses_complete_and_truncated_multipart_bodies() {
    let serve = Serve::start();
    let bodies: [(&str, &[u8], &[&str], bool); 4] = [
        (
            "multipart/mixed; boundary=B",
            b"--B\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--B\r\nContent-Type: image/png\r\n\r\nPNG\r\n--B--\r\n",
            &["{\"a\":1}", "PNG"],
            false,
        ),
        (
            "multipart/form-data; boundary=B",
            b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\ntwo\r\n",
            &["one", "two"],
            true,
        ),
        (
            "multipart/form-data; boundary=B",
            b"--B\nContent-Disposition: form-data; name=\"a\"\n\none\n--B--\n",
            &["one"],
            false,
        ),
        (
            "multipart/form-data; boundary=----=_Part_1_2.3",
            b"------=_Part_1_2.3\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n------=_Part_1_2.3--\r\n",
            &["one"],
            false,
        ),
    ];
    for (count, (content_type, body, expected, noted)) in bodies.into_iter().enumerate() {
        send(&serve, "inbox", &format!("Content-Type: {content_type}\r\n"), body).await;
        let request = serve.newest(count + 1).await;
        let parts = serve.get(&format!("/requests/{}/parts", id(&request))).await;
        let items = parts["items"].to_vec();
        assert_eq!(items.len(), expected.len(), "{content_type}: {parts}");
        assert_eq!(!parts["notes"].is_an_empty_array(), noted, "{content_type}: {parts}");
        for (part, expected) in expected.iter().enumerate() {
            let path = format!("/requests/{}/parts/{part}", id(&request));
            let bytes = serve.request(Method::GET, &path).send().await.unwrap().text().await.unwrap();
            assert_eq!(bytes, *expected);
        }
    }
    // A body without a boundary has no parts, but its text is available.
    send(&serve, "inbox", "Content-Type: multipart/form-data\r\n", b"no boundary").await;
    let request = serve.newest(5).await;
    let parts = serve.request(Method::GET, &format!("/requests/{}/parts", id(&request))).send().await.unwrap();
    assert_eq!(parts.status(), 422);
    assert_eq!(text(&serve, &request).await, "no boundary");
}

#[tokio::test]
async fn detects_event_type_and_id() {
    let serve = Serve::start();
    let add = async |name: &str, provider: &str| {
        let verification = json!({ "provider": provider, "secrets": ["abc"] });
        let inbox = json!({ "name": name, "verification": verification });
        assert!(serve.request(Method::POST, "/inboxes").json(&inbox).send().await.unwrap().status().is_success());
    };
    let named = async |inbox: &str, event: (&str, &str)| {
        until(inbox, async || {
            let all = serve.all(inbox).await;
            let request = all.first()?;
            (request["event_type"] == event.0 && request["event_id"] == event.1).then_some(())
        })
        .await;
    };
    let structured = br#"{"specversion":"1.0","type":"com.example.made","id":"A-1","source":"/s"}"#;
    send(&serve, "inbox", "Content-Type: application/cloudevents+json\r\n", structured).await;
    named("inbox", ("com.example.made", "A-1")).await;
    send(&serve, "inbox", "ce-specversion: 1.0\r\nce-type: com.example.left\r\nce-id: A-2\r\nce-source: /s\r\n", b"{}")
        .await;
    named("inbox", ("com.example.left", "A-2")).await;
    add("auth", "auth0").await;
    let log = r#"{"log_id":"9","data":{"type":"sapi","log_id":"9"}}"#;
    for body in [log.to_owned(), format!("[{log}]"), format!("{log}\n{log}\n")] {
        send(&serve, "auth", "Authorization: abc\r\nContent-Type: application/json\r\n", body.as_bytes()).await;
        named("auth", ("sapi", "9")).await;
    }
}

#[tokio::test]
async fn accepts_every_signature_scheme_of_a_vendor() {
    let serve = Serve::start();
    let post = async |path: &str, body: Json| -> Json {
        let response = serve.request(Method::POST, path).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{path} {body}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    };
    // Each case contains vendor, scheme, secret, and whether the explanation warns about a weaker scheme.
    for (provider, scheme, secret, noted) in [
        ("github", "github", "s", false),
        ("github", "sha1", "s", true),
        ("gitlab", "token", "s", false),
        ("hubspot", "v1", "s", true),
        ("buildkite", "token", "s", false),
        ("cloudinary", "sha256", "s", false),
    ] {
        let name = format!("{provider}-{scheme}");
        let verification = json!({ "provider": provider, "secrets": [secret] });
        post("/inboxes", json!({ "name": name, "verification": verification })).await;
        let body = r#"{"a":1}"#;
        let message = format!("POST /{name} HTTP/1.1\r\nHost: {}\r\n\r\n{body}", serve.address());
        use base64::Engine as _;
        let raw = base64::engine::general_purpose::STANDARD.encode(message);
        let sign = json!({ "provider": provider, "scheme": scheme, "secret": secret, "request": raw });
        let signed = post("/signature/sign", sign).await;
        let lines: String = signed["headers"]
            .items()
            .map(|header| format!("{}: {}\r\n", header[0].as_str().unwrap(), header[1].as_str().unwrap()))
            .collect();
        send(&serve, &name, &lines, body.as_bytes()).await;
        let verified = until("the signature status", async || {
            let all = serve.all(&name).await;
            (!all.is_empty() && all[0]["signature_status"] != "unverified").then(|| all[0].clone())
        })
        .await;
        assert_eq!(verified["signature_status"], "valid", "{name}: {verified}");
        let explained = serve.get(&format!("/requests/{}/signature", id(&verified))).await;
        assert_eq!(explained["sentence"].as_str().unwrap().contains("weaker"), noted, "{name}: {explained}");
    }
}

#[tokio::test]
async fn unusual_requests_survive_export_and_import_in_every_format() {
    let (from, to) = (Serve::start(), Serve::start());
    send(
        &from,
        "inbox/a?q=%00%zz&&=",
        b"X-Twice: 1\r\nx-TWICE:   2\r\nX-Latin: caf\xe9\r\nX-Empty:\r\n",
        b"\x00\xff\r\n\r\nPOST / HTTP/1.1\r\n\r\n",
    )
    .await;
    send(&from, "inbox/b", "Content-Type: text/csv\r\n", b"=cmd|' /C calc'!A0,\"x\"\"y\"\r\n# {\"method\":1}\r\n")
        .await;
    send(&from, "inbox/c", "Content-Encoding: gzip\r\nContent-Type: application/json\r\n", &gzip(b"{\"a\":1}")).await;
    send(&from, "inbox/d", "Content-Type: application/json\r\n", &utf16("{\"a\":\"\u{1F600}\u{0}\"}")).await;
    send(&from, "inbox/e", "", b"").await;
    from.newest(5).await;
    let dir = tempfile::tempdir().unwrap();
    for form in ["archive", "jsonl", "har", "csv", "raw"] {
        let path = dir.path().join(format!("all.{form}"));
        let out = path.to_str().unwrap();
        let done = from.cli(&["export", "--as", form, "--secrets", "-o", out]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let done = to.cli(&["import", out, "--inbox", form, "--json"]);
        assert!(done.status.success(), "{form}: {}", String::from_utf8_lossy(&done.stderr));
        let (mut sent, came) = (from.all("inbox").await, to.all(form).await);
        assert_eq!(came.len(), 5, "{form}");
        sent.reverse();
        for (sent, came) in sent.iter().zip(&came) {
            let exported = async |serve: &Serve, request: &Json| {
                let detail = serve.get(&format!("/requests/{}", id(request))).await;
                (
                    detail["method"].clone(),
                    detail["target"].clone(),
                    detail["headers"].clone(),
                    serve.body(&id(request)).await,
                )
            };
            assert_eq!(exported(&from, sent).await, exported(&to, came).await, "{form}");
        }
    }
    // A repeated import of a file reports the earlier import and its inbox.
    let path = dir.path().join("all.archive");
    let again = to.cli(&["import", path.to_str().unwrap(), "--inbox", "twice"]);
    let output = String::from_utf8_lossy(&[again.stdout, again.stderr].concat()).into_owned();
    assert!(again.status.success() && output.contains("already imported"), "{output}");
}

#[tokio::test]
async fn rejects_files_that_contain_no_requests() {
    let serve = Serve::start();
    let dir = tempfile::tempdir().unwrap();
    for (name, content, word) in [
        ("collection.json", r#"{"info":{"name":"x"},"item":[]}"#, "Postman collection"),
        ("payload.jsonl", r#"{"type":"invoice.paid","data":{"id":7}}"#, "payload of a webhook"),
        ("ngrok.json", r#"{"uri":"/api/requests/http","requests":[{"method":"GET"}]}"#, "ngrok"),
        ("list.json", r#"[{"a":1},{"b":2}]"#, "not a request"),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let done = serve.cli(&["import", path.to_str().unwrap(), "--inbox", "none"]);
        let output = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(1) && output.contains(word), "{name}: {:?} {output}", done.status);
    }
    let inboxes = serve.get("/inboxes").await;
    let stored = inboxes["items"].items().any(|inbox| inbox["name"] == "none" && inbox["requests"] != 0);
    assert!(!stored, "{inboxes}");
}
