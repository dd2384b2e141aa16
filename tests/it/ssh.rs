//! End-to-end tests of live tunnels: through an SSH server, and through the tunnel of another program.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    destination::TargetServer,
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
};

/// A running OpenSSH server with generated keys, killed with its sessions on drop.
struct Sshd {
    dir: TempDir,
    port: u16,
    child: Child,
}

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// Generates a key pair. Returns the path of the private key.
fn key(dir: &Path, name: &str, passphrase: &str) -> PathBuf {
    let path = dir.join(name);
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-C", name, "-N", passphrase, "-f"]).arg(&path));
    path
}

fn fingerprint(key: &Path) -> String {
    let output = String::from_utf8(run(Command::new("ssh-keygen").arg("-lf").arg(key)).stdout).unwrap();
    output.split(' ').nth(1).unwrap().to_owned()
}

fn me() -> String {
    String::from_utf8(run(Command::new("id").arg("-un")).stdout).unwrap().trim().to_owned()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Sshd {
    /// Starts a server with additional configuration lines, in which `$DIR` is the folder of the server.
    fn start(more: &str) -> Self {
        let dir = TempDir::new().unwrap();
        key(dir.path(), "host", "");
        let mine = key(dir.path(), "mine", "");
        fs::copy(mine.with_extension("pub"), dir.path().join("authorized")).unwrap();
        let (port, path) = (free_port(), dir.path().display());
        let more = more.replace("$DIR", &path.to_string());
        let config = format!(
            "AddressFamily inet\nListenAddress 127.0.0.1:{port}\nHostKey {path}/host\nAuthorizedKeysFile {path}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             ClientAliveInterval 1\nClientAliveCountMax 3\nPrintMotd no\n{more}\n"
        );
        fs::write(dir.path().join("config"), config).unwrap();
        // An sshd that runs as root needs this folder for privilege separation.
        let _ = fs::create_dir_all("/run/sshd");
        let child = Self::spawn(dir.path());
        Self { dir, port, child }
    }

    /// Starts sshd and returns once it listens.
    fn spawn(dir: &Path) -> Child {
        let mut command = Command::new("/usr/sbin/sshd");
        let mut child =
            command.args(["-D", "-e", "-f"]).arg(dir.join("config")).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut output = Vec::new();
        while !output.last().is_some_and(|line: &String| line.contains("listening on")) {
            output.push(lines.next().unwrap_or_else(|| panic!("sshd ended: {output:?}")));
        }
        // Reads the rest of the output, because a full pipe would block sshd.
        std::thread::spawn(move || lines.for_each(drop));
        child
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn place(&self) -> String {
        format!("ssh://{}@127.0.0.1:{}", me(), self.port)
    }

    /// Kills all current sessions.
    fn cut(&self) {
        let _ = Command::new("pkill").args(["-KILL", "-P", &self.child.id().to_string()]).status();
    }

    /// Stops the server, runs `between`, and starts the server again.
    fn restart(&mut self, between: impl FnOnce(&Self)) {
        self.cut();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        between(self);
        self.child = Self::spawn(self.dir.path());
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.cut();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts Hookbench with `home` as the home folder and, optionally, the socket of an SSH agent.
fn serve_with_home(home: &Path, agent: Option<&str>) -> Serve {
    let data = home.join("data");
    let mut command = hookbench();
    command.env("HOME", home).env("HOOKBENCH_LOG", "warn").env_remove("SSH_AUTH_SOCK");
    if let Some(agent) = agent {
        command.env("SSH_AUTH_SOCK", agent);
    }
    command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json", "--data"]).arg(&data);
    Serve::spawn(command, &data)
}

async fn tunnel(serve: &Serve) -> Json {
    serve.get("/tunnels").await["items"][0].clone()
}

async fn connection_state(serve: &Serve, state: &str) -> Json {
    until(state, async || Some(tunnel(serve).await).filter(|tunnel| tunnel["connection"]["state"] == state)).await
}

async fn url(serve: &Serve) -> String {
    tunnel(serve).await["exposures"][0]["url"].as_str().unwrap().to_owned()
}

async fn post(url: &str, body: Vec<u8>) -> reqwest::Result<reqwest::Response> {
    // Each call uses a new client, because a kept-alive connection would lead to the previous session.
    reqwest::Client::new().post(url).body(body).timeout(Duration::from_secs(20)).send().await
}

async fn status(url: &str) -> Option<u16> {
    post(url, b"{}".to_vec()).await.ok().map(|response| response.status().as_u16())
}

fn started(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn forwards_webhooks_through_ssh_and_reconnects() {
    let (home, mut sshd) = (TempDir::new().unwrap(), Sshd::start(""));
    let (serve, app) = (serve_with_home(home.path(), None), TargetServer::start().await);
    let mine = sshd.path("mine");
    let output =
        started(&serve.cli(&["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap(), "--expose", "inbox"]));
    assert!(
        output.contains("online") && output.contains("live") && output.contains(&fingerprint(&sshd.path("host"))),
        "{output}"
    );
    let public = url(&serve).await;
    assert!(public.starts_with("http://127.0.0.1:") && output.contains(&public), "{public} in {output}");
    let token = public.rsplit('/').next().unwrap().to_owned();
    assert_eq!(token.len(), 32, "160 bits: {token}");

    // The sender gets the response of the app even for a large body, and the stored request does not contain the token.
    let forward = json!([{ "to": format!("{}/hooks", app.url), "mode": "proxy", "deadline_ms": 5_000 }]);
    serve.patch("/inboxes/inbox", json!({ "forwards": forward })).await;
    app.status.store(418, Ordering::SeqCst);
    let body: Vec<u8> = (0..8 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
    assert_eq!(post(&format!("{public}/a%2Fb?x=1"), body.clone()).await.unwrap().status(), 418);
    // The response status is stored after the response was sent.
    let request = until("the stored response status", async || {
        Some(serve.newest(1).await).filter(|request| request["status"] == 418)
    })
    .await;
    assert_eq!(request["target"], "/inbox/a%2Fb?x=1");
    assert_eq!(serve.body(request["id"].as_str().unwrap()).await, body);
    let detail = serve.get(&format!("/requests/{}", request["id"].as_str().unwrap())).await;
    assert!(!detail.to_string().contains(&token), "{detail}");

    // Only the exposed inbox is reachable.
    let base = public.strip_suffix(&format!("/{token}")).unwrap();
    for path in ["/inbox", "/api/v1/status", "/.hookbench/v1/health", "/", "", &format!("/{token}x")] {
        assert_eq!(status(&format!("{base}{path}")).await, Some(404), "{path}");
    }
    assert_eq!(serve.all("inbox").await.len(), 1);

    // A broken session is re-established at the same URL.
    sshd.cut();
    until("the webhook after a cut", async || status(&public).await.filter(|status| *status == 418)).await;
    let tunnel = connection_state(&serve, "online").await;
    assert!(tunnel["last_drop"]["why"].as_str().is_some_and(|why| why.contains("connection")), "{tunnel}");
    // The session is also re-established after a restart of the host.
    sshd.restart(|_| ());
    until("the webhook after a restart", async || status(&public).await.filter(|status| *status == 418)).await;
    assert!(connection_state(&serve, "online").await["connection"]["round_trip_ms"].is_f64());

    // Starting the tunnel again with the same options does not interrupt a sender that waits for a response.
    let rule = json!([{ "when": "path:/slow", "responses": [{ "status": 200, "delay_ms": 1500 }] }]);
    serve.patch("/inboxes/inbox", json!({ "rules": rule })).await;
    let slow = format!("{public}/slow");
    let waiting = tokio::spawn(async move { status(&slow).await });
    until("the slow request", async || {
        serve.all("inbox").await[0]["target"].as_str().unwrap().ends_with("/slow").then_some(())
    })
    .await;
    started(&serve.cli(&["tunnel", "start", &sshd.place()]));
    started(&serve.cli(&["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap()]));
    assert_eq!(waiting.await.unwrap(), Some(200));
    // Re-creating the tunnel with other options reconnects and keeps the public URL.
    started(&serve.cli(&[
        "tunnel",
        "start",
        &sshd.place(),
        "--key",
        sshd.path("mine").to_str().unwrap(),
        "--host-key",
        &fingerprint(&sshd.path("host")),
    ]));
    assert_eq!(url(&serve).await, public);

    // The URL is closed while the tunnel is stopped. It stays the same after a start of the tunnel and of Hookbench.
    assert!(serve.cli(&["tunnel", "stop"]).status.success());
    until("the URL to be closed", async || status(&public).await.is_none().then_some(())).await;
    assert!(serve.cli(&["tunnel", "start", &sshd.place()]).status.success());
    until("the webhook after a stop", async || status(&public).await.filter(|status| *status == 418)).await;
    serve.terminate();
    let serve = serve_with_home(home.path(), None);
    until("the webhook in the restarted Hookbench", async || status(&public).await.filter(|status| *status == 418))
        .await;
    assert_eq!(url(&serve).await, public);
    assert!(serve.cli(&["tunnel", "unexpose", "inbox"]).status.success());
    assert_eq!(status(&public).await, Some(404));
    assert!(serve.cli(&["tunnel", "remove"]).status.success());
    until("the host to stop listening", async || status(&public).await.is_none().then_some(())).await;
}

#[tokio::test]
async fn rejects_host_with_unexpected_key() {
    let (home, mut sshd) = (TempDir::new().unwrap(), Sshd::start(""));
    let serve = serve_with_home(home.path(), None);
    let (mine, place) = (sshd.path("mine"), sshd.place());
    let start = ["tunnel", "start", &place, "--url", "https://hooks.example/in/", "--key", mine.to_str().unwrap()];
    let first = fingerprint(&sshd.path("host"));
    // The key differs from `--host-key`.
    let output = refused(&serve.cli(&[&start[..], &["--host-key", "SHA256:other"]].concat()));
    assert!(output.contains("The host key has changed") && output.contains(&first), "{output}");
    // The key differs from the key in known_hosts.
    fs::create_dir_all(home.path().join(".ssh")).unwrap();
    let other = key(sshd.dir.path(), "other", "");
    let line = fs::read_to_string(other.with_extension("pub")).unwrap();
    let known = home.path().join(".ssh/known_hosts");
    fs::write(&known, format!("[127.0.0.1]:{} {line}", sshd.port)).unwrap();
    let output = refused(&serve.cli(&start));
    assert!(output.contains("known_hosts") && output.contains(&first), "{output}");
    // The key has another type than the key in known_hosts, as in a man-in-the-middle attack.
    run(Command::new("ssh-keygen").args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(sshd.path("kind")));
    let line = fs::read_to_string(sshd.path("kind.pub")).unwrap();
    fs::write(&known, format!("[127.0.0.1]:{}\t{line}", sshd.port)).unwrap();
    let output = refused(&serve.cli(&start));
    assert!(output.contains("line 1 of") && output.contains(&first), "{output}");
    assert_eq!(serve.get("/tunnels").await["items"], json!([]));
    // Without a known_hosts entry, the first key is trusted and stored (trust on first use).
    fs::remove_file(&known).unwrap();
    started(&serve.cli(&[&start[..], &["--expose", "inbox"]].concat()));
    let public = url(&serve).await;
    assert!(public.starts_with("https://hooks.example/in/"));
    // Re-creating the tunnel keeps its public URL.
    started(&serve.cli(&[&start[..], &["--host-key", &first]].concat()));
    assert_eq!(url(&serve).await, public);
    sshd.restart(|sshd| {
        for name in ["host", "host.pub"] {
            fs::rename(sshd.path(&name.replace("host", "other")), sshd.path(name)).unwrap();
        }
    });
    let ended = connection_state(&serve, "failed").await;
    let second = fingerprint(&sshd.path("host"));
    assert_eq!((&ended["kind"]["host_key"], &ended["kind"]["offered_key"]), (&json!(first), &json!(second)), "{ended}");
    let output = started(&serve.cli(&["tunnel", "status"]));
    assert!(output.contains(&format!("hookbench tunnel trust-key {second}")), "{output}");
    let output = refused(&serve.cli(&["tunnel", "trust-key", "yes"]));
    assert!(output.contains("SHA256:"), "{output}");
    started(&serve.cli(&["tunnel", "trust-key", &second]));
    let tunnel = connection_state(&serve, "online").await;
    assert_eq!(
        (&tunnel["kind"]["host_key"], &tunnel["kind"]["offered_key"]),
        (&json!(second), &Json::NULL),
        "{tunnel}"
    );
}

#[tokio::test]
async fn requests_host_key_of_known_type() {
    let mut sshd = Sshd::start("HostKey $DIR/other-kind");
    sshd.restart(|sshd| {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(sshd.path("other-kind")));
    });
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join(".ssh")).unwrap();
    let line = fs::read_to_string(sshd.path("other-kind.pub")).unwrap();
    fs::write(home.path().join(".ssh/known_hosts"), format!("[127.0.0.1]:{} {line}", sshd.port)).unwrap();
    let serve = serve_with_home(home.path(), None);
    let mine = sshd.path("mine");
    let start = ["tunnel", "start", &sshd.place(), "--url", "https://hooks.example", "--key", mine.to_str().unwrap()];
    // By default, the host would present its Ed25519 key.
    let output = started(&serve.cli(&start));
    assert!(output.contains(&fingerprint(&sshd.path("other-kind"))), "{output}");
    sshd.restart(|_| ());
    until("the session after the restart", async || {
        let tunnel = tunnel(&serve).await;
        assert_ne!(tunnel["connection"]["state"], "failed", "{tunnel}");
        (tunnel["connection"]["state"] == "online" && !tunnel["last_drop"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn authenticates_with_key_file_or_agent() {
    let sshd = Sshd::start("");
    let place = sshd.place();
    let start = ["tunnel", "start", &place, "--url", "https://hooks.example"];
    // There is no key.
    let home = TempDir::new().unwrap();
    let serve = serve_with_home(home.path(), None);
    let output = refused(&serve.cli(&start));
    assert!(output.contains("no SSH agent") && output.contains("authorized_keys"), "{output}");
    // The host does not accept the first key, and the second key has a passphrase.
    let ssh = home.path().join(".ssh");
    fs::create_dir_all(&ssh).unwrap();
    let stranger = key(&ssh, "id_ed25519", "");
    let locked = key(home.path(), "locked", "secret");
    let output = refused(&serve.cli(&start));
    assert!(output.contains("id_ed25519 was rejected"), "{output}");
    let output = refused(&serve.cli(&[&start[..], &["--key", locked.to_str().unwrap()]].concat()));
    assert!(output.contains("has a passphrase") && output.contains("ssh-add"), "{output}");
    let output = refused(&serve.cli(&[&start[..], &["--key", "/nowhere/key"]].concat()));
    assert!(output.contains("/nowhere/key cannot be read"), "{output}");
    // The default key file is accepted. A host that does not allow forwarding is reported.
    fs::copy(sshd.path("mine"), &stranger).unwrap();
    fs::copy(sshd.path("mine.pub"), stranger.with_extension("pub")).unwrap();
    started(&serve.cli(&start));
    let closed = Sshd::start("AllowTcpForwarding no");
    let mine = closed.path("mine");
    let output = refused(&serve.cli(&["tunnel", "start", &closed.place(), "--key", mine.to_str().unwrap()]));
    assert!(output.contains("refused to listen on 0") && output.contains("AllowTcpForwarding"), "{output}");
    drop(serve);

    // The SSH agent signs with its keys.
    let home = TempDir::new().unwrap();
    let socket = home.path().join("agent");
    let mut agent = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    until("the socket of the SSH agent", async || socket.exists().then_some(())).await;
    let serve = serve_with_home(home.path(), socket.to_str());
    let add = |key: &Path| run(Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket));
    let other = key(home.path(), "other", "");
    add(&other);
    let output = refused(&serve.cli(&start));
    assert!(output.contains("the agent's key \"other\" was rejected"), "{output}");
    add(&sshd.path("mine"));
    // An unreadable key file must not make Hookbench use another key.
    let output = refused(&serve.cli(&[&start[..], &["--key", "/nowhere/key"]].concat()));
    assert!(output.contains("/nowhere/key cannot be read") && !output.contains("agent"), "{output}");
    started(&serve.cli(&start));
    connection_state(&serve, "online").await;
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[tokio::test]
async fn reads_public_url_from_host_output() {
    // Tunnel services print the URL into a shell session. This host prints one URL and later another one.
    let sshd = Sshd::start(
        "ForceCommand echo Welcome at https://admin.lhr.example/; echo; \
         echo abc.lhr.example tunneled with tls termination, https://abc.lhr.example; \
         while ! test -e $DIR/next; do sleep 0.1; done; \
         echo two.lhr.example tunneled with tls termination, https://two.lhr.example; exec sleep 60",
    );
    let home = TempDir::new().unwrap();
    let serve = serve_with_home(home.path(), None);
    let mine = sshd.path("mine");
    let start = ["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap(), "--expose", "inbox"];
    let output = started(&serve.cli(&start));
    assert!(output.contains("https://abc.lhr.example/"), "{output}");
    let token = url(&serve).await.rsplit('/').next().unwrap().to_owned();
    fs::write(sshd.path("next"), "now").unwrap();
    until("the other URL", async || (url(&serve).await == format!("https://two.lhr.example/{token}")).then_some(()))
        .await;
}

#[tokio::test]
async fn reads_public_url_from_banner() {
    let sshd = Sshd::start("Banner $DIR/banner\nForceCommand exec sleep 60");
    fs::write(sshd.path("banner"), "Hello\nForwarding HTTP traffic from https://banner.example\n").unwrap();
    let home = TempDir::new().unwrap();
    let serve = serve_with_home(home.path(), None);
    let mine = sshd.path("mine");
    let start = ["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap(), "--expose", "inbox"];
    let output = started(&serve.cli(&start));
    assert!(output.contains("https://banner.example/"), "{output}");
    // `--url` takes precedence over the banner.
    let output = started(&serve.cli(&[&start[..], &["--url", "https://own.example"]].concat()));
    assert!(output.contains("https://own.example/") && !output.contains("banner"), "{output}");
    assert_eq!(serve.get("/tunnels").await["items"].items().count(), 1);
}

#[tokio::test]
async fn exposes_inbox_through_tunnel_of_another_program() {
    let home = TempDir::new().unwrap();
    let (serve, app) = (serve_with_home(home.path(), None), TargetServer::start().await);
    let output = started(&serve.cli(&["tunnel", "start", "https://abc.ngrok.example", "--other", "--expose", "inbox"]));
    let tunnel = connection_state(&serve, "online").await;
    let local = tunnel["kind"]["local"].as_str().unwrap().to_owned();
    assert!(output.contains(&local) && output.contains("live"), "{output}");
    assert_eq!(tunnel["durable"], false);
    let public = url(&serve).await;
    let token = public.strip_prefix("https://abc.ngrok.example/").unwrap().to_owned();
    // Tunnel programs pass paths unchanged.
    let address = format!("{local}/{token}");
    assert_eq!(status(&format!("{address}/x")).await, Some(200));
    assert_eq!(serve.newest(1).await["target"], "/inbox/x");
    for path in ["/inbox", "/api/v1/status", "/"] {
        assert_eq!(status(&format!("{local}{path}")).await, Some(404), "{path}");
    }

    // A request without the password is rejected before anything is stored.
    let secret = home.path().join("secret");
    fs::write(&secret, "me:pass:word\n").unwrap();
    started(&serve.cli(&["tunnel", "expose", "inbox", "--basic-file", secret.to_str().unwrap()]));
    assert_eq!(status(&address).await, Some(401));
    let right = reqwest::Client::new().post(&address).basic_auth("me", Some("pass:word")).send().await.unwrap();
    assert_eq!(right.status(), 200);
    assert_eq!(serve.all("inbox").await.len(), 2);
    started(&serve.cli(&["tunnel", "expose", "inbox", "--no-basic"]));

    // Options that this type of tunnel cannot enforce are rejected.
    for odd in [&["--allow", "192.0.2.0/24"][..], &["--wait", "5"], &["--give-secrets"], &["--on-return", "keep"]] {
        refused(&serve.cli(&[&["tunnel", "expose", "inbox"], odd].concat()));
    }

    // With `--verified-only`, only verified requests from the tunnel are forwarded, in proxy mode and in mirror mode.
    let forwards = |mode| json!([{ "to": app.url, "mode": mode }]);
    let verification = json!({ "provider": "github", "secrets": ["s3cret"] });
    serve.patch("/inboxes/inbox", json!({ "verification": verification, "forwards": forwards("proxy") })).await;
    started(&serve.cli(&["tunnel", "expose", "inbox", "--verified-only"]));
    assert_eq!(status(&address).await, Some(401));
    assert!(app.got().is_empty());
    // HMAC-SHA256 of `{}` under `s3cret`.
    let signature = "sha256=adbde1ce40c89c14215687d5d762a47df6dfaefcfad61e2e86718ffc8498571b";
    let request = reqwest::Client::new().post(&address).header("x-github-event", "push").body("{}");
    assert_eq!(request.header("x-hub-signature-256", signature).send().await.unwrap().status(), 200);
    assert_eq!(status(&format!("{}/inbox", serve.listener)).await, Some(200), "local requests must be forwarded");
    assert_eq!(app.got().len(), 2);
    serve.patch("/inboxes/inbox", json!({ "forwards": forwards("mirror") })).await;
    assert_eq!(status(&address).await, Some(200));
    assert_eq!(status(&format!("{}/inbox", serve.listener)).await, Some(200));
    until("the mirrored local request", async || (app.got().len() == 3).then_some(())).await;
    until("the forward of the unverified request to be skipped", async || {
        let deliveries = serve.get("/deliveries?limit=50").await;
        let skipped = |item: &Json| item["reason"].as_str().is_some_and(|why| why.contains("through a tunnel"));
        deliveries["items"].items().any(skipped).then_some(())
    })
    .await;

    // The URL stays the same after a restart. The tunnel waits while another program uses its port.
    serve.terminate();
    let taken = std::net::TcpListener::bind(local.trim_start_matches("http://")).unwrap();
    let serve = serve_with_home(home.path(), None);
    let tunnel = connection_state(&serve, "waiting").await;
    assert!(tunnel["connection"]["why"].as_str().unwrap().contains("cannot be used"), "{tunnel}");
    drop(taken);
    connection_state(&serve, "online").await;
    assert_eq!(url(&serve).await, public);
}

#[tokio::test]
async fn serializes_changes_to_a_tunnel() {
    let home = TempDir::new().unwrap();
    let serve = serve_with_home(home.path(), None);
    started(&serve.cli(&["tunnel", "start", "https://abc.example/hooks", "--other"]));
    let tunnel = connection_state(&serve, "online").await;
    let (id, local) = (tunnel["id"].as_str().unwrap(), tunnel["kind"]["local"].as_str().unwrap().to_owned());
    // Concurrent calls to expose an inbox create one URL, and that URL is stored.
    let path = format!("/tunnels/{id}/inboxes/inbox");
    let expose = || serve.request(reqwest::Method::PUT, &path).json(&json!({})).send();
    let (one, two, three) = tokio::join!(expose(), expose(), expose());
    assert!([one, two, three].into_iter().all(|response| response.unwrap().status() == 200));
    let public = url(&serve).await;
    let token = public.strip_prefix("https://abc.example/hooks/").unwrap().to_owned();
    // A tunnel program may strip the path of the public URL.
    assert_eq!(status(&format!("{local}/{token}/x")).await, Some(200));
    assert_eq!(status(&format!("{local}/hooks/{token}/x")).await, Some(200));
    assert_eq!(serve.newest(2).await["target"], "/inbox/x");
    assert_eq!(status(&format!("{local}/hook/{token}")).await, Some(404));
    assert_eq!(status(&format!("{local}/hooks{token}")).await, Some(404));
    // An unresponsive host does not block other tunnels.
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("me@{}", deaf.local_addr().unwrap());
    let dialling =
        serve.request(reqwest::Method::POST, "/tunnels").json(&json!({ "type": "ssh", "destination": place }));
    let dialling = tokio::spawn(dialling.send());
    let (_held, _) = deaf.accept().await.unwrap();
    assert!(serve.cli(&["tunnel", "stop"]).status.success());
    assert!(!dialling.is_finished(), "stopping a tunnel must not wait for the unresponsive host");
    dialling.abort();
    // A deletion finishes even if the client disconnects.
    serve.cli(&["tunnel", "start", "https://abc.example/hooks"]);
    let removing = serve.request(reqwest::Method::DELETE, &format!("/tunnels/{id}")).send();
    let _ = tokio::time::timeout(Duration::from_micros(700), removing).await;
    serve.request(reqwest::Method::DELETE, &format!("/tunnels/{id}")).send().await.unwrap();
    assert_eq!(serve.get("/tunnels").await["items"], json!([]));
    serve.terminate();
    let serve = serve_with_home(home.path(), None);
    assert_eq!(serve.get("/tunnels").await["items"], json!([]));
}

#[tokio::test]
async fn flooding_sender_does_not_block_others() {
    let (home, sshd) = (TempDir::new().unwrap(), Sshd::start(""));
    let serve = serve_with_home(home.path(), None);
    let mine = sshd.path("mine");
    started(&serve.cli(&["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap(), "--expose", "inbox"]));
    let public = url(&serve).await;
    let (address, path) = public.trim_start_matches("http://").split_once('/').unwrap();
    // The first request gets a late response. The data that the sender sends after it is not read until then.
    let rule = json!([{ "when": "path:/slow", "responses": [{ "status": 200, "delay_ms": 20_000 }] }]);
    serve.patch("/inboxes/inbox", json!({ "rules": rule })).await;
    let mut flood = TcpStream::connect(address).await.unwrap();
    flood.write_all(format!("GET /{path}/slow HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    serve.newest(1).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let flooding = tokio::spawn({
        let sent = sent.clone();
        async move {
            let piece = [b'x'; 65_536];
            while flood.write_all(&piece).await.is_ok() {
                sent.fetch_add(piece.len(), Ordering::SeqCst);
            }
            let mut rest = Vec::new();
            let _ = flood.read_to_end(&mut rest).await;
        }
    });
    // The amount exceeds the buffer limit of one connection.
    until("the flood to exceed the buffer limit", async || {
        (sent.load(Ordering::SeqCst) > 17 * 1024 * 1024).then_some(())
    })
    .await;
    for _ in 0..5 {
        assert_eq!(status(&public).await, Some(200));
    }
    assert!(!flooding.is_finished(), "the flood must still be blocked");
    flooding.abort();
    connection_state(&serve, "online").await;
}
