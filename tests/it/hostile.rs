//! What a stranger sends neither stops nor steers the rest, secrets stay where they are, and loss is loud.

use std::{fs, io::Write as _, process::Command, time::Duration};

use flate2::{Compression, write::GzEncoder};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
    target::Receiver,
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::best());
    coder.write_all(bytes).unwrap();
    coder.finish().unwrap()
}

/// Layers of codings around members that hold nothing: a few kilobytes of hours of work.
#[tokio::test]
async fn nested_codings_hold_up_no_other_sender_and_no_view() {
    let serve = Serve::start();
    let rules = json!({ "rules": [{ "when": "body.type:closed", "answers": [{ "status": 409 }] }] });
    serve.patch("/inboxes/inbox", rules).await;
    let mut bomb = gzip(b"").repeat(200_000);
    for _ in 0..3 {
        bomb = gzip(&bomb).repeat(20);
    }
    let url = format!("{}/inbox", serve.receiver);
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
    let all = until("all of them", async || {
        let all = serve.all("inbox").await;
        (all.len() == 21).then_some(all)
    })
    .await;
    let bomb =
        all.iter().max_by_key(|request| request["body_bytes"].as_u64()).unwrap()["id"].as_str().unwrap().to_owned();
    for view in ["body?decoded=true", "parts", "reading"] {
        let answer = serve.request(Method::GET, &format!("/requests/{bomb}/{view}")).send().await.unwrap();
        assert!(answer.status().as_u16() < 500, "{view}: {}", answer.status());
    }
    assert_eq!(serve.get("/requests?q=nothere").await["items"], json!([]));
}

#[tokio::test]
async fn a_template_cannot_grow_or_go_on_for_long() {
    let serve = Serve::start();
    for (template, why) in [
        ("{% set a = request.body ~ request.body %}", "only inside"),
        ("{% set a = request.body + request.body %}", "only inside"),
        ("{% set a %}{{ request.body }}{% endset %}", "set name"),
        ("{{ ('\\\\' * request.json.n)|length }}", "`*`"),
        ("{{ request.json.n ** 9 }}", "`*`"),
    ] {
        let answer = json!({ "answer": { "body": template, "template": true } });
        let (status, error) = serve.call(Method::PATCH, "/inboxes/inbox", answer).await;
        assert!(status == 422 && error["message"].as_str().unwrap().contains(why), "{template}: {error}");
    }
    let busy = "{% for i in range(100000) %}{% set x = request.json|json %}{% endfor %}";
    serve.patch("/inboxes/inbox", json!({ "answer": { "body": busy, "template": true } })).await;
    let body = format!("{{\"a\":\"{}\"}}", "z".repeat(200_000));
    let answer = reqwest::Client::new().post(format!("{}/inbox", serve.receiver)).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    assert!(answer.text().await.unwrap().contains("too many steps"));
}

/// With few descriptors, connections are refused in words, and the API and the store go on.
#[tokio::test]
async fn connections_leave_descriptors_for_everything_else() {
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
    let refused = until("a refusal", async || {
        let mut stream = tokio::net::TcpStream::connect(serve.address()).await.ok()?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await.ok()?;
        said.starts_with("HTTP/1.1 503").then_some(said)
    })
    .await;
    assert!(refused.contains("too_many_connections"), "{refused}");
    drop(held);
    until("the receiver", async || {
        let sent = reqwest::Client::new().post(format!("{}/inbox", serve.receiver)).timeout(Duration::from_secs(5));
        sent.body("x").send().await.ok().filter(|answer| answer.status() == 200).map(drop)
    })
    .await;
    assert!(serve.get("/status").await["connections_refused"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn the_api_keeps_its_token_and_its_answers_to_itself() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let answer = serve.request(Method::GET, "/status").send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let token = serve.token();
    serve.terminate();
    let serve = Serve::start_in(dir.path());
    assert_eq!(serve.token(), token, "a script that holds it goes on");
    // A value that does not fit is named by its place, never by itself.
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
async fn no_control_character_reaches_a_terminal_through_json() {
    let serve = Serve::start();
    let body = "{\"a\":\"\u{9b}31m \u{202e} \u{7f}\"}";
    let client = reqwest::Client::new();
    client
        .post(format!("{}/inbox?x=\u{9b}", serve.receiver))
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
    // A pipe gets the bytes.
    assert_eq!(serve.cli(&["show", id, "--as", "body"]).stdout, body.as_bytes());
}

#[tokio::test]
async fn a_path_that_leads_out_goes_nowhere_and_says_so() {
    let (serve, app) = (Serve::start(), Receiver::start().await);
    serve.patch("/inboxes/inbox", json!({ "forwards": [{ "to": format!("{}/base/hooks", app.url) }] })).await;
    for path in ["/inbox/..#", "/inbox/.%2e#", "/inbox/%2e%2e#x", "/inbox/a/..#", "/inbox/..%0b/x", "/inbox/..%00/x"] {
        let mut stream = tokio::net::TcpStream::connect(serve.address()).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let failed = until("six deliveries that failed", async || {
        let page = serve.get("/deliveries?state=failed").await;
        (page["items"].items().count() == 6).then_some(page)
    })
    .await;
    assert!(failed["items"][0]["reason"].as_str().unwrap().contains("leads out of"), "{failed}");
    assert!(app.got().is_empty());
}

/// What is answered 2xx is in a file that is still there.
#[tokio::test]
async fn a_database_that_is_taken_away_is_noticed_before_anything_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let client = reqwest::Client::new();
    let post =
        async || client.post(format!("{}/inbox", serve.receiver)).body("x").send().await.unwrap().status().as_u16();
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
    until("it to go on", async || (post().await == 200).then_some(())).await;
    assert_eq!(serve.get("/status").await["database"]["state"], "ok");
}

#[tokio::test]
async fn what_a_damaged_log_lost_is_said_at_the_start_and_an_empty_database_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let client = reqwest::Client::new();
    for _ in 0..200 {
        client.post(format!("{}/inbox", serve.receiver)).body("x".repeat(2_000)).send().await.unwrap();
    }
    serve.kill_9();
    let wal = dir.path().join("hookbench.db-wal");
    let bytes = fs::read(&wal).unwrap();
    fs::write(&wal, &bytes[..bytes.len() / 2]).unwrap();
    let serve = Serve::start_in(dir.path());
    let status = serve.get("/status").await;
    assert!(status["lost"].as_str().is_some_and(|lost| lost.contains("cut short")), "{status}");
    let kept = fs::read_dir(dir.path())
        .unwrap()
        .flatten()
        .any(|file| file.file_name().to_string_lossy().contains("-wal.damaged-"));
    assert!(kept, "what is left of the log is kept aside");
    serve.terminate();
    let serve = Serve::start_in(dir.path());
    assert_eq!(serve.get("/status").await["lost"], Json::NULL);
    client.post(format!("{}/inbox", serve.receiver)).body("x").send().await.unwrap();
    serve.kill_9();
    fs::write(&wal, "").unwrap();
    let serve = Serve::start_in(dir.path());
    let status = serve.get("/status").await;
    assert!(status["lost"].as_str().is_some_and(|lost| lost.contains("is missing")), "{status}");
    serve.terminate();
    // Empty, beside all that shows it was in use.
    fs::write(dir.path().join("hookbench.db"), "").unwrap();
    let started = hookbench()
        .args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--data"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&started.stderr).contains("is empty"), "{started:?}");
}

/// A disk that takes nothing: to a program whose files may not grow past a size, it is full.
#[tokio::test]
async fn a_start_on_a_disk_that_takes_nothing_shows_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let post = async |serve: &Serve| {
        let sent = reqwest::Client::new().post(format!("{}/inbox", serve.receiver)).body("x".repeat(50_000)).send();
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
    // Its log is on the same disk, and takes nothing either.
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
    until("room again", async || (post(&serve).await == 200).then_some(())).await;
}
