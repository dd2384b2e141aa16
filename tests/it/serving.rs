//! End-to-end tests of `serve` as containers and other machines use it, and of the commands for its data folder.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{
    destination::TargetServer,
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
};

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into(), String::from_utf8_lossy(&stderr).into())
}

/// Starts `serve` with these arguments and environment variables.
fn serve(data: &Path, args: &[&str], env: &[(&str, &str)]) -> Serve {
    let mut command = hookbench();
    command.args(["serve", "--json", "--data"]).arg(data).args(args).envs(env.iter().copied());
    Serve::spawn(command, data)
}

/// Writes a self-signed certificate for `hooks.example` and its key. Returns their paths.
fn certificate(folder: &Path) -> (String, String) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let names = ["-subj", "/CN=hooks.example", "-addext", "subjectAltName=DNS:hooks.example", "-keyout", &key, "-out"];
    let made = Command::new("openssl").args(request).args(names).arg(&cert).stderr(Stdio::null()).status().unwrap();
    assert!(made.success());
    (cert, key)
}

#[tokio::test]
async fn health_checks_need_no_token_and_say_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let client = reqwest::Client::new();
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        // A load balancer sends its own Host header.
        let request = client.get(format!("{}{path}", serve.api)).header("Host", "10.0.0.7");
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (200, text.to_owned()));
    }
}

/// Returns the value of a metric, with its labels.
fn metric(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

// The test blocks this thread while a command runs, so the app needs another thread.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_requests_and_attempts() {
    let serve = Serve::start();
    let app = TargetServer::start().await;
    let client = reqwest::Client::new();
    let read = async || {
        let request = client.get(format!("{}/metrics", serve.api)).bearer_auth(serve.token());
        request.send().await.unwrap().text().await.unwrap()
    };
    let denied = client.get(format!("{}/metrics", serve.api)).send().await.unwrap();
    assert_eq!(denied.status(), 401);
    for n in 0..3 {
        client.post(format!("{}/inbox/{n}", serve.listener)).body("12345").send().await.unwrap();
    }
    let verified = async || {
        let text = read().await;
        (metric(&text, "hookbench_requests_total{signature=\"unverified\"}") == Some(3.0)).then_some(text)
    };
    let text = until("three counted requests", verified).await;
    assert_eq!(metric(&text, "hookbench_requests_bytes_total"), Some(15.0));
    assert_eq!(metric(&text, "hookbench_requests_stored"), Some(3.0));
    assert_eq!(metric(&text, "hookbench_listening"), Some(1.0));
    assert_eq!(metric(&text, "hookbench_attempts_total{result=\"success\"}"), Some(0.0));
    let hook = format!("{}/hook", app.url);
    let sent = serve.cli(&["trigger", "onwebchat", "chat.created", "--to", &hook]);
    assert_eq!(sent.status.code(), Some(0), "{}", String::from_utf8_lossy(&sent.stderr));
    let text = read().await;
    assert_eq!(metric(&text, "hookbench_attempts_total{result=\"success\"}"), Some(1.0), "{text}");
    assert_eq!(metric(&text, "hookbench_attempt_duration_seconds_bucket{le=\"+Inf\"}"), Some(1.0));
    assert_eq!(metric(&text, "hookbench_attempt_duration_seconds_count"), Some(1.0));
    // Every line is a comment or a name with a number.
    for line in text.lines() {
        assert!(line.starts_with("# ") || line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn off_loopback_the_api_needs_protection() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = hookbench();
    command.args(["serve", "--listen", "127.0.0.1:0", "--api", "0.0.0.0:0", "--data"]).arg(dir.path());
    let (code, _, why) = run(&mut command);
    assert_eq!(code, Some(2));
    assert!(why.contains("--api-tls-cert") && why.contains("--api-behind-proxy"), "{why}");

    let args = ["--listen", "127.0.0.1:0", "--api", "0.0.0.0:0", "--api-behind-proxy", "--api-host", "hooks.example"];
    let serve = serve(dir.path(), &args, &[]);
    // Commands on this machine use a loopback port.
    assert!(serve.api.starts_with("http://127.0.0.1:"), "{}", serve.api);
    assert_eq!(serve.cli(&["inbox", "add", "shop"]).status.code(), Some(0));
}

/// A proxy on the same machine reaches the API on loopback, with the public name in the Host header.
#[tokio::test]
async fn accepts_the_public_name_behind_a_proxy_on_the_same_machine() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let api = format!("127.0.0.1:{port}");
    let mut without = hookbench();
    without.args(["serve", "--listen", "127.0.0.1:0", "--api", &api, "--api-host", "hooks.example", "--data"]);
    let (code, _, why) = run(without.arg(dir.path()));
    assert_eq!((code, why.contains("--api-behind-proxy")), (Some(2), true), "{why}");

    let args = ["--listen", "127.0.0.1:0", "--api", &api, "--api-behind-proxy", "--api-host", "hooks.example"];
    let serve = serve(dir.path(), &args, &[]);
    let status = async |host: &str, origin: &str| {
        let request = reqwest::Client::new().get(format!("http://{api}/api/v1/status"));
        let request = request.bearer_auth(serve.token()).header("Host", host).header("Origin", origin);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("hooks.example", "https://hooks.example").await, 200);
    assert_eq!(status("evil.example", "https://evil.example").await, 421);
    assert_eq!(status("hooks.example", "https://evil.example").await, 403);
}

#[tokio::test]
async fn serves_the_api_over_tls_to_its_host_names() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(dir.path());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let data = dir.path().join("data");
    let env = [
        ("HOOKBENCH_LISTEN", "127.0.0.1:0"),
        ("HOOKBENCH_API", &format!("0.0.0.0:{port}")),
        ("HOOKBENCH_API_TLS_CERT", &cert),
        ("HOOKBENCH_API_TLS_KEY", &key),
        ("HOOKBENCH_API_HOST", "hooks.example,other.example"),
    ];
    let serve = serve(&data, &[], &env);
    let status = |host: &str, path: &str, token: &str| {
        let resolve = format!("{host}:{port}:127.0.0.1");
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert", &cert]);
        curl.args(["--resolve", &resolve, "--header", &format!("Authorization: Bearer {token}")]);
        run(curl.arg(format!("https://{host}:{port}{path}"))).1
    };
    let token = serve.token();
    assert_eq!(status("hooks.example", "/api/v1/status", &token), "200");
    assert_eq!(status("hooks.example", "/api/v1/status", "wrong"), "401");
    assert_eq!(status("hooks.example", "/healthz", ""), "200");
    assert_eq!(status("hooks.example", "/", ""), "200");
    // The certificate does not name this host.
    assert_eq!(status("other.example", "/healthz", ""), "000");
    let plain = Command::new("curl").args(["--silent", &format!("http://127.0.0.1:{port}/healthz")]).output().unwrap();
    assert!(!plain.status.success());
    // Commands on this machine use a loopback port without TLS.
    assert_eq!(serve.cli(&["inbox", "list"]).status.code(), Some(0));
}

#[cfg(unix)]
#[tokio::test]
async fn serves_the_api_on_a_unix_socket() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (data, socket) = (dir.path().join("data"), dir.path().join("api.sock"));
    let address = format!("unix:{}", socket.display());
    let args = ["--listen", "127.0.0.1:0", "--api", &address];
    let first = serve(&data, &args, &[]);
    assert_eq!(first.api, address);
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(first.cli(&["inbox", "add", "shop"]).status.code(), Some(0));
    let curl =
        Command::new("curl").arg("--silent").arg("--unix-socket").arg(&socket).arg("http://any/healthz").output();
    assert_eq!(curl.unwrap().stdout, b"ok\n");
    // A socket that another program uses is not replaced.
    let mut second = hookbench();
    second.args(["serve", "--data"]).arg(dir.path().join("other")).args(args);
    let (code, _, why) = run(&mut second);
    assert_eq!(code, Some(2));
    assert!(why.contains("another program listens on this socket"), "{why}");
    // A socket that a killed program left behind is.
    first.kill_9();
    let again = serve(&data, &args, &[]);
    assert_eq!(again.cli(&["inbox", "list"]).status.code(), Some(0));
}

#[tokio::test]
async fn empty_environment_variables_are_unset() {
    let dir = tempfile::tempdir().unwrap();
    let names = [
        "HOOKBENCH_API_TLS_CERT",
        "HOOKBENCH_API_TLS_KEY",
        "HOOKBENCH_API_BEHIND_PROXY",
        "HOOKBENCH_API_HOST",
        "HOOKBENCH_STOP_WITHIN",
        "HOOKBENCH_LOG_FORMAT",
        "HOOKBENCH_LOG",
        "HOOKBENCH_DATA",
    ];
    let env: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
    let serve = serve(dir.path(), &["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"], &env);
    assert_eq!(serve.get("/inboxes").await["items"].items().len(), 1);
    let (code, _, why) = run(hookbench().args(["serve", "--data"]).arg(dir.path()).env("HOOKBENCH_LISTEN", "banana"));
    assert_eq!(code, Some(2));
    assert!(why.contains("banana"), "{why}");
}

#[tokio::test]
async fn restores_a_backup_into_an_empty_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let serve = Serve::start_in(&path("old"));
    let client = reqwest::Client::new();
    for n in 0..3 {
        client.post(format!("{}/inbox/{n}", serve.listener)).body(format!("body {n}")).send().await.unwrap();
    }
    let backup = path("all.db");
    assert_eq!(serve.cli(&["backup", backup.to_str().unwrap()]).status.code(), Some(0));
    let restore = |data: &Path, file: &Path| run(hookbench().arg("restore").arg(file).arg("--data").arg(data));
    let (code, _, said) = restore(&path("new"), &backup);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("Restored 3 requests"), "{said}");
    let restored = Serve::start_in(&path("new"));
    let requests = restored.all("inbox").await;
    let bodies: Vec<Vec<u8>> = vec![restored.body(requests[0]["id"].as_str().unwrap()).await];
    assert_eq!((requests.len(), bodies[0].as_slice()), (3, &b"body 2"[..]));
    // Nothing is overwritten, neither of a running engine nor of a stopped one.
    let (code, _, why) = restore(&path("new"), &backup);
    assert_eq!((code, why.contains("is in use by hookbench serve")), (Some(2), true), "{why}");
    drop(restored);
    until("the engine to stop", async || restore(&path("new"), &backup).2.contains("already has data").then_some(()))
        .await;
    std::fs::write(path("text"), "not a database").unwrap();
    let (code, _, why) = restore(&path("third"), &path("text"));
    assert_eq!((code, why.contains("is not a backup of Hookbench")), (Some(2), true), "{why}");
    assert!(!path("third").join("hookbench.db").exists());
}

#[tokio::test]
async fn shows_and_changes_settings() {
    let serve = Serve::start();
    let text = |args: &[&str]| {
        let output = serve.cli(args);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, all, _) = text(&["config", "get"]);
    assert_eq!(code, Some(0));
    assert!(
        all.lines().any(|line| line == "retention.days=null") && all.lines().any(|line| line == "search_index=true"),
        "{all}"
    );
    assert_eq!(text(&["config", "set", "retention.days=30", "on_close=tray"]).1, "retention.days=30\non_close=tray");
    assert_eq!(text(&["config", "get", "retention.days"]).1, "30");
    assert_eq!(text(&["config", "set", "retention.days=null"]).1, "retention.days=null");
    assert_eq!(serve.get("/settings").await["retention"]["days"], Json::NULL);
    let (code, _, why) = text(&["config", "set", "retention.day=1"]);
    assert_eq!((code, why.contains("Did you mean \"retention.days\"?")), (Some(2), true), "{why}");
    let (code, _, why) = text(&["config", "set", "retention.days=0"]);
    assert_eq!((code, why.contains("must be at least 1")), (Some(2), true), "{why}");
}

#[tokio::test]
async fn doctor_names_what_is_wrong_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let doctor = |data: &Path| {
        let (code, text, _) = run(hookbench().args(["doctor", "--json", "--data"]).arg(data));
        let findings: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (code, findings)
    };
    let found = |findings: &[Json], check: &str| findings.iter().find(|one| one["check"] == check).unwrap().clone();
    let serve = Serve::start_in(&data);
    let (code, findings) = doctor(&data);
    assert_eq!(code, Some(0), "{findings:?}");
    assert!(found(&findings, "engine")["message"].as_str().unwrap().contains(&serve.listener));
    assert!(found(&findings, "database")["message"].as_str().unwrap().contains("is sound"));
    // A stopped engine leaves a database in which a page is damaged.
    for n in 0..50 {
        let body = "x".repeat(4_000);
        reqwest::Client::new().post(format!("{}/inbox/{n}", serve.listener)).body(body).send().await.unwrap();
    }
    serve.terminate();
    let file = data.join("hookbench.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let (middle, end) = (bytes.len() / 2, bytes.len());
    bytes[middle..end].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    let (code, findings) = doctor(&data);
    let database = found(&findings, "database");
    assert_eq!((code, &database["state"]), (Some(1), &json!("error")), "{findings:?}");
    assert!(database["advice"].as_str().unwrap().contains("hookbench restore"), "{database}");
}

#[tokio::test]
async fn health_says_whether_the_server_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let health = || run(hookbench().args(["health", "--data"]).arg(dir.path()));
    assert_eq!(health(), (Some(1), "not ready: no engine runs\n".to_owned(), String::new()));
    let serve = Serve::start_in(dir.path());
    assert_eq!(health(), (Some(0), "ready\n".to_owned(), String::new()));
    serve.terminate();
    assert_eq!(health().0, Some(1));
}

#[test]
fn prints_completions_and_man_pages() {
    for (shell, word) in [
        ("bash", "complete "),
        ("zsh", "#compdef hookbench"),
        ("fish", "complete -c hookbench"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let (code, script, _) = run(hookbench().args(["completions", shell]));
        assert_eq!((code, script.contains(word), script.contains("scenario")), (Some(0), true, true), "{shell}");
    }
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(hookbench().arg("man").arg(dir.path())).0, Some(0));
    let pages: Vec<String> =
        std::fs::read_dir(dir.path()).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    for page in ["hookbench.1", "hookbench-serve.1", "hookbench-relay-serve.1"] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
}

/// Collector of traces, which decodes what it gets.
mod collector {
    use std::sync::{Arc, Mutex};

    use axum::{Router, body::Bytes, extract::State, routing};
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
    };
    use prost::Message as _;

    #[derive(Clone, Default)]
    pub(super) struct Collector {
        pub(super) url: String,
        spans: Arc<Mutex<Vec<Span>>>,
        pub(super) services: Arc<Mutex<Vec<String>>>,
    }

    impl Collector {
        pub(super) async fn start() -> Self {
            let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", socket.local_addr().unwrap());
            let collector = Self { url, ..Self::default() };
            let router = Router::new().route("/v1/traces", routing::post(take)).with_state(collector.clone());
            tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
            collector
        }

        /// Returns the spans with this name.
        pub(super) fn named(&self, name: &str) -> Vec<Span> {
            self.spans.lock().unwrap().iter().filter(|span| span.name == name).cloned().collect()
        }
    }

    async fn take(State(collector): State<Collector>, body: Bytes) {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        for resource in request.resource_spans {
            for attribute in &resource.resource.unwrap().attributes {
                if let ("service.name", Some(Value::StringValue(name))) =
                    (attribute.key.as_str(), attribute.value.as_ref().and_then(|value| value.value.as_ref()))
                {
                    collector.services.lock().unwrap().push(name.clone());
                }
            }
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            collector.spans.lock().unwrap().extend(spans);
        }
    }

    /// Returns an attribute of a span as text.
    pub(super) fn attribute(span: &Span, name: &str) -> Option<String> {
        let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
        match found.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => Some(text.clone()),
            Value::IntValue(number) => Some(number.to_string()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_a_request_from_its_sender_to_the_response_of_the_app() {
    use collector::attribute;
    let (collector, app, dir) =
        (collector::Collector::start().await, TargetServer::start().await, tempfile::tempdir().unwrap());
    let args = ["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--otlp-endpoint", &collector.url];
    let serve = serve(dir.path(), &args, &[("OTEL_SERVICE_NAME", "webhooks")]);
    let run = |args: &[&str]| {
        let done = serve.cli(args);
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    };
    run(&["inbox", "add", "shop", "--provider", "github", "--secret", "s"]);
    run(&["inbox", "forward", "add", "shop", &format!("{}/hook", app.url)]);
    app.responses(500);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = reqwest::Client::new().post(format!("{}/shop/a?token=x", serve.listener)).body("{}");
    let request = request.header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    let request = request.header("X-Hub-Signature-256", format!("sha256={}", "0".repeat(64)));
    request.send().await.unwrap();

    let one = async |name: &'static str| until(name, async || collector.named(name).into_iter().next()).await;
    let received = one("POST shop").await;
    // Anyone can send to the listener, so the trace of the sender is only linked.
    let request = serve.get("/requests?limit=1").await["items"][0]["id"].as_str().unwrap().replace('-', "");
    assert_eq!((hex::encode(&received.trace_id), received.parent_span_id.len()), (request.clone(), 0));
    assert_eq!(hex::encode(&received.links[0].trace_id), trace);
    assert_eq!(attribute(&received, "url.path").as_deref(), Some("/shop/a"), "a query can contain secrets");
    assert_eq!(attribute(&received, "network.peer.address").as_deref(), Some("127.0.0.1"));
    assert!(received.end_time_unix_nano >= received.start_time_unix_nano);
    let verified = one("verify").await;
    assert_eq!((&verified.trace_id, &verified.parent_span_id), (&received.trace_id, &received.span_id));
    assert_eq!(attribute(&verified, "hookbench.signature.status").as_deref(), Some("invalid"));
    let attempt = one("POST").await;
    assert_eq!((&attempt.trace_id, &attempt.parent_span_id), (&received.trace_id, &received.span_id));
    assert_eq!(attribute(&attempt, "http.response.status_code").as_deref(), Some("500"));
    assert_eq!(attribute(&attempt, "url.full"), Some(format!("{}/hook/a", app.url)));
    assert_eq!(attempt.status.as_ref().unwrap().code, 2, "an error");
    assert_eq!(one("wait for the response").await.parent_span_id, attempt.span_id);
    // The app continues the trace.
    let own = format!("00-{request}-{}-01", hex::encode(&attempt.span_id));
    assert_eq!(app.got()[0].headers["traceparent"], own);
    assert!(collector.services.lock().unwrap().iter().all(|name| name == "webhooks"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_delays_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*format!("http://{free}"))];
    let serve = serve(dir.path(), &["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"], &env);
    for n in 0..20 {
        let sent = reqwest::Client::new().post(format!("{}/inbox/{n}", serve.listener)).send().await.unwrap();
        assert_eq!(sent.status(), 200);
    }
    let mut command = hookbench();
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--api",
        "127.0.0.1:0",
        "--otlp-endpoint",
        "localhost:4318",
        "--data",
    ]);
    let (code, _, why) = run(command.arg(dir.path().join("other")));
    assert_eq!((code, why.contains("a URL that starts with http:// or https://")), (Some(2), true), "{why}");
}

/// Responds as GitHub's "Get the latest release" does. Returns the URL and the headers of each call.
async fn releases(tag: &'static str) -> (String, std::sync::Arc<std::sync::Mutex<Vec<http::HeaderMap>>>) {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/latest", socket.local_addr().unwrap());
    let calls = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = calls.clone();
    let respond = move |headers: http::HeaderMap| async move {
        seen.lock().unwrap().push(headers);
        axum::Json(json!({ "tag_name": tag, "html_url": "https://evil.example/" }))
    };
    let router = axum::Router::new().route("/latest", axum::routing::get(respond));
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    (url, calls)
}

#[tokio::test]
async fn looks_for_updates_only_if_that_is_turned_on() {
    let dir = tempfile::tempdir().unwrap();
    let (url, calls) = releases("v99.1.0").await;
    let args = ["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"];
    let serve = serve(dir.path(), &args, &[("HOOKBENCH_UPDATE_URL", &url)]);
    let update = async || serve.get("/status").await["update"].clone();
    assert_eq!(update().await, Json::NULL);
    serve.patch("/settings", json!({ "check_for_updates": true })).await;
    let found = until("an update", async || Some(update().await).filter(|found| *found != Json::NULL)).await;
    assert_eq!(found["version"], "99.1.0");
    assert_eq!(found["url"], "https://github.com/hookbench/hookbench/releases/tag/v99.1.0");
    // One call, made after the setting was turned on, which says nothing about this computer.
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["user-agent"], "Hookbench");
    serve.patch("/settings", json!({ "check_for_updates": false })).await;
    until("no update", async || (update().await == Json::NULL).then_some(())).await;
}
