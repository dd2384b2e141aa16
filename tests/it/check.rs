//! Handler checks, against handlers that are right and handlers that are each wrong in one known way.

use std::{path::PathBuf, process::Command, time::Instant};

use serde_json::{Value, json};

use crate::{
    handlers::{Program, free_port, root},
    hookline::Serve,
    target::call,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What takes seconds and finds none of the planted faults.
const LONG: &[&str] = &["burst", "sizes", "slow-upload", "answer-time", "captured"];

/// A handler of `tests/receivers`, and where it stands.
struct Handler {
    program: Program,
    port: u16,
    dir: tempfile::TempDir,
}

impl Handler {
    async fn start(framework: &str, fault: &str) -> Self {
        let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
        let mut command = match framework {
            "express" => {
                let mut command = Command::new("node");
                command.arg("checked.mjs");
                command
            }
            "fastapi" => {
                let mut command = Command::new("/usr/bin/python3");
                command.args(["-m", "uvicorn", "checked:app", "--log-level", "error", "--port", &port.to_string()]);
                command
            }
            _ => {
                let mut command = Command::new("php");
                command.args(["-d", "memory_limit=512M", "-d", "post_max_size=64M"]);
                command.args(["-S", &format!("127.0.0.1:{port}"), "checked.php"]);
                command
            }
        };
        command.current_dir(root().join("tests/receivers")).env("FAULT", fault).env("WEBHOOK_SECRET", SECRET);
        command.env("PORT", port.to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("BROKEN", dir.path().join("broken")).env("STORE", dir.path().join("store"));
        Self { program: Program::start(command, port).await, port, dir }
    }

    fn broken(&self) -> PathBuf {
        self.dir.path().join("broken")
    }

    /// A run of its checks, begun and ended; its report.
    async fn checked(&self, serve: &Serve, more: Value) -> Value {
        let at = format!("http://127.0.0.1:{}", self.port);
        let mut new = json!({
            "url": format!("{at}/webhook"), "provider": "standard-webhooks", "secret": SECRET, "settle_ms": 120,
            "probe": { "url": format!("{at}/effects") },
            "break_with": { "words": ["touch", self.broken()] }, "mend_with": { "words": ["rm", self.broken()] },
            "confirm_commands": true,
        });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        report(serve, new).await
    }
}

async fn report(serve: &Serve, new: Value) -> Value {
    let (status, begun) = call(serve, reqwest::Method::POST, "/checks", new).await;
    assert_eq!(status, 202, "{begun}");
    let path = format!("/checks/{}", begun["id"].as_str().unwrap());
    let long = std::time::Duration::from_secs(120);
    let ends = Instant::now() + long;
    while serve.get(&path).await["ended_at"].is_null() {
        assert!(Instant::now() < ends, "{}", serve.get(&path).await);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    serve.get(&format!("{path}/report")).await
}

/// Ids of the checks that came to this.
fn came_to(report: &Value, outcome: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["outcome"] == outcome).map(|check| check["id"].as_str().unwrap().to_owned()).collect()
}

/// What a report says of the checks that came to this.
fn said(report: &Value, outcome: &str) -> String {
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["outcome"] == outcome);
    checks.map(|check| format!("\n  {}: {}", check["id"], check["said"])).collect()
}

/// A fault, where it is planted, and every check that finds it. No other check fails.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const ALL: &[&str] = &["express", "fastapi", "php"];

const FAULTS: &[Row] = &[
    // Whoever checks nothing looks at no timestamp either.
    (
        "unchecked",
        &["fastapi"],
        &["unsigned", "wrong-secret", "changed-body", "mangled", "stale", "odd-timestamps", "other-versions"],
    ),
    (
        "unchecked",
        &["php"],
        &["unsigned", "wrong-secret", "changed-body", "mangled", "stale", "odd-timestamps", "other-versions"],
    ),
    ("parsed", ALL, &["changed-body", "odd-json", "unicode"]),
    ("stale", ALL, &["stale", "odd-timestamps"]),
    ("nan", &["express", "fastapi"], &["odd-timestamps"]),
    ("throws", &["express", "fastapi"], &["mangled"]),
    ("first", ALL, &["two-signatures"]),
    ("version", &["express"], &["other-versions"]),
    ("ascii", &["express"], &["unicode"]),
    ("unknown", ALL, &["unknown-type"]),
    ("strict", ALL, &["more-fields"]),
    ("gone", ALL, &["unknown-type", "never-gone"]),
    ("twice", ALL, &["thrice", "thrice-at-once"]),
    ("racy", &["express", "fastapi"], &["thrice-at-once"]),
    ("trace", ALL, &["broken-json", "empty-body", "tells-little"]),
    ("leaky", ALL, &["tells-little"]),
    ("swallow", ALL, &["fails-once", "unavailable"]),
    ("silent", ALL, &[]),
    ("redirect", ALL, &[]),
    ("case", &["php"], &["header-case"]),
];

async fn planted(framework: &str) {
    let serve = Serve::start();
    let mut wrong = String::new();
    for (fault, _, found) in FAULTS.iter().filter(|(_, frameworks, _)| frameworks.contains(&framework)) {
        let handler = Handler::start(framework, fault).await;
        let report = handler.checked(&serve, json!({ "skip": LONG })).await;
        let failed = came_to(&report, "fail");
        let right = match *fault {
            // Nothing works then; what is named is what says why.
            "silent" => failed.contains(&"effect".to_owned()),
            "redirect" => failed.contains(&"no-redirect".to_owned()),
            _ => failed == *found,
        };
        if !right || report["run"]["verdict"] == "right" {
            wrong += &format!("{fault}: {}\n{}\n", said(&report, "fail"), handler.program.said());
        }
    }
    assert!(wrong.is_empty(), "{framework}\n{wrong}");
    // One that is too slow is found by the check that is left out above.
    let handler = Handler::start(framework, "slow").await;
    let slow = handler.checked(&serve, json!({ "only": ["answer-time"], "timeout_ms": 1_000 })).await;
    assert_eq!(came_to(&slow, "fail"), ["answer-time"], "{framework}");
}

async fn nothing_found(framework: &str) {
    let (serve, began) = (Serve::start(), Instant::now());
    let handler = Handler::start(framework, "").await;
    let report = handler.checked(&serve, json!({ "old_secret": "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ=" })).await;
    let took = began.elapsed();
    assert_eq!(
        came_to(&report, "fail"),
        Vec::<String>::new(),
        "{framework}: {}\n{}",
        said(&report, "fail"),
        handler.program.said()
    );
    assert_eq!(report["run"]["verdict"], "right");
    assert!(took.as_secs() < 90, "{took:?}");
    let skipped = came_to(&report, "skipped");
    let due = [
        "certificate",
        "challenge",
        "allowed-origin",
        "weak-and-strong",
        "out-of-order",
        "late-update",
        "id-types",
        "retry-after",
    ];
    assert_eq!(skipped, due, "{}", said(&report, "skipped"));
    assert_eq!(came_to(&report, "unknown"), Vec::<String>::new(), "{}", said(&report, "unknown"));
    assert_eq!(report["checks"].as_array().unwrap().len(), 48);
}

#[tokio::test]
async fn a_right_express_handler_fails_nothing() {
    nothing_found("express").await;
}

#[tokio::test]
async fn a_right_fastapi_handler_fails_nothing() {
    nothing_found("fastapi").await;
}

#[tokio::test]
async fn a_right_php_handler_fails_nothing() {
    nothing_found("php").await;
}

#[tokio::test]
async fn every_fault_of_express_is_found() {
    planted("express").await;
}

#[tokio::test]
async fn every_fault_of_fastapi_is_found() {
    planted("fastapi").await;
}

#[tokio::test]
async fn every_fault_of_php_is_found() {
    planted("php").await;
}
