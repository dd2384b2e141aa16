//! End-to-end tests of the handler checks, against correct handlers and handlers with one planted fault each.

use std::{path::PathBuf, process::Command, time::Instant};

use crate::{
    handlers::{Program, free_port, root},
    hookbench::{Serve, until},
    json::{Json, json},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Checks that take seconds and find none of the planted faults.
const LONG: &[&str] = &["burst", "sizes", "slow-upload", "response-time", "replayed-later"];

/// A running handler of `tests/handlers`.
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
        command.current_dir(root().join("tests/handlers")).env("FAULT", fault).env("WEBHOOK_SECRET", SECRET);
        command.env("PORT", port.to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("BROKEN", dir.path().join("broken")).env("STORE", dir.path().join("store"));
        Self { program: Program::start(command, port).await, port, dir }
    }

    fn broken(&self) -> PathBuf {
        self.dir.path().join("broken")
    }

    /// Runs the checks against the handler. Returns the report.
    async fn checked(&self, serve: &Serve, more: Json) -> Json {
        let at = format!("http://127.0.0.1:{}", self.port);
        let mut new = json!({
            "url": format!("{at}/webhook"), "provider": "standard-webhooks", "secret": SECRET, "settle_ms": 120,
            "probe": { "url": format!("{at}/effects") },
            "fail_command": { "args": ["touch", self.broken()] }, "restore_command": { "args": ["rm", "-f", self.broken()] },
            "confirm_commands": true,
        });
        new.extend(&more);
        report(serve, new).await
    }
}

async fn report(serve: &Serve, mut settings: Json) -> Json {
    let confirm = settings.remove("confirm_commands").unwrap_or(Json::NULL);
    let new = json!({ "settings": settings, "confirm_commands": confirm == true });
    let (status, begun) = serve.call(reqwest::Method::POST, "/checks", new).await;
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

/// Returns the ids of the checks with this outcome.
fn came_to(report: &Json, outcome: &str) -> Vec<String> {
    let checks = report["checks"].items();
    checks.filter(|check| check["outcome"] == outcome).map(|check| check["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns the messages of the checks with this outcome.
fn message(report: &Json, outcome: &str) -> String {
    let checks = report["checks"].items().filter(|check| check["outcome"] == outcome);
    checks.map(|check| format!("\n  {}: {}", check["id"], check["message"])).collect()
}

/// A fault, the frameworks it is planted in, and the checks that must fail. No other check may fail.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const ALL: &[&str] = &["express", "fastapi", "php"];

/// Checks that fail for a handler that does not verify signatures.
const UNCHECKED: &[&str] = &[
    "unsigned",
    "wrong-secret",
    "changed-body",
    "malformed-signatures",
    "expired-timestamp",
    "invalid-timestamps",
    "other-versions",
    "empty-secret",
    "other-algorithm",
];

const FAULTS: &[Row] = &[
    // A handler that does not verify signatures does not check timestamps either.
    ("unverified", &["fastapi"], UNCHECKED),
    ("unverified", &["php"], UNCHECKED),
    ("parsed", ALL, &["changed-body", "raw-body", "unicode"]),
    ("expired-timestamp", ALL, &["expired-timestamp", "invalid-timestamps"]),
    ("nan", &["express", "fastapi"], &["invalid-timestamps"]),
    // Express also responds with the stack trace of an exception.
    ("throws", &["express"], &["malformed-signatures", "no-disclosure", "other-algorithm"]),
    ("throws", &["fastapi"], &["malformed-signatures"]),
    ("first", ALL, &["two-signatures"]),
    ("version", &["express"], &["other-versions"]),
    ("ascii", &["express"], &[]),
    ("unknown", ALL, &["unknown-type"]),
    ("strict", ALL, &["unknown-fields"]),
    ("gone", ALL, &["unknown-type", "no-410"]),
    ("twice", ALL, &["duplicates", "concurrent-duplicates"]),
    ("racy", &["express", "fastapi"], &["concurrent-duplicates"]),
    ("trace", ALL, &["broken-json", "empty-body", "no-disclosure"]),
    ("leaky", ALL, &["no-disclosure"]),
    ("swallow", ALL, &["retry-after-failure", "unavailable"]),
    ("silent", ALL, &[]),
    ("redirect", ALL, &[]),
    ("case", &["php"], &["header-case"]),
];

async fn planted(framework: &str) {
    let serve = Serve::start();
    let mut failures = String::new();
    for (fault, _, found) in FAULTS.iter().filter(|(_, frameworks, _)| frameworks.contains(&framework)) {
        let handler = Handler::start(framework, fault).await;
        let report = handler.checked(&serve, json!({ "skip": LONG })).await;
        let failed = came_to(&report, "fail");
        let passed = match *fault {
            // Most checks fail for these faults, so only the check that names the cause is required.
            "silent" => failed.contains(&"effect".to_owned()),
            "redirect" => failed.contains(&"no-redirect".to_owned()),
            // Generated names sometimes contain non-ASCII characters, so other checks can fail too.
            "ascii" => failed.contains(&"unicode".to_owned()),
            _ => failed == *found,
        };
        if !passed || report["run"]["conclusion"] == "passed" {
            failures += &format!("{fault}: {}\n{}\n", message(&report, "fail"), handler.program.message());
        }
    }
    assert!(failures.is_empty(), "{framework}\n{failures}");
    // `response-time` is in `LONG`, so the slow handler is checked separately.
    let handler = Handler::start(framework, "slow").await;
    let slow = handler.checked(&serve, json!({ "only": ["response-time"], "timeout_ms": 1_000 })).await;
    assert_eq!(came_to(&slow, "fail"), ["response-time"], "{framework}");
}

async fn nothing_found(framework: &str) {
    let serve = Serve::start();
    let handler = Handler::start(framework, "").await;
    let report = handler.checked(&serve, json!({ "old_secret": "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ=" })).await;
    assert_eq!(
        came_to(&report, "fail"),
        Vec::<String>::new(),
        "{framework}: {}\n{}",
        message(&report, "fail"),
        handler.program.message()
    );
    assert_eq!(report["run"]["conclusion"], "passed");
    let skipped = came_to(&report, "skipped");
    let due = [
        "certificate",
        "challenge",
        "allowed-origin",
        "stronger-signature",
        "out-of-order",
        "late-update",
        "id-types",
        "retry-after",
        "unsigned-type",
    ];
    assert_eq!(skipped, due, "{}", message(&report, "skipped"));
    assert_eq!(came_to(&report, "unknown"), Vec::<String>::new(), "{}", message(&report, "unknown"));
    assert_eq!(report["checks"].items().count(), 52);
}

#[tokio::test]
async fn correct_express_handler_passes() {
    nothing_found("express").await;
}

#[tokio::test]
async fn correct_fastapi_handler_passes() {
    nothing_found("fastapi").await;
}

#[tokio::test]
async fn correct_php_handler_passes() {
    nothing_found("php").await;
}

#[tokio::test]
async fn finds_every_express_fault() {
    planted("express").await;
}

#[tokio::test]
async fn finds_every_fastapi_fault() {
    planted("fastapi").await;
}

#[tokio::test]
async fn finds_every_php_fault() {
    planted("php").await;
}

/// The results must match the behavior of the official libraries of the vendors.
#[tokio::test]
async fn official_vendor_libraries_pass_signature_checks() {
    let serve = Serve::start();
    const OF_SIGNATURES: &[&str] = &[
        "accepts",
        "unsigned",
        "wrong-secret",
        "changed-body",
        "malformed-signatures",
        "expired-timestamp",
        "future-timestamp",
        "timestamp-tolerance",
        "invalid-timestamps",
        "two-signatures",
        "other-versions",
        "stronger-signature",
        "old-secret",
        "header-case",
        "raw-body",
        "unicode",
        "replayed-later",
    ];
    /// A vendor, its secret, and the checks that fail, warn and are skipped.
    type Vendor = (&'static str, &'static str, [&'static [&'static str]; 3]);
    const VENDORS: &[Vendor] = &[
        ("standard-webhooks", SECRET, [&[], &[], &["stronger-signature"]]),
        // The provider has no known events, so a sample event is generated.
        ("svix", SECRET, [&[], &[], &["stronger-signature"]]),
        // The Node library of Stripe accepts `t=NaN` as a timestamp that never expires. Users of the library cannot fix
        // that, so the result is a warning.
        ("stripe", SECRET, [&[], &["future-timestamp", "invalid-timestamps"], &["stronger-signature"]]),
        (
            "github",
            "it's a secret to everybody",
            [
                &[],
                &[],
                &[
                    "expired-timestamp",
                    "future-timestamp",
                    "timestamp-tolerance",
                    "invalid-timestamps",
                    "two-signatures",
                ],
            ],
        ),
    ];
    for (vendor, secret, [failed, warned, skipped]) in VENDORS {
        let port = free_port();
        let mut command = Command::new("node");
        command.arg("sdks.mjs").current_dir(root().join("tests/handlers")).env("WEBHOOK_SECRET", secret);
        let _program = Program::start(command, port).await;
        let new = json!({
            "url": format!("http://127.0.0.1:{port}/{vendor}"), "provider": vendor, "secret": secret, "only": OF_SIGNATURES,
            "old_secret": "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ=",
        });
        let report = report(&serve, new).await;
        assert_eq!(came_to(&report, "fail"), *failed, "{vendor}: {}", message(&report, "fail"));
        assert_eq!(came_to(&report, "warn"), *warned, "{vendor}: {}", message(&report, "warn"));
        assert_eq!(came_to(&report, "skipped"), *skipped, "{vendor}: {}", message(&report, "skipped"));
    }
}

/// Covers the plan, the confirmations, cancellation, rerun, comparison and deletion of a run.
#[tokio::test]
async fn plans_confirms_cancels_reruns_and_compares_runs() {
    let serve = Serve::start();
    let handler = Handler::start("fastapi", "unknown").await;
    let url = format!("http://127.0.0.1:{}/webhook", handler.port);
    let new = json!({ "settings": { "url": url, "provider": "standard-webhooks", "secret": SECRET } });
    let (status, plan) = serve.call(reqwest::Method::POST, "/checks/plan", new.clone()).await;
    assert_eq!((status, &plan["this_machine"], &plan["rate"]), (200, &json!(true), &json!(20)), "{plan}");
    assert!(plan["requests"].as_u64().unwrap() > 100 && plan["bytes"].as_u64().unwrap() > 28_000_000, "{plan}");
    assert_eq!(plan["checks"].items().count(), 52);
    // Remote hosts and commands need a confirmation. Requests from a web page cannot run commands.
    for (change, code) in [
        (json!({ "url": "http://192.0.2.1/x" }), "confirm_host"),
        (json!({ "probe": { "command": { "args": ["true"] } } }), "confirm_commands"),
        (json!({ "secret": "" }), "invalid"),
        (json!({ "provider": "unknown" }), "invalid"),
        (json!({ "only": ["nothing"] }), "invalid"),
        (json!({ "fail_command": { "args": ["true"] } }), "invalid"),
        (json!({ "burst": 0 }), "invalid"),
        (json!({ "onyl": ["accepts"] }), "invalid_json"),
        (json!({ "event": "no.such" }), "invalid"),
        (json!({ "probe": { "command": { "args": [] } } }), "invalid"),
        (json!({ "probe": { "url": "file:///etc/passwd" } }), "invalid"),
        (json!({ "probe": { "url": "http://192.0.2.1/count" } }), "confirm_commands"),
    ] {
        let mut failed = new.clone();
        failed["settings"].extend(&change);
        let (_, error) = serve.call(reqwest::Method::POST, "/checks", failed).await;
        assert_eq!(error["code"], code, "{error}");
    }
    let own = serve.request(reqwest::Method::POST, "/checks").build().unwrap().url().origin().ascii_serialization();
    let page = serve.request(reqwest::Method::POST, "/checks").header("Origin", &own);
    let probe = json!({ "sqlite": { "path": "/etc/passwd", "query": "SELECT 1" } });
    let mut by_page = new.clone();
    by_page["settings"]["probe"] = probe;
    by_page["confirm_commands"] = true.into();
    let refused: Json = page.json(&by_page).send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["code"], "commands_from_page", "{refused}");

    let (_, begun) = serve.call(reqwest::Method::POST, "/checks", new.clone()).await;
    let id = begun["id"].as_str().unwrap();
    assert!(!begun.to_string().contains(SECRET), "{begun}");
    until("some results", async || {
        (serve.get(&format!("/checks/{id}")).await["counts"]["pass"].as_u64().unwrap() > 3).then_some(())
    })
    .await;
    let (status, _) = serve.call(reqwest::Method::DELETE, &format!("/checks/{id}"), json!(null)).await;
    assert_eq!(status, 409);
    assert_eq!(serve.call(reqwest::Method::POST, &format!("/checks/{id}/cancel"), json!(null)).await.0, 202);
    let ended = until("the run to end", async || {
        let run = serve.get(&format!("/checks/{id}")).await;
        (!run["ended_at"].is_null()).then_some(run)
    })
    .await;
    assert_eq!((&ended["state"], &ended["conclusion"]), (&json!("canceled"), &json!("incomplete")));
    let known = serve.get(&format!("/checks/{id}/report")).await["checks"].items().count();
    assert!(known < 48, "{known}");

    let few = json!({ "only": ["accepts", "unsigned", "unknown-type"] });
    let first = handler.checked(&serve, few.clone()).await;
    assert_eq!(
        (came_to(&first, "fail"), &first["run"]["conclusion"]),
        (vec!["unknown-type".to_owned()], &json!("failed"))
    );
    // A fixed handler runs at the same URL. The rerun repeats the failed checks and keeps the other results.
    let port = handler.port;
    drop(handler);
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-m", "uvicorn", "checked:app", "--log-level", "error", "--port", &port.to_string()]);
    command
        .current_dir(root().join("tests/handlers"))
        .env("WEBHOOK_SECRET", SECRET)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let _mended = Program::start(command, port).await;
    let second = json!({ "url": url, "provider": "standard-webhooks", "secret": SECRET, "only": few["only"] });
    let second = report(&serve, second).await;
    let again = format!("/checks/{}/rerun", first["run"]["id"].as_str().unwrap());
    assert_eq!(serve.call(reqwest::Method::POST, &again, json!({})).await.0, 202);
    let path = format!("/checks/{}", first["run"]["id"].as_str().unwrap());
    let passed = until("the rerun to end", async || {
        let run = serve.get(&path).await;
        (!run["ended_at"].is_null()).then_some(run)
    })
    .await;
    assert_eq!((&passed["conclusion"], &passed["counts"]["pass"]), (&json!("passed"), &json!(3)));
    let (before, after) = (id, second["run"]["id"].as_str().unwrap());
    let compared = serve.get(&format!("/checks/compare?before={before}&after={after}")).await;
    assert!(compared["changed"].items().any(|one| one["after"].is_null()), "{compared}");
    let listed = serve.get("/checks").await;
    assert_eq!(listed["items"].items().count(), 3);
    assert_eq!(serve.call(reqwest::Method::DELETE, &path, json!(null)).await.0, 204);
}

/// A run continues after a crash of Hookbench and keeps its results. A crash of the handler is a failure or a warning.
#[tokio::test]
async fn continues_after_crash_and_reports_crashed_handler() {
    let data = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(data.path());
    let handler = Handler::start("express", "").await;
    let url = format!("http://127.0.0.1:{}/webhook", handler.port);
    let new = json!({ "settings": { "url": url, "provider": "standard-webhooks", "secret": SECRET } });
    let (_, begun) = serve.call(reqwest::Method::POST, "/checks", new).await;
    let id = begun["id"].as_str().unwrap().to_owned();
    let path = format!("/checks/{id}");
    until("some results", async || (serve.get(&path).await["counts"]["pass"].as_u64().unwrap() > 5).then_some(()))
        .await;
    let before = serve.get(&format!("{path}/report")).await["checks"].clone();
    serve.kill_9();
    let serve = Serve::start_in(data.path());
    let run = serve.get(&path).await;
    assert!(run["ended_at"].is_null(), "{run}");
    let after = serve.get(&format!("{path}/report")).await["checks"].clone();
    for check in before.items() {
        assert!(after.items().any(|other| other == check), "{check}");
    }
    // The handler is stopped before it is killed. It then dies during a request and not between two requests.
    handler.program.stop();
    let mut asked = (Json::NULL, Instant::now());
    while asked.1.elapsed() < std::time::Duration::from_secs(1) {
        let counts = serve.get(&path).await["counts"].clone();
        if counts != asked.0 {
            asked = (counts, Instant::now());
        }
    }
    drop(handler);
    let ends = Instant::now() + std::time::Duration::from_secs(60);
    while serve.get(&path).await["ended_at"].is_null() {
        assert!(Instant::now() < ends);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let report = serve.get(&format!("{path}/report")).await;
    // The check that ran during the crash fails or warns, depending on its level.
    let found = [came_to(&report, "fail"), came_to(&report, "warn")].concat();
    assert!(!found.is_empty(), "{}", message(&report, "pass"));
    assert!(message(&report, "error").contains("no longer responds"), "{}", message(&report, "error"));
    assert_eq!(report["run"]["state"], "done");
    assert_ne!(report["run"]["conclusion"], "passed");

    // A handler that does not run at the start has not failed, because no request reached it.
    let captured = json!({ "url": url, "provider": "standard-webhooks", "secret": SECRET, "only": ["replayed-later"] });
    let report = self::report(&serve, captured).await;
    assert_eq!((&report["run"]["conclusion"], &report["checks"]), (&json!("incomplete"), &json!([])), "{report}");
    assert!(report["run"]["reason"].as_str().unwrap().contains("Start the handler"), "{report}");
}

/// Tests the exit status, the JUnit report and the HTML report, which must not contain scripts.
#[tokio::test]
async fn check_command_exits_with_result_and_writes_reports() {
    let data = tempfile::tempdir().unwrap();
    let secret = data.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let (junit, html, store) =
        (data.path().join("out.xml"), data.path().join("out.html"), data.path().join("store.json"));
    for (fault, code) in [("", 0), ("unverified", 1)] {
        let handler = Handler::start("php", fault).await;
        let url = format!("http://127.0.0.1:{}/webhook?<script>=\"&'", handler.port).replace(['<', '>', '"', '\''], "");
        std::fs::copy(handler.dir.path().join("store"), &store).unwrap_or_default();
        let counted = format!(
            "php -r 'echo count(json_decode(file_get_contents(\"{}\") ?: \"[]\", true));'",
            handler.dir.path().join("store").display()
        );
        let done = crate::hookbench::hookbench()
            .args(["check", &url, "--provider", "standard-webhooks", "--yes", "--settle", "100"])
            .args([
                "--only",
                "accepts",
                "--only",
                "unsigned",
                "--only",
                "duplicates",
                "--only",
                "raw-body",
                "--only",
                "burst",
            ])
            .args(["--probe-command", &counted])
            .arg("--secret-file")
            .arg(&secret)
            .arg("--junit")
            .arg(&junit)
            .arg("--html")
            .arg(&html)
            .arg("--data")
            .arg(data.path().join("data"))
            .output()
            .unwrap();
        let (message, complained) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(code), "{message}{complained}");
        assert!(message.contains(if code == 0 { "Passed: 0 failed" } else { "Failed: 1 failed" }), "{message}");
        assert!(complained.contains("Runs on this computer: php -r"), "{complained}");
        let xml = std::fs::read_to_string(&junit).unwrap();
        let checked = Command::new("/usr/bin/python3")
            .args(["-c", "import sys, xml.etree.ElementTree as e; s = e.parse(sys.argv[1]).getroot(); print(s.get('tests'), s.get('failures'), len(s.findall('.//testcase')), len(s.findall('.//failure')))"])
            .arg(&junit)
            .output()
            .unwrap();
        let counts = String::from_utf8_lossy(&checked.stdout);
        assert_eq!(counts.trim(), format!("5 {code} 5 {code}"), "{xml}");
        let page = std::fs::read_to_string(&html).unwrap();
        assert!(
            !page.contains("<script") && page.contains("default-src &#x27;none&#x27;")
                || page.contains("default-src 'none'"),
            "{page}"
        );
        assert!(!page.contains(SECRET) && !xml.contains(SECRET));
    }
    let questions = crate::hookbench::hookbench()
        .args(["check", "rules", "--json", "--data"])
        .arg(data.path().join("data"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&questions.stdout).lines().count(), 52);
}

/// A run does not pass if its probe fails or no check ran. A run stops if the handler cannot be restored.
#[tokio::test]
async fn does_not_pass_checks_that_did_not_run() {
    let serve = Serve::start();
    let handler = Handler::start("express", "").await;
    let few = json!(["accepts", "unsigned", "duplicates"]);
    for (change, conclusion, state) in [
        (json!({ "only": few }), "passed", "done"),
        (json!({ "only": few, "probe": { "command": { "args": ["false"] } } }), "incomplete", "done"),
        (
            json!({ "only": few, "probe": { "sqlite": { "path": "/nowhere.db", "query": "SELECT 1" } } }),
            "incomplete",
            "done",
        ),
        (json!({ "only": ["accepts"], "skip": ["accepts"] }), "incomplete", "done"),
        (json!({ "only": ["unavailable"], "fail_command": { "args": ["false"] } }), "incomplete", "done"),
        (json!({ "only": ["unavailable", "burst"], "restore_command": { "args": ["false"] } }), "incomplete", "failed"),
    ] {
        let report = handler.checked(&serve, change.clone()).await;
        assert_eq!(
            (&report["run"]["conclusion"], &report["run"]["state"]),
            (&json!(conclusion), &json!(state)),
            "{change}: {}",
            report["run"]
        );
    }
    // The last run could not restore the handler.
    std::fs::remove_file(handler.broken()).unwrap();
    let port = free_port();
    let unreachable =
        json!({ "url": format!("http://127.0.0.1:{port}/"), "provider": "standard-webhooks", "secret": SECRET });
    let mut looking_back = unreachable.clone();
    looking_back["only"] = json!(["no-redirect", "no-410", "no-disclosure"]);
    assert_eq!(report(&serve, looking_back).await["run"]["conclusion"], "incomplete");
}

/// A probe that prints text detects a change. A decreasing count is an error. A database probe cannot write.
#[tokio::test]
async fn supports_each_type_of_side_effect_probe() {
    let serve = Serve::start();
    let handler = Handler::start("php", "").await;
    let store = handler.dir.path().join("store");
    // The handler creates its file on the first request.
    reqwest::get(format!("http://127.0.0.1:{}/effects", handler.port)).await.unwrap();
    let asked = json!(["accepts", "unsigned", "duplicates", "raw-body"]);
    let database = handler.dir.path().join("app.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch("CREATE TABLE t (n)").unwrap();
    let written = handler.dir.path().join("written.db");
    let vacuum = format!("VACUUM INTO '{}'", written.display());
    let args = |args: &[&str]| json!({ "command": { "args": args } });
    let hash = args(&["sha256sum", store.to_str().unwrap()]);
    let down = args(&["sh", "-c", &format!("echo $((100000 - $(stat -c %s {})))", store.display())]);
    for (probe, failed, errors) in [
        (hash, 0, 0),
        (down, 0, 3),
        (args(&["sh", "-c", "sleep 30 & echo 1"]), 3, 0),
        (json!({ "sqlite": { "path": database, "query": "SELECT count(*) FROM t" } }), 3, 0),
        (json!({ "sqlite": { "path": database, "query": vacuum } }), 0, 4),
    ] {
        let report = handler.checked(&serve, json!({ "only": asked, "probe": probe, "settle_ms": 60 })).await;
        let shown = format!("{probe}: {}{}", message(&report, "fail"), message(&report, "error"));
        assert_eq!((came_to(&report, "fail").len(), came_to(&report, "error").len()), (failed, errors), "{shown}");
    }
    assert!(!written.exists());
}

/// The check finds the secret anywhere in a response, and the report does not contain the secret.
#[tokio::test]
async fn finds_secret_in_response_without_reporting_it() {
    let serve = Serve::start();
    let handler = Handler::start("express", "leaky").await;
    let report = handler.checked(&serve, json!({ "only": ["accepts", "no-disclosure"] })).await;
    assert_eq!(came_to(&report, "fail"), ["no-disclosure"]);
    assert!(!report.to_string().contains(&SECRET[6..]), "{report}");
    let id = report["run"]["id"].as_str().unwrap();
    // A rerun ignores the earlier responses of the handler.
    let port = handler.port;
    drop(handler);
    let mut command = Command::new("node");
    command.arg("checked.mjs").current_dir(root().join("tests/handlers")).env("WEBHOOK_SECRET", SECRET);
    command.env("PORT", port.to_string());
    let _mended = Program::start(command, port).await;
    let path = format!("/checks/{id}");
    let statuses: Vec<u16> = {
        let again = format!("{path}/rerun");
        let (one, two) = tokio::join!(
            serve.call(reqwest::Method::POST, &again, json!({})),
            serve.call(reqwest::Method::POST, &again, json!({}))
        );
        vec![one.0, two.0]
    };
    assert!(statuses.contains(&202) && statuses.iter().all(|status| [202, 409].contains(status)), "{statuses:?}");
    let passed = until("the rerun to end", async || {
        let run = serve.get(&path).await;
        (!run["ended_at"].is_null()).then_some(run)
    })
    .await;
    assert_eq!((&passed["conclusion"], &passed["counts"]["pass"]), (&json!("passed"), &json!(2)), "{passed}");
    let (status, _) =
        serve.call(reqwest::Method::POST, &format!("{path}/rerun"), json!({ "checks": ["duplicates"] })).await;
    assert_eq!(status, 422);
}

/// Hookbench inboxes respond to the registration challenge of their vendor. An inbox without a vendor does not.
#[tokio::test]
async fn checks_registration_challenge_of_vendor() {
    let serve = Serve::start();
    for (name, verification) in [
        ("meta", json!({ "provider": "meta", "secrets": ["app-secret"], "params": { "verify_token": "my-token" } })),
        ("events", json!({ "provider": "azure-event-grid" })),
        ("plain", json!({})),
    ] {
        let new = json!({ "name": name, "verification": verification });
        assert_eq!(serve.call(reqwest::Method::POST, "/inboxes", new).await.0, 201, "{name}");
    }
    for (inbox, outcome) in [("meta", "pass"), ("plain", "fail")] {
        let settings = json!({
            "url": format!("{}/{inbox}", serve.listener), "provider": "meta", "secret": "app-secret",
            "params": { "verify_token": "my-token" }, "only": ["challenge"],
        });
        let report = report(&serve, settings).await;
        assert_eq!(came_to(&report, outcome), ["challenge"], "{inbox}: {report}");
        assert!(!report.to_string().contains("my-token"), "{report}");
    }
}
