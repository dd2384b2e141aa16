//! Runs every command that the documents print.
//!
//! The `sh` blocks of a page are one bash script, which runs in an empty folder next to a running `hookbench serve`,
//! with an app that responds with 200. The ports of the page are replaced by free ones. `sh exit=N` must exit with N,
//! and `sh background` runs until the page ends. Programs that need another host or a build are replaced by empty ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    destination::TargetServer,
    hookbench::{Serve, hookbench},
};

/// Ports of the listener, the local HTTP API and the app in the documents.
const LISTENER: &str = "4665";
const API: &str = "4666";
const APP: &str = "3000";

/// Programs that the documents name and that cannot run in a test.
const STUBS: &[&str] = &["cargo", "ngrok", "cloudflared"];

/// Languages of code blocks. Only `sh` is run.
const LANGUAGES: &[&str] = &["", "sh", "text", "json", "yaml", "toml", "ini"];

/// Maximum time of a page, in seconds. bash ends the page with it, so that a command that hangs is named.
const PAGE_S: u32 = 300;

#[derive(Debug, Clone, PartialEq)]
enum Run {
    /// To its end, with this exit status.
    Exit(i32),
    Background,
}

/// A block of commands.
#[derive(Debug)]
struct Block {
    line: usize,
    run: Run,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Returns the documents, as paths from the root of the repository.
fn documents() -> Vec<String> {
    let mut pages: Vec<String> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/{name}"))
        .collect();
    pages.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(String::from));
    pages.sort();
    pages
}

/// Returns the fenced code blocks of a page: line, info string and text.
fn fences(text: &str) -> Vec<(usize, String, String)> {
    let (mut all, mut open) = (Vec::new(), None::<(usize, String, String)>);
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => open = Some((number + 1, info.trim().to_owned(), String::new())),
            (Some(_), Some("")) => all.extend(open.take()),
            (Some((_, _, block)), _) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a code block has no end: {open:?}");
    all
}

fn blocks(text: &str) -> Vec<Block> {
    let sh = fences(text).into_iter().filter_map(|(line, info, text)| {
        let rest = info.strip_prefix("sh")?;
        let run = match rest.trim() {
            "" => Run::Exit(0),
            "background" => Run::Background,
            other => Run::Exit(other.strip_prefix("exit=").and_then(|code| code.parse().ok()).unwrap_or_else(|| {
                panic!("line {line}: unknown info string {info:?}");
            })),
        };
        Some(Block { line, run, text })
    });
    sh.collect()
}

/// Returns the script of a page. Each block writes its line number to the file `block` first.
fn script(blocks: &[Block]) -> String {
    // A background block is a subshell, whose program must end as well.
    let end = "for job in $(jobs -p); do pkill -P $job; kill $job; done 2>/dev/null || true";
    let mut script = format!("set -e -o pipefail\ntrap '{end}' EXIT\n");
    for Block { line, run, text } in blocks {
        script += &format!("echo {line} > .block\n");
        script += &match run {
            Run::Exit(0) => text.clone(),
            Run::Exit(code) => format!(
                "code=0; (\nset -e -o pipefail\n{text}) || code=$?\n[ $code = {code} ] || {{ echo \"exit status $code\" >&2; exit 1; }}\n"
            ),
            Run::Background => format!(
                "{{ {}; }} > .background{line} 2>&1 &\nfor _ in $(seq 100); do [ -s .background{line} ] && break; sleep 0.1; done\n",
                text.trim()
            ),
        };
    }
    script
}

/// Returns the ports that a text names as part of an address.
fn ports(text: &str) -> BTreeSet<String> {
    let parts = ["127.0.0.1:", "localhost:"].iter().flat_map(|host| text.split(host).skip(1));
    parts
        .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>())
        .filter(|port| port.len() >= 4)
        .collect()
}

/// Replaces numbers that are whole words.
fn with_ports(text: &str, ports: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_');
        out += before;
        out += ports.get(&number[..end]).filter(|_| word).map_or(&number[..end], String::as_str);
        rest = &number[end..];
    }
    out + rest
}

/// Runs a page.
async fn run(page: &str) {
    let blocks = blocks(&fs::read_to_string(root().join(page)).unwrap());
    assert!(!blocks.is_empty(), "{page} has no commands");
    let dir = TempDir::new().unwrap();
    // The default data folder, so that no command of a page names one.
    let data = dir.path().join(".local/share/hookbench");
    let (work, bin) = (dir.path().join("work"), dir.path().join("bin"));
    fs::create_dir_all(&work).unwrap();
    fs::create_dir_all(&bin).unwrap();
    // The npm packages that the pages need.
    std::os::unix::fs::symlink(root().join("node_modules"), work.join("node_modules")).unwrap();
    for stub in STUBS {
        let path = bin.join(stub);
        fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    // The Python of the system, which has the packages that the pages need.
    std::os::unix::fs::symlink("/usr/bin/python3", bin.join("python3")).unwrap();
    let program = PathBuf::from(hookbench().get_program());
    let path = format!("{}:{}:{}", bin.display(), program.parent().unwrap().display(), std::env::var("PATH").unwrap());

    let (serve, app) = (Serve::start_in(&data), TargetServer::start().await);
    let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
    let mut script = script(&blocks);
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    for named in ports(&script) {
        let other = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let replaced = match named.as_str() {
            LISTENER => port(&serve.listener),
            API => port(&serve.api),
            APP => port(&app.url),
            _ => other(),
        };
        map.insert(named, replaced);
    }
    script = with_ports(&script, &map);
    let output = Command::new("timeout")
        .args(["--kill-after=5", &PAGE_S.to_string(), "bash", "-c", &script])
        .current_dir(&work)
        .env("PATH", path)
        .env("HOME", dir.path())
        .env_remove("HOOKBENCH_DATA")
        .env_remove("XDG_DATA_HOME")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    if !output.status.success() {
        let line = fs::read_to_string(work.join(".block")).unwrap_or_default();
        let block = blocks.iter().find(|block| block.line.to_string() == line.trim()).unwrap();
        panic!(
            "{page}:{}: {}\n{}\nstdout: {}\nstderr: {}",
            line.trim(),
            output.status,
            block.text,
            tail(&output.stdout),
            tail(&output.stderr)
        );
    }
}

/// Returns the last lines of an output.
fn tail(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

macro_rules! pages {
    ($($name:ident $page:literal,)*) => {
        $(#[tokio::test]
        async fn $name() {
            run($page).await;
        })*

        /// Pages whose commands run.
        const RUN: &[&str] = &[$($page),*];
    };
}

pages! {
    runs_readme "README.md",
    runs_index "docs/README.md",
    runs_agents "docs/agents.md",
    runs_api "docs/api.md",
    runs_ci "docs/ci.md",
    runs_cli "docs/cli.md",
    runs_containers "docs/containers.md",
    runs_handler_checks "docs/handler-checks.md",
    runs_import_export "docs/import-export.md",
    runs_projects "docs/projects.md",
    runs_receiving "docs/receiving.md",
    runs_replaying_and_forwarding "docs/replaying-and-forwarding.md",
    runs_search "docs/search.md",
    runs_sending "docs/sending.md",
    runs_settings "docs/settings.md",
    runs_signatures "docs/signatures.md",
    runs_troubleshooting "docs/troubleshooting.md",
    runs_tunnels_and_relays "docs/tunnels-and-relays.md",
    runs_event_schemas "docs/event-schemas.md",
    runs_waiting "docs/waiting.md",
}

#[test]
fn every_document_with_commands_is_run() {
    for page in documents() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for (line, info, _) in fences(&text) {
            let language = info.split(' ').next().unwrap_or_default();
            assert!(LANGUAGES.contains(&language), "{page}:{line}: unknown language {language:?}");
        }
        // CONTRIBUTING has commands that build and test for minutes.
        let runs = RUN.contains(&page.as_str()) || page == "CONTRIBUTING.md";
        assert!(runs || blocks(&text).is_empty(), "{page} has commands that no test runs");
    }
}

#[test]
fn every_link_leads_to_a_file() {
    for page in documents() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        let folder = root().join(&page).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let file = target.split('#').next().unwrap_or_default();
            assert!(folder.join(file).exists(), "{page} links to {target}, which does not exist");
        }
    }
}

#[test]
fn the_index_lists_every_document() {
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for page in documents().iter().filter_map(|page| page.strip_prefix("docs/")).filter(|page| *page != "README.md") {
        assert!(index.contains(&format!("]({page})")), "docs/README.md does not list {page}");
    }
}

#[test]
fn replaces_ports_and_no_other_numbers() {
    let ports = BTreeMap::from([("3000".to_owned(), "41234".to_owned())]);
    let text = "http://localhost:3000/a (\"\", 3000) 13000 v3000 1.3000 3000";
    assert_eq!(with_ports(text, &ports), "http://localhost:41234/a (\"\", 41234) 13000 v3000 1.3000 41234");
}
