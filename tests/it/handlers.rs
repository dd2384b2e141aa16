//! End-to-end tests with real handlers: generated handlers, handlers from vendor documentation and official vendor
//! libraries. Each must accept what Hookbench sends and reject requests with an invalid signature.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use hookbench_engine::{catalog, handlers};

use crate::{
    destination::{endpoint, id, in_state, send},
    hookbench::{Serve, until},
    json::{Json, json},
};

/// Vendors with known events.
const SENDERS: [&str; 10] = [
    "deway",
    "flow-session",
    "onwebchat",
    "vowchat",
    "sydx-ai",
    "standard-webhooks",
    "github",
    "stripe",
    "shopify",
    "slack",
];

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running handler process, killed on drop.
pub(crate) struct Program {
    child: Child,
    message: Arc<Mutex<String>>,
}

impl Program {
    pub(crate) async fn start(mut command: Command, port: u16) -> Self {
        let mut child = command
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let message = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let message = message.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    message.lock().unwrap().push_str(&(line + "\n"));
                }
            });
        }
        let mut program = Self { child, message };
        until(&format!("{command:?}"), async || {
            assert!(program.child.try_wait().unwrap().is_none(), "{command:?} ended: {}", program.message());
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .await;
        program
    }

    pub(crate) fn message(&self) -> String {
        self.message.lock().unwrap().clone()
    }
}

impl Program {
    /// Stops the process with SIGSTOP. Requests to it then wait.
    pub(crate) fn stop(&self) {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the first secret of an endpoint, or `None` if the vendor does not sign.
async fn secret(serve: &Serve, made: &Json) -> Option<String> {
    let secrets = serve.get(&format!("/endpoints/{}/secrets", id(made))).await;
    secrets["items"].items().next().map(|secret| secret["value"].as_str().unwrap().to_owned())
}

/// Sends an event to one endpoint. Returns the delivery after its first attempt.
async fn deliver(serve: &Serve, made: &Json, kind: &str) -> Json {
    let sent = send(serve, json!({ "provider": made["provider"], "type": kind, "endpoints": [id(made)] })).await;
    let delivery = id(&sent["deliveries"][0]);
    until("the first attempt", async || {
        let shown = serve.get(&format!("/deliveries/{delivery}")).await;
        let is_made = |attempt: &Json| attempt["status"].is_u64() || attempt["error"].is_object();
        let made = shown["attempts_made"].items().next().is_some_and(is_made);
        made.then_some(shown)
    })
    .await
}

fn kinds(provider: &Json) -> Vec<String> {
    let events = provider["sending"]["events"].to_vec();
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// Changes the secret of an endpoint, so that signatures no longer match the handler.
async fn estrange(serve: &Serve, made: &Json, secret: &str) {
    // Changing one character keeps the format of the secret valid.
    let at = secret.len() - 8;
    let other = if &secret[at..=at] == "a" { "b" } else { "a" };
    let other = format!("{}{other}{}", &secret[..at], &secret[at + 1..]);
    let change = json!({ "settings": { "secrets": [{ "value": other }] } });
    let (status, changed) = serve.call(reqwest::Method::PATCH, &format!("/endpoints/{}", id(made)), change).await;
    assert_eq!(status, 200, "{changed}");
}

/// Writes a handler below `target/handlers`, where its framework is installed. Returns the command that runs it.
fn command(framework: &str, vendor: &str, code: &str, port: u16) -> Command {
    let dir = root().join("target/handlers").join(framework).join(vendor);
    fs::create_dir_all(&dir).unwrap();
    let file = |name: &str| -> PathBuf {
        fs::write(dir.join(name), code).unwrap();
        dir.join(name)
    };
    let mut command = match framework {
        "express" => {
            let mut command = Command::new("node");
            command.arg(file("webhook.mjs"));
            command
        }
        "fastapi" => {
            file("webhook.py");
            // The Python packages are installed for the system Python.
            let mut command = Command::new("/usr/bin/python3");
            command.args(["-m", "uvicorn", "webhook:app", "--port", &port.to_string()]);
            command
        }
        "php" => {
            let mut command = Command::new("php");
            command.args(["-S", &format!("127.0.0.1:{port}")]).arg(file("webhook.php"));
            command
        }
        "go" => {
            file("webhook.go");
            let built =
                Command::new("go").args(["build", "-o", "webhook", "webhook.go"]).current_dir(&dir).output().unwrap();
            assert!(built.status.success(), "{vendor}: {}", String::from_utf8_lossy(&built.stderr));
            Command::new(dir.join("webhook"))
        }
        other => panic!("{other}"),
    };
    command.current_dir(&dir);
    command
}

async fn generated_handlers(framework: &str) {
    let serve = Serve::start();
    for vendor in SENDERS {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}/webhook");
        let made = endpoint(&serve, json!({ "provider": vendor, "url": url, "local_test": true })).await;
        let secret = secret(&serve, &made).await;
        let all = serve.get(&format!("/providers/{vendor}/handlers")).await;
        let handler = all["items"].items().find(|one| one["language"] == framework).unwrap();
        let mut command = command(framework, vendor, handler["code"].as_str().unwrap(), port);
        command.env("WEBHOOK_SECRET", secret.as_deref().unwrap_or_default());
        let program = Program::start(command, port).await;
        let provider = serve.get(&format!("/providers/{vendor}")).await;
        let mut last = String::new();
        for kind in kinds(&provider) {
            let delivery = deliver(&serve, &made, &kind).await;
            assert_eq!(
                delivery["state"],
                "delivered",
                "{framework} {vendor} {kind}: {delivery}\n{}",
                program.message()
            );
            until(&format!("{framework} to process {kind} of {vendor}"), async || {
                program.message().contains(&format!("{kind} ")).then_some(())
            })
            .await;
            last = id(&delivery);
        }
        // A duplicate gets a response but is not processed again, if the vendor sends an event id.
        if !provider["event_id"].is_an_empty_array() {
            let all = kinds(&provider);
            let handled_now =
                || all.iter().map(|kind| program.message().matches(&format!("{kind} {{")).count()).sum::<usize>();
            let handled = handled_now();
            serve.call(reqwest::Method::POST, &format!("/deliveries/{last}/retry"), json!({})).await;
            until("the second attempt", async || {
                (serve.get(&format!("/deliveries/{last}")).await["attempts"] == 2).then_some(())
            })
            .await;
            in_state(&serve, &last, &["delivered"]).await;
            // A new event follows the duplicate. Only the new event may be processed.
            let next = deliver(&serve, &made, &all[0]).await;
            assert_eq!(next["state"], "delivered");
            until("the new event to be processed", async || (handled_now() > handled).then_some(())).await;
            assert_eq!(handled_now(), handled + 1, "{framework} {vendor} processed a duplicate");
        }
        if let Some(secret) = secret {
            estrange(&serve, &made, &secret).await;
            let refused = deliver(&serve, &made, &kinds(&provider)[0]).await;
            assert_eq!(refused["attempts_made"][0]["status"], 401, "{framework} {vendor}: {refused}");
        }
    }
}

#[tokio::test]
async fn generated_express_handlers_verify_and_deduplicate() {
    generated_handlers("express").await;
}

#[tokio::test]
async fn generated_fastapi_handlers_verify_and_deduplicate() {
    generated_handlers("fastapi").await;
}

#[tokio::test]
async fn generated_php_handlers_verify_and_deduplicate() {
    generated_handlers("php").await;
}

#[tokio::test]
async fn generated_go_handlers_verify_and_deduplicate() {
    generated_handlers("go").await;
}

/// A provider file with text that could end a comment or a literal. Unescaped, each case would be a syntax error.
const HOSTILE: &str = r###"name = "a */ ?> !! \"\"\" b"
event_type = ["header:X-$Type|X-b", "json:a${b}+json:c", "json:x+json:y"]
event_id = ["json:it's", "json:d+json:e"]

[[schemes]]
id = "own"
based_on = "assumed"

[schemes.digest]
signature = ["header:X-Signature"]
prefix = "${x}="
content = "{body}{param:account-id}"
algorithm = "hmac-sha256"

[sending]
[[sending.traps]]
warning = """
!! not code
*/ !! ?> !! """

[[sending.events]]
type = "a\"b'c\\d${system('id')}\u0001\n"
about = "one\n!! two ?> !!"
sample = "{}"
"###;

/// Covers every vendor and every signature scheme.
#[test]
fn every_generated_handler_compiles() {
    // Text of a custom provider file must not become code.
    let own = tempfile::tempdir().unwrap();
    fs::create_dir(own.path().join("providers")).unwrap();
    fs::write(own.path().join("providers/hostile.toml"), HOSTILE).unwrap();
    let (catalog, bad) = catalog(own.path());
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(handlers(catalog.get("hostile").unwrap(), None).len(), 4);
    let dir = tempfile::tempdir().unwrap();
    let names = [("express", "webhook.mjs"), ("fastapi", "webhook.py"), ("php", "webhook.php"), ("go", "webhook.go")];
    let mut written = 0;
    for provider in catalog.providers() {
        let schemes = provider.schemes.iter().map(|record| Some(&record.scheme)).chain([None]);
        for (number, scheme) in schemes.enumerate() {
            for handler in handlers(provider, scheme) {
                let (framework, name) = names.iter().find(|(framework, _)| *framework == handler.language).unwrap();
                let folder = dir.path().join(framework).join(format!("{}_{number}", provider.id.replace('-', "_")));
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(name), handler.code).unwrap();
                written += 1;
            }
        }
    }
    assert!(written > 1_000, "{written}");
    fs::write(dir.path().join("go/go.mod"), "module handlers\n\ngo 1.19\n").unwrap();
    let node = "import { readdirSync, readFileSync } from 'node:fs'; import { SourceTextModule } from 'node:vm';
        for (const folder of readdirSync('express')) { const file = `express/${folder}/webhook.mjs`; new SourceTextModule(readFileSync(file, 'utf8'), { identifier: file }); }";
    let python = "import glob\nfor file in glob.glob('fastapi/*/webhook.py'):\n    compile(open(file, encoding='utf-8').read(), file, 'exec')";
    let php = "foreach (glob('php/*/webhook.php') as $file) { try { token_get_all(file_get_contents($file), TOKEN_PARSE); } catch (ParseError $e) { fwrite(STDERR, \"$file: {$e->getMessage()} line {$e->getLine()}\"); exit(1); } }";
    let check = |command: &mut Command| {
        let output = command.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{command:?}: {}", message.chars().take(3_000).collect::<String>());
    };
    check(
        Command::new("node")
            .args(["--experimental-vm-modules", "--no-warnings", "--input-type=module", "-e", node])
            .current_dir(&dir),
    );
    check(Command::new("/usr/bin/python3").args(["-c", python]).current_dir(&dir));
    check(Command::new("php").args(["-r", php]).current_dir(&dir));
    check(Command::new("go").args(["vet", "./..."]).current_dir(dir.path().join("go")));
}

/// Returns the command that runs a handler of `tests/handlers`.
fn sample_handler(file: &str, port: u16) -> Command {
    let path = root().join("tests/handlers").join(file);
    let mut command = match path.extension().and_then(|extension| extension.to_str()) {
        Some("mjs") => {
            let mut command = Command::new("node");
            command.arg(&path);
            command
        }
        Some("php") => {
            let mut command = Command::new("php");
            command.args(["-S", &format!("127.0.0.1:{port}")]).arg(&path);
            command
        }
        _ => {
            let mut command = Command::new("/usr/bin/python3");
            let app = format!("{}:app", file.trim_end_matches(".py"));
            command.args(["-m", "uvicorn", &app, "--port", &port.to_string()]);
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }
    };
    command.current_dir(root().join("tests/handlers"));
    command
}

/// The handlers follow the examples of the vendor documentation.
#[tokio::test]
async fn documented_vendor_handlers_accept_every_event() {
    let serve = Serve::start();
    for (file, vendor, path) in [
        ("flow.mjs", "flow-session", "/webhook"),
        ("flow.py", "flow-session", "/webhook"),
        ("vowchat.mjs", "vowchat", "/vowchat-webhook"),
        ("onwebchat.mjs", "onwebchat", "/"),
        ("onwebchat.php", "onwebchat", "/"),
    ] {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}{path}");
        let settings =
            json!({ "provider": vendor, "url": url, "local_test": true, "account": file, "time_scale": 100_000.0 });
        let made = endpoint(&serve, settings).await;
        let secret = secret(&serve, &made).await;
        let mut command = sample_handler(file, port);
        command.env("WEBHOOK_SECRET", secret.as_deref().unwrap_or_default());
        let program = Program::start(command, port).await;
        for kind in kinds(&serve.get(&format!("/providers/{vendor}")).await) {
            let delivery = deliver(&serve, &made, &kind).await;
            assert_eq!(delivery["state"], "delivered", "{file} {kind}: {delivery}\n{}", program.message());
            until(&format!("{file} to print {kind}"), async || program.message().contains(&kind).then_some(())).await;
        }
        match vendor {
            // A payload without `data` raises an exception in the handler of the vendor.
            "flow-session" => {
                let (_, sent) = serve
                    .call(
                        reqwest::Method::POST,
                        "/events",
                        json!({ "provider": vendor,
                    "type": "technology.start", "payload": { "event": "technology.start" }, "endpoints": [id(&made)] }),
                    )
                    .await;
                let ended = in_state(&serve, &id(&sent["deliveries"][0]), &["exhausted"]).await;
                assert_eq!((&ended["status"], &ended["attempts"]), (&json!(500), &json!(6)));
            }
            "onwebchat" => {
                estrange(&serve, &made, &secret.unwrap()).await;
                let refused = deliver(&serve, &made, "chat.rated").await;
                assert_eq!(refused["attempts_made"][0]["status"], 401, "{file}: {refused}");
            }
            _ => {}
        }
    }
}

/// The libraries accept each event and reject events signed with another secret.
#[tokio::test]
async fn official_vendor_libraries_accept_every_event() {
    let serve = Serve::start();
    for (vendor, path) in [
        ("standard-webhooks", "/standard-webhooks"),
        ("standard-webhooks", "/svix"),
        ("stripe", "/stripe"),
        ("github", "/github"),
        ("slack", "/slack"),
    ] {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}{path}");
        let made =
            endpoint(&serve, json!({ "provider": vendor, "url": url, "local_test": true, "account": path })).await;
        let secret = secret(&serve, &made).await.unwrap();
        let mut command = sample_handler("sdks.mjs", port);
        command.env("WEBHOOK_SECRET", &secret);
        let _program = Program::start(command, port).await;
        for kind in kinds(&serve.get(&format!("/providers/{vendor}")).await) {
            let delivery = deliver(&serve, &made, &kind).await;
            assert_eq!(delivery["state"], "delivered", "{path} {kind}: {delivery}");
        }
        // After a rotation, both secrets sign for a day if the scheme allows several signatures.
        if path == "/svix" {
            serve.call(reqwest::Method::POST, &format!("/endpoints/{}/rotate", id(&made)), json!({})).await;
            assert_eq!(deliver(&serve, &made, "user.created").await["state"], "delivered");
        }
        estrange(&serve, &made, &secret).await;
        let refused = deliver(&serve, &made, &kinds(&serve.get(&format!("/providers/{vendor}")).await)[0]).await;
        assert_eq!(refused["attempts_made"][0]["status"], 401, "{path}: {refused}");
    }
}

/// Replays one request. Returns the response status.
async fn replayed(serve: &Serve, new: Json) -> Json {
    let (status, replay) = serve.call(reqwest::Method::POST, "/replays", new).await;
    assert_eq!(status, 202, "{replay}");
    until("the replay to end", async || {
        let replay = serve.get(&format!("/replays/{}", id(&replay))).await;
        (!replay["ended_at"].is_null()).then_some(())
    })
    .await;
    let made = serve.get(&format!("/deliveries?replay={}", id(&replay))).await;
    made["items"][0]["status"].clone()
}

/// The library of the vendor accepts an edited request only if the request was re-signed.
#[tokio::test]
async fn official_vendor_libraries_accept_re_signed_edits() {
    use base64::Engine as _;
    let serve = Serve::start();
    for (vendor, file, path, secret) in [
        ("stripe", "sdks.mjs", "/stripe", "whsec_test_secret"),
        ("github", "sdks.mjs", "/github", "It's a Secret to Everybody"),
        ("slack", "sdks.mjs", "/slack", "8f742231b10e8888abcd99yyyzzz85a5"),
        ("standard-webhooks", "sdks.mjs", "/standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("onwebchat", "onwebchat.mjs", "/", "a3f5c1d2e4b60718293a4b5c6d7e8f90a3f5c1d2e4b60718293a4b5c6d7e8f90"),
    ] {
        let port = free_port();
        let mut command = sample_handler(file, port);
        command.env("WEBHOOK_SECRET", secret);
        let _program = Program::start(command, port).await;
        let verification = json!({ "provider": vendor, "secrets": [secret] });
        serve.call(reqwest::Method::POST, "/inboxes", json!({ "name": vendor, "verification": verification })).await;
        serve.call(reqwest::Method::POST, &format!("/inboxes/{vendor}/test-event"), json!({})).await;
        let row = until("the test event", async || serve.all(vendor).await.pop()).await;
        let mut edited: Json = serde_json::from_slice(&serve.body(&id(&row)).await).unwrap();
        edited["edited"] = json!("by hand");
        let body = base64::engine::general_purpose::STANDARD.encode(edited.to_string());
        let settings = |re_sign: Json| json!({ "to": { "url": format!("http://127.0.0.1:{port}{path}") }, "path": "exact", "re_sign": re_sign });
        let request = json!([id(&row)]);
        // An unchanged replay keeps the bytes and the signature of the sender.
        assert_eq!(
            replayed(&serve, json!({ "requests": request, "settings": settings(Json::NULL) })).await,
            200,
            "{vendor}"
        );
        let new = |re_sign: Json| json!({ "requests": request, "body": body, "settings": settings(re_sign) });
        assert_eq!(replayed(&serve, new(json!("inbox"))).await, 200, "{vendor}");
        assert_eq!(replayed(&serve, new(Json::NULL)).await, 401, "{vendor}");
    }
}

const EXPRESS: &str = r#"
import express from "express";
const app = express();
app.use(express.raw({ type: "*/*", limit: "10mb" }));
app.use((request, response) => {
  console.log(`\n${request.method} ${request.originalUrl}`);
  response.status(207).set("X-App", "express").cookie("a", "1").cookie("b", "2").send(request.body);
});
app.listen(Number(process.env.PORT), "127.0.0.1");
"#;

const FASTAPI: &str = r#"
from fastapi import FastAPI, Request, Response

app = FastAPI()

@app.api_route("/{path:path}", methods=["POST", "PUT"])
async def take(request: Request, path: str):
    body = await request.body()
    print("\n" + request.method, request.url.path + ("?" + request.url.query if request.url.query else ""), flush=True)
    response = Response(content=body, status_code=207, headers={"X-App": "fastapi"})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
"#;

/// In proxy mode, the sender gets the status, headers and body of the app.
#[tokio::test]
async fn forwards_to_real_apps_in_mirror_and_proxy_mode() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    for (framework, code) in [("express", EXPRESS), ("fastapi", FASTAPI)] {
        let port = free_port();
        let program = Program::start(command(framework, "forwarded", code, port), port).await;
        let to = format!("http://127.0.0.1:{port}/base");
        let send = || {
            let request = client.put(format!("{}/inbox/a/b?x=1", serve.listener));
            request.header("content-type", "application/octet-stream").body(vec![0_u8, 255, 10, 13]).send()
        };
        for (mode, status) in [("proxy", 207), ("mirror", 200)] {
            serve.patch("/inboxes/inbox", json!({ "forwards": [{ "to": to, "mode": mode }] })).await;
            let response = send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{framework} {mode}");
            if mode == "proxy" {
                assert_eq!(response.headers()["x-app"], framework);
                assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
                assert_eq!(response.bytes().await.unwrap()[..], [0, 255, 10, 13]);
            }
            let row = serve.all("inbox").await.remove(0);
            let made = until("the forward to end", async || {
                let page = serve.get(&format!("/deliveries?request={}", id(&row))).await;
                page["items"].items().find(|made| made["status"] == 207).cloned()
            })
            .await;
            assert_eq!(made["state"], "delivered");
        }
        until("both requests at the app", async || {
            (program.message().matches("\nPUT /base/a/b?x=1\n").count() == 2).then_some(())
        })
        .await;
        // After the app stops, the sender gets the fallback status 502.
        serve.patch("/inboxes/inbox", json!({ "forwards": [{ "to": to, "mode": "proxy" }] })).await;
        drop(program);
        assert_eq!(send().await.unwrap().status().as_u16(), 502);
    }
}
