//! Handler checks, against handlers that are right and handlers that are each wrong in one known way.

use std::{path::PathBuf, process::Command, time::Instant};

use crate::{
    handlers::{Program, free_port, root},
    hookbench::{Serve, until},
    json::{Json, json},
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
    async fn checked(&self, serve: &Serve, more: Json) -> Json {
        let at = format!("http://127.0.0.1:{}", self.port);
        let mut new = json!({
            "url": format!("{at}/webhook"), "provider": "standard-webhooks", "secret": SECRET, "settle_ms": 120,
            "probe": { "url": format!("{at}/effects") },
            "break_with": { "words": ["touch", self.broken()] }, "mend_with": { "words": ["rm", "-f", self.broken()] },
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

/// Ids of the checks that came to this.
fn came_to(report: &Json, outcome: &str) -> Vec<String> {
    let checks = report["checks"].items();
    checks.filter(|check| check["outcome"] == outcome).map(|check| check["id"].as_str().unwrap().to_owned()).collect()
}

/// What a report says of the checks that came to this.
fn said(report: &Json, outcome: &str) -> String {
    let checks = report["checks"].items().filter(|check| check["outcome"] == outcome);
    checks.map(|check| format!("\n  {}: {}", check["id"], check["said"])).collect()
}

/// A fault, where it is planted, and every check that finds it. No other check fails.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const ALL: &[&str] = &["express", "fastapi", "php"];

/// What fails where nothing is checked.
const UNCHECKED: &[&str] = &[
    "unsigned",
    "wrong-secret",
    "changed-body",
    "mangled",
    "stale",
    "odd-timestamps",
    "other-versions",
    "empty-secret",
    "other-algorithm",
];

const FAULTS: &[Row] = &[
    // Whoever checks nothing looks at no timestamp either.
    ("unchecked", &["fastapi"], UNCHECKED),
    ("unchecked", &["php"], UNCHECKED),
    ("parsed", ALL, &["changed-body", "odd-json", "unicode"]),
    ("stale", ALL, &["stale", "odd-timestamps"]),
    ("nan", &["express", "fastapi"], &["odd-timestamps"]),
    // Express sends the trace of what is thrown, too.
    ("throws", &["express"], &["mangled", "tells-little", "other-algorithm"]),
    ("throws", &["fastapi"], &["mangled"]),
    ("first", ALL, &["two-signatures"]),
    ("version", &["express"], &["other-versions"]),
    ("ascii", &["express"], &[]),
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
            // Made-up people have names that are not ASCII, now and then.
            "ascii" => failed.contains(&"unicode".to_owned()),
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
    let serve = Serve::start();
    let handler = Handler::start(framework, "").await;
    let report = handler.checked(&serve, json!({ "old_secret": "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ=" })).await;
    assert_eq!(
        came_to(&report, "fail"),
        Vec::<String>::new(),
        "{framework}: {}\n{}",
        said(&report, "fail"),
        handler.program.said()
    );
    assert_eq!(report["run"]["verdict"], "right");
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
        "unsigned-type",
    ];
    assert_eq!(skipped, due, "{}", said(&report, "skipped"));
    assert_eq!(came_to(&report, "unknown"), Vec::<String>::new(), "{}", said(&report, "unknown"));
    assert_eq!(report["checks"].items().count(), 52);
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

/// What vendors' own libraries take and refuse is what the verdicts say of them.
#[tokio::test]
async fn verdicts_on_vendors_own_libraries_are_what_those_do() {
    let serve = Serve::start();
    const OF_SIGNATURES: &[&str] = &[
        "accepts",
        "unsigned",
        "wrong-secret",
        "changed-body",
        "mangled",
        "stale",
        "early",
        "nearly-stale",
        "odd-timestamps",
        "two-signatures",
        "other-versions",
        "weak-and-strong",
        "old-secret",
        "header-case",
        "odd-json",
        "unicode",
        "captured",
    ];
    /// A vendor, its secret, and the checks that fail, warn and are not asked.
    type Vendor = (&'static str, &'static str, [&'static [&'static str]; 3]);
    const VENDORS: &[Vendor] = &[
        ("standard-webhooks", SECRET, [&[], &[], &["weak-and-strong"]]),
        // Of whom no event is known: one is made up.
        ("svix", SECRET, [&[], &[], &["weak-and-strong"]]),
        // Stripe's library for Node reads `t=NaN` as a number that is never too old. Its users cannot mend that, so it
        // is a warning.
        ("stripe", SECRET, [&[], &["early", "odd-timestamps"], &["weak-and-strong"]]),
        (
            "github",
            "it's a secret to everybody",
            [&[], &[], &["stale", "early", "nearly-stale", "odd-timestamps", "two-signatures"]],
        ),
    ];
    for (vendor, secret, [failed, warned, skipped]) in VENDORS {
        let port = free_port();
        let mut command = Command::new("node");
        command.arg("sdks.mjs").current_dir(root().join("tests/receivers")).env("WEBHOOK_SECRET", secret);
        let _program = Program::start(command, port).await;
        let new = json!({
            "url": format!("http://127.0.0.1:{port}/{vendor}"), "provider": vendor, "secret": secret, "only": OF_SIGNATURES,
            "old_secret": "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ=",
        });
        let report = report(&serve, new).await;
        assert_eq!(came_to(&report, "fail"), *failed, "{vendor}: {}", said(&report, "fail"));
        assert_eq!(came_to(&report, "warn"), *warned, "{vendor}: {}", said(&report, "warn"));
        assert_eq!(came_to(&report, "skipped"), *skipped, "{vendor}: {}", said(&report, "skipped"));
    }
}

/// A run is shown what it will do, agreed to, cancelled, gone on with, asked again and compared.
#[tokio::test]
async fn a_run_is_agreed_to_cancelled_asked_again_and_compared() {
    let serve = Serve::start();
    let handler = Handler::start("fastapi", "unknown").await;
    let url = format!("http://127.0.0.1:{}/webhook", handler.port);
    let new = json!({ "settings": { "url": url, "provider": "standard-webhooks", "secret": SECRET } });
    let (status, plan) = serve.call(reqwest::Method::POST, "/check-plan", new.clone()).await;
    assert_eq!((status, &plan["this_machine"], &plan["rate"]), (200, &json!(true), &json!(20)), "{plan}");
    assert!(plan["requests"].as_u64().unwrap() > 100 && plan["bytes"].as_u64().unwrap() > 28_000_000, "{plan}");
    assert_eq!(plan["checks"].items().count(), 52);
    // Another machine, and commands, have to be agreed to; a page names no commands.
    for (change, code) in [
        (json!({ "url": "http://192.0.2.1/x" }), "confirm_host"),
        (json!({ "probe": { "command": { "words": ["true"] } } }), "confirm_commands"),
        (json!({ "secret": "" }), "invalid"),
        (json!({ "provider": "nobody" }), "invalid"),
        (json!({ "only": ["nothing"] }), "invalid"),
        (json!({ "break_with": { "words": ["true"] } }), "invalid"),
        (json!({ "burst": 0 }), "invalid"),
        (json!({ "onyl": ["accepts"] }), "invalid_json"),
        (json!({ "event": "no.such" }), "invalid"),
        (json!({ "probe": { "command": { "words": [] } } }), "invalid"),
        (json!({ "probe": { "url": "file:///etc/passwd" } }), "invalid"),
        (json!({ "probe": { "url": "http://192.0.2.1/count" } }), "confirm_commands"),
    ] {
        let mut wrong = new.clone();
        wrong["settings"].extend(&change);
        let (_, error) = serve.call(reqwest::Method::POST, "/checks", wrong).await;
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
    let ended = until("the end", async || {
        let run = serve.get(&format!("/checks/{id}")).await;
        (!run["ended_at"].is_null()).then_some(run)
    })
    .await;
    assert_eq!((&ended["state"], &ended["verdict"]), (&json!("cancelled"), &json!("unfinished")));
    let known = serve.get(&format!("/checks/{id}/report")).await["checks"].items().count();
    assert!(known < 48, "{known}");

    let few = json!({ "only": ["accepts", "unsigned", "unknown-type"] });
    let first = handler.checked(&serve, few.clone()).await;
    assert_eq!((came_to(&first, "fail"), &first["run"]["verdict"]), (vec!["unknown-type".to_owned()], &json!("wrong")));
    // The handler is mended behind the same URL: what failed is asked again, the rest stays.
    let port = handler.port;
    drop(handler);
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-m", "uvicorn", "checked:app", "--log-level", "error", "--port", &port.to_string()]);
    command
        .current_dir(root().join("tests/receivers"))
        .env("WEBHOOK_SECRET", SECRET)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let _mended = Program::start(command, port).await;
    let second = json!({ "url": url, "provider": "standard-webhooks", "secret": SECRET, "only": few["only"] });
    let second = report(&serve, second).await;
    let again = format!("/checks/{}/again", first["run"]["id"].as_str().unwrap());
    assert_eq!(serve.call(reqwest::Method::POST, &again, json!({})).await.0, 202);
    let path = format!("/checks/{}", first["run"]["id"].as_str().unwrap());
    let right = until("the second time", async || {
        let run = serve.get(&path).await;
        (!run["ended_at"].is_null()).then_some(run)
    })
    .await;
    assert_eq!((&right["verdict"], &right["counts"]["pass"]), (&json!("right"), &json!(3)));
    let (before, after) = (id, second["run"]["id"].as_str().unwrap());
    let compared = serve.get(&format!("/check-comparison?before={before}&after={after}")).await;
    assert!(compared["changed"].items().any(|one| one["after"].is_null()), "{compared}");
    let listed = serve.get("/checks").await;
    assert_eq!(listed["items"].items().count(), 3);
    assert_eq!(serve.call(reqwest::Method::DELETE, &path, json!(null)).await.0, 204);
}

/// A run goes on after the program died, without asking again what was answered; a handler that dies is a finding.
#[tokio::test]
async fn a_run_goes_on_after_a_crash_and_after_its_handler_died() {
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
    // Stopped first, so that it dies while it is being asked and not between two questions.
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
    // Whichever was asked as it died; some weigh less.
    let found = [came_to(&report, "fail"), came_to(&report, "warn")].concat();
    assert!(!found.is_empty(), "{}", said(&report, "pass"));
    assert!(said(&report, "error").contains("does not answer any more"), "{}", said(&report, "error"));
    assert_eq!(report["run"]["state"], "done");
    assert_ne!(report["run"]["verdict"], "right");

    // One that is not there at the start is not wrong: nothing was asked.
    let captured = json!({ "url": url, "provider": "standard-webhooks", "secret": SECRET, "only": ["captured"] });
    let report = self::report(&serve, captured).await;
    assert_eq!((&report["run"]["verdict"], &report["checks"]), (&json!("unfinished"), &json!([])), "{report}");
    assert!(report["run"]["reason"].as_str().unwrap().contains("Start the handler"), "{report}");
}

/// In a pipeline: the exit status is the verdict, and the report is JUnit's; a page of it runs nothing.
#[tokio::test]
async fn the_command_line_says_the_verdict_and_writes_reports() {
    let data = tempfile::tempdir().unwrap();
    let secret = data.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let (junit, html, store) =
        (data.path().join("out.xml"), data.path().join("out.html"), data.path().join("store.json"));
    for (fault, code) in [("", 0), ("unchecked", 1)] {
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
                "--only", "accepts", "--only", "unsigned", "--only", "thrice", "--only", "odd-json", "--only", "burst",
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
        let (said, complained) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(code), "{said}{complained}");
        assert!(said.contains(if code == 0 { "Right: 0 failed" } else { "Wrong: 1 failed" }), "{said}");
        assert!(complained.contains("It runs here: php -r"), "{complained}");
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
        .args(["check", "questions", "--json", "--data"])
        .arg(data.path().join("data"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&questions.stdout).lines().count(), 52);
}

/// What could not be asked is not right: a handler that died, a probe that fails, nothing asked at all; and a run whose
/// handler cannot be mended ends.
#[tokio::test]
async fn nothing_is_right_that_was_not_asked() {
    let serve = Serve::start();
    let handler = Handler::start("express", "").await;
    let few = json!(["accepts", "unsigned", "thrice"]);
    for (change, verdict, state) in [
        (json!({ "only": few }), "right", "done"),
        (json!({ "only": few, "probe": { "command": { "words": ["false"] } } }), "unfinished", "done"),
        (
            json!({ "only": few, "probe": { "sqlite": { "path": "/nowhere.db", "query": "SELECT 1" } } }),
            "unfinished",
            "done",
        ),
        (json!({ "only": ["accepts"], "skip": ["accepts"] }), "unfinished", "done"),
        (json!({ "only": ["unavailable"], "break_with": { "words": ["false"] } }), "unfinished", "done"),
        (json!({ "only": ["unavailable", "burst"], "mend_with": { "words": ["false"] } }), "unfinished", "failed"),
    ] {
        let report = handler.checked(&serve, change.clone()).await;
        assert_eq!(
            (&report["run"]["verdict"], &report["run"]["state"]),
            (&json!(verdict), &json!(state)),
            "{change}: {}",
            report["run"]
        );
    }
    // What the last one broke stays broken, and what is asked of it says so.
    std::fs::remove_file(handler.broken()).unwrap();
    let port = free_port();
    let nobody =
        json!({ "url": format!("http://127.0.0.1:{port}/"), "provider": "standard-webhooks", "secret": SECRET });
    let mut looking_back = nobody.clone();
    looking_back["only"] = json!(["no-redirect", "never-gone", "tells-little"]);
    assert_eq!(report(&serve, looking_back).await["run"]["verdict"], "unfinished");
}

/// A probe that says a text tells of one change; one that counts down tells nothing; one of a database only reads.
#[tokio::test]
async fn probes_of_every_kind() {
    let serve = Serve::start();
    let handler = Handler::start("php", "").await;
    let store = handler.dir.path().join("store");
    // It makes its file when it is first asked.
    reqwest::get(format!("http://127.0.0.1:{}/effects", handler.port)).await.unwrap();
    let asked = json!(["accepts", "unsigned", "thrice", "odd-json"]);
    let database = handler.dir.path().join("app.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch("CREATE TABLE t (n)").unwrap();
    let written = handler.dir.path().join("written.db");
    let vacuum = format!("VACUUM INTO '{}'", written.display());
    let words = |words: &[&str]| json!({ "command": { "words": words } });
    let hash = words(&["sha256sum", store.to_str().unwrap()]);
    let down = words(&["sh", "-c", &format!("echo $((100000 - $(stat -c %s {})))", store.display())]);
    for (probe, failed, errors) in [
        (hash, 0, 0),
        (down, 0, 3),
        (words(&["sh", "-c", "sleep 30 & echo 1"]), 3, 0),
        (json!({ "sqlite": { "path": database, "query": "SELECT count(*) FROM t" } }), 3, 0),
        (json!({ "sqlite": { "path": database, "query": vacuum } }), 0, 4),
    ] {
        let report = handler.checked(&serve, json!({ "only": asked, "probe": probe, "settle_ms": 60 })).await;
        let shown = format!("{probe}: {}{}", said(&report, "fail"), said(&report, "error"));
        assert_eq!((came_to(&report, "fail").len(), came_to(&report, "error").len()), (failed, errors), "{shown}");
    }
    assert!(!written.exists());
}

/// What a handler answers of the secret is found wherever it stands, and no report holds it.
#[tokio::test]
async fn a_secret_that_is_answered_is_found_and_not_shown() {
    let serve = Serve::start();
    let handler = Handler::start("express", "leaky").await;
    let report = handler.checked(&serve, json!({ "only": ["accepts", "tells-little"] })).await;
    assert_eq!(came_to(&report, "fail"), ["tells-little"]);
    assert!(!report.to_string().contains(&SECRET[6..]), "{report}");
    let id = report["run"]["id"].as_str().unwrap();
    // Asked again after it was mended, nothing of what it said before counts.
    let port = handler.port;
    drop(handler);
    let mut command = Command::new("node");
    command.arg("checked.mjs").current_dir(root().join("tests/receivers")).env("WEBHOOK_SECRET", SECRET);
    command.env("PORT", port.to_string());
    let _mended = Program::start(command, port).await;
    let path = format!("/checks/{id}");
    let statuses: Vec<u16> = {
        let again = format!("{path}/again");
        let (one, two) = tokio::join!(
            serve.call(reqwest::Method::POST, &again, json!({})),
            serve.call(reqwest::Method::POST, &again, json!({}))
        );
        vec![one.0, two.0]
    };
    assert!(statuses.contains(&202) && statuses.iter().all(|status| [202, 409].contains(status)), "{statuses:?}");
    let right = until("the second time", async || {
        let run = serve.get(&path).await;
        (!run["ended_at"].is_null()).then_some(run)
    })
    .await;
    assert_eq!((&right["verdict"], &right["counts"]["pass"]), (&json!("right"), &json!(2)), "{right}");
    let (status, _) =
        serve.call(reqwest::Method::POST, &format!("{path}/again"), json!({ "checks": ["thrice"] })).await;
    assert_eq!(status, 422);
}

/// What vendors ask when an address is registered: Hookbench's own inboxes answer it, an inbox of nobody's does not.
#[tokio::test]
async fn what_a_vendor_asks_is_asked() {
    let serve = Serve::start();
    for (name, verification) in [
        ("meta", json!({ "provider": "meta", "secrets": ["app-secret"], "params": { "verify_token": "my-token" } })),
        ("events", json!({ "provider": "azure-event-grid" })),
        ("nobody", json!({})),
    ] {
        let new = json!({ "name": name, "verification": verification });
        assert_eq!(serve.call(reqwest::Method::POST, "/inboxes", new).await.0, 201, "{name}");
    }
    for (inbox, outcome) in [("meta", "pass"), ("nobody", "fail")] {
        let settings = json!({
            "url": format!("{}/{inbox}", serve.receiver), "provider": "meta", "secret": "app-secret",
            "params": { "verify_token": "my-token" }, "only": ["challenge"],
        });
        let report = report(&serve, settings).await;
        assert_eq!(came_to(&report, outcome), ["challenge"], "{inbox}: {report}");
        assert!(!report.to_string().contains("my-token"), "{report}");
    }
}
