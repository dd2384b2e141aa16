//! Calls each API operation with ids that do not exist and with minimal bodies. Each operation must respond with a
//! documented status, and errors must have a specific code.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::hookbench::Serve;

/// Error code of a missing resource, by path prefix.
const MISSING: &[(&str, &str)] = &[
    ("/checks/{id}", "check_not_found"),
    ("/deliveries/{id}", "delivery_not_found"),
    ("/endpoints/{id}", "endpoint_not_found"),
    ("/inboxes/{name}", "inbox_not_found"),
    ("/jobs/{id}", "job_not_found"),
    ("/projects/{name}", "project_not_found"),
    ("/providers/{id}", "provider_not_found"),
    ("/saved-searches/{name}", "saved_search_not_found"),
    ("/refusals/{id}", "refusal_not_found"),
    ("/deletions/{id}", "deletion_not_found"),
    ("/replays/{id}", "replay_not_found"),
    ("/requests/{id}", "request_not_found"),
    ("/scenarios/{id}", "scenario_not_found"),
    ("/scenario-runs/{id}", "scenario_run_not_found"),
    ("/schemas/{inbox}", "inbox_not_found"),
    ("/tunnels/{id}", "tunnel_not_found"),
];

/// Returns a minimal valid body, so that the operation fails because the resource is missing.
fn body_of(path: &str) -> Value {
    match path {
        path if path.ends_with("/backlog") => json!({ "action": "keep" }),
        path if path.ends_with("/signature/verify") => json!({ "scheme": {}, "secrets": ["x"] }),
        _ => json!({}),
    }
}

struct Visit {
    method: String,
    path: String,
    status: u16,
    response: Value,
    documented: Vec<String>,
}

#[tokio::test]
async fn operations_respond_with_documented_statuses_and_codes() {
    let serve = Serve::start();
    let document = hookbench_api::document();
    let mut visits = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        // The event stream never ends.
        if path == "/feed" {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let id = if path.starts_with("/deletions") { "7" } else { "nothing" };
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
                response: serde_json::from_str(&text).unwrap_or(Value::Null),
                documented: operation["responses"].as_object().unwrap().keys().cloned().collect(),
            });
        }
    }
    assert!(visits.len() > 100, "{}", visits.len());
    let mut wrong = Vec::new();
    let mut codes = BTreeMap::<String, usize>::new();
    for Visit { method, path, status, response, documented } in &visits {
        let code = response["code"].as_str().unwrap_or_default();
        let mut tell = |what: String| wrong.push(format!("{method} {path} responded with {status} {code}: {what}"));
        if *status >= 500 && code != "relay_unreached" {
            tell("internal error".into());
        }
        if !documented.contains(&status.to_string()) {
            tell(format!("the status is not one of the documented {documented:?}"));
        }
        if *status >= 400 {
            *codes.entry(code.to_owned()).or_default() += 1;
            for field in ["code", "message", "hint"] {
                if response[field].as_str().is_none_or(str::is_empty) {
                    tell(format!("the response has no {field}: {response}"));
                }
            }
            let message = response["message"].as_str().unwrap_or_default();
            if message.contains("expected struct") || message.contains("invalid type") || message.contains("u64") {
                tell(format!("the message contains internal type names: {message}"));
            }
        }
        if matches!(code, "route_not_found" | "method_not_allowed") {
            tell("the route exists".into());
        }
        if *status == 404
            && let Some((_, expected)) = MISSING.iter().find(|(start, _)| path.starts_with(start))
            && code != *expected
        {
            tell(format!("expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{codes:?}", wrong.join("\n"));
    for (_, code) in MISSING {
        assert!(codes.contains_key(*code), "no operation responded with {code}: {codes:?}");
    }
}
