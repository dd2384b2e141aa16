//! End-to-end tests of waits: `POST /wait` and `hookbench wait`.

use std::process::{Command, Stdio};

use reqwest::Method;

use crate::{
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
};

async fn send(serve: &Serve, path: &str, body: &Json) {
    let sent = reqwest::Client::new().post(format!("{}{path}", serve.listener)).json(body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
}

async fn post(serve: &Serve, path: &str, body: Json) -> Json {
    let (status, response) = serve.call(Method::POST, path, body).await;
    assert!(status < 300, "{status}: {response}");
    response
}

async fn wait(serve: &Serve, asked: Json) -> Json {
    post(serve, "/wait", asked).await
}

#[tokio::test]
async fn responds_when_the_request_arrives_and_not_before() {
    let serve = Serve::start();
    send(&serve, "/inbox", &json!({ "order": 1 })).await;
    // The first request arrived before the call.
    let waiting = wait(&serve, json!({ "q": "body.order:1", "timeout_ms": 60_000 }));
    let sending = async {
        for order in [2, 3, 1] {
            send(&serve, "/inbox", &json!({ "order": order })).await;
        }
    };
    let (result, ()) = tokio::join!(waiting, sending);
    assert_eq!(result["complete"], true);
    let newest = serve.get("/requests?limit=1").await["items"][0]["id"].clone();
    assert_eq!(result["requests"][0]["id"], newest, "the last of the three");
    assert_eq!(result["after"], newest);
    assert_eq!(result["others"], json!([]));
}

#[tokio::test]
async fn misses_nothing_between_two_calls() {
    let serve = Serve::start();
    send(&serve, "/inbox", &json!({ "n": 0 })).await;
    let mut after = serve.get("/requests?limit=1").await["items"][0]["id"].clone();
    for n in 1..=6 {
        send(&serve, "/inbox", &json!({ "n": n })).await;
    }
    let mut seen = Vec::new();
    for count in [1, 2, 3] {
        let result = wait(&serve, json!({ "count": count, "after": after, "timeout_ms": 60_000 })).await;
        assert_eq!(result["complete"], true);
        after = result["after"].clone();
        seen.extend(result["requests"].items().map(|request| request["id"].clone()));
    }
    let mut all = serve.get("/requests?limit=6").await["items"].to_vec();
    all.reverse();
    assert_eq!(seen, all.iter().map(|item| item["id"].clone()).collect::<Vec<_>>());
    let none = wait(&serve, json!({ "after": after, "timeout_ms": 0 })).await;
    assert_eq!((&none["complete"], &none["requests"], &none["after"]), (&json!(false), &json!([]), &after));
    let since = wait(&serve, json!({ "since": "1h", "count": 7, "timeout_ms": 60_000 })).await;
    assert_eq!(since["complete"], true);
}

#[tokio::test]
async fn says_what_came_instead_and_what_it_lacks() {
    let serve = Serve::start();
    post(&serve, "/inboxes", json!({ "name": "shop" })).await;
    send(&serve, "/shop", &json!({ "type": "order.paid", "id": 7 })).await;
    send(&serve, "/inbox", &json!({ "type": "order.paid", "id": 42 })).await;
    let asked =
        json!({ "q": "body.type:order.paid body.id:42 -method:GET", "inbox": "shop", "since": "1h", "timeout_ms": 0 });
    // The requests are looked at once they are verified.
    let result = until("both requests", async || {
        let result = wait(&serve, asked.clone()).await;
        let both = result["others"].items().len() == 2;
        both.then_some(result)
    })
    .await;
    assert_eq!(result["complete"], false);
    let unmet: Vec<(&str, &Json)> = (result["others"].items())
        .map(|other| (other["request"]["inbox"].as_str().unwrap(), &other["unmet"]))
        .collect();
    assert_eq!(unmet, [("inbox", &json!(["inbox:shop"])), ("shop", &json!(["body.id:42"]))]);
}

#[tokio::test]
async fn rejects_what_cannot_be_waited_for() {
    let serve = Serve::start();
    for (asked, why) in [
        (json!({ "q": "status:500" }), "its value changes after a request has arrived"),
        (json!({ "q": "body.a:" }), "Invalid query"),
        (json!({ "count": 0 }), "`count` must be between 1 and 500"),
        (json!({ "timeout_ms": 60_001 }), "`timeout_ms` must be between 0 and 60000"),
        (json!({ "after": "x" }), "There is no request"),
        (json!({ "since": "soon" }), "`since` must be"),
    ] {
        let (status, error) = serve.call(Method::POST, "/wait", asked.clone()).await;
        assert_eq!((status, error["message"].as_str().unwrap().contains(why)), (422, true), "{asked}: {error}");
    }
}

/// 100 waits for one request each, while 2,000 requests arrive.
#[tokio::test(flavor = "multi_thread")]
async fn none_of_a_hundred_waits_misses_its_request_in_a_flood() {
    let serve = std::sync::Arc::new(Serve::start());
    let after = wait(&serve, json!({ "timeout_ms": 0 })).await["after"].clone();
    let mut waits = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (serve, after) = (serve.clone(), after.clone());
        waits.spawn(async move {
            let asked = json!({ "q": format!("body.n:{}", n * 20 + 7), "after": after, "timeout_ms": 60_000 });
            (n, wait(&serve, asked).await)
        });
    }
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let serve = serve.clone();
        senders.spawn(async move {
            for n in (sender..2_000).step_by(8) {
                send(&serve, "/inbox", &json!({ "n": n })).await;
            }
        });
    }
    senders.join_all().await;
    for (n, result) in waits.join_all().await {
        assert_eq!(result["complete"], true, "{n}: {result}");
        let id = result["requests"][0]["id"].as_str().unwrap();
        assert_eq!(serde_json::from_slice::<Json>(&serve.body(id).await).unwrap(), json!({ "n": n * 20 + 7 }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_exits_with_what_happened() {
    let serve = Serve::start();
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("wait.xml");
    let path = report.display().to_string();
    post(&serve, "/inboxes", json!({ "name": "shop", "verification": { "provider": "github", "secrets": ["s"] } }))
        .await;
    let run = |args: &[&str]| {
        let done = serve.cli(&[&["wait"], args].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    // It waits until the request arrives.
    let mut waiting = hookbench();
    waiting.args(["wait", "shop", "-q", "event:push", "--timeout", "60s", "--json", "--data"]).arg(&serve.data);
    let waiting = waiting.stdout(Stdio::piped()).spawn().unwrap();
    let client = reqwest::Client::new();
    let push = || client.post(format!("{}/shop", serve.listener)).header("X-GitHub-Event", "push").body("{}");
    let ended = tokio::task::spawn_blocking(move || waiting.wait_with_output().unwrap());
    // The command may not have started to wait when a request arrives.
    until("the command to end", async || {
        push().send().await.unwrap();
        ended.is_finished().then_some(())
    })
    .await;
    let done = ended.await.unwrap();
    assert_eq!(done.status.code(), Some(0));
    let found: Json = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&found["inbox"], &found["event_type"]), (&json!("shop"), &json!("push")));

    let (code, _, why) = run(&["shop", "--since", "1h", "--expect-signature", "valid", "--junit", &path]);
    assert_eq!((code, why.contains("is unsigned (no signature), not valid")), (Some(1), true), "{why}");
    let junit = std::fs::read_to_string(&report).unwrap();
    assert!(junit.contains("failures=\"1\"") && junit.contains("is unsigned (no signature), not valid"), "{junit}");

    let (code, _, why) = run(&["-q", "event:ping", "--since", "1h", "--timeout", "0s", "--junit", &path]);
    assert_eq!((code, why.contains("does not meet: event:ping")), (Some(1), true), "{why}");
    let (code, out, _) = run(&["shop", "--since", "1h", "--timeout", "0s", "--junit", &path]);
    assert_eq!((code, out.contains("push")), (Some(0), true), "{out}");
    assert!(std::fs::read_to_string(&report).unwrap().contains("failures=\"0\""));
    let (code, _, why) = run(&["missing", "--timeout", "0s"]);
    assert_eq!((code, why.contains("missing")), (Some(2), true), "{why}");
    assert_eq!(run(&["--timeout", "soon"]).0, Some(2));
}

/// Without a running server, the command has its own listener.
#[tokio::test]
async fn the_command_receives_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(Serve::start_in(&data));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let set = ["config", "set", &format!("listen={free}"), "--data"];
    until("the folder to be free", async || {
        hookbench().args(set).arg(&data).output().unwrap().status.success().then_some(())
    })
    .await;
    let mut command: Command = hookbench();
    command.args(["wait", "inbox", "--timeout", "60s", "--data"]).arg(&data);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let client = reqwest::Client::new();
    let url = format!("http://{free}/inbox");
    until("the listener of the command", async || client.post(&url).body("1").send().await.ok()).await;
    let done = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(done.status.code(), Some(0));
}
