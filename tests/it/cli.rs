//! End-to-end tests of the command line, with and without a running server.

use std::{
    io::{BufRead, BufReader, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

use crate::{
    hookbench::{Serve, hookbench},
    json::{Json, json},
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(bytes: &[u8]) -> Vec<Json> {
    text(bytes).lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

#[tokio::test]
async fn commands_work_with_and_without_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let done = hookbench().args(args).arg("--data").arg(dir.path()).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", text(&done.stderr));
        done.stdout
    };
    assert_eq!(
        lines(&run(&["inbox", "add", "shop", "--status", "201", "--header", "X-A: 1", "--json"]))[0]["response"]["headers"]
            [0][0],
        "X-A"
    );
    let serve = Serve::start_in(dir.path());
    assert_eq!(lines(&run(&["inbox", "list", "--json"])).len(), 2);
    run(&["inbox", "set", "shop", "--body", "kept"]);
    let client = reqwest::Client::new();
    let response = client
        .post(format!("{}/shop/x", serve.listener))
        .header("X-Case-Kept", "1")
        .body("{\"a\":1}")
        .send()
        .await
        .unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (201, "kept"));
    serve.terminate();
    let listed = lines(&run(&["requests", "--json", "--inbox", "shop"]));
    assert_eq!((listed.len(), listed[0]["target"].as_str()), (1, Some("/shop/x")));
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!(run(&["show", id, "--as", "body"]), b"{\"a\":1}");
    assert!(text(&run(&["show", id, "--as", "raw"])).starts_with("POST /shop/x HTTP/1.1\r\n"));
    assert!(text(&run(&["show", id])).contains("x-case-kept: 1"));
    assert_eq!(lines(&run(&["show", id, "--as", "json"]))[0]["body_bytes"], 7);
    assert!(text(&run(&["requests"])).contains("/shop/x"));
    run(&["inbox", "remove", "shop"]);
    assert_eq!(lines(&run(&["inbox", "list", "--json"])).len(), 1);
}

#[tokio::test]
async fn errors_name_the_problem_and_exit_with_2() {
    let serve = Serve::start();
    for (args, word) in [
        (&["show", "nothing"][..], "no request"),
        (&["inbox", "set", "unknown", "--status", "200"], "no inbox"),
        (&["inbox", "add", "a b"], "letters, digits"),
        (&["inbox", "set", "inbox", "--header", "no colon"], "Name: value"),
        (&["backup", "/nowhere/at/all.db"], "cannot be written"),
        (&["requests", "--inbox", "unknown"], "no inbox"),
        (&["show", ""], "a value is required"),
    ] {
        let done = serve.cli(args);
        assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(2), ""), "{args:?}");
        assert!(text(&done.stderr).contains(word), "{args:?}: {}", text(&done.stderr));
    }
}

#[tokio::test]
async fn rejects_missing_data_folder_without_creating_it() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("typed-wrong");
    for args in [&["requests"][..], &["show", "x"], &["inbox", "list"], &["backup", "x.db"]] {
        let done = hookbench().args(args).arg("--data").arg(&nowhere).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        assert!(text(&done.stderr).contains("no data in"), "{args:?}: {}", text(&done.stderr));
        assert!(!nowhere.exists());
    }
}

#[tokio::test]
async fn serve_reports_owner_of_used_port_and_suggests_free_port() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let done = hookbench()
        .args(["serve", "--listen", &address, "--api", "127.0.0.1:0", "--data"])
        .arg(dir.path())
        .output()
        .unwrap();
    let words = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        words.contains("the port is taken")
            && words.contains(&format!("process {}", std::process::id()))
            && words.contains("--listen 127.0.0.1:"),
        "{words}"
    );
}

#[tokio::test]
async fn listen_prints_requests_without_control_characters() {
    let serve = Serve::start();
    let mut listen =
        hookbench().args(["listen", "inbox", "--data"]).arg(&serve.data).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(listen.stdout.take().unwrap()).lines();
    let reading = std::thread::spawn(move || (0..2).map(|_| shown.next().unwrap().unwrap()).collect::<Vec<_>>());
    // The command prints only requests that arrive after it connects, so requests are sent until it prints two lines.
    let client = reqwest::Client::new();
    while !reading.is_finished() {
        client.post(format!("{}/inbox/a?x=%1b", serve.listener)).body("x").send().await.unwrap();
        let mut raw = tokio::net::TcpStream::connect(serve.address()).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(
            &mut raw,
            "POST /inbox/\u{9b}31m\u{202e}x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".as_bytes(),
        )
        .await
        .unwrap();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut raw, &mut Vec::new()).await;
    }
    let shown = reading.join().unwrap();
    listen.kill().unwrap();
    listen.wait().unwrap();
    for line in shown {
        assert!(line.contains("POST"), "{line}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}

/// Returns the headers of a request with lowercase names, sorted.
async fn header_lines(serve: &Serve, id: &str) -> Vec<(String, String)> {
    let detail = serve.get(&format!("/requests/{id}/reveal")).await;
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let lines = detail["headers"].to_vec();
    let mut list: Vec<_> = lines.iter().map(|h| (text(&h["name"]).to_lowercase(), text(&h["value"]))).collect();
    list.sort();
    list
}

/// Runs each code format with its tool. The request must arrive with the same method, target, body and headers, except
/// for the headers that the code names as added. PowerShell code is not run.
#[tokio::test]
async fn copied_code_sends_the_same_request() {
    let serve = Serve::start();
    let dir = serve.data.join("code");
    std::fs::create_dir(&dir).unwrap();
    let bodies: [(&str, &str, Vec<u8>); 7] = [
        ("POST", "application/json", b"{\"it's\": \"$(id) `id` \\\\ ! ${x}\"}\n".to_vec()),
        ("POST", "text/plain", "@/etc/passwd é\u{202e}\u{feff}\r\n".into()),
        ("PATCH", "application/octet-stream", (0..=255).collect()),
        ("PUT", "application/x-www-form-urlencoded", b"a=1&b=%20".to_vec()),
        ("GET", "text/plain", Vec::new()),
        ("DELETE", "text/plain", b"=".repeat(3000)),
        ("POST", "", "no type – but a text".into()),
    ];
    let mut arrived = 0;
    for (place, (method, content_type, body)) in bodies.into_iter().enumerate() {
        let mut stream = TcpStream::connect(serve.listener.trim_start_matches("http://")).unwrap();
        let mut head = format!(
            "{method} /inbox/{place}/a'b?y=$HOME&q=%2F&z=(1)*! HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             x-quote: a'b\"c $(id) \\ `d` %s #{{e}}\r\nX-Empty:\r\nX-Text: caf\u{e9}\r\nAuthorization: Bearer s3cret\r\n\
             X-Escaped: =:@;\r\n"
        );
        if !content_type.is_empty() {
            head += &format!("Content-Type: {content_type}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).unwrap();
        arrived += 1;
        let original = serve.newest(arrived).await;
        let id = original["id"].as_str().unwrap();
        let (sent, lines) = (serve.body(id).await, header_lines(&serve, id).await);
        assert_eq!(sent, body);
        for (form, file, command) in [
            ("curl", "a.sh", &["sh"][..]),
            ("httpie", "a.sh", &["sh"]),
            ("fetch", "a.mjs", &["node"]),
            ("python", "a.py", &["/usr/bin/python3"]),
            ("go", "a.go", &["go", "run"]),
        ] {
            let code = text(&serve.cli(&["show", id, "--as", form, "--reveal"]).stdout);
            std::fs::write(dir.join(file), &code).unwrap();
            let ran = Command::new(command[0]).args(&command[1..]).arg(file).current_dir(&dir).output().unwrap();
            assert!(ran.status.success(), "{code}: {}", text(&ran.stderr));
            arrived += 1;
            let copy = serve.newest(arrived).await;
            for key in ["method", "target", "body_bytes", "status"] {
                assert_eq!(copy[key], original[key], "{key}: {code}");
            }
            let copied = copy["id"].as_str().unwrap();
            assert!(serve.body(copied).await == sent, "{code}");
            // Ignores headers of the connection and headers that the code names as added by the tool.
            let note = code.lines().find(|line| line.contains(" adds headers that the original request lacks: "));
            let added = note.map(|line| line.trim_end_matches('.').to_lowercase()).unwrap_or_default();
            let added: Vec<&str> = added.split(": ").skip(1).flat_map(|names| names.split(", ")).collect();
            let own = |lines: Vec<(String, String)>| -> Vec<_> {
                let connection = ["host", "connection", "content-length"];
                lines
                    .into_iter()
                    .filter(|(name, _)| !connection.contains(&&**name) && !added.contains(&&**name))
                    .collect()
            };
            assert_eq!(own(header_lines(&serve, copied).await), own(lines.clone()), "{code}");
        }
    }
    for (asked, code) in [("as=fetch", 200), ("as=ruby", 400), ("", 200)] {
        let newest = serve.newest(arrived).await;
        let path = format!("/requests/{}/code?{asked}", newest["id"].as_str().unwrap());
        let responded = serve.request(reqwest::Method::GET, &path).send().await.unwrap();
        assert_eq!(responded.status(), code, "{asked}");
    }
}

#[tokio::test]
async fn inbox_commands_set_provider_and_secret() {
    let serve = Serve::start();
    let secret = serve.data.join("secret.txt");
    std::fs::write(&secret, "It's a Secret to Everybody\n").unwrap();
    let file = secret.to_str().unwrap();
    let made = serve.cli(&["inbox", "add", "hub", "--provider", "github", "--secret-file", file, "--json"]);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((&made["verification"]["provider"], made.to_string().contains("Everybody")), (&"github".into(), false));
    let set = serve.cli(&["inbox", "set", "hub", "--param", "a=b", "--url", "https://t.example/hub", "--json"]);
    let set: serde_json::Value = serde_json::from_slice(&set.stdout).unwrap();
    assert_eq!(
        (&set["verification"]["params"]["a"], &set["verification"]["provider"]),
        (&"b".into(), &"github".into())
    );
    let secrets = serve.get("/inboxes/hub/secrets").await;
    assert_eq!(secrets["items"], json!(["It's a Secret to Everybody"]));
    let bad = serve.cli(&["inbox", "set", "hub", "--provider", "unknown"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("hookbench provider list"));
}

#[test]
fn provider_show_prints_complete_handler() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        crate::hookbench::hookbench().args(["--data", dir.path().to_str().unwrap()]).args(args).output().unwrap()
    };
    let printed = run(&["provider", "show", "onwebchat", "--handler", "fastapi"]);
    assert!(text(&printed.stdout).contains("async def webhook"), "{}", text(&printed.stderr));
    // Deway does not sign by default, but has an optional signature scheme.
    assert!(!text(&run(&["provider", "show", "deway", "--handler", "go"]).stdout).contains("func Verify"));
    let signed = run(&["provider", "show", "deway", "--handler", "go", "--scheme", "deway"]);
    assert!(text(&signed.stdout).contains("func Verify"));
    let unknown = run(&["provider", "show", "onwebchat", "--handler", "rails"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("express, fastapi, php, go"));
}

/// Creates a folder with the command line program and, if `desktop` is set, a desktop program with this text.
#[cfg(unix)]
fn installed(desktop: Option<&str>) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_hookbench"), dir.path().join("hookbench")).unwrap();
    if let Some(text) = desktop {
        let path = dir.path().join("hookbench-desktop");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    dir
}

#[cfg(unix)]
#[test]
fn starts_desktop_program_without_a_command() {
    let dir = installed(Some("#!/bin/sh\necho \"$@\"\nexit 7\n"));
    let run = |args: &[&str]| {
        let done = Command::new(dir.path().join("hookbench")).args(args).env_remove("HOOKBENCH_DATA").output().unwrap();
        (done.status.code(), text(&done.stdout))
    };
    assert_eq!(run(&[]), (Some(7), "\n".into()));
    assert_eq!(run(&["hookbench://settings"]), (Some(7), "hookbench://settings\n".into()));
    assert_eq!(
        run(&["--data", "/tmp/a b", "hookbench://inbox/shop"]),
        (Some(7), "--data /tmp/a b hookbench://inbox/shop\n".into())
    );
}

#[cfg(unix)]
#[test]
fn suggests_commands_without_desktop_or_after_typo() {
    let dir = installed(None);
    let failed = |args: &[&str]| {
        let mut command = Command::new(dir.path().join("hookbench"));
        let done = command.args(args).env("PATH", dir.path()).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        text(&done.stderr)
    };
    let absent = failed(&[]);
    assert!(absent.contains("is not installed") && absent.contains("hookbench serve"), "{absent}");
    let mistyped = failed(&["servee"]);
    assert!(mistyped.contains("servee") && mistyped.contains("no such command"), "{mistyped}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn server_loads_no_webview_library() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", serve.pid())).unwrap();
    assert!(maps.contains("libc.so"), "{maps}");
    for library in ["webkit", "gtk", "javascriptcore", "libsoup"] {
        assert!(!maps.contains(library), "{library} is loaded");
    }
}

#[tokio::test]
async fn names_similar_names_and_says_when_nothing_matches() {
    let serve = Serve::start();
    let errors = |args: &[&str]| {
        let output = serve.cli(args);
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(errors(&["requests"]), (0, "No requests yet.\n".into()));
    assert_eq!(errors(&["requests", "-q", "event:x"]), (0, "No requests match.\n".into()));
    assert_eq!(errors(&["show", "latest"]), (2, "hookbench: there are no requests yet\n".into()));
    serve.cli(&["inbox", "add", "shop"]);
    serve.cli(&["endpoint", "add", "github", "http://127.0.0.1:9/", "--name", "staging", "--local-test", "true"]);
    for (args, suggestion) in [
        (&["requests", "--inbox", "shp"][..], "Did you mean \"shop\"?"),
        (&["inbox", "set", "shop", "--provider", "strpe"], "Did you mean \"stripe\"?"),
        (&["provider", "show", "gihub"], "Did you mean \"github\"?"),
        (&["delivery", "list", "--endpoint", "stagin"], "Did you mean \"staging\"?"),
        (&["endpoint", "show", "stagng"], "Did you mean \"staging\"?"),
        (&["scenario", "run", "onwebchat-cha", "--to", "http://127.0.0.1:9/"], "Did you mean \"onwebchat-chat\"?"),
        (&["requets"], "Did you mean \"requests\"?"),
    ] {
        let (code, output) = errors(args);
        assert!(code == 2 && output.contains(suggestion), "{args:?}: {code} {output}");
    }
    assert_eq!(errors(&["delivery", "list", "--endpoint", "staging"]).0, 0);
}

#[tokio::test]
async fn warns_of_rules_that_are_never_reached() {
    let serve = Serve::start();
    assert!(serve.cli(&["inbox", "rule", "add", "inbox", "--status", "201"]).stderr.is_empty());
    for args in [&["add", "inbox", "--when", "method:put", "--status", "202"][..], &["list", "inbox"]] {
        let output = serve.cli(&[&["inbox", "rule"], args].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.contains("Rule 2 is never reached, because rule 1"), "{errors}");
    }
}

#[tokio::test]
async fn latest_means_the_newest_request_and_delivery() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    for body in ["first", "second"] {
        client.post(format!("{}/inbox", serve.listener)).body(body).send().await.unwrap();
    }
    let body = |id: &str| String::from_utf8_lossy(&serve.cli(&["show", id, "--as", "body"]).stdout).into_owned();
    assert_eq!((body("latest"), body("latest~1")), ("second".into(), "first".into()));
    let beyond = serve.cli(&["show", "latest~2"]);
    assert!(String::from_utf8_lossy(&beyond.stderr).contains("there are only 2 requests"), "{beyond:?}");
    assert_eq!(serve.cli(&["diff", "latest~1", "latest"]).status.code(), Some(1));
}
