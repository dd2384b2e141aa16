//! A visit to every operation of the API's own description: with things that are not there and with nothing to go
//! by, each answers with a status that it names, and an error with a code of its own.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::hookbench::Serve;

/// The code of what is not there, by the path that names it.
const MISSING: &[(&str, &str)] = &[
    ("/checks/{id}", "check_not_found"),
    ("/deliveries/{id}", "delivery_not_found"),
    ("/endpoints/{id}", "endpoint_not_found"),
    ("/inboxes/{name}", "inbox_not_found"),
    ("/jobs/{id}", "job_not_found"),
    ("/providers/{id}", "provider_not_found"),
    ("/queries/{name}", "query_not_found"),
    ("/refusals/{id}", "refusal_not_found"),
    ("/removals/{id}", "deletion_not_found"),
    ("/replays/{id}", "replay_not_found"),
    ("/requests/{id}", "request_not_found"),
    ("/scenarios/{id}", "scenario_not_found"),
    ("/shapes/{inbox}", "inbox_not_found"),
    ("/tunnels/{id}", "tunnel_not_found"),
];

/// What makes a call good enough to find out that its subject is missing.
fn body_of(path: &str) -> Value {
    match path {
        path if path.ends_with("/away") => json!({ "what": "hold" }),
        path if path.ends_with("/signature/try") => json!({ "scheme": {}, "secrets": ["x"] }),
        _ => json!({}),
    }
}

struct Visit {
    method: String,
    path: String,
    status: u16,
    answer: Value,
    documented: Vec<String>,
}

#[tokio::test]
async fn every_operation_answers_as_it_says_and_with_codes_of_its_own() {
    let serve = Serve::start();
    let document = hookbench_api::document();
    let mut visits = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        // It never ends.
        if path == "/feed" {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let id = if path.starts_with("/removals") { "7" } else { "nothing" };
            let filled = path
                .replace("{id}", id)
                .replace("{name}", "nothing")
                .replace("{inbox}", "nothing")
                .replace("{index}", "0")
                .replace("{number}", "1");
            let mut request = serve.request(method.to_uppercase().parse::<Method>().unwrap(), &filled);
            if operation["requestBody"].is_object() {
                request = request.json(&body_of(path));
            }
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.text().await.unwrap();
            visits.push(Visit {
                method: method.to_uppercase(),
                path: path.to_owned(),
                status,
                answer: serde_json::from_str(&text).unwrap_or(Value::Null),
                documented: operation["responses"].as_object().unwrap().keys().cloned().collect(),
            });
        }
    }
    assert!(visits.len() > 100, "{}", visits.len());
    let mut wrong = Vec::new();
    let mut codes = BTreeMap::<String, usize>::new();
    for Visit { method, path, status, answer, documented } in &visits {
        let code = answer["code"].as_str().unwrap_or_default();
        let mut tell = |what: String| wrong.push(format!("{method} {path} answered {status} {code}: {what}"));
        if *status >= 500 && code != "relay_unreached" {
            tell("a defect".into());
        }
        if !documented.contains(&status.to_string()) {
            tell(format!("this status is not one of {documented:?}"));
        }
        if *status >= 400 {
            *codes.entry(code.to_owned()).or_default() += 1;
            for field in ["code", "message", "hint"] {
                if answer[field].as_str().is_none_or(str::is_empty) {
                    tell(format!("it has no {field}: {answer}"));
                }
            }
            let message = answer["message"].as_str().unwrap_or_default();
            if message.contains("expected struct") || message.contains("invalid type") || message.contains("u64") {
                tell(format!("these are the words of a program: {message}"));
            }
        }
        if matches!(code, "route_not_found" | "method_not_allowed") {
            tell("the route is there".into());
        }
        if *status == 404
            && let Some((_, expected)) = MISSING.iter().find(|(start, _)| path.starts_with(start))
            && code != *expected
        {
            tell(format!("{expected} is due"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{codes:?}", wrong.join("\n"));
    for (_, code) in MISSING {
        assert!(codes.contains_key(*code), "nothing answered {code}: {codes:?}");
    }
}
