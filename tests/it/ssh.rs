//! Live tunnels: to a real SSH server and by another program's, each under an address nobody guesses.

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
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
    target::Receiver,
};

/// A server of OpenSSH with keys of its own. Dropping it kills it and its sessions.
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

/// A new key pair, and the path of its secret half.
fn key(dir: &Path, name: &str, passphrase: &str) -> PathBuf {
    let path = dir.join(name);
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-C", name, "-N", passphrase, "-f"]).arg(&path));
    path
}

fn fingerprint(key: &Path) -> String {
    let said = String::from_utf8(run(Command::new("ssh-keygen").arg("-lf").arg(key)).stdout).unwrap();
    said.split(' ').nth(1).unwrap().to_owned()
}

fn me() -> String {
    String::from_utf8(run(Command::new("id").arg("-un")).stdout).unwrap().trim().to_owned()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Sshd {
    /// With more lines of configuration, in which `$DIR` is its folder.
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
        // Where it runs as root, it changes into this folder.
        let _ = fs::create_dir_all("/run/sshd");
        let child = Self::spawn(dir.path());
        Self { dir, port, child }
    }

    /// One that listens by now.
    fn spawn(dir: &Path) -> Child {
        let mut command = Command::new("/usr/sbin/sshd");
        let mut child =
            command.args(["-D", "-e", "-f"]).arg(dir.join("config")).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains("listening on")) {
            said.push(lines.next().unwrap_or_else(|| panic!("sshd ended: {said:?}")));
        }
        // What it says later is read, or it would wait for that.
        std::thread::spawn(move || lines.for_each(drop));
        child
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn place(&self) -> String {
        format!("ssh://{}@127.0.0.1:{}", me(), self.port)
    }

    /// Ends the sessions there are.
    fn cut(&self) {
        let _ = Command::new("pkill").args(["-KILL", "-P", &self.child.id().to_string()]).status();
    }

    /// Goes down, does something, and comes back.
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

/// A laptop with a home of its own, in which there is nothing.
fn laptop(home: &Path, agent: Option<&str>) -> Serve {
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

async fn stands(serve: &Serve, state: &str) -> Json {
    until(state, async || Some(tunnel(serve).await).filter(|tunnel| tunnel["connection"]["state"] == state)).await
}

async fn url(serve: &Serve) -> String {
    tunnel(serve).await["exposures"][0]["url"].as_str().unwrap().to_owned()
}

async fn post(url: &str, body: Vec<u8>) -> reqwest::Result<reqwest::Response> {
    // A client for each: a connection that is kept open leads to the session there was before.
    reqwest::Client::new().post(url).body(body).timeout(Duration::from_secs(20)).send().await
}

async fn status(url: &str) -> Option<u16> {
    post(url, b"{}".to_vec()).await.ok().map(|answer| answer.status().as_u16())
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
async fn a_webhook_comes_through_an_ssh_host_and_after_a_drop_again() {
    let (home, mut sshd) = (TempDir::new().unwrap(), Sshd::start(""));
    let (serve, app) = (laptop(home.path(), None), Receiver::start().await);
    let mine = sshd.path("mine");
    let said =
        started(&serve.cli(&["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap(), "--expose", "inbox"]));
    assert!(
        said.contains("online") && said.contains("live") && said.contains(&fingerprint(&sshd.path("host"))),
        "{said}"
    );
    let public = url(&serve).await;
    assert!(public.starts_with("http://127.0.0.1:") && said.contains(&public), "{public} in {said}");
    let token = public.rsplit('/').next().unwrap().to_owned();
    assert_eq!(token.len(), 32, "160 bits: {token}");

    // The app's own answer, whatever the size of the body, and nothing of the token in what is kept.
    let forward = json!([{ "to": format!("{}/hooks", app.url), "mode": "answer", "deadline_ms": 5_000 }]);
    serve.patch("/inboxes/inbox", json!({ "forwards": forward })).await;
    app.status.store(418, Ordering::SeqCst);
    let body: Vec<u8> = (0..8 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
    assert_eq!(post(&format!("{public}/a%2Fb?x=1"), body.clone()).await.unwrap().status(), 418);
    // What the sender was answered is written down after it was.
    let request = until("the row to say what was answered", async || {
        Some(serve.newest(1).await).filter(|request| request["status"] == 418)
    })
    .await;
    assert_eq!(request["target"], "/inbox/a%2Fb?x=1");
    assert_eq!(serve.body(request["id"].as_str().unwrap()).await, body);
    let detail = serve.get(&format!("/requests/{}", request["id"].as_str().unwrap())).await;
    assert!(!detail.to_string().contains(&token), "{detail}");

    // Only what is exposed is reached.
    let base = public.strip_suffix(&format!("/{token}")).unwrap();
    for path in ["/inbox", "/api/v1/status", "/.hookbench/v1/health", "/", "", &format!("/{token}x")] {
        assert_eq!(status(&format!("{base}{path}")).await, Some(404), "{path}");
    }
    assert_eq!(serve.all("inbox").await.len(), 1);

    // A session that is cut is made again, at the same URL.
    sshd.cut();
    until("the webhook after a cut", async || status(&public).await.filter(|status| *status == 418)).await;
    let stood = stands(&serve, "online").await;
    assert!(stood["last_drop"]["why"].as_str().is_some_and(|why| why.contains("connection")), "{stood}");
    // So is one of a host that was away for a while.
    sshd.restart(|_| ());
    until("the webhook after a restart", async || status(&public).await.filter(|status| *status == 418)).await;
    assert!(stands(&serve, "online").await["connection"]["round_trip_ms"].is_f64());

    // Who waits for an answer goes on waiting when it is started once more, or made with what it is.
    let rule = json!([{ "when": "path:/slow", "answers": [{ "status": 200, "delay_ms": 1500 }] }]);
    serve.patch("/inboxes/inbox", json!({ "rules": rule })).await;
    let slow = format!("{public}/slow");
    let waiting = tokio::spawn(async move { status(&slow).await });
    until("the slow one", async || {
        serve.all("inbox").await[0]["target"].as_str().unwrap().ends_with("/slow").then_some(())
    })
    .await;
    started(&serve.cli(&["tunnel", "start", &sshd.place()]));
    started(&serve.cli(&["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap()]));
    assert_eq!(waiting.await.unwrap(), Some(200));
    // Made with something else it is dialled anew, and keeps its addresses.
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

    // Stopped, nobody is there; started, it is the same URL. So it is for a Hookbench that was started anew.
    assert!(serve.cli(&["tunnel", "stop"]).status.success());
    until("nobody to be there", async || status(&public).await.is_none().then_some(())).await;
    assert!(serve.cli(&["tunnel", "start", &sshd.place()]).status.success());
    until("the webhook after a stop", async || status(&public).await.filter(|status| *status == 418)).await;
    serve.terminate();
    let serve = laptop(home.path(), None);
    until("the webhook in another Hookbench", async || status(&public).await.filter(|status| *status == 418)).await;
    assert_eq!(url(&serve).await, public);
    assert!(serve.cli(&["tunnel", "conceal", "inbox"]).status.success());
    assert_eq!(status(&public).await, Some(404));
    assert!(serve.cli(&["tunnel", "remove"]).status.success());
    until("the host to listen no more", async || status(&public).await.is_none().then_some(())).await;
}

#[tokio::test]
async fn a_host_with_another_key_is_not_believed() {
    let (home, mut sshd) = (TempDir::new().unwrap(), Sshd::start(""));
    let serve = laptop(home.path(), None);
    let (mine, place) = (sshd.path("mine"), sshd.place());
    let start = ["tunnel", "start", &place, "--url", "https://hooks.example/in/", "--key", mine.to_str().unwrap()];
    let first = fingerprint(&sshd.path("host"));
    // Not the one it is to have.
    let said = refused(&serve.cli(&[&start[..], &["--host-key", "SHA256:other"]].concat()));
    assert!(said.contains("another key") && said.contains(&first), "{said}");
    // Not the one known_hosts has.
    fs::create_dir_all(home.path().join(".ssh")).unwrap();
    let other = key(sshd.dir.path(), "other", "");
    let line = fs::read_to_string(other.with_extension("pub")).unwrap();
    let known = home.path().join(".ssh/known_hosts");
    fs::write(&known, format!("[127.0.0.1]:{} {line}", sshd.port)).unwrap();
    let said = refused(&serve.cli(&start));
    assert!(said.contains("known_hosts") && said.contains(&first), "{said}");
    // Nor one of another kind than those it has: whoever stands between shows what is not known.
    run(Command::new("ssh-keygen").args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(sshd.path("kind")));
    let line = fs::read_to_string(sshd.path("kind.pub")).unwrap();
    fs::write(&known, format!("[127.0.0.1]:{}\t{line}", sshd.port)).unwrap();
    let said = refused(&serve.cli(&start));
    assert!(said.contains("line 1 of") && said.contains(&first), "{said}");
    assert_eq!(serve.get("/tunnels").await["items"], json!([]));
    // Known to nobody, it is believed, and only itself from then on.
    fs::remove_file(&known).unwrap();
    started(&serve.cli(&[&start[..], &["--expose", "inbox"]].concat()));
    let public = url(&serve).await;
    assert!(public.starts_with("https://hooks.example/in/"));
    // Made anew it is the same tunnel, with the same addresses.
    started(&serve.cli(&[&start[..], &["--host-key", &first]].concat()));
    assert_eq!(url(&serve).await, public);
    sshd.restart(|sshd| {
        for name in ["host", "host.pub"] {
            fs::rename(sshd.path(&name.replace("host", "other")), sshd.path(name)).unwrap();
        }
    });
    let ended = stands(&serve, "failed").await;
    let second = fingerprint(&sshd.path("host"));
    assert_eq!((&ended["kind"]["host_key"], &ended["kind"]["offered_key"]), (&json!(first), &json!(second)), "{ended}");
    let said = started(&serve.cli(&["tunnel", "status"]));
    assert!(said.contains(&format!("hookbench tunnel trust {second}")), "{said}");
    let said = refused(&serve.cli(&["tunnel", "trust", "yes"]));
    assert!(said.contains("SHA256:"), "{said}");
    started(&serve.cli(&["tunnel", "trust", &second]));
    let stood = stands(&serve, "online").await;
    assert_eq!((&stood["kind"]["host_key"], &stood["kind"]["offered_key"]), (&json!(second), &Json::NULL), "{stood}");
}

#[tokio::test]
async fn a_host_is_asked_for_the_key_that_is_known_of_it() {
    let mut sshd = Sshd::start("HostKey $DIR/other-kind");
    sshd.restart(|sshd| {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(sshd.path("other-kind")));
    });
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join(".ssh")).unwrap();
    let line = fs::read_to_string(sshd.path("other-kind.pub")).unwrap();
    fs::write(home.path().join(".ssh/known_hosts"), format!("[127.0.0.1]:{} {line}", sshd.port)).unwrap();
    let serve = laptop(home.path(), None);
    let mine = sshd.path("mine");
    let start = ["tunnel", "start", &sshd.place(), "--url", "https://hooks.example", "--key", mine.to_str().unwrap()];
    // It would rather show its other one.
    let said = started(&serve.cli(&start));
    assert!(said.contains(&fingerprint(&sshd.path("other-kind"))), "{said}");
    sshd.restart(|_| ());
    until("the session after the restart", async || {
        let stood = tunnel(&serve).await;
        assert_ne!(stood["connection"]["state"], "failed", "{stood}");
        (stood["connection"]["state"] == "online" && !stood["last_drop"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_host_lets_in_who_has_a_key() {
    let sshd = Sshd::start("");
    let place = sshd.place();
    let start = ["tunnel", "start", &place, "--url", "https://hooks.example"];
    // None at all.
    let home = TempDir::new().unwrap();
    let serve = laptop(home.path(), None);
    let said = refused(&serve.cli(&start));
    assert!(said.contains("no SSH agent") && said.contains("authorized_keys"), "{said}");
    // One the host does not know, and one that cannot be read without its passphrase.
    let ssh = home.path().join(".ssh");
    fs::create_dir_all(&ssh).unwrap();
    let stranger = key(&ssh, "id_ed25519", "");
    let locked = key(home.path(), "locked", "secret");
    let said = refused(&serve.cli(&start));
    assert!(said.contains("id_ed25519 is not let in"), "{said}");
    let said = refused(&serve.cli(&[&start[..], &["--key", locked.to_str().unwrap()]].concat()));
    assert!(said.contains("has a passphrase") && said.contains("ssh-add"), "{said}");
    let said = refused(&serve.cli(&[&start[..], &["--key", "/nowhere/key"]].concat()));
    assert!(said.contains("/nowhere/key cannot be read"), "{said}");
    // The usual file, where it is the right one; a host that gives no port says so.
    fs::copy(sshd.path("mine"), &stranger).unwrap();
    fs::copy(sshd.path("mine.pub"), stranger.with_extension("pub")).unwrap();
    started(&serve.cli(&start));
    let closed = Sshd::start("AllowTcpForwarding no");
    let mine = closed.path("mine");
    let said = refused(&serve.cli(&["tunnel", "start", &closed.place(), "--key", mine.to_str().unwrap()]));
    assert!(said.contains("does not listen on 0") && said.contains("AllowTcpForwarding"), "{said}");
    drop(serve);

    // The agent's, which alone can sign with it.
    let home = TempDir::new().unwrap();
    let socket = home.path().join("agent");
    let mut agent = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    until("the agent", async || socket.exists().then_some(())).await;
    let serve = laptop(home.path(), socket.to_str());
    let add = |key: &Path| run(Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket));
    let other = key(home.path(), "other", "");
    add(&other);
    let said = refused(&serve.cli(&start));
    assert!(said.contains("the agent's key \"other\" is not let in"), "{said}");
    add(&sshd.path("mine"));
    // A file that cannot be read is no reason to use another key.
    let said = refused(&serve.cli(&[&start[..], &["--key", "/nowhere/key"]].concat()));
    assert!(said.contains("/nowhere/key cannot be read") && !said.contains("agent"), "{said}");
    started(&serve.cli(&start));
    stands(&serve, "online").await;
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[tokio::test]
async fn the_public_url_is_what_the_host_prints() {
    // Services print it into a session that is given a shell; so does this one, and then another one.
    let sshd = Sshd::start(
        "ForceCommand echo Welcome at https://admin.lhr.example/; echo; \
         echo abc.lhr.example tunneled with tls termination, https://abc.lhr.example; \
         while ! test -e $DIR/next; do sleep 0.1; done; \
         echo two.lhr.example tunneled with tls termination, https://two.lhr.example; exec sleep 60",
    );
    let home = TempDir::new().unwrap();
    let serve = laptop(home.path(), None);
    let mine = sshd.path("mine");
    let start = ["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap(), "--expose", "inbox"];
    let said = started(&serve.cli(&start));
    assert!(said.contains("https://abc.lhr.example/"), "{said}");
    let token = url(&serve).await.rsplit('/').next().unwrap().to_owned();
    fs::write(sshd.path("next"), "now").unwrap();
    until("the other URL", async || (url(&serve).await == format!("https://two.lhr.example/{token}")).then_some(()))
        .await;
}

#[tokio::test]
async fn the_public_url_may_be_in_the_banner() {
    let sshd = Sshd::start("Banner $DIR/banner\nForceCommand exec sleep 60");
    fs::write(sshd.path("banner"), "Hello\nForwarding HTTP traffic from https://banner.example\n").unwrap();
    let home = TempDir::new().unwrap();
    let serve = laptop(home.path(), None);
    let mine = sshd.path("mine");
    let start = ["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap(), "--expose", "inbox"];
    let said = started(&serve.cli(&start));
    assert!(said.contains("https://banner.example/"), "{said}");
    // What somebody has said goes before it.
    let said = started(&serve.cli(&[&start[..], &["--url", "https://own.example"]].concat()));
    assert!(said.contains("https://own.example/") && !said.contains("banner"), "{said}");
    assert_eq!(serve.get("/tunnels").await["items"].items().count(), 1);
}

#[tokio::test]
async fn another_programs_tunnel_leads_to_an_address_nobody_guesses() {
    let home = TempDir::new().unwrap();
    let (serve, app) = (laptop(home.path(), None), Receiver::start().await);
    let said = started(&serve.cli(&["tunnel", "start", "https://abc.ngrok.example", "--other", "--expose", "inbox"]));
    let stood = stands(&serve, "online").await;
    let local = stood["kind"]["local"].as_str().unwrap().to_owned();
    assert!(said.contains(&local) && said.contains("live"), "{said}");
    assert_eq!(stood["durable"], false);
    let public = url(&serve).await;
    let token = public.strip_prefix("https://abc.ngrok.example/").unwrap().to_owned();
    // Such a program passes paths on as they are.
    let address = format!("{local}/{token}");
    assert_eq!(status(&format!("{address}/x")).await, Some(200));
    assert_eq!(serve.newest(1).await["target"], "/inbox/x");
    for path in ["/inbox", "/api/v1/status", "/"] {
        assert_eq!(status(&format!("{local}{path}")).await, Some(404), "{path}");
    }

    // A password, which is asked for before anything is kept.
    let secret = home.path().join("secret");
    fs::write(&secret, "me:pass:word\n").unwrap();
    started(&serve.cli(&["tunnel", "expose", "inbox", "--basic-file", secret.to_str().unwrap()]));
    assert_eq!(status(&address).await, Some(401));
    let right = reqwest::Client::new().post(&address).basic_auth("me", Some("pass:word")).send().await.unwrap();
    assert_eq!(right.status(), 200);
    assert_eq!(serve.all("inbox").await.len(), 2);
    started(&serve.cli(&["tunnel", "expose", "inbox", "--no-basic"]));

    // What cannot be held is not promised.
    for odd in [&["--allow", "192.0.2.0/24"][..], &["--wait", "5"], &["--give-secrets"], &["--on-return", "hold"]] {
        refused(&serve.cli(&[&["tunnel", "expose", "inbox"], odd].concat()));
    }

    // Only what is proved goes on, where it came from outside: to be asked, and as a copy.
    let forwards = |mode| json!([{ "to": app.url, "mode": mode }]);
    let verification = json!({ "provider": "github", "secrets": ["s3cret"] });
    serve.patch("/inboxes/inbox", json!({ "verification": verification, "forwards": forwards("answer") })).await;
    started(&serve.cli(&["tunnel", "expose", "inbox", "--verified-only"]));
    assert_eq!(status(&address).await, Some(401));
    assert!(app.got().is_empty());
    // HMAC-SHA256 of `{}` under `s3cret`.
    let signature = "sha256=adbde1ce40c89c14215687d5d762a47df6dfaefcfad61e2e86718ffc8498571b";
    let request = reqwest::Client::new().post(&address).header("x-github-event", "push").body("{}");
    assert_eq!(request.header("x-hub-signature-256", signature).send().await.unwrap().status(), 200);
    assert_eq!(status(&format!("{}/inbox", serve.receiver)).await, Some(200), "from this machine it is asked");
    assert_eq!(app.got().len(), 2);
    serve.patch("/inboxes/inbox", json!({ "forwards": forwards("copy") })).await;
    assert_eq!(status(&address).await, Some(200));
    assert_eq!(status(&format!("{}/inbox", serve.receiver)).await, Some(200));
    until("the copy from this machine", async || (app.got().len() == 3).then_some(())).await;
    until("the other copy to be skipped", async || {
        let deliveries = serve.get("/deliveries?limit=50").await;
        let skipped = |item: &Json| item["reason"].as_str().is_some_and(|why| why.contains("from outside"));
        deliveries["items"].items().any(skipped).then_some(())
    })
    .await;

    // It is the same after a restart, and a port that is taken meanwhile is waited for.
    serve.terminate();
    let taken = std::net::TcpListener::bind(local.trim_start_matches("http://")).unwrap();
    let serve = laptop(home.path(), None);
    let stood = stands(&serve, "waiting").await;
    assert!(stood["connection"]["why"].as_str().unwrap().contains("listen"), "{stood}");
    drop(taken);
    stands(&serve, "online").await;
    assert_eq!(url(&serve).await, public);
}

#[tokio::test]
async fn what_is_done_about_a_tunnel_is_done_whole_and_one_after_the_other() {
    let home = TempDir::new().unwrap();
    let serve = laptop(home.path(), None);
    started(&serve.cli(&["tunnel", "start", "https://abc.example/hooks", "--other"]));
    let stood = stands(&serve, "online").await;
    let (id, local) = (stood["id"].as_str().unwrap(), stood["kind"]["local"].as_str().unwrap().to_owned());
    // Exposed many times at once it has one address, and that is the one that is kept.
    let path = format!("/tunnels/{id}/inboxes/inbox");
    let expose = || serve.request(reqwest::Method::PUT, &path).json(&json!({})).send();
    let (one, two, three) = tokio::join!(expose(), expose(), expose());
    assert!([one, two, three].into_iter().all(|answer| answer.unwrap().status() == 200));
    let public = url(&serve).await;
    let token = public.strip_prefix("https://abc.example/hooks/").unwrap().to_owned();
    // A program may take the public URL's path off, or not.
    assert_eq!(status(&format!("{local}/{token}/x")).await, Some(200));
    assert_eq!(status(&format!("{local}/hooks/{token}/x")).await, Some(200));
    assert_eq!(serve.newest(2).await["target"], "/inbox/x");
    assert_eq!(status(&format!("{local}/hook/{token}")).await, Some(404));
    assert_eq!(status(&format!("{local}/hooks{token}")).await, Some(404));
    // A host that does not answer holds up nobody else.
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("me@{}", deaf.local_addr().unwrap());
    let dialling =
        serve.request(reqwest::Method::POST, "/tunnels").json(&json!({ "type": "ssh", "destination": place }));
    let dialling = tokio::spawn(dialling.send());
    let (_held, _) = deaf.accept().await.unwrap();
    assert!(serve.cli(&["tunnel", "stop"]).status.success());
    assert!(!dialling.is_finished(), "the host that does not answer was waited for");
    dialling.abort();
    // Who asks to remove it and leaves has removed it.
    serve.cli(&["tunnel", "start", "https://abc.example/hooks"]);
    let removing = serve.request(reqwest::Method::DELETE, &format!("/tunnels/{id}")).send();
    let _ = tokio::time::timeout(Duration::from_micros(700), removing).await;
    serve.request(reqwest::Method::DELETE, &format!("/tunnels/{id}")).send().await.unwrap();
    assert_eq!(serve.get("/tunnels").await["items"], json!([]));
    serve.terminate();
    let serve = laptop(home.path(), None);
    assert_eq!(serve.get("/tunnels").await["items"], json!([]));
}

#[tokio::test]
async fn a_sender_that_floods_holds_up_the_others_for_a_moment_at_most() {
    let (home, sshd) = (TempDir::new().unwrap(), Sshd::start(""));
    let serve = laptop(home.path(), None);
    let mine = sshd.path("mine");
    started(&serve.cli(&["tunnel", "start", &sshd.place(), "--key", mine.to_str().unwrap(), "--expose", "inbox"]));
    let public = url(&serve).await;
    let (address, path) = public.trim_start_matches("http://").split_once('/').unwrap();
    // The first of its requests is answered late, and it does not wait: what follows is read by nobody.
    let rule = json!([{ "when": "path:/slow", "answers": [{ "status": 200, "delay_ms": 20_000 }] }]);
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
    // More than one connection's share: there is no more room for it.
    until("the flood", async || (sent.load(Ordering::SeqCst) > 17 * 1024 * 1024).then_some(())).await;
    for _ in 0..5 {
        assert_eq!(status(&public).await, Some(200));
    }
    assert!(!flooding.is_finished(), "the flood was read to its end first");
    flooding.abort();
    stands(&serve, "online").await;
}
