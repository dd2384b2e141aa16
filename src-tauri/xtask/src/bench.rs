//! `cargo xtask bench NAME`: benchmarks that compare with a baseline in the same run, because absolute rates depend on
//! the machine.

mod tunnel;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{setup, shell, test};

/// Slices per server. Each slice takes one second, and the servers alternate.
const PAIRS: usize = 7;

/// CPU list for servers and load generators. The budgets are for two cores: more cores make a bare handler faster, but
/// not a commit to one disk.
const CORES: &str = "0,1";

/// Script for `wrk` that posts about 0.95 KB of JSON.
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
        "search" => search(),
        "deliver" => deliver(),
        "window" => window(),
        "tunnel" => tunnel::run(),
        "signature" => shell::run(
            "cargo",
            &["run", "--release", "--quiet", "--package", "hookbench-provider", "--example", "bench"],
        ),
        _ => Err(format!(
            "no such benchmark: {name:?} (available: capture, list, search, deliver, tunnel, window, signature)"
        )),
    }
}

/// Server under test, which is killed when dropped.
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

    fn hookbench(data: &Path) -> Result<(Self, Value), String> {
        let data = data.to_string_lossy();
        let args = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json"];
        let server = Self::start("target/release/hookbench", &args)?;
        let ready = serde_json::from_str(&server.line).map_err(|e| format!("{:?}: {e}", server.line))?;
        Ok((server, ready))
    }

    /// Returns the resident memory in MB.
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
    shell::run("cargo", &[&["build", "--release", "--quiet", "--package", "hookbench"], features].concat())?;
    shell::run("cargo", &["build", "--release", "--quiet", "--package", "hookbench-engine", "--example", "fill"])
}

/// Returns the median, the minimum and the maximum.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => (0.0, 0.0, 0.0),
        all => (all[all.len() / 2], all[0], all[all.len() - 1]),
    }
}

/// Runs one second of load. Returns the requests per second and the 99th percentile of the latency in ms.
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
    shell::run("cargo", &["build", "--release", "--quiet", "--package", "hookbench-capture", "--example", "bare"])?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let script = dir.path().join("post.lua");
    fs::write(&script, LUA).map_err(|e| e.to_string())?;
    let script = script.to_string_lossy().into_owned();
    let bare = Server::start("target/release/examples/bare", &[])?;
    let (hookbench, ready) = Server::hookbench(&dir.path().join("data"))?;
    let url = format!("{}/inbox", ready["listener"].as_str().unwrap_or_default());
    let idle = hookbench.memory();
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
            "{connections:>4} connections: rate {ratio:.2} [{low:.2}-{high:.2}] of bare axum, \
             p99 {tail:.1} [{tail_low:.1}-{tail_high:.1}] of bare axum; medians {:.0} and {:.0} req/s",
            spread(rates).0,
            spread(bare_rates).0
        );
    }
    let status = get(&ready, "/status")?;
    println!("memory: idle {idle:.1} MB, after {} captures {:.1} MB", status["requests"], hookbench.memory());
    Ok(())
}

/// Calls the local HTTP API on a new connection.
fn call(ready: &Value, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let fail = |e: std::io::Error| e.to_string();
    let address = ready["api"].as_str().unwrap_or_default().trim_start_matches("http://").to_owned();
    let token =
        fs::read_to_string(Path::new(ready["data"].as_str().unwrap_or_default()).join("token")).map_err(fail)?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(&address).map_err(fail)?;
    write!(
        stream,
        "{method} /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .map_err(fail)?;
    let mut response = String::new();
    stream.read_to_string(&mut response).map_err(fail)?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("no response")?;
    if !head.starts_with("HTTP/1.1 2") {
        return Err(response);
    }
    serde_json::from_str(body).map_err(|e| format!("{e}: {body}"))
}

fn get(ready: &Value, path: &str) -> Result<Value, String> {
    call(ready, "GET", path, None)
}

/// Deliveries of one slice.
const SENT: usize = 10_000;

/// Concurrent requests, of Hookbench and of the baseline.
const AT_A_TIME: usize = 64;

/// Creates events for a paused endpoint, resumes the endpoint, and waits until all deliveries have ended. Returns the
/// durations of creation and delivery in seconds. They are separate because the baseline sends a prepared payload.
fn sent(ready: &Value, endpoint: &str, event: &Value) -> Result<(f64, f64), String> {
    let pause = |paused: bool| {
        let change = json!({ "settings": { "paused": paused } });
        call(ready, "PATCH", &format!("/endpoints/{endpoint}"), Some(&change))
    };
    pause(true)?;
    let started = Instant::now();
    call(ready, "POST", "/events", Some(event))?;
    let made = started.elapsed().as_secs_f64();
    let started = Instant::now();
    pause(false)?;
    loop {
        let waiting = get(ready, "/status")?["queue"] != 0;
        if !waiting && get(ready, "/deliveries?state=sending&limit=1")?["items"].as_array().is_none_or(Vec::is_empty) {
            return Ok((made, started.elapsed().as_secs_f64()));
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn deliver() -> Result<(), String> {
    build(&["--no-default-features"])?;
    shell::run("cargo", &["build", "--release", "--quiet", "--package", "hookbench-capture", "--example", "bare"])?;
    shell::run("cargo", &["build", "--release", "--quiet", "--package", "hookbench-engine", "--example", "post"])?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let bare = Server::start("target/release/examples/bare", &[])?;
    let (hookbench, ready) = Server::hookbench(&dir.path().join("data"))?;
    let made = json!({ "provider": "onwebchat", "url": bare.line, "concurrency": AT_A_TIME, "name": "fast" });
    let fast = call(&ready, "POST", "/endpoints", Some(&made))?["id"].as_str().unwrap_or_default().to_owned();
    let event =
        |count: usize| json!({ "provider": "onwebchat", "type": "chat.closed", "count": count, "endpoints": [fast] });
    sent(&ready, &fast, &event(100))?;
    let payload = dir.path().join("payload.json");
    let newest = get(&ready, "/deliveries?limit=1")?["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    fs::write(&payload, call(&ready, "GET", &format!("/deliveries/{newest}/body"), None)?.to_string())
        .map_err(|e| e.to_string())?;
    let payload = payload.to_string_lossy().into_owned();
    let (mut ratios, mut rates, mut bare_rates, mut makings) = (vec![], vec![], vec![], vec![]);
    for _ in 0..PAIRS {
        let (count, at_a_time) = (SENT.to_string(), AT_A_TIME.to_string());
        let post = ["--cpu-list", CORES, "target/release/examples/post", &bare.line, &count, &at_a_time, &payload];
        let bare_rate: f64 = shell::output("taskset", &post)?.trim().parse().map_err(|e| format!("{e}"))?;
        let (made, delivered) = sent(&ready, &fast, &event(SENT))?;
        let rate = SENT as f64 / delivered;
        makings.push(SENT as f64 / made);
        ratios.push(rate / bare_rate);
        rates.push(rate);
        bare_rates.push(bare_rate);
    }
    let (ratio, low, high) = spread(ratios);
    println!(
        "deliveries, {AT_A_TIME} concurrent, each attempt durable: {ratio:.2} [{low:.2}-{high:.2}] of a bare \
         reqwest loop; medians {:.0}/s and {:.0}/s; created at {:.0}/s",
        spread(rates).0,
        spread(bare_rates).0,
        spread(makings).0
    );
    let stored = get(&ready, "/deliveries?limit=1")?["items"][0]["state"].clone();
    println!("the last one is {stored}, memory {:.1} MB", hookbench.memory());
    // A second server acts as the endpoints that hang, because their host differs from that of the others.
    let hangs = Server::start("target/release/examples/bare", &[])?;
    late(&bare.line, &hangs.line, &dir.path().join("many"))
}

/// Measures the delay of deliveries to 100 endpoints, alone and together with 900 endpoints that hang.
fn late(responses: &str, hangs: &str, data: &Path) -> Result<(), String> {
    let (_hookbench, ready) = Server::hookbench(data)?;
    for n in 0..1_000 {
        let (account, at, path) = if n % 10 == 0 { ("fine", responses, "fine") } else { ("hung", hangs, "hang") };
        let made = json!({ "provider": "onwebchat", "url": format!("{at}/{path}/{n}"), "account": account });
        call(&ready, "POST", "/endpoints", Some(&made))?;
    }
    let measure = |scopes: &[&str]| -> Result<(f64, f64), String> {
        let before: Vec<Value> =
            get(&ready, "/deliveries?state=delivered&limit=1")?["items"].as_array().cloned().unwrap_or_default();
        for account in scopes {
            let event = json!({ "provider": "onwebchat", "type": "chat.created", "account": account, "count": 5 });
            call(&ready, "POST", "/events", Some(&event))?;
        }
        // Five events for each of 100 endpoints.
        let page = loop {
            let page = get(&ready, "/deliveries?state=delivered&limit=500")?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            if items.len() == 500 && items.iter().all(|item| !before.contains(item)) {
                break items;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        let instant =
            |item: &Value, field: &str| item[field].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let mut waits: Vec<f64> = page
            .iter()
            .filter_map(|item| {
                let (made, ended) = (instant(item, "created_at")?, instant(item, "ended_at")?);
                Some((ended.as_microsecond() - made.as_microsecond()) as f64 / 1e3)
            })
            .collect();
        waits.sort_by(f64::total_cmp);
        Ok((waits[waits.len() / 2], waits[waits.len() * 99 / 100]))
    };
    measure(&["fine"])?;
    let alone = measure(&["fine"])?;
    let beside = measure(&["hung", "fine"])?;
    let sending = get(&ready, "/deliveries?state=sending&limit=500")?["items"].as_array().map_or(0, Vec::len);
    println!(
        "500 deliveries to 100 endpoints: p50 {:.0} ms, p99 {:.0} ms from event to end; \
         with 900 endpoints that hang ({sending}+ attempts in progress): p50 {:.0} ms, p99 {:.0} ms",
        alone.0, alone.1, beside.0, beside.1
    );
    Ok(())
}

fn list() -> Result<(), String> {
    build(&["--no-default-features"])?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    for (added, stored) in [(100_000, 100_000), (900_000, 1_000_000)] {
        let data = dir.path().join("data");
        shell::run("target/release/examples/fill", &[&data.to_string_lossy(), &added.to_string()])?;
        let (server, ready) = Server::hookbench(&data)?;
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

/// Searches among a million requests: description with the number of hits, and query.
const SEARCHES: &[(&str, &str)] = &[
    ("rare, 1 hit", "evt_00777777"),
    ("any case, 10 hits", "EVT_0077777"),
    ("substring, 1 hit", "itor777777@"),
    ("absent", "zzqqxx"),
    ("absent, of frequent pieces", "message_resolved"),
    ("common", "lorem"),
    ("JSON path, 200 hits", "body.data.chat.id:3133"),
    ("JSON path and text", "body.data.chat.id:3133 evt_007"),
    ("JSON path, any key, 200 hits", "body.data.*.id:3133"),
    ("regular expression, 1 hit (scan)", "/evt_00777[7]77/"),
    ("status, none (scan of rows)", "status:>=500"),
    ("recent, absent", "after:1s zzqqxx"),
];

/// Runs a search. Returns the time to the first hit and to the end in ms, the number of hits and the number of calls.
fn searched(ready: &Value, query: &str, all: bool) -> Result<(Option<f64>, f64, usize, usize), String> {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let started = Instant::now();
    let ms = || started.elapsed().as_secs_f64() * 1000.0;
    let (mut first, mut hits, mut calls, mut after) = (None, 0, 0, String::new());
    loop {
        let page = get(ready, &format!("/requests?limit=50&q={escaped}{after}"))?;
        calls += 1;
        hits += page["items"].as_array().map_or(0, Vec::len);
        if hits > 0 {
            first.get_or_insert_with(ms);
        }
        match page["next"].as_str() {
            Some(next) if all || hits < 50 => after = format!("&after={next}"),
            _ => return Ok((first, ms(), hits, calls)),
        }
    }
}

fn searches(ready: &Value) -> Result<(), String> {
    println!("  {:<34} {:>12} {:>12} {:>8} {:>6}", "", "first hit ms", "complete ms", "hits", "calls");
    for (what, query) in SEARCHES {
        // Every request contains "lorem", so only the time to the first page matters.
        let all = *what != "common";
        searched(ready, query, all)?;
        let mut runs = Vec::new();
        for _ in 0..5 {
            runs.push(searched(ready, query, all)?);
        }
        let first = spread(runs.iter().filter_map(|run| run.0).collect()).0;
        let (complete, _, worst) = spread(runs.iter().map(|run| run.1).collect());
        let shown = if runs[0].0.is_some() { format!("{first:.1}") } else { "-".into() };
        println!("  {what:<34} {shown:>12} {complete:>6.1}/{worst:<5.1} {:>8} {:>6}", runs[0].2, runs[0].3);
    }
    Ok(())
}

fn search() -> Result<(), String> {
    build(&["--no-default-features"])?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let data = dir.path().join("data");
    shell::run("target/release/examples/fill", &[&data.to_string_lossy(), "1000000"])?;
    let (server, ready) = Server::hookbench(&data)?;
    println!("1,000,000 stored, over HTTP, median and worst of 5, without an index:");
    call(&ready, "PATCH", "/settings", Some(&json!({ "search_index": false })))?;
    searches(&ready)?;
    call(&ready, "PATCH", "/settings", Some(&json!({ "search_index": true })))?;
    let started = Instant::now();
    let mut begun = false;
    let status = loop {
        let status = get(&ready, "/status")?;
        begun |= status["search"]["busy"] == true;
        if begun && status["search"]["busy"] == false {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let share = status["search"]["bytes"].as_f64().unwrap_or_default() / status["bytes"].as_f64().unwrap_or(1.0);
    println!(
        "indexed in {:.1} s at 50 % of one core; {:.0} MB, {:.0} % of the bodies; memory {:.1} MB",
        started.elapsed().as_secs_f64(),
        status["search"]["bytes"].as_f64().unwrap_or_default() / 1e6,
        share * 100.0,
        server.memory()
    );
    println!("with the index:");
    searches(&ready)?;
    drop(server);
    // At start, the engine verifies every block of the index before its use.
    let (server, ready) = Server::hookbench(&data)?;
    let started = Instant::now();
    while get(&ready, "/status")?["search"]["bytes"] == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    println!("verified after a restart in {:.1} s", started.elapsed().as_secs_f64());
    drop(server);
    beside_capture(dir.path())
}

/// Compares capture rates with and without the search index, in alternation.
fn beside_capture(dir: &Path) -> Result<(), String> {
    let script = dir.join("post.lua");
    fs::write(&script, LUA).map_err(|e| e.to_string())?;
    let script = script.to_string_lossy().into_owned();
    let start = |name: &str, index: bool| -> Result<(Server, String), String> {
        let (server, ready) = Server::hookbench(&dir.join(name))?;
        call(&ready, "PATCH", "/settings", Some(&json!({ "search_index": index })))?;
        Ok((server, format!("{}/inbox", ready["listener"].as_str().unwrap_or_default())))
    };
    let ((_with, with), (_without, without)) = (start("with", true)?, start("without", false)?);
    wrk(&script, 64, &with)?;
    wrk(&script, 64, &without)?;
    let mut ratios = Vec::new();
    for _ in 0..2 * PAIRS {
        let (base, _) = wrk(&script, 64, &without)?;
        ratios.push(wrk(&script, 64, &with)?.0 / base);
    }
    let (ratio, low, high) = spread(ratios);
    println!("capture at 64 connections with the index: {ratio:.2} [{low:.2}-{high:.2}] of the rate without");
    Ok(())
}

/// Measures the window in the build of `cargo xtask run`.
fn window() -> Result<(), String> {
    setup::npm()?;
    setup::tauri_driver()?;
    shell::run("npm", &["run", "--silent", "build"])?;
    // One command, so that both packages share the features of their dependencies.
    let packages = ["--package", "hookbench", "--package", "hookbench-engine"];
    let targets = ["--bins", "--example", "bare_window", "--example", "fill"];
    shell::run("cargo", &[&["build", "--profile", "app", "--quiet"], &packages[..], &targets].concat())?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let binary = shell::root().join("target/app/hookbench");
    let env = [format!("HOOKBENCH_BIN={}", binary.display()), format!("HOOKBENCH_FOLDER={}", dir.path().display())];
    test::on_a_display(&["env", &env[0], &env[1], "npm", "run", "--silent", "bench", "--workspace", "tests/window"])
}
