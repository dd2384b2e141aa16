//! End-to-end tests against hostile input and damaged storage: decompression bombs, templates, descriptor limits,
//! leaked secrets, control characters and lost databases.

use std::{fs, io::Write as _, process::Command, time::Duration};

use flate2::{Compression, write::GzEncoder};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    destination::TargetServer,
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::best());
    coder.write_all(bytes).unwrap();
    coder.finish().unwrap()
}

/// The body has four layers of gzip around empty members. Decoding it completely would take hours.
#[tokio::test]
async fn nested_codings_do_not_block_other_requests() {
    let serve = Serve::start();
    let rules = json!({ "rules": [{ "when": "body.type:closed", "responses": [{ "status": 409 }] }] });
    serve.patch("/inboxes/inbox", rules).await;
    let mut bomb = gzip(b"").repeat(200_000);
    for _ in 0..3 {
        bomb = gzip(&bomb).repeat(20);
    }
    let url = format!("{}/inbox", serve.listener);
    let client = reqwest::Client::new();
    let sending = client
        .post(&url)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip, gzip, gzip, gzip");
    let bomb = tokio::spawn(sending.body(bomb).send());
    for _ in 0..20 {
        assert_eq!(client.post(&url).body("x").send().await.unwrap().status(), 200);
    }
    assert_eq!(bomb.await.unwrap().unwrap().status(), 200);
    let all = until("21 requests", async || {
        let all = serve.all("inbox").await;
        (all.len() == 21).then_some(all)
    })
    .await;
    let bomb =
        all.iter().max_by_key(|request| request["body_bytes"].as_u64()).unwrap()["id"].as_str().unwrap().to_owned();
    for view in ["body?decoded=true", "parts", "reading"] {
        let response = serve.request(Method::GET, &format!("/requests/{bomb}/{view}")).send().await.unwrap();
        assert!(response.status().as_u16() < 500, "{view}: {}", response.status());
    }
    assert_eq!(serve.get("/requests?q=nothere").await["items"], json!([]));
}

#[tokio::test]
async fn limits_size_and_steps_of_templates() {
    let serve = Serve::start();
    for (template, why) in [
        ("{% set a = request.body ~ request.body %}", "only inside"),
        ("{% set a = request.body + request.body %}", "only inside"),
        ("{% set a %}{{ request.body }}{% endset %}", "set name"),
        ("{{ ('\\\\' * request.json.n)|length }}", "`*`"),
        ("{{ request.json.n ** 9 }}", "`*`"),
    ] {
        let response = json!({ "response": { "body": template, "template": true } });
        let (status, error) = serve.call(Method::PATCH, "/inboxes/inbox", response).await;
        assert!(status == 422 && error["message"].as_str().unwrap().contains(why), "{template}: {error}");
    }
    let busy = "{% for i in range(100000) %}{% set x = request.json|json %}{% endfor %}";
    serve.patch("/inboxes/inbox", json!({ "response": { "body": busy, "template": true } })).await;
    let body = format!("{{\"a\":\"{}\"}}", "z".repeat(200_000));
    let response = reqwest::Client::new().post(format!("{}/inbox", serve.listener)).body(body).send().await.unwrap();
    assert_eq!(response.status(), 500);
    assert!(response.text().await.unwrap().contains("too many steps"));
}

/// With few file descriptors, excess connections get 503, and the API and the database still work.
#[tokio::test]
async fn connections_leave_file_descriptors_for_api_and_database() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut command = Command::new("prlimit");
    command.arg("--nofile=256:256").arg(env!("CARGO_BIN_EXE_hookbench"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json", "--data"]).arg(&data);
    let serve = Serve::spawn(command, &data);
    let mut held = Vec::new();
    for _ in 0..240 {
        if let Ok(mut stream) = tokio::net::TcpStream::connect(serve.address()).await {
            let _ = stream.write_all(b"POST /inbox HTTP/1.1\r\n").await;
            held.push(stream);
        }
    }
    let api = serve.api.trim_start_matches("http://").to_owned();
    for _ in 0..120 {
        if let Ok(mut stream) = tokio::net::TcpStream::connect(&api).await {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n").await;
            held.push(stream);
        }
    }
    let refused = until("a rejected connection", async || {
        let mut stream = tokio::net::TcpStream::connect(serve.address()).await.ok()?;
        let mut output = String::new();
        stream.read_to_string(&mut output).await.ok()?;
        output.starts_with("HTTP/1.1 503").then_some(output)
    })
    .await;
    assert!(refused.contains("too_many_connections"), "{refused}");
    drop(held);
    until("the listener to accept requests", async || {
        let sent = reqwest::Client::new().post(format!("{}/inbox", serve.listener)).timeout(Duration::from_secs(5));
        sent.body("x").send().await.ok().filter(|response| response.status() == 200).map(drop)
    })
    .await;
    assert!(serve.get("/status").await["connections_refused"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn api_responses_leak_no_secrets_and_are_not_cached() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let response = serve.request(Method::GET, "/status").send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let token = serve.token();
    serve.terminate();
    let serve = Serve::start_in(dir.path());
    assert_eq!(serve.token(), token, "the token must survive a restart");
    // Errors name the location of an invalid value but never contain the value.
    for body in [
        json!({ "provider": "stripe", "url": "http://a/", "secrets": ["whsec_LEAK"] }),
        json!({ "provider": "stripe", "url": "http://u:LEAK@:99999/" }),
        json!({ "provider": "stripe", "url": "http://u:LEAK@h:99999/" }),
        json!({ "provider": "stripe", "url": "http://a/", "headers": "LEAK" }),
    ] {
        let (status, error) = serve.call(Method::POST, "/endpoints", body).await;
        assert!(status == 422 && !error.to_string().contains("LEAK"), "{error}");
    }
    let verification = json!({ "verification": { "provider": "stripe", "secrets": "LEAK" } });
    let (status, error) = serve.call(Method::PATCH, "/inboxes/inbox", verification).await;
    assert!(status == 422 && !error.to_string().contains("LEAK"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_output_escapes_control_characters() {
    let serve = Serve::start();
    let body = "{\"a\":\"\u{9b}31m \u{202e} \u{7f}\"}";
    let client = reqwest::Client::new();
    client
        .post(format!("{}/inbox?x=\u{9b}", serve.listener))
        .header("x-a", "\u{202e}")
        .body(body)
        .send()
        .await
        .unwrap();
    let request = serve.newest(1).await;
    let id = request["id"].as_str().unwrap();
    for args in [&["requests", "--json"][..], &["show", id, "--json"], &["show", id, "--as", "json"]] {
        let out = String::from_utf8(serve.cli(args).stdout).unwrap();
        assert!(!out.contains(['\u{9b}', '\u{202e}', '\u{7f}', '\u{1b}']), "{args:?}: {out:?}");
    }
    // `--as body` writes the exact bytes to a pipe.
    assert_eq!(serve.cli(&["show", id, "--as", "body"]).stdout, body.as_bytes());
}

#[tokio::test]
async fn rejects_paths_that_leave_the_target() {
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    serve.patch("/inboxes/inbox", json!({ "forwards": [{ "to": format!("{}/base/hooks", app.url) }] })).await;
    for path in ["/inbox/..#", "/inbox/.%2e#", "/inbox/%2e%2e#x", "/inbox/a/..#", "/inbox/..%0b/x", "/inbox/..%00/x"] {
        let mut stream = tokio::net::TcpStream::connect(serve.address()).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{path}: {response}");
    }
    let failed = until("six deliveries that failed", async || {
        let page = serve.get("/deliveries?state=failed").await;
        (page["items"].items().count() == 6).then_some(page)
    })
    .await;
    assert!(failed["items"][0]["reason"].as_str().unwrap().contains("leads outside of"), "{failed}");
    assert!(app.got().is_empty());
}

#[tokio::test]
async fn responds_503_after_database_file_is_moved() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let client = reqwest::Client::new();
    let post =
        async || client.post(format!("{}/inbox", serve.listener)).body("x").send().await.unwrap().status().as_u16();
    assert_eq!(post().await, 200);
    let (database, aside) = (dir.path().join("hookbench.db"), dir.path().join("aside.db"));
    fs::rename(&database, &aside).unwrap();
    for _ in 0..5 {
        assert_eq!(post().await, 503);
    }
    let database_state = serve.get("/status").await["database"].clone();
    assert_eq!(
        (&database_state["state"], &database_state["fault"]),
        (&json!("failing"), &json!("removed")),
        "{database_state}"
    );
    fs::rename(&aside, &database).unwrap();
    until("requests to be accepted again", async || (post().await == 200).then_some(())).await;
    assert_eq!(serve.get("/status").await["database"]["state"], "ok");
}

#[tokio::test]
async fn reports_data_loss_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let client = reqwest::Client::new();
    for _ in 0..200 {
        client.post(format!("{}/inbox", serve.listener)).body("x".repeat(2_000)).send().await.unwrap();
    }
    serve.kill_9();
    let wal = dir.path().join("hookbench.db-wal");
    let bytes = fs::read(&wal).unwrap();
    fs::write(&wal, &bytes[..bytes.len() / 2]).unwrap();
    let serve = Serve::start_in(dir.path());
    let status = serve.get("/status").await;
    assert!(status["lost"].as_str().is_some_and(|lost| lost.contains("truncated")), "{status}");
    let kept = fs::read_dir(dir.path())
        .unwrap()
        .flatten()
        .any(|file| file.file_name().to_string_lossy().contains("-wal.damaged-"));
    assert!(kept, "the damaged log must be kept as a separate file");
    serve.terminate();
    let serve = Serve::start_in(dir.path());
    assert_eq!(serve.get("/status").await["lost"], Json::NULL);
    client.post(format!("{}/inbox", serve.listener)).body("x").send().await.unwrap();
    serve.kill_9();
    fs::write(&wal, "").unwrap();
    let serve = Serve::start_in(dir.path());
    let status = serve.get("/status").await;
    assert!(status["lost"].as_str().is_some_and(|lost| lost.contains("is missing")), "{status}");
    serve.terminate();
    // An empty database file in a used data folder is an error.
    fs::write(dir.path().join("hookbench.db"), "").unwrap();
    let started = hookbench()
        .args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--data"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&started.stderr).contains("is empty"), "{started:?}");
}

/// A limit on the file size simulates a full disk.
#[tokio::test]
async fn serves_stored_requests_on_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let post = async |serve: &Serve| {
        let sent = reqwest::Client::new().post(format!("{}/inbox", serve.listener)).body("x".repeat(50_000)).send();
        sent.await.unwrap().status().as_u16()
    };
    for _ in 0..5 {
        assert_eq!(post(&serve).await, 200);
    }
    serve.kill_9();
    let mut command = Command::new("sh");
    // The shell ignores the signal, so a write past the limit fails and does not end the program. Only the soft limit
    // is changed: a user who is not root cannot raise the hard one.
    command.args(["-c", "trap '' XFSZ; exec prlimit --fsize=32768: \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_hookbench"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json", "--data"]).arg(dir.path());
    // The log file has also reached the limit.
    let log = dir.path().join("log");
    fs::write(&log, [b'.'; 40_000]).unwrap();
    command.stderr(fs::File::options().append(true).open(&log).unwrap());
    let serve = Serve::spawn(command, dir.path());
    let all = serve.all("inbox").await;
    assert_eq!(all.len(), 5);
    assert_eq!(serve.body(all[0]["id"].as_str().unwrap()).await.len(), 50_000);
    assert_eq!(post(&serve).await, 503);
    let limit = Command::new("prlimit").args(["--fsize=268435456:", "--pid", &serve.pid().to_string()]).status();
    assert!(limit.unwrap().success());
    until("requests to be stored again", async || (post(&serve).await == 200).then_some(())).await;
}
