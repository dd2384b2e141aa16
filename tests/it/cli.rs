//! The command line, with an engine at work and without one.

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
async fn verbs_work_beside_an_engine_and_without_one() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let done = hookbench().args(args).arg("--data").arg(dir.path()).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", text(&done.stderr));
        done.stdout
    };
    assert_eq!(
        lines(&run(&["inbox", "add", "shop", "--status", "201", "--header", "X-A: 1", "--json"]))[0]["answer"]["headers"]
            [0][0],
        "X-A"
    );
    let serve = Serve::start_in(dir.path());
    assert_eq!(lines(&run(&["inbox", "list", "--json"])).len(), 2);
    run(&["inbox", "set", "shop", "--body", "kept"]);
    let client = reqwest::Client::new();
    let answer = client
        .post(format!("{}/shop/x", serve.receiver))
        .header("X-Case-Kept", "1")
        .body("{\"a\":1}")
        .send()
        .await
        .unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (201, "kept"));
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
async fn errors_say_what_and_what_to_do() {
    let serve = Serve::start();
    for (args, word) in [
        (&["show", "nothing"][..], "no request"),
        (&["inbox", "set", "nobody", "--status", "200"], "no inbox"),
        (&["inbox", "add", "a b"], "part of a URL"),
        (&["inbox", "set", "inbox", "--header", "no colon"], "Name: value"),
        (&["backup", "/nowhere/at/all.db"], "cannot be written"),
        (&["requests", "--inbox", "nobody"], "no inbox"),
        (&["show", ""], "a value is required"),
    ] {
        let done = serve.cli(args);
        assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(2), ""), "{args:?}");
        assert!(text(&done.stderr).contains(word), "{args:?}: {}", text(&done.stderr));
    }
}

#[tokio::test]
async fn a_folder_without_data_is_said_and_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("typed-wrong");
    for args in [&["requests"][..], &["show", "x"], &["inbox", "list"], &["backup", "x.db"]] {
        let done = hookbench().args(args).arg("--data").arg(&nowhere).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        assert!(text(&done.stderr).contains("nothing is stored in"), "{args:?}: {}", text(&done.stderr));
        assert!(!nowhere.exists());
    }
}

#[tokio::test]
async fn a_taken_port_ends_serve_with_its_holder_and_an_offer() {
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
async fn listen_shows_requests_as_they_arrive_and_no_escape_sequence() {
    let serve = Serve::start();
    let mut listen =
        hookbench().args(["listen", "inbox", "--data"]).arg(&serve.data).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(listen.stdout.take().unwrap()).lines();
    let reading = std::thread::spawn(move || (0..2).map(|_| shown.next().unwrap().unwrap()).collect::<Vec<_>>());
    // The verb follows from when it is ready, which only a request tells.
    let client = reqwest::Client::new();
    while !reading.is_finished() {
        client.post(format!("{}/inbox/a?x=%1b", serve.receiver)).body("x").send().await.unwrap();
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

/// Headers of a request, in lower case and sorted.
async fn header_lines(serve: &Serve, id: &str) -> Vec<(String, String)> {
    let detail = serve.get(&format!("/requests/{id}/reveal")).await;
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let lines = detail["headers"].to_vec();
    let mut list: Vec<_> = lines.iter().map(|h| (text(&h["name"]).to_lowercase(), text(&h["value"]))).collect();
    list.sort();
    list
}

/// Every form of code is run by the tool it is written for; the same request arrives: method, target, body to the
/// byte, every header, and no other ones but those the tool says it adds. PowerShell is held by its text alone.
#[tokio::test]
async fn code_for_a_request_sends_it_again() {
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
        let mut stream = TcpStream::connect(serve.receiver.trim_start_matches("http://")).unwrap();
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
            // What belongs to the connection, and what a tool is said to add.
            let said = code.lines().find(|line| line.contains(" adds what this was not sent with: "));
            let added = said.map(|line| line.trim_end_matches('.').to_lowercase()).unwrap_or_default();
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
        let answered = serve.request(reqwest::Method::GET, &path).send().await.unwrap();
        assert_eq!(answered.status(), code, "{asked}");
    }
}

#[tokio::test]
async fn an_inbox_gets_its_provider_and_secret_on_the_command_line() {
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
    let bad = serve.cli(&["inbox", "set", "hub", "--provider", "nobody"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("hookbench providers"));
}

#[test]
fn a_whole_handler_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        crate::hookbench::hookbench().args(["--data", dir.path().to_str().unwrap()]).args(args).output().unwrap()
    };
    let printed = run(&["providers", "show", "onwebchat", "--handler", "fastapi"]);
    assert!(text(&printed.stdout).contains("async def webhook"), "{}", text(&printed.stderr));
    // Deway signs nothing, unless it is asked to.
    assert!(!text(&run(&["providers", "show", "deway", "--handler", "go"]).stdout).contains("func Verify"));
    let signed = run(&["providers", "show", "deway", "--handler", "go", "--scheme", "deway"]);
    assert!(text(&signed.stdout).contains("func Verify"));
    let unknown = run(&["providers", "show", "onwebchat", "--handler", "rails"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("express, fastapi, php, go"));
}

/// A folder with the command line program, and beside it a desktop program with this text, if any.
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
fn without_a_command_the_desktop_program_starts() {
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
fn says_how_to_go_on_without_a_desktop_program_or_with_a_mistyped_command() {
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

/// A server loads no library of a webview: neither the time nor the memory is spent.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_loads_no_webview_library() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", serve.pid())).unwrap();
    assert!(maps.contains("libc.so"), "{maps}");
    for library in ["webkit", "gtk", "javascriptcore", "libsoup"] {
        assert!(!maps.contains(library), "{library} is loaded");
    }
}
