//! `cargo xtask bench NAME`: figures as ratios of one run, since single rates mean little.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    time::Instant,
};

use serde_json::Value;

use crate::{setup, shell, test};

/// Slices of each server; one second each, in turn.
const PAIRS: usize = 7;

/// The budgets are those of two cores, shared by servers and load; with more, a bare handler
/// grows with them, and a commit to one disk does not.
const CORES: &str = "0,1";

/// Posts about 0.95 KB of JSON.
const LUA: &str = r#"
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"event":"message.created","data":{"text":"' .. string.rep("x", 900) .. '"}}'
"#;

pub(crate) fn run(name: &str, _: &[&str]) -> Result<(), String> {
    setup::packages(&["build", "test"])?;
    match name {
        "capture" => capture(),
        "list" => list(),
        "window" => window(),
        "signature" => shell::run(
            "cargo",
            &["run", "--release", "--quiet", "--package", "hookline-provider", "--example", "bench"],
        ),
        _ => Err(format!("there is no bench {name:?}; there are capture, list, window and signature")),
    }
}

/// A server under test. Dropping it ends it.
struct Server {
    child: Child,
    line: String,
}

impl Server {
    fn start(program: &str, args: &[&str]) -> Result<Self, String> {
        let mut child = shell::command("taskset", &[&["--cpu-list", CORES, program], args].concat())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{program}: {e}"))?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("no output")?;
        BufReader::new(out).read_line(&mut line).map_err(|e| e.to_string())?;
        Ok(Self { child, line: line.trim().to_owned() })
    }

    fn hookline(data: &Path) -> Result<(Self, Value), String> {
        let data = data.to_string_lossy();
        let args = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json"];
        let server = Self::start("target/release/hookline", &args)?;
        let ready = serde_json::from_str(&server.line).map_err(|e| format!("{:?}: {e}", server.line))?;
        Ok((server, ready))
    }

    /// Resident memory in MB.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build(features: &[&str]) -> Result<(), String> {
    shell::run("cargo", &[&["build", "--release", "--quiet", "--package", "hookline"], features].concat())?;
    shell::run("cargo", &["build", "--release", "--quiet", "--package", "hookline-engine", "--example", "fill"])
}

/// The middle and the ends.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => (0.0, 0.0, 0.0),
        all => (all[all.len() / 2], all[0], all[all.len() - 1]),
    }
}

/// One second of load: requests a second, and the 99th percentile in ms.
fn wrk(script: &str, connections: u32, url: &str) -> Result<(f64, f64), String> {
    let connections = connections.to_string();
    let text = shell::output(
        "taskset",
        &["--cpu-list", CORES, "wrk", "-t2", "-c", &connections, "-d1s", "--latency", "-s", script, url],
    )?;
    if text.contains("Non-2xx") {
        return Err(format!("the server refused requests:\n{text}"));
    }
    let field = |name: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim).unwrap_or_default().to_owned()
    };
    let rate = field("Requests/sec:").parse().map_err(|e| format!("{e}:\n{text}"))?;
    let p99 = field("99%");
    let (number, scale) = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)]
        .iter()
        .find_map(|(unit, scale)| Some((p99.strip_suffix(unit)?, *scale)))
        .unwrap_or(("0", 1.0));
    Ok((rate, number.parse::<f64>().unwrap_or_default() * scale))
}

fn capture() -> Result<(), String> {
    build(&["--no-default-features"])?;
    shell::run("cargo", &["build", "--release", "--quiet", "--package", "hookline-capture", "--example", "bare"])?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let script = dir.path().join("post.lua");
    fs::write(&script, LUA).map_err(|e| e.to_string())?;
    let script = script.to_string_lossy().into_owned();
    let bare = Server::start("target/release/examples/bare", &[])?;
    let (hookline, ready) = Server::hookline(&dir.path().join("data"))?;
    let url = format!("{}/inbox", ready["receiver"].as_str().unwrap_or_default());
    let idle = hookline.memory();
    wrk(&script, 64, &bare.line)?;
    wrk(&script, 64, &url)?;
    for connections in [64, 256] {
        let (mut ratios, mut tails, mut rates, mut bare_rates) = (vec![], vec![], vec![], vec![]);
        for _ in 0..PAIRS {
            let (bare_rate, bare_p99) = wrk(&script, connections, &bare.line)?;
            let (rate, p99) = wrk(&script, connections, &url)?;
            ratios.push(rate / bare_rate);
            tails.push(p99 / bare_p99);
            rates.push(rate);
            bare_rates.push(bare_rate);
        }
        let (ratio, low, high) = spread(ratios);
        let (tail, tail_low, tail_high) = spread(tails);
        println!(
            "{connections:>4} connections: rate {ratio:.2} [{low:.2}-{high:.2}] of bare axum, p99 {tail:.1} [{tail_low:.1}-{tail_high:.1}] times its; medians {:.0} and {:.0} req/s",
            spread(rates).0,
            spread(bare_rates).0
        );
    }
    let status = get(&ready, "/status")?;
    println!("memory: idle {idle:.1} MB, after {} captures {:.1} MB", status["requests"], hookline.memory());
    Ok(())
}

/// One call over the HTTP door, on a connection of its own.
fn get(ready: &Value, path: &str) -> Result<Value, String> {
    let fail = |e: std::io::Error| e.to_string();
    let address = ready["api"].as_str().unwrap_or_default().trim_start_matches("http://").to_owned();
    let token =
        fs::read_to_string(Path::new(ready["data"].as_str().unwrap_or_default()).join("token")).map_err(fail)?;
    let mut stream = TcpStream::connect(&address).map_err(fail)?;
    write!(
        stream,
        "GET /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    .map_err(fail)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(fail)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(head.to_owned());
    }
    serde_json::from_str(body).map_err(|e| format!("{e}: {body}"))
}

fn list() -> Result<(), String> {
    build(&["--no-default-features"])?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    for (added, stored) in [(100_000, 100_000), (900_000, 1_000_000)] {
        let data = dir.path().join("data");
        shell::run("target/release/examples/fill", &[&data.to_string_lossy(), &added.to_string()])?;
        let (server, ready) = Server::hookline(&data)?;
        println!("{stored} stored, over HTTP, median and worst of 50 calls:");
        for (what, path) in [
            ("first page of an inbox", "/requests?inbox=inbox&limit=100".to_owned()),
            ("first page of all", "/requests?limit=100".to_owned()),
            ("a page in the middle", format!("/requests?inbox=inbox&limit=100&skip={}", stored / 2)),
            ("inboxes with their counts", "/inboxes".to_owned()),
            ("status", "/status".to_owned()),
        ] {
            let mut times = Vec::new();
            for _ in 0..50 {
                let started = Instant::now();
                get(&ready, &path)?;
                times.push(started.elapsed().as_secs_f64() * 1000.0);
            }
            let (median, _, worst) = spread(times);
            println!("  {what:<28} {median:>7.2} ms {worst:>7.2} ms");
        }
        println!("  memory {:.1} MB", server.memory());
    }
    Ok(())
}

fn window() -> Result<(), String> {
    setup::npm()?;
    setup::tauri_driver()?;
    shell::run("npm", &["run", "--silent", "build"])?;
    build(&[])?;
    shell::run("cargo", &["build", "--release", "--quiet", "--package", "hookline", "--example", "bare_window"])?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let data = dir.path().join("data");
    shell::run("target/release/examples/fill", &[&data.to_string_lossy(), "100000"])?;
    let binary = shell::root().join("target/release/hookline");
    let env = [format!("HOOKLINE_BIN={}", binary.display()), format!("HOOKLINE_FILLED={}", data.display())];
    test::on_a_display(&["env", &env[0], &env[1], "npm", "run", "--silent", "bench", "--workspace", "tests/window"])
}
