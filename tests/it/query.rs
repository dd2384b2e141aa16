//! End-to-end tests of search queries, saved searches, the search index, comparison and timelines.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use futures_util::StreamExt;
use reqwest::{Method, StatusCode};

use crate::{
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
};

async fn post(serve: &Serve, path: &str, body: Json) {
    let sent = reqwest::Client::new().post(format!("{}/{path}", serve.listener)).json(&body).send().await;
    assert_eq!(sent.expect("no response").status(), 200);
}

/// Returns all requests that match a query, newest first. A page can end early at its time limit, so all pages are
/// requested.
async fn all_found(serve: &Serve, query: &str) -> Vec<Json> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = serve.get(&format!("/requests?limit=2&q={}{after}", encoded(query))).await;
        found.extend(page["items"].to_vec());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}

/// Returns the body field `n` of all requests that match a query, oldest first.
async fn found(serve: &Serve, query: &str) -> Vec<i64> {
    let mut numbers = Vec::new();
    for item in all_found(serve, query).await {
        let body: Json =
            serde_json::from_slice(&serve.body(item["id"].as_str().expect("the id must be a string")).await)
                .expect("invalid JSON");
        numbers.insert(0, body["n"].as_i64().expect("`n` must be a number"));
    }
    numbers
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn searches_pages_counts_and_rejects_invalid_queries() {
    let serve = Serve::start();
    for n in 0..9 {
        post(
            &serve,
            &format!("inbox/orders/{n}?page={n}"),
            json!({ "n": n, "who": if n % 2 == 0 { "Zoë" } else { "Ann \"A\"" } }),
        )
        .await;
    }
    assert_eq!(found(&serve, "ZOË").await, [0, 2, 4, 6, 8]);
    assert_eq!(found(&serve, "\"Ann \\\"a\\\"\" body.n:>3").await, [5, 7], "the query must match unescaped text");
    assert_eq!(found(&serve, "path:/orders/3 or query.page:4").await, [3, 4]);
    assert_eq!(found(&serve, "(body.n:<3 or body.n:>=8) -zoë").await, [1]);
    assert_eq!(found(&serve, "inbox:other").await, [] as [i64; 0]);
    assert_eq!(found(&serve, "age:<1h status:2xx method:post").await.len(), 9);

    let counted = serve.get("/requests/count?q=zo%C3%AB").await;
    assert_eq!(counted, json!({ "requests": 5, "more": false, "next": null }));
    assert_eq!(serve.get("/requests/count?q=*&most=3").await, json!({ "requests": 3, "more": true, "next": null }));

    let page = serve.get("/requests?q=*&limit=4").await;
    let third = page["items"][2]["id"].as_str().expect("the id must be a string");
    let newer = serve.get(&format!("/requests?q=*&from={third}")).await;
    assert_eq!(newer["items"].items().len(), 3, "`from` must return the request and newer ones");

    for (path, code) in [
        ("/requests?q=evnt:x", "bad_query"),
        ("/requests?q=x&skip=3", "invalid"),
        ("/requests?from=x", "invalid"),
        ("/requests/count?q=(", "bad_query"),
        ("/feed?query=(", "bad_query"),
    ] {
        let response = serve.request(Method::GET, path).send().await.expect("no response");
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(response.json::<Json>().await.expect("invalid JSON")["code"], code, "{path}");
    }
}

#[tokio::test]
async fn excludes_deleted_requests_until_the_deletion_is_undone() {
    let serve = Serve::start();
    for n in 0..3 {
        post(&serve, "inbox", json!({ "n": n, "word": "needle" })).await;
    }
    let needles = all_found(&serve, "needle").await;
    let id = needles[1]["id"].as_str().expect("the id must be a string");
    let deletion: Json = serve
        .request(Method::DELETE, &format!("/requests/{id}"))
        .send()
        .await
        .expect("no response")
        .json()
        .await
        .expect("invalid JSON");
    assert_eq!(found(&serve, "needle").await, [0, 2]);
    serve.request(Method::POST, &format!("/deletions/{}/undo", deletion["id"])).send().await.expect("no response");
    assert_eq!(found(&serve, "needle").await, [0, 1, 2]);
}

#[tokio::test]
async fn searches_decoded_and_large_bodies() {
    let serve = Serve::start();
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut coder, br#"{"n":1,"secret":{"word":"hidden in gzip"}}"#).expect("cannot compress");
    let client = reqwest::Client::new();
    let url = format!("{}/inbox", serve.listener);
    let gzip = client
        .post(&url)
        .header("content-encoding", "gzip")
        .header("content-type", "application/json")
        .body(coder.finish().expect("cannot compress"));
    assert_eq!(gzip.send().await.expect("no response").status(), 200);
    // The body is larger than one row can store, so it is stored in chunks.
    let large = format!(r#"{{"filler":"{}","n":2,"tail":"at the very end"}}"#, "x".repeat(3_000_000));
    assert_eq!(client.post(&url).body(large).send().await.expect("no response").status(), 200);
    let form = client
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("email=zo%C3%AB%40example.com&n=3");
    assert_eq!(form.send().await.expect("no response").status(), 200);
    for (query, bytes) in [
        ("\"HIDDEN in gzip\"", 62..80),
        ("body.secret.word:hidden*", 62..80),
        ("\"the very end\"", 3_000_000..3_000_100),
        ("body.tail:at*", 3_000_000..3_000_100),
        ("zoë@example.com", 20..60),
        ("form.email:ZOË@*", 20..60),
    ] {
        let found = all_found(&serve, query).await;
        let sizes: Vec<u64> = found.iter().filter_map(|item| item["body_bytes"].as_u64()).collect();
        assert!(matches!(sizes.as_slice(), [size] if bytes.contains(size)), "{query}: {sizes:?}");
    }
}

#[tokio::test]
async fn parses_query_terms_and_suggests_completions() {
    let serve = Serve::start();
    post(&serve, "inbox?page=1", json!({ "n": 1, "data": { "two words": ["a b"] } })).await;
    let read = serve.get(&format!("/query?text={}", encoded("é path:/x -(note:y)"))).await;
    assert_eq!(read["error"], Json::NULL);
    let terms = json!([
        { "at": 0, "length": 1, "field": false, "negated": false },
        { "at": 2, "length": 7, "field": true, "negated": false },
        { "at": 12, "length": 6, "field": true, "negated": true },
    ]);
    assert_eq!(read["terms"], terms);
    let texts = async |text: &str| -> Vec<String> {
        let read = serve.get(&format!("/query?text={}&caret={}", encoded(text), text.chars().count())).await;
        read["completions"]
            .items()
            .map(|one| one["text"].as_str().expect("the text must be a string").to_owned())
            .collect()
    };
    assert_eq!(texts("é ev").await, ["event:", "eventid:"]);
    assert_eq!(texts("body.da").await, ["data.\"two words\"[*]:"]);
    assert_eq!(texts("body.data.\"two words\"[*]:a").await, ["\"a b\" "]);
    assert_eq!(texts("-query.").await, ["page:"]);
    assert_eq!(texts("signature:in").await, ["invalid "]);
    assert!(texts("provider:str").await.contains(&"stripe ".to_owned()));
    assert!(texts("header.content").await.contains(&"content-type:".to_owned()));
    let error = serve.get("/query?text=evnt:x").await["error"].clone();
    assert_eq!(
        (error["at"].as_u64(), error["length"].as_u64(), error["suggestion"].as_str()),
        (Some(0), Some(4), Some("event:x"))
    );
}

#[tokio::test]
async fn saved_searches_persist_and_send_alerts() {
    let serve = Serve::start();
    let save = async |name: &str, body: Json| {
        let sent = serve
            .request(Method::PUT, &format!("/saved-searches/{}", encoded(name).replace('+', "%20")))
            .json(&body)
            .send()
            .await
            .expect("no response");
        (sent.status().as_u16(), sent.json::<Json>().await.expect("invalid JSON"))
    };
    let (status, saved) =
        save("Paid orders", json!({ "query": "body.state:paid", "inbox": "inbox", "alert": true })).await;
    assert_eq!(
        (status, saved),
        (200, json!({ "name": "Paid orders", "query": "body.state:paid", "inbox": "inbox", "alert": true }))
    );
    for (name, body, code) in [
        ("x", json!({ "query": "evnt:x" }), "bad_query"),
        ("x", json!({ "query": "x", "inbox": "nowhere" }), "inbox_not_found"),
        (&"x".repeat(61), json!({ "query": "x" }), "invalid"),
    ] {
        assert_eq!(save(name, body).await.1["code"], code, "{name}");
    }
    let mut feed =
        serve.request(Method::GET, "/feed").send().await.expect("cannot open the event stream").bytes_stream();
    post(&serve, "inbox", json!({ "n": 1, "state": "open" })).await;
    post(&serve, "inbox", json!({ "n": 2, "state": "paid" })).await;
    let mut text = String::new();
    while !text.contains("saved_search_matched") {
        text.push_str(&String::from_utf8_lossy(
            &feed.next().await.expect("the event stream ended").expect("the event stream failed"),
        ));
    }
    let line = text.lines().find(|line| line.contains("saved_search_matched")).expect("no alert");
    let alert: Json =
        serde_json::from_str(line.trim_start_matches("data: ").trim_start_matches("data:")).expect("invalid JSON");
    assert_eq!((&alert["name"], &alert["requests"]), (&json!("Paid orders"), &json!(1)));
    assert_eq!(
        serve.body(alert["request"]["id"].as_str().expect("the id must be a string")).await,
        br#"{"n":2,"state":"paid"}"#
    );
    let gone = serve.request(Method::DELETE, "/saved-searches/paid%20orders").send().await.expect("no response");
    assert_eq!(gone.status(), 204, "names must be case-insensitive");
    assert_eq!(serve.get("/saved-searches").await["items"], json!([]));
}

#[tokio::test]
async fn requests_and_listen_commands_filter_by_query() {
    let serve = Serve::start();
    post(&serve, "inbox", json!({ "n": 1 })).await;
    post(&serve, "inbox", json!({ "n": 2 })).await;
    let lines = |args: &[&str]| {
        let output = serve.cli(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout)
            .expect("invalid UTF-8")
            .lines()
            .map(|line| serde_json::from_str::<Json>(line).expect("invalid JSON"))
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&["requests", "--query", "body.n:2", "--json"]).len(), 1);
    assert_eq!(lines(&["requests", "-q", "body.n:*", "--limit", "1", "--json"]).len(), 1);
    assert_eq!(lines(&["requests", "-q", "-body.n:2", "--json"]).len(), 1, "a query may begin with a minus sign");
    assert_eq!(lines(&["requests", "--pinned", "-q", "body.n:1 or body.n:2", "--json"]).len(), 0);
    assert_eq!(serve.cli(&["requests", "--pinned", "-q", "a) or (b"]).status.code(), Some(2));
    let refused = serve.cli(&["requests", "--query", "evnt:x"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("event:x"), "the error must suggest a correction");
    let refused = serve.cli(&["listen", "--query", "("]);
    assert_eq!(refused.status.code(), Some(2));

    let mut listen = hookbench()
        .args(["listen", "inbox", "--query", "body.n:>10", "--json", "--data"])
        .arg(&serve.data)
        .stdout(Stdio::piped())
        .spawn()
        .expect("cannot start the binary");
    let mut out = BufReader::new(listen.stdout.take().expect("stdout must be piped"));
    let listening = std::thread::spawn(move || {
        let mut line = String::new();
        out.read_line(&mut line).map(|_| line)
    });
    // The command prints only requests that arrive after it connects, so requests are sent until it prints a line.
    until("a line of the listen command", async || {
        post(&serve, "inbox", json!({ "n": 5 })).await;
        post(&serve, "inbox", json!({ "n": 50 })).await;
        listening.is_finished().then_some(())
    })
    .await;
    let line: Json = serde_json::from_str(&listening.join().expect("the reader panicked").expect("cannot read stdout"))
        .expect("invalid JSON");
    assert_eq!(serve.body(line["id"].as_str().expect("the id must be a string")).await, br#"{"n":50}"#);
    listen.kill().expect("cannot kill the process");
    listen.wait().expect("cannot wait for the process");
}

#[tokio::test]
async fn rebuilds_damaged_search_index() {
    let dir = tempfile::tempdir().expect("cannot create a temporary directory");
    let data = dir.path().join("data");
    let serve = Serve::start_in(&data);
    let client = reqwest::Client::new();
    // The requests fill one block of the index. One of them contains a rare word.
    for n in 0..4_200 {
        let body = if n == 7 { "{\"n\":7,\"word\":\"rarest\"}".to_owned() } else { format!("{{\"n\":{n}}}") };
        let sent = client.post(format!("{}/inbox", serve.listener)).body(body).send().await.expect("no response");
        assert_eq!(sent.status(), 200);
    }
    let indexed = async |serve: &Serve| {
        until("the search index", async || {
            let search = serve.get("/status").await["search"].clone();
            (search["bytes"] != 0 && search["busy"] == false).then_some(search)
        })
        .await
    };
    let search = indexed(&serve).await;
    assert!(search["waiting"].as_u64().is_some_and(|waiting| waiting < 200), "{search}");
    assert_eq!(found(&serve, "RAREST").await, [7]);
    assert_eq!(found(&serve, "body.n:4100").await, [4_100], "requests outside of a complete block must be found");
    serve.terminate();
    let folder = data.join("search");
    let file = std::fs::read_dir(&folder)
        .expect("no index folder")
        .next()
        .expect("no index file")
        .expect("cannot read the folder")
        .path();
    let mut bytes = std::fs::read(&file).expect("cannot read the index");
    // With zeroed bits, the prefilter would exclude every request.
    let end = bytes.len();
    bytes[40_000..end].fill(0);
    std::fs::write(&file, &bytes).expect("cannot write the index");
    let serve = Serve::start_in(&data);
    assert_eq!(found(&serve, "rarest").await, [7]);
    indexed(&serve).await;
    assert_eq!(found(&serve, "rarest").await, [7]);
    assert_ne!(std::fs::read(&file).expect("cannot read the index"), bytes, "the index must be rebuilt");
    serve.patch("/settings", json!({ "search_index": false })).await;
    until("the index files to be deleted", async || std::fs::read_dir(&folder).ok()?.next().is_none().then_some(()))
        .await;
    assert_eq!(found(&serve, "rarest").await, [7]);
}

#[tokio::test]
async fn compares_two_requests_and_exits_with_result() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    let url = format!("{}/inbox", serve.listener);
    let json = "application/json";
    for (kind, shop, body) in [
        (json, "a", r#"{"id":1,"items":[{"id":"x","n":1},{"id":"y","n":2}]}"#.to_owned()),
        (json, "b", r#"{ "items":[{"n":1,"id":"x"},{"id":"z","n":3},{"id":"y","n":2}], "id":1.0 }"#.to_owned()),
        (json, "a", r#"{"id":1,"items":[{"id":"x","n":1},{"id":"y","n":2}]}"#.to_owned()),
        ("text/plain", "a", "one\ntwo\r\nthree".to_owned()),
        ("text/plain", "a", "one\ntwo\nthree".to_owned()),
        (json, "a", format!("[{}]", "1,".repeat(5_000_000) + "2")),
    ] {
        let sent = client.post(&url).header("content-type", kind).header("x-shop", shop).body(body).send().await;
        assert_eq!(sent.expect("no response").status(), 200);
    }
    let mut ids: Vec<String> = serve
        .all("inbox")
        .await
        .iter()
        .map(|item| item["id"].as_str().expect("the id must be a string").to_owned())
        .collect();
    ids.reverse();
    let diff = async |a: usize, b: usize| serve.get(&format!("/diff?a={}&b={}", ids[a], ids[b])).await;
    let differing = |rows: &Json| -> Vec<String> {
        let rows = rows.items().filter(|row| row["kind"] != "same" && row["kind"] != "skipped");
        rows.map(|row| format!("{}|{}", row["a"].as_str().unwrap_or("-"), row["b"].as_str().unwrap_or("-"))).collect()
    };

    let json = diff(0, 1).await;
    assert_eq!((&json["same"], &json["basis"], &json["changes"]), (&json!(false), &json!("json"), &json!(4)));
    assert_eq!(
        differing(&json["body"]),
        ["-|{", "-|\"id\": \"z\"", "-|\"n\": 3", "-|}"],
        "key order and number format must not count as changes"
    );
    assert!(differing(&json["headers"]).contains(&"x-shop: a|x-shop: b".to_owned()), "{json}");
    let twice = diff(0, 2).await;
    assert_eq!((&twice["same"], &twice["changes"]), (&json!(true), &json!(0)));
    let text = diff(3, 4).await;
    assert_eq!((&text["basis"], differing(&text["body"])), (&json!("text"), vec!["two␍␊|two␊".to_owned()]));
    let large = diff(0, 5).await;
    assert_eq!((&large["same"], &large["changes"]), (&json!(false), &json!(1)), "{large}");
    let itself = diff(5, 5).await;
    assert_eq!(
        (&itself["same"], &itself["changes"]),
        (&json!(true), &json!(0)),
        "a body that is too large to show must equal itself"
    );
    let missing = serve.request(Method::GET, &format!("/diff?a={}&b=x", ids[0])).send().await.expect("no response");
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);

    let same = serve.cli(&["diff", &ids[0], &ids[2]]);
    assert_eq!((same.status.code(), String::from_utf8_lossy(&same.stderr).trim()), (Some(0), "No differences."));
    let other = serve.cli(&["diff", &ids[0], &ids[1]]);
    assert_eq!(other.status.code(), Some(1));
    let out = String::from_utf8(other.stdout).expect("invalid UTF-8");
    assert!(out.contains("- x-shop: a\n+ x-shop: b\n") && out.contains("+       \"id\": \"z\"\n"), "{out}");
    assert_eq!(serve.cli(&["diff", &ids[0], "x"]).status.code(), Some(2));
}

#[tokio::test]
async fn groups_requests_of_one_event_in_a_timeline() {
    let serve = Serve::start();
    serve
        .patch("/inboxes/inbox", json!({ "response": { "status": 500 }, "verification": { "provider": "github" } }))
        .await;
    let client = reqwest::Client::new();
    let send = async |id: &str, body: &str| {
        let sent = client
            .post(format!("{}/inbox", serve.listener))
            .header("x-github-event", "push")
            .header("x-github-delivery", id)
            .body(body.to_owned())
            .send()
            .await;
        sent.expect("no response").status().as_u16()
    };
    assert_eq!(send("one", "{\"n\":1}").await, 500);
    assert_eq!(send("one", "{\"n\":1}").await, 500);
    serve.patch("/inboxes/inbox", json!({ "response": { "status": 200 } })).await;
    for (id, body) in [("one", "{\"n\":1}"), ("two", "{\"n\":1}"), ("one", "{\"n\":2}"), ("one", "{\"n\":1}")] {
        assert_eq!(send(id, body).await, 200);
    }
    let all = until("the event ids", async || {
        let all = serve.all("inbox").await;
        (all.len() == 6 && all.iter().all(|item| item["event_id"].is_string())).then_some(all)
    })
    .await;
    let earlier: Vec<u64> = all.iter().rev().filter_map(|item| item["earlier"].as_u64()).collect();
    assert_eq!(earlier, [0, 1, 2, 0, 3, 4]);
    let thread =
        serve.get(&format!("/requests/{}/timeline", all[0]["id"].as_str().expect("the id must be a string"))).await;
    let repeats: Vec<&str> = thread["items"].items().filter_map(|item| item["repeat"].as_str()).collect();
    assert_eq!(repeats, ["first", "retry", "retry", "altered", "duplicate"]);
    assert_eq!((&thread["event_id"], &thread["more"]), (&json!("one"), &json!(false)));
    assert_eq!(thread["items"][0]["after_ms"], Json::NULL);
    assert!(thread["items"][1]["after_ms"].as_f64().is_some_and(|ms| ms > 0.0));
    // The event stream also waits for the event type before it applies a query on `event`.
    let mut feed = serve
        .request(Method::GET, "/feed?query=-event:push")
        .send()
        .await
        .expect("cannot open the event stream")
        .bytes_stream();
    assert_eq!(send("three", "{\"n\":3}").await, 200);
    post(&serve, "inbox", json!({ "plain": true })).await;
    let mut text = String::new();
    while !text.contains("request_added") {
        text.push_str(&String::from_utf8_lossy(
            &feed.next().await.expect("the event stream ended").expect("the event stream failed"),
        ));
    }
    assert!(!text.contains("push"), "{text}");
    let duplicates = serve.get("/requests?q=duplicate:true%20eventid:one").await;
    assert_eq!(duplicates["items"].items().len(), 4);
    let alone =
        serve.get(&format!("/requests/{}/timeline", all[2]["id"].as_str().expect("the id must be a string"))).await;
    assert_eq!(alone["items"].items().len(), 1);
}

#[tokio::test]
async fn compares_responses_of_two_attempts() {
    use crate::destination::{endpoint, id, send};
    let serve = Serve::start();
    let made = endpoint(
        &serve,
        json!({ "provider": "onwebchat", "url": format!("{}/inbox", serve.listener), "local_test": true }),
    )
    .await;
    for (status, body) in [(500, r#"{"error":"down","at":1}"#), (200, r#"{"at":1,"taken":true}"#)] {
        serve.patch("/inboxes/inbox", json!({ "response": { "status": status, "body": body } })).await;
        match status {
            500 => drop(
                send(&serve, json!({ "provider": "onwebchat", "type": "chat.created", "endpoints": [id(&made)] }))
                    .await,
            ),
            _ => {
                let delivery = serve.get("/deliveries").await["items"][0]["id"].as_str().unwrap().to_owned();
                let again = serve.request(Method::POST, &format!("/deliveries/{delivery}/retry")).json(&json!({}));
                assert!(again.send().await.unwrap().status().is_success());
            }
        }
        until("the attempt to end", async || {
            (serve.get("/deliveries").await["items"][0]["status"] == status).then_some(())
        })
        .await;
    }
    let delivery = serve.get("/deliveries").await["items"][0]["id"].as_str().unwrap().to_owned();
    let diff = serve.get(&format!("/diff?a={delivery}:1&b={delivery}:2")).await;
    assert_eq!((&diff["basis"], &diff["changes"], &diff["same"]), (&json!("json"), &json!(2), &json!(false)));
    assert_eq!((&diff["line"]["a"], &diff["line"]["b"]), (&json!("HTTP 500"), &json!("HTTP 200")));
    let output = serve.cli(&["diff", &format!("{delivery}:1"), &format!("{delivery}:1")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for wrong in [format!("{delivery}:9"), format!("{delivery}:x")] {
        let refused = serve.request(Method::GET, &format!("/diff?a={delivery}:1&b={wrong}")).send().await.unwrap();
        assert!(refused.status().is_client_error(), "{wrong}");
    }
}
