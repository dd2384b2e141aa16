//! End-to-end tests of tunnels through a relay. The relay, the agent and the sender are separate processes or sockets.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, Uri, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    destination::TargetServer,
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
};

/// A running `hookbench relay serve`, killed on drop.
pub struct Relay {
    pub url: String,
    data: PathBuf,
    child: Child,
}

impl Relay {
    pub fn start_in(data: &Path, listen: &str, more: &[&str]) -> Self {
        let mut command = hookbench();
        command.env("HOOKBENCH_LOG", "warn");
        command.args(["relay", "serve", "--json", "--listen", listen, "--data"]).arg(data).args(more);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        Self { url: ready["relay"].as_str().unwrap().to_owned(), data: data.into(), child }
    }

    fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    fn cli(&self, args: &[&str]) -> Output {
        hookbench().arg("relay").args(args).arg("--data").arg(&self.data).output().unwrap()
    }

    pub fn code(&self) -> String {
        let output = self.cli(&["device", "add", "--json"]);
        assert!(output.status.success(), "{output:?}");
        let output: Json = serde_json::from_slice(&output.stdout).unwrap();
        output["code"].as_str().unwrap().to_owned()
    }

    fn metric(&self, name: &str) -> u64 {
        let text = String::from_utf8(self.cli(&["metrics"]).stdout).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("hookbench_relay_{name} ")));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
    }

    fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

/// Enrolls an agent with the command line and exposes an inbox. Returns the public URL.
fn joined(serve: &Serve, relay: &str, code: &str, more: &[&str]) -> String {
    let started = serve.cli(&["tunnel", "start", relay, "--code", code]);
    assert!(started.status.success(), "{started:?}");
    let exposed = serve.cli(&[&["tunnel", "expose", "inbox"], more].concat());
    assert!(exposed.status.success(), "{exposed:?}");
    String::from_utf8(exposed.stdout).unwrap().trim().to_owned()
}

async fn tunnel(serve: &Serve) -> Json {
    serve.get("/tunnels").await["items"][0].clone()
}

async fn online(serve: &Serve) {
    until("the tunnel to be online", async || (tunnel(serve).await["connection"]["state"] == "online").then_some(()))
        .await;
}

async fn post(url: &str, body: &str) -> reqwest::Response {
    reqwest::Client::new().post(url).body(body.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn returns_app_response_to_sender_through_relay() {
    let dir = TempDir::new().unwrap();
    let relay = Relay::start_in(&dir.path().join("relay"), "127.0.0.1:0", &[]);
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    let url = joined(&serve, &relay.url, &relay.code(), &[]);
    online(&serve).await;
    // Without a forward, the relay responds with the response of the inbox and does not wait for the agent.
    serve.patch("/inboxes/inbox", json!({ "response": { "status": 201, "body": "mine" } })).await;
    until("the relay to receive the response of the inbox", async || {
        (post(&url, "{}").await.status() == 201).then_some(())
    })
    .await;
    let before = serve.all("inbox").await.len();
    let forward = json!([{ "to": format!("{}/hooks", app.url), "mode": "proxy", "deadline_ms": 5_000 }]);
    serve.patch("/inboxes/inbox", json!({ "forwards": forward })).await;
    app.status.store(422, Ordering::SeqCst);
    until("the response of the app", async || {
        (post(&format!("{url}/a%2Fb?x=1"), "{\"n\":1}").await.status() == 422).then_some(())
    })
    .await;
    assert!(serve.all("inbox").await.len() > before);
    let request = until("the stored response status", async || {
        Some(serve.all("inbox").await[0].clone()).filter(|request| request["status"] == 422)
    })
    .await;
    assert_eq!(request["target"], "/inbox/a%2Fb?x=1");
    assert_eq!(request["remote_address"].as_str().unwrap().split(':').next(), Some("127.0.0.1"));
    assert_eq!(serve.body(request["id"].as_str().unwrap()).await, b"{\"n\":1}");
    assert!(app.got().iter().any(|got| got.path == "/hooks/a%2Fb?x=1"));
    // The stored request does not contain the token, and only the exposed inbox is reachable.
    let token = url.rsplit('/').next().unwrap();
    let detail = serve.get(&format!("/requests/{}", request["id"].as_str().unwrap())).await;
    assert!(!detail.to_string().contains(token), "{detail}");
    for path in ["/inbox", "/api/v1/status", "/.hookbench/v1/inboxes", "/"] {
        let response = reqwest::get(format!("{}{path}", relay.url)).await.unwrap();
        assert!(matches!(response.status().as_u16(), 404 | 401), "{path}: {}", response.status());
    }
    let status = String::from_utf8(serve.cli(&["tunnel", "status"]).stdout).unwrap();
    assert!(status.contains("online") && status.contains(&url), "{status}");
    // An inbox that is no longer exposed returns 404.
    assert!(serve.cli(&["tunnel", "unexpose", "inbox"]).status.success());
    assert_eq!(post(&url, "{}").await.status(), 404);
    assert_eq!(relay.metric("waiting"), 0);
    // An agent whose device is revoked stops reconnecting.
    let devices = relay.cli(&["device", "list", "--json"]);
    let device: Json = serde_json::from_slice(&devices.stdout).unwrap();
    assert!(relay.cli(&["device", "revoke", device["id"].as_str().unwrap()]).status.success());
    until("the tunnel to fail", async || (tunnel(&serve).await["connection"]["state"] == "failed").then_some(())).await;
}

#[tokio::test]
async fn returns_agent_response_to_each_sender_of_a_burst() {
    let dir = TempDir::new().unwrap();
    let relay = Relay::start_in(&dir.path().join("relay"), "127.0.0.1:0", &["--max-rate", "100000"]);
    let serve = Serve::start();
    let url = joined(&serve, &relay.url, &relay.code(), &[]);
    online(&serve).await;
    let rules = json!([{ "when": "method:POST", "responses": [{ "status": 201, "delay_ms": 300 }] }]);
    serve.patch("/inboxes/inbox", json!({ "rules": rules })).await;
    until("the relay to return the response of the agent", async || {
        (post(&url, "{}").await.status() == 201).then_some(())
    })
    .await;
    let before = serve.all("inbox").await.len();
    let client = reqwest::Client::new();
    let sent: Vec<_> = (0..200)
        .map(|n| {
            let sending = client.post(&url).body(format!("{{\"n\":{n}}}")).send();
            tokio::spawn(async move { sending.await.unwrap().status().as_u16() })
        })
        .collect();
    let mut statuses = BTreeMap::new();
    for one in sent {
        *statuses.entry(one.await.unwrap()).or_insert(0) += 1;
    }
    // A sender would get the fallback status 200 if the agent did not respond in time.
    assert_eq!(statuses, BTreeMap::from([(201, 200)]));
    let status = serve.get("/status").await;
    assert_eq!(status["requests"].as_u64(), Some(before as u64 + 200), "each request must be stored once");
}

#[tokio::test]
async fn keeps_offline_backlog_until_the_user_decides() {
    let dir = TempDir::new().unwrap();
    let relay = Relay::start_in(&dir.path().join("relay"), "127.0.0.1:0", &[]);
    let (serve, app) = (Serve::start_in(&dir.path().join("agent")), TargetServer::start().await);
    serve
        .patch(
            "/inboxes/inbox",
            json!({ "forwards": [{ "to": app.url }], "verification": { "provider": "github", "secrets": ["s3cret"] } }),
        )
        .await;
    let url = joined(&serve, &relay.url, &relay.code(), &[]);
    online(&serve).await;
    post(&url, "{\"first\":true}").await;
    until("the first request at the app", async || (app.got().len() == 1).then_some(())).await;
    until("the relay to receive the acknowledgment", async || (relay.metric("waiting") == 0).then_some(())).await;
    serve.terminate();
    let client = reqwest::Client::new();
    for number in 0..6 {
        let event = ["push", "issues", "push"][number % 3];
        let sent = client.post(&url).header("X-GitHub-Event", event).header("X-GitHub-Delivery", number.to_string());
        assert_eq!(sent.body(format!("{{\"number\":{number}}}")).send().await.unwrap().status(), 200);
    }
    assert_eq!(relay.metric("waiting"), 6);
    // Moves the arrival times one hour into the past.
    let database = rusqlite::Connection::open(relay.data.join("relay.db")).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    until("the relay to mark the first request as delivered", async || {
        let waiting =
            database.query_row("SELECT count(*) FROM delivery WHERE state = 0", [], |row| row.get::<_, i64>(0));
        (waiting.unwrap() == 6).then_some(())
    })
    .await;
    let aged = database.execute("UPDATE request SET arrived_us = arrived_us - 3600000000 WHERE id IN (SELECT request FROM delivery WHERE state = 0)", []);
    assert_eq!(aged.unwrap(), 6);
    let serve = Serve::start_in(&dir.path().join("agent"));
    until("six requests in the offline backlog and none at the relay", async || {
        let exposure = tunnel(&serve).await["exposures"][0].clone();
        (exposure["backlog"] == 6 && exposure["waiting"] == 0).then_some(())
    })
    .await;
    // A new request is forwarded before the backlog.
    post(&url, "{\"now\":true}").await;
    until("the new request at the app", async || (app.got().len() == 2).then_some(())).await;
    let (status, decided) = serve
        .call(reqwest::Method::POST, "/inboxes/inbox/backlog", json!({ "action": "latest_per_type", "re_sign": true }))
        .await;
    assert_eq!((status, &decided["requests"]), (200, &json!(6)), "{decided}");
    until("the newest request of each type", async || (app.got().len() == 4).then_some(())).await;
    let got = app.got();
    let bodies: Vec<String> = got[2..].iter().map(|got| String::from_utf8_lossy(&got.body).into_owned()).collect();
    assert_eq!(bodies, ["{\"number\":4}", "{\"number\":5}"]);
    assert!(got[2..].iter().all(|got| got.headers.contains_key("x-hub-signature-256")));
    assert_eq!(tunnel(&serve).await["exposures"][0]["backlog"], 0);
    let (_, again) = serve.call(reqwest::Method::POST, "/inboxes/inbox/backlog", json!({ "action": "all" })).await;
    assert_eq!(again["requests"], 0);
    // The inbox contains each request once.
    let all = serve.all("inbox").await;
    assert_eq!(all.len(), 8);
}

/// A TCP proxy between an agent and its relay that delays bytes, closes connections or stops passing bytes.
struct Way {
    address: String,
    swallows: Arc<AtomicBool>,
    cut: Arc<tokio::sync::Notify>,
}

impl Way {
    async fn to(target: String, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (swallows, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(tokio::sync::Notify::new()));
        let (hole, scissors) = (swallows.clone(), cut.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (target, hole, scissors) = (target.clone(), hole.clone(), scissors.clone());
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(&target).await else { return };
                    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                    tokio::select! {
                        () = carried(near_in, far_out, hole.clone(), delay) => {}
                        () = carried(far_in, near_out, hole, delay) => {}
                        () = scissors.notified() => {}
                    }
                });
            }
        });
        Self { address, swallows, cut }
    }
}

async fn carried(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    hole: Arc<AtomicBool>,
    delay: Duration,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        tokio::time::sleep(delay).await;
        while hole.load(Ordering::SeqCst) {
            // No bytes pass, and the connections stay open.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Sends numbered requests one after the other and records the numbers that got a 2xx response.
async fn keep_sending(url: String, stop: Arc<AtomicBool>, accepted: Arc<Mutex<Vec<u64>>>, first: u64) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let mut number = first;
    while !stop.load(Ordering::SeqCst) {
        let response = client.post(&url).body(format!("{{\"number\":{number}}}")).send().await;
        if response.is_ok_and(|response| response.status().is_success()) {
            accepted.lock().unwrap().push(number);
        }
        // A request without a response may have been stored, so its number is not sent again.
        number += 4;
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
}

/// Kills the relay, kills, stops and disconnects the agent, and blocks the network for a while. Each request that a
/// sender got a 2xx response for must be in the inbox once. With `HOOKBENCH_LONG` set, the agent is stopped for 60 s
/// and about ten thousand requests are sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_each_acknowledged_request_once_after_crashes() {
    let long = std::env::var_os("HOOKBENCH_LONG").is_some();
    let (some, sleep, hole) = if long { (1_300, 60, 30) } else { (300, 8, 4) };
    let dir = TempDir::new().unwrap();
    let relay = Relay::start_in(&dir.path().join("relay"), "127.0.0.1:0", &["--max-rate", "100000"]);
    let way = Way::to(relay.address(), Duration::from_millis(2)).await;
    let agent = dir.path().join("agent");
    let serve = Serve::start_in(&agent);
    let public = joined(&serve, &format!("http://{}", way.address), &relay.code(), &[]);
    let token = public.rsplit('/').next().unwrap().to_owned();
    online(&serve).await;
    let (listen, data) = (relay.address(), relay.data.clone());
    let url = format!("http://{listen}/{token}");
    let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let senders: Vec<_> =
        (0..4).map(|first| tokio::spawn(keep_sending(url.clone(), stop.clone(), accepted.clone(), first))).collect();
    let count = || accepted.lock().unwrap().len();
    let more = async || {
        let target = count() + some;
        until("more requests to be accepted", async || (count() >= target).then_some(())).await;
    };
    more().await;
    relay.kill_9();
    let relay = Relay::start_in(&data, &listen, &["--max-rate", "100000"]);
    more().await;
    way.cut.notify_waiters();
    more().await;
    // The pause is longer than either end waits for a keep-alive.
    signal(serve.pid(), "STOP");
    let stopped = Instant::now();
    more().await;
    while stopped.elapsed() < Duration::from_secs(sleep) {
        more().await;
    }
    signal(serve.pid(), "CONT");
    more().await;
    serve.kill_9();
    more().await;
    let serve = Serve::start_in(&agent);
    online(&serve).await;
    way.swallows.store(true, Ordering::SeqCst);
    let swallowed = Instant::now();
    more().await;
    while swallowed.elapsed() < Duration::from_secs(hole) {
        more().await;
    }
    way.swallows.store(false, Ordering::SeqCst);
    more().await;
    stop.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    let mut waiting = u64::MAX;
    while waiting > 0 {
        let before = waiting;
        let fewer = async || Some(relay.metric("waiting")).filter(|now| *now < before);
        waiting = until("the number of waiting requests to fall", fewer).await;
    }
    // Counts the stored requests directly in the database.
    serve.terminate();
    let database = rusqlite::Connection::open(agent.join("hookbench.db")).unwrap();
    let mut stored: BTreeMap<u64, usize> = BTreeMap::new();
    let mut rows = database.prepare("SELECT body FROM request").unwrap();
    for body in rows.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap() {
        let body: Json = serde_json::from_slice(&body.unwrap()).unwrap();
        *stored.entry(body["number"].as_u64().unwrap()).or_default() += 1;
    }
    let accepted = accepted.lock().unwrap();
    let lost: Vec<_> = accepted.iter().filter(|number| !stored.contains_key(number)).collect();
    let doubled: Vec<_> = stored.iter().filter(|(_, count)| **count > 1).collect();
    assert!(
        lost.is_empty() && doubled.is_empty(),
        "{} accepted: lost {lost:?}, duplicated {doubled:?}",
        accepted.len()
    );
    assert!(accepted.len() >= 8 * some, "{}", accepted.len());
    println!("{} accepted, {} stored, 0 lost, 0 duplicated", accepted.len(), stored.len());
    drop(relay);
}

/// A running ACME test server (Pebble), killed on drop.
struct Authority {
    child: Child,
    directory: String,
    management: String,
    /// Path of the root certificate that signed the HTTPS certificate of the server.
    root: PathBuf,
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn openssl(dir: &Path, args: &[&str]) {
    let output = Command::new("openssl").args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

impl Authority {
    /// Starts Pebble, the ACME test server of Let's Encrypt. Pebble validates names with TLS-ALPN at port `proves_at`.
    async fn start(dir: &Path, proves_at: u16) -> Self {
        openssl(
            dir,
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=test root",
                "-keyout",
                "root.key",
                "-out",
                "root.pem",
            ],
        );
        openssl(
            dir,
            &["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "ca.key", "-out", "ca.csr"],
        );
        std::fs::write(dir.join("ca.ext"), "subjectAltName=DNS:localhost").unwrap();
        openssl(
            dir,
            &[
                "x509",
                "-req",
                "-in",
                "ca.csr",
                "-CA",
                "root.pem",
                "-CAkey",
                "root.key",
                "-CAcreateserial",
                "-days",
                "2",
                "-extfile",
                "ca.ext",
                "-out",
                "ca.pem",
            ],
        );
        let (port, management) = (free_port(), free_port());
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"), "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": dir.join("ca.pem"), "privateKey": dir.join("ca.key"), "httpPort": 1, "tlsPort": proves_at,
            "ocspResponderURL": "", "externalAccountBindingRequired": false,
        } });
        let path = dir.join("pebble.json");
        std::fs::write(&path, config.to_string()).unwrap();
        let mut command = Command::new("pebble");
        command.arg("-config").arg(&path).env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the ACME server to accept connections", async || TcpStream::connect(("127.0.0.1", port)).await.ok())
            .await;
        Self {
            child,
            directory: format!("https://localhost:{port}/dir"),
            management: format!("https://localhost:{management}"),
            root: dir.join("root.pem"),
        }
    }

    /// Returns the root of the issued certificates. Pebble generates a new root at each start.
    async fn issues_under(&self) -> Vec<u8> {
        let roots = format!("{}/roots/0", self.management).parse().unwrap();
        let response = HttpsClient::trusting(&self.root).get(roots).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }
}

/// An HTTPS client that trusts one root.
struct HttpsClient(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpsClient {
    fn trusting(root: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    async fn get(&self, url: Uri) -> Result<Response<Incoming>, legacy::Error> {
        self.0.get(url).await
    }

    async fn post(&self, url: Uri, body: &'static str) -> Result<Response<Incoming>, legacy::Error> {
        self.0.request(Request::post(url).body(Full::from(body)).unwrap()).await
    }
}

#[tokio::test]
async fn relay_obtains_acme_certificate_that_agent_trusts() {
    let dir = TempDir::new().unwrap();
    let port = free_port();
    let authority = Authority::start(dir.path(), port).await;
    let url = format!("https://localhost:{port}");
    let root = authority.root.to_str().unwrap();
    let more = ["--domain", "localhost", "--acme-directory", &authority.directory, "--acme-root", root, "--url", &url];
    let relay = Relay::start_in(&dir.path().join("relay"), &format!("127.0.0.1:{port}"), &more);
    let issued = dir.path().join("issued.pem");
    std::fs::write(&issued, authority.issues_under().await).unwrap();
    let client = HttpsClient::trusting(&issued);
    let health: Uri = format!("{url}/.hookbench/v1/health").parse().unwrap();
    until("the issued certificate", async || client.get(health.clone()).await.ok()).await;
    let agent = dir.path().join("agent");
    let serve = |trusts: bool| {
        let mut command = hookbench();
        command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json", "--data"]).arg(&agent);
        if trusts {
            command.env("SSL_CERT_FILE", &issued);
        }
        Serve::spawn(command, &agent)
    };
    // An agent that does not trust the certificate reports an error and does not use the enrollment code.
    let distrusting = serve(false);
    let code = relay.code();
    let refused = distrusting.cli(&["tunnel", "start", &url, "--code", &code]);
    let output = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && output.contains("certificate"), "{output}");
    distrusting.terminate();
    let serve = serve(true);
    let public = joined(&serve, &url, &code, &[]);
    online(&serve).await;
    assert!(public.starts_with(&url));
    assert_eq!(client.post(public.parse().unwrap(), "over TLS").await.unwrap().status(), 200);
    let request = serve.newest(1).await;
    assert_eq!(serve.body(request["id"].as_str().unwrap()).await, b"over TLS");
    // The relay stores the certificate for the next start.
    assert!(std::fs::read_dir(relay.data.join("acme")).unwrap().count() >= 2);
}

/// Exposure options persist, a deleted inbox loses its URL, and a revoked device can enroll again with a new code.
#[tokio::test]
async fn keeps_public_url_until_inbox_or_tunnel_is_deleted() {
    let dir = TempDir::new().unwrap();
    let relay = Relay::start_in(&dir.path().join("relay"), "127.0.0.1:0", &[]);
    let serve = Serve::start();
    let basic = dir.path().join("basic");
    std::fs::write(&basic, "shop:s3cret\n").unwrap();
    let url = joined(&serve, &relay.url, &relay.code(), &["--basic-file", basic.to_str().unwrap()]);
    online(&serve).await;
    assert_eq!(post(&url, "{}").await.status(), 401);
    assert!(serve.cli(&["tunnel", "expose", "inbox", "--wait", "5", "--on-return", "keep"]).status.success());
    assert!(serve.cli(&["tunnel", "start", &relay.url, "--expose", "inbox"]).status.success());
    assert_eq!(post(&url, "{}").await.status(), 401, "the password must persist");
    let shown = tunnel(&serve).await["exposures"][0]["settings"].clone();
    assert_eq!((&shown["wait_ms"], &shown["on_return"]), (&json!(5_000), &json!("keep")));
    assert!(!shown.to_string().contains("s3cret"));
    assert!(serve.cli(&["tunnel", "expose", "inbox", "--no-basic"]).status.success());
    assert_eq!(post(&url, "{}").await.status(), 200);
    // A deleted inbox loses its public URL.
    assert!(serve.cli(&["inbox", "add", "gone"]).status.success());
    let exposed = serve.cli(&["tunnel", "expose", "gone"]);
    let gone = String::from_utf8(exposed.stdout).unwrap().trim().to_owned();
    assert_eq!(post(&gone, "{}").await.status(), 200);
    assert!(serve.cli(&["inbox", "remove", "gone"]).status.success());
    until("the public URL to return 404", async || (post(&gone, "{}").await.status() == 404).then_some(())).await;
    // A revoked device enrolls again with a new code and exposes the same inbox at a new URL.
    let device: Json = serde_json::from_slice(&relay.cli(&["device", "list", "--json"]).stdout).unwrap();
    assert!(relay.cli(&["device", "revoke", device["id"].as_str().unwrap()]).status.success());
    until("the tunnel to fail", async || (tunnel(&serve).await["connection"]["state"] == "failed").then_some(())).await;
    assert!(serve.cli(&["tunnel", "start", &relay.url, "--code", &relay.code()]).status.success());
    let now = until("another public URL", async || {
        let now = tunnel(&serve).await["exposures"][0]["url"].as_str().unwrap().to_owned();
        (now != url).then_some(now)
    })
    .await;
    assert_eq!(post(&now, "{}").await.status(), 200);
    assert_eq!(post(&url, "{}").await.status(), 404);
    // A tunnel cannot be deleted while the relay is unreachable, because its public URLs would stay open.
    signal(relay.child.id(), "STOP");
    let data = relay.data.clone();
    relay.kill_9();
    let refused = serve.cli(&["tunnel", "remove"]);
    let output = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && output.contains("still reachable"), "{output}");
    let listen = now.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let relay = Relay::start_in(&data, &listen, &[]);
    assert!(serve.cli(&["tunnel", "remove"]).status.success());
    assert_eq!(post(&now, "{}").await.status(), 404);
    assert!(serve.get("/tunnels").await["items"].is_an_empty_array());
    drop(relay);
}

/// Replaces `to` with a copy of the data folder `from`.
fn copied(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[tokio::test]
async fn restored_agent_receives_lost_requests_again() {
    let dir = TempDir::new().unwrap();
    let relay = Relay::start_in(&dir.path().join("relay"), "127.0.0.1:0", &[]);
    let (agent, backup) = (dir.path().join("agent"), dir.path().join("backup"));
    let serve = Serve::start_in(&agent);
    let first = joined(&serve, &relay.url, &relay.code(), &[]);
    online(&serve).await;
    post(&first, "before").await;
    serve.newest(1).await;
    // The sequence numbers start again with a new exposure.
    assert!(serve.cli(&["tunnel", "unexpose", "inbox"]).status.success());
    let url = String::from_utf8(serve.cli(&["tunnel", "expose", "inbox"]).stdout).unwrap().trim().to_owned();
    serve.terminate();
    copied(&agent, &backup);
    let serve = Serve::start_in(&agent);
    online(&serve).await;
    // The backup does not contain this inbox.
    assert!(serve.cli(&["inbox", "add", "later"]).status.success());
    let later = String::from_utf8(serve.cli(&["tunnel", "expose", "later"]).stdout).unwrap().trim().to_owned();
    for number in 0..3 {
        post(&url, &format!("lost {number}")).await;
    }
    serve.newest(4).await;
    serve.terminate();
    assert_eq!(post(&later, "unknown inbox").await.status(), 200);
    copied(&backup, &agent);
    let serve = Serve::start_in(&agent);
    serve.newest(4).await;
    assert_eq!(relay.metric("waiting"), 1, "the request for the unknown inbox must wait");
    assert!(serve.cli(&["inbox", "add", "later"]).status.success());
    assert!(serve.cli(&["tunnel", "expose", "later"]).status.success());
    assert!(serve.cli(&["tunnel", "stop"]).status.success());
    assert!(serve.cli(&["tunnel", "start", &relay.url]).status.success());
    until("the request for the unknown inbox", async || (serve.all("later").await.len() == 1).then_some(())).await;
}

#[tokio::test]
async fn relay_responds_to_waiting_senders_on_shutdown() {
    let dir = TempDir::new().unwrap();
    let relay = Relay::start_in(&dir.path().join("relay"), "127.0.0.1:0", &[]);
    let (serve, app) = (Serve::start(), TargetServer::start().await);
    let forward = json!([{ "to": format!("{}/hang", app.url), "mode": "proxy", "deadline_ms": 20_000 }]);
    serve.patch("/inboxes/inbox", json!({ "forwards": forward, "response": { "status": 202 } })).await;
    let url = joined(&serve, &relay.url, &relay.code(), &["--wait", "20"]);
    online(&serve).await;
    let waiting = tokio::spawn(async move { post(&url, "{}").await.status().as_u16() });
    until("the app to hang", async || (app.hangs.load(Ordering::SeqCst) == 1).then_some(())).await;
    signal(relay.child.id(), "TERM");
    assert_eq!(waiting.await.unwrap(), 202);
    assert_eq!(serve.all("inbox").await.len(), 1);
}
