//! End-to-end tests of scenarios: order, delays, restarts and custom scenario files.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    destination::{TargetServer, endpoint},
    hookbench::{Serve, until},
    json::{Json, json},
};

async fn run(serve: &Serve, wanted: Json) -> (u16, Json) {
    serve.call(reqwest::Method::POST, "/scenarios/run", wanted).await
}

fn kinds(destination: &TargetServer) -> Vec<String> {
    destination.got().iter().map(|got| got.headers["x-owc-event"].clone()).collect()
}

const CHAT: [&str; 6] =
    ["chat.created", "message.created", "message.created", "message.created", "chat.closed", "chat.rated"];

/// Kills the server between two events. The remaining events must be sent on schedule, each once.
#[tokio::test]
async fn keeps_order_and_delays_after_crash() {
    let dir = tempfile::tempdir().unwrap();
    let destination = TargetServer::start().await;
    let serve = Serve::start_in(dir.path());
    endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url })).await;
    let time_scale = 25.0;
    let wanted = json!({ "scenario": "onwebchat-chat", "time_scale": time_scale, "seed": 5 });
    let (status, sent) = run(&serve, wanted.clone()).await;
    assert_eq!((status, sent["events"].items().len()), (202, 6), "{sent}");
    until("two of six events", async || (destination.got().len() == 2).then_some(())).await;
    serve.kill_9();
    let serve = Serve::start_in(dir.path());
    until("all six events", async || (destination.got().len() == 6).then_some(())).await;
    assert_eq!(kinds(&destination), CHAT);
    let got = destination.got();
    for (pair, gap_s) in got.windows(2).zip([15.0, 20.0, 40.0, 20.0, 5.0]) {
        let gap = (pair[1].at - pair[0].at).as_secs_f64();
        assert!(gap > gap_s / time_scale * 0.9 - 0.05, "{gap} for {gap_s}");
    }
    let bodies: Vec<Json> = got.iter().map(|got| serde_json::from_slice(&got.body).unwrap()).collect();
    assert!(bodies.iter().all(|body| body["data"]["chat"]["id"] == bodies[0]["data"]["chat"]["id"]));
    assert_eq!(bodies[4]["data"]["chat"]["transcript"][2]["text"], bodies[2]["data"]["message"]["text"]);
    let ids: BTreeMap<&str, ()> = got.iter().map(|got| (got.headers["x-owc-delivery"].as_str(), ())).collect();
    assert_eq!(ids.len(), 6);
    // The same seed generates the same data.
    let again = json!({ "scenario": "onwebchat-chat", "time_scale": 100_000.0, "seed": 5 });
    run(&serve, again).await;
    until("the second run", async || (destination.got().len() == 12).then_some(())).await;
    let first =
        destination.got().iter().skip(6).find(|got| got.headers["x-owc-event"] == "chat.rated").unwrap().clone();
    let first: Json = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(first["data"]["rating"], bodies[5]["data"]["rating"]);
}

// The test blocks this thread while a command runs, so the test server needs another thread.
#[tokio::test(flavor = "multi_thread")]
async fn loads_and_runs_custom_scenario_files() {
    let (serve, destination) = (Serve::start(), TargetServer::start().await);
    let folder = serve.data.join("scenarios");
    std::fs::create_dir(&folder).unwrap();
    let text = "name = \"Mine\"\nprovider = \"onwebchat\"\n[[steps]]\nevent = \"chat.rated\"\n[[steps]]\nevent = \"chat.rated\"\nafter_s = 0.2\nset = { \"data.rating.score\" = 1 }\n";
    std::fs::write(folder.join("mine.toml"), text).unwrap();
    std::fs::write(folder.join("broken.toml"), &text[..text.len() - 4]).unwrap();
    let all = serve.get("/scenarios").await;
    let mine = all["items"].items().find(|one| one["id"] == "mine").unwrap();
    assert_eq!(
        (&mine["own"], &mine["duration_ms"], &mine["steps"][1]["after_ms"]),
        (&json!(true), &json!(200), &json!(200))
    );
    assert!(all["bad_files"][0].as_str().unwrap().starts_with("broken.toml: "), "{all}");
    let hook = format!("{}/hook", destination.url);
    let ran = serve.cli(&["scenario", "run", "mine", "--to", &hook, "--json"]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let file = folder.join("mine.toml");
    let ran = serve.cli(&["scenario", "run", file.to_str().unwrap(), "--to", &hook, "--time-scale", "100"]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let got = destination.got();
    assert_eq!(got.len(), 4);
    let last: Json = serde_json::from_slice(&got[3].body).unwrap();
    assert_eq!(last["data"]["rating"]["score"], 1);
    assert!(got[1].at - got[0].at >= Duration::from_millis(150));
    for (wanted, status) in [
        (json!({ "scenario": "nowhere" }), 404),
        (json!({ "scenario": "broken" }), 404),
        (json!({}), 422),
        (json!({ "scenario": "mine", "file": text }), 422),
        (json!({ "file": "name = 1" }), 422),
        (json!({ "scenario": "mine", "time_scale": 0 }), 422),
    ] {
        let (responded, error) = run(&serve, wanted.clone()).await;
        assert_eq!(responded, status, "{wanted}: {error}");
    }
    // The command fails if there is no endpoint to send to.
    let no_endpoint = serve.cli(&["scenario", "run", "mine"]);
    assert_eq!(no_endpoint.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&no_endpoint.stderr).contains("--to"));
}

/// A run lists its events in order with their deliveries, and stays readable after a restart. Canceling a run cancels
/// only what waits. Retention deletes a run with its last delivery.
#[tokio::test]
async fn lists_shows_and_cancels_runs() {
    let dir = tempfile::tempdir().unwrap();
    let destination = TargetServer::start().await;
    let serve = Serve::start_in(dir.path());
    endpoint(&serve, json!({ "provider": "onwebchat", "url": destination.url })).await;
    let wanted = json!({ "scenario": "onwebchat-chat", "time_scale": 100_000.0, "seed": 7 });
    let (_, quick) = run(&serve, wanted).await;
    let quick = quick["run"].as_str().unwrap().to_owned();
    let ended = async || {
        let detail = serve.get(&format!("/scenario-runs/{quick}")).await;
        detail["run"]["ended_at"].is_string().then_some(detail)
    };
    let detail = until("the end of the run", ended).await;
    let counts = |run: &Json| {
        ["events", "deliveries", "delivered", "failed", "not_sent", "waiting"].map(|name| run[name].as_u64().unwrap())
    };
    assert_eq!(counts(&detail["run"]), [6, 6, 6, 0, 0, 0]);
    assert_eq!((&detail["run"]["seed"], &detail["run"]["scenario"]), (&json!(7), &json!("onwebchat-chat")));
    let kinds: Vec<&str> = detail["steps"].items().map(|step| step["event_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, CHAT);
    assert!(detail["steps"].items().all(|step| step["deliveries"][0]["state"] == "delivered"), "{detail}");

    let (_, slow) = run(&serve, json!({ "scenario": "onwebchat-chat", "time_scale": 0.01 })).await;
    let slow = slow["run"].as_str().unwrap().to_owned();
    until("the first event", async || (destination.got().len() == 7).then_some(())).await;
    serve.kill_9();
    let serve = Serve::start_in(dir.path());
    let first_ended = async || {
        let detail = serve.get(&format!("/scenario-runs/{slow}")).await;
        (detail["run"]["waiting"] == 5).then_some(detail)
    };
    let detail = until("one ended delivery", first_ended).await;
    assert_eq!(detail["steps"][1]["after_ms"], 1_500_000);
    let (status, canceled) =
        serve.call(reqwest::Method::POST, &format!("/scenario-runs/{slow}/cancel"), json!({})).await;
    assert_eq!((status, counts(&canceled)), (200, [6, 6, 1, 0, 5, 0]));
    let runs = serve.get("/scenario-runs?limit=1").await;
    assert_eq!((&runs["items"][0]["id"], &runs["next"]), (&json!(slow), &json!(slow)));
    let older = serve.get(&format!("/scenario-runs?after={slow}")).await;
    assert_eq!((older["items"].items().len(), &older["items"][0]["id"]), (1, &json!(quick)));

    let retention = json!({ "retention": { "deliveries": 6 } });
    let (status, settings) = serve.call(reqwest::Method::PATCH, "/settings", retention).await;
    assert_eq!(status, 200, "{settings}");
    let only_slow = async || (serve.get("/scenario-runs").await["items"].items().len() == 1).then_some(());
    until("the deletion of the older run", only_slow).await;
}
