//! `cargo xtask bench tunnel`: latency of tunnels, compared with `ssh -R` and bore. All tunnels lead to one inbox with
//! a response rule, so every sender waits for the agent.

use std::{collections::BTreeMap, fs, net::TcpListener, path::Path, process::Stdio, thread::sleep, time::Duration};

use serde_json::{Value, json};

use super::{CORES, Server, build, call};
use crate::{setup, shell};

const KB: usize = 1_000;
const MIB: usize = 1024 * 1024;

/// Tunnel to the inbox, or the direct connection.
struct Way {
    name: &'static str,
    url: String,
}

/// Measurements of the sender: latencies in ms, and throughput.
struct Paced {
    p50: f64,
    p99: f64,
    mb_s: f64,
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}

fn paced(url: &str, rate: u32, seconds: u32, bytes: usize) -> Result<Paced, String> {
    let (rate, seconds, bytes) = (rate.to_string(), seconds.to_string(), bytes.to_string());
    let args = ["--cpu-list", CORES, "target/release/examples/pace", url, &rate, &seconds, &bytes];
    let output = shell::output("taskset", &args)?;
    let output: Value = serde_json::from_str(&output).map_err(|e| format!("{output:?}: {e}"))?;
    let number = |key: &str| output[key].as_f64().unwrap_or_default();
    Ok(Paced { p50: number("p50"), p99: number("p99"), mb_s: number("mb_s") })
}

/// Background program, which is killed when dropped.
struct Background(std::process::Child);

impl Background {
    fn start(program: &str, args: &[&str]) -> Result<Self, String> {
        let all = [&["--cpu-list", CORES, program], args].concat();
        let child = shell::command("taskset", &all).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Self).map_err(|e| format!("{program}: {e}"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until a program listens on a port.
fn listening(port: u16) -> Result<(), String> {
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(50));
    }
    Err(format!("no program listens on port {port}"))
}

fn through_relay(dir: &Path, ready: &Value) -> Result<(Server, Way), String> {
    let data = dir.join("relay").to_string_lossy().into_owned();
    let args = ["relay", "serve", "--json", "--listen", "127.0.0.1:0", "--max-rate", "100000", "--data", &data];
    let relay = Server::start("target/release/hookbench", &args)?;
    let output: Value = serde_json::from_str(&relay.line).map_err(|e| format!("{:?}: {e}", relay.line))?;
    let code = shell::output("target/release/hookbench", &["relay", "device", "add", "--json", "--data", &data])?;
    let code: Value = serde_json::from_str(&code).map_err(|e| e.to_string())?;
    let new = json!({ "type": "relay", "relay": output["relay"], "code": code["code"] });
    let tunnel = call(ready, "POST", "/tunnels", Some(&new))?;
    let id = tunnel["id"].as_str().unwrap_or_default();
    let exposed = call(ready, "PUT", &format!("/tunnels/{id}/inboxes/inbox"), Some(&json!({})))?;
    let url = exposed["exposures"][0]["url"].as_str().unwrap_or_default().to_owned();
    for _ in 0..200 {
        if call(ready, "GET", &format!("/tunnels/{id}"), None)?["connection"]["state"] == "online" {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    Ok((relay, Way { name: "relay", url }))
}

/// OpenSSH server and its authorized key.
struct Host {
    port: String,
    key: String,
    who: String,
    _server: Background,
}

fn host(dir: &Path) -> Result<Host, String> {
    fs::create_dir_all("/run/sshd").map_err(|e| format!("/run/sshd: {e}"))?;
    let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
    let (host, key) = (path("host_key"), path("user_key"));
    for key in [&host, &key] {
        shell::run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key])?;
    }
    let port = free_port()?.to_string();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nAddressFamily inet\nHostKey {host}\nAuthorizedKeysFile {key}.pub\nPermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\n"
    );
    fs::write(path("sshd_config"), config).map_err(|e| e.to_string())?;
    let server = Background::start("/usr/sbin/sshd", &["-D", "-f", &path("sshd_config")])?;
    listening(port.parse().unwrap_or_default())?;
    let who = format!("{}@127.0.0.1", shell::output("id", &["-un"])?.trim());
    Ok(Host { port, key, who, _server: server })
}

/// Opens a tunnel with the OpenSSH client.
fn through_ssh(dir: &Path, host: &Host, listener: &str) -> Result<(Background, Way), String> {
    let remote = free_port()?;
    let forward = format!("127.0.0.1:{remote}:{listener}");
    let known = format!("UserKnownHostsFile={}", dir.join("known_hosts").to_string_lossy());
    let Host { port, key, who, .. } = host;
    let args = ["-N", "-R", &forward, "-p", port, "-i", key, "-o", "StrictHostKeyChecking=no", "-o", &known, who];
    let client = Background::start("ssh", &args)?;
    listening(remote)?;
    Ok((client, Way { name: "ssh -R", url: format!("http://127.0.0.1:{remote}/inbox") }))
}

/// Opens a Hookbench tunnel to the same SSH host.
fn through_host(host: &Host, ready: &Value) -> Result<Way, String> {
    let (remote, place) = (free_port()?, format!("{}:{}", host.who, host.port));
    let url = format!("http://127.0.0.1:{remote}");
    let new =
        json!({ "type": "ssh", "destination": place, "remote": remote.to_string(), "url": url, "key_file": host.key });
    let tunnel = call(ready, "POST", "/tunnels", Some(&new))?;
    let id = tunnel["id"].as_str().unwrap_or_default();
    let exposed = call(ready, "PUT", &format!("/tunnels/{id}/inboxes/inbox"), Some(&json!({})))?;
    Ok(Way { name: "own ssh", url: exposed["exposures"][0]["url"].as_str().unwrap_or_default().to_owned() })
}

fn through_bore(listener: &str) -> Result<(Vec<Background>, Way), String> {
    let bore = setup::bore()?;
    let remote = free_port()?;
    let server = Background::start(&bore, &["server", "--bind-addr", "127.0.0.1"])?;
    listening(7835)?;
    let (host, port) = listener.rsplit_once(':').ok_or("no port")?;
    let remote_port = remote.to_string();
    let client =
        Background::start(&bore, &["local", port, "--local-host", host, "--to", "127.0.0.1", "--port", &remote_port])?;
    listening(remote)?;
    Ok((vec![client, server], Way { name: "bore", url: format!("http://127.0.0.1:{remote}/inbox") }))
}

/// Bursts: number of requests and requests per second, where 0 means all at once.
const BURSTS: &[(usize, u32)] = &[(17, 0), (200, 0), (2_500, 500), (10_000, 1_000)];

/// Response delay of the agent during a burst, in ms.
const SLOW_MS: u32 = 300;

/// Sends bursts through the relay to an inbox that responds with 201 after a delay. The relay's fallback would be 200.
/// Each request has a unique path, which shows lost and duplicate requests.
fn bursts(ready: &Value, relay: &Way) -> Result<(), String> {
    let rule = json!({ "rules": [{ "when": "method:POST", "responses": [{ "status": 201, "delay_ms": SLOW_MS }] }] });
    call(ready, "PATCH", "/inboxes/inbox", Some(&rule))?;
    println!("bursts through the relay to an inbox that responds with 201 after {SLOW_MS} ms, in ms:");
    for (number, (count, rate)) in BURSTS.iter().enumerate() {
        let (path, sent) = (format!("burst{number}"), count.to_string());
        let url = format!("{}/{path}", relay.url);
        let args = ["--cpu-list", CORES, "target/release/examples/burst", &url, &sent, &rate.to_string()];
        let output = shell::output("taskset", &args)?;
        let output: Value = serde_json::from_str(&output).map_err(|e| format!("{output:?}: {e}"))?;
        let stored = stored(ready, &path)?;
        let pace = if *rate == 0 { "at once".to_owned() } else { format!("{rate}/s") };
        println!(
            "  {count:>6} {pace:<8} p50 {:>7.1}  p99 {:>7.1}  worst {:>7.1}  statuses {}; \
             stored {} of {count}, {} duplicated",
            output["p50"].as_f64().unwrap_or_default(),
            output["p99"].as_f64().unwrap_or_default(),
            output["worst"].as_f64().unwrap_or_default(),
            output["statuses"],
            stored.len(),
            stored.values().filter(|times| **times > 1).count()
        );
    }
    Ok(())
}

/// Returns the number of stored requests for each path of a burst.
fn stored(ready: &Value, burst: &str) -> Result<BTreeMap<String, usize>, String> {
    let (mut found, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = call(ready, "GET", &format!("/requests?inbox=inbox&limit=500&q=path:{burst}{after}"), None)?;
        for item in page["items"].as_array().into_iter().flatten() {
            *found.entry(item["target"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(found),
        }
    }
}

pub(super) fn run() -> Result<(), String> {
    setup::packages(&["bench"])?;
    build(&["--no-default-features"])?;
    for example in ["pace", "burst"] {
        shell::run("cargo", &["build", "--release", "--quiet", "--package", "hookbench-relay", "--example", example])?;
    }
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (_serve, ready) = Server::hookbench(&dir.path().join("agent"))?;
    // A rule makes the relay wait for the agent's response, even though it never matches.
    let rule = json!({ "rules": [{ "when": "method:TRACE", "responses": [{ "status": 500 }] }] });
    call(&ready, "PATCH", "/inboxes/inbox", Some(&rule))?;
    let listener = ready["listener"].as_str().unwrap_or_default().trim_start_matches("http://").to_owned();
    let direct = Way { name: "no tunnel", url: format!("http://{listener}/inbox") };
    let (_relay, relay) = through_relay(dir.path(), &ready)?;
    let host = host(dir.path())?;
    let own = through_host(&host, &ready)?;
    let (_ssh, ssh) = through_ssh(dir.path(), &host, &listener)?;
    let (_bore, bore) = through_bore(&listener)?;
    let ways = [direct, relay, own, ssh, bore];
    println!("1 KB, time until the sender has the agent's response, in ms:");
    for (rate, seconds) in [(1, 20), (50, 8), (500, 8)] {
        let mut base = None;
        for way in &ways {
            let Paced { p50, p99, .. } = paced(&way.url, rate, seconds, KB)?;
            let (base50, base99) = *base.get_or_insert((p50, p99));
            println!(
                "  {rate:>3}/s  {:<10} p50 {p50:>7.2}  p99 {p99:>7.2}   added {:>6.2} {:>7.2}",
                way.name,
                p50 - base50,
                p99 - base99
            );
        }
    }
    println!("one request at a time, in MB/s:");
    for bytes in [MIB, 25 * MIB] {
        for way in &ways {
            println!("  {:>2} MiB  {:<10} {:>7.1}", bytes / MIB, way.name, paced(&way.url, 0, 6, bytes)?.mb_s);
        }
    }
    println!("1 KB at 50/s during transfers of 25 MiB, in ms:");
    for way in &ways {
        let moving =
            Background::start("target/release/examples/pace", &[&way.url, "0", "30", &(25 * MIB).to_string()])?;
        sleep(Duration::from_millis(500));
        let Paced { p50, p99, .. } = paced(&way.url, 50, 8, KB)?;
        drop(moving);
        println!("  {:<10} p50 {p50:>7.2}  p99 {p99:>7.2}", way.name);
        // The connections that were cut off need time to close.
        sleep(Duration::from_secs(1));
    }
    bursts(&ready, &ways[1])
}
