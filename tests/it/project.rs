//! End-to-end tests of project files: `hookbench up`, `down` and `export-config`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use reqwest::Method;
use tempfile::TempDir;

use crate::{
    handlers::{free_port, root},
    hookbench::{Serve, hookbench, until},
    json::{Json, json},
    tunnel::Relay,
};

/// A folder with a project file, next to a running server.
struct Folder {
    serve: Serve,
    dir: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { serve: Serve::start(), dir: TempDir::new().unwrap() }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        self.command(args).envs(variables.iter().copied()).output().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = hookbench();
        command.env("HOOKBENCH_DATA", &self.serve.data).args(args).current_dir(self.dir.path());
        command
    }

    /// Runs `hookbench up` and returns what it printed.
    fn up(&self, variables: &[(&str, &str)]) -> String {
        let output = self.run_with(&["up"], variables);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that fails, and returns the message.
    fn error(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.run_with(args, variables);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        String::from_utf8(output.stderr).unwrap()
    }

    async fn post(&self, inbox: &str) {
        let url = format!("{}/{inbox}", self.serve.listener);
        assert!(reqwest::Client::new().post(url).body("{}").send().await.unwrap().status().is_success());
    }

    async fn resources(&self) -> Vec<(String, String)> {
        let projects = self.serve.get("/projects").await;
        let of = |project: &Json| {
            let resources = project["resources"].to_vec();
            resources.into_iter().map(|one| (string(&one["type"]), string(&one["key"]))).collect::<Vec<_>>()
        };
        projects["items"].items().flat_map(of).collect()
    }
}

fn string(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const SHOP: &str = r#"
name = "shop"
settings.retention.days = 30

[inbox.shop]
provider = "stripe"
secret = { env = "SHOP_SECRET" }
response = { status = 202, body = { file = "body.txt" } }

[[inbox.shop.rules]]
when = "event:charge.*"
responses = [{ status = 500 }, {}]

[[inbox.shop.forwards]]
to = "http://127.0.0.1:9/hooks"
when = "method:DELETE"
headers.set = [["Authorization", { env = "TOKEN" }]]

[endpoint.staging]
url = "https://staging.example/hooks"
provider = "github"
secret = { env = "STAGING_SECRET" }
policy.timeout_ms = 5000

[scenario]
renewal = { file = "renewal.toml" }
"#;

const VARIABLES: &[(&str, &str)] =
    &[("SHOP_SECRET", "whsec_first"), ("STAGING_SECRET", "a secret of GitHub"), ("TOKEN", "Bearer first")];

const RENEWAL: &str =
    "name = \"Renewal\"\nabout = \"A test.\"\nprovider = \"stripe\"\n[[steps]]\nevent = \"invoice.paid\"\n";

fn shop() -> Folder {
    let folder = Folder::new();
    folder.write("hookbench.toml", SHOP);
    folder.write("body.txt", "thanks");
    folder.write("renewal.toml", RENEWAL);
    folder
}

#[tokio::test]
async fn applies_the_file_and_changes_nothing_the_second_time() {
    let folder = shop();
    let check = folder.run_with(&["up", "--check"], VARIABLES);
    assert_eq!(check.status.code(), Some(1), "{}", text(&check));
    assert_eq!(folder.resources().await, [], "a check changes nothing");
    let printed = folder.up(VARIABLES);
    for line in [
        "~ change setting retention.days",
        "+ create inbox shop",
        "+ create endpoint staging",
        "+ create scenario renewal",
    ] {
        assert!(printed.contains(line), "{printed}");
    }
    assert_eq!(folder.up(VARIABLES), "shop: everything is as the file says.\n");
    let check = folder.run_with(&["up", "--check", "--json"], VARIABLES);
    assert_eq!((check.status.code(), text(&check)), (Some(0), "{\"project\":\"shop\",\"changes\":[]}\n".to_owned()));
    let inbox = folder.serve.get("/inboxes/shop").await;
    assert_eq!((&inbox["response"]["body"], &inbox["response"]["status"]), (&json!("thanks"), &json!(202)));
    assert_eq!((&inbox["rules"][0]["when"], inbox["forwards"].to_vec().len()), (&json!("event:charge.*"), 1));
    assert_eq!(folder.serve.get("/inboxes/shop/secrets").await["items"], json!(["whsec_first"]));
    assert_eq!(folder.serve.get("/settings").await["retention"]["days"], 30);
    let endpoint = &folder.serve.get("/endpoints?name=staging").await["items"][0];
    assert_eq!(endpoint["policy"]["timeout_ms"], 5000);
    assert_eq!(folder.serve.get("/scenarios/renewal").await["own"], true);
    // The inbox of the first start was not touched.
    assert_eq!(folder.serve.get("/inboxes/inbox").await["response"]["status"], 200);
}

#[tokio::test]
async fn shows_what_differs_and_puts_it_right() {
    let folder = shop();
    folder.up(VARIABLES);
    let rule = folder.serve.get("/inboxes/shop").await["rules"][0]["id"].clone();
    // By hand: another status, another name, and another timeout of the endpoint.
    folder.serve.patch("/inboxes/shop", json!({ "name": "renamed", "response": { "status": 200 } })).await;
    let endpoint = string(&folder.serve.get("/endpoints").await["items"][0]["id"]);
    let changed = json!({ "settings": { "policy": { "timeout_ms": 1, "retry_after": true } } });
    folder.serve.patch(&format!("/endpoints/{endpoint}"), changed).await;
    // In the environment: other secrets.
    let rotated =
        [("SHOP_SECRET", "whsec_second"), ("STAGING_SECRET", "a secret of GitHub"), ("TOKEN", "Bearer second")];
    let printed = folder.up(&rotated);
    for line in [
        "~ change inbox shop\n",
        "    name: \"renamed\" → \"shop\"\n",
        "    response.status: 200 → 202\n",
        "    verification.secrets[0]: changed\n",
        "    policy.retry_after: true → null\n",
        "    policy.timeout_ms: 1 → 5000\n",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    assert!(!printed.contains("whsec") && !printed.contains("Bearer"), "{printed}");
    let inbox = folder.serve.get("/inboxes/shop").await;
    assert_eq!((&inbox["response"]["status"], &inbox["rules"][0]["id"]), (&json!(202), &rule));
    assert_eq!(folder.serve.get("/inboxes/shop/secrets").await["items"], json!(["whsec_second"]));
    let endpoint = folder.serve.get(&format!("/endpoints/{endpoint}")).await;
    assert_eq!(endpoint["policy"], json!({ "timeout_ms": 5000 }));
    assert_eq!(folder.up(&rotated), "shop: everything is as the file says.\n");
    // A header value cannot be read. Its digest shows the change.
    let printed = folder.up(&[rotated[0], rotated[1], ("TOKEN", "Bearer third")]);
    assert_eq!(printed, "~ change inbox shop\n    secrets: changed\n");
}

#[tokio::test]
async fn leaves_alone_what_was_created_by_hand() {
    let folder = Folder::new();
    folder.serve.call(Method::POST, "/inboxes", json!({ "name": "shop", "response": { "status": 204 } })).await;
    folder.write("hookbench.toml", "name = \"first\"\n\n[inbox.orders]\n[inbox.shop]\nresponse.status = 200\n");
    let error = folder.error(&["up"], &[]);
    assert!(
        error.contains("hookbench.toml:4:8: inbox shop cannot be managed by this file. The inbox was created by hand."),
        "{error}"
    );
    assert_eq!(folder.serve.get("/inboxes/shop").await["response"]["status"], 204);
    assert_eq!(folder.resources().await, [], "nothing is applied if there is a conflict");
    let adopted = folder.run(&["up", "--adopt"]);
    assert_eq!(adopted.status.code(), Some(0), "{}", text(&adopted));
    assert_eq!(folder.serve.get("/inboxes/shop").await["response"]["status"], 200);
    // Another project cannot take it over.
    folder.write("other.toml", "name = \"second\"\n[inbox.shop]\n");
    let error = folder.error(&["up", "--file", "other.toml", "--adopt"], &[]);
    assert!(error.contains("The project first (") && error.contains("manages it."), "{error}");
    // What was adopted is released, and what was created is deleted.
    let down = folder.run(&["down"]);
    assert_eq!(text(&down), "- delete inbox orders\n= release inbox shop: The inbox was created by hand.\n");
    assert_eq!(folder.serve.get("/inboxes/shop").await["name"], "shop");
    assert_eq!(folder.serve.call(Method::GET, "/inboxes/orders", Json::NULL).await.0, 404);
    assert_eq!(folder.serve.get("/projects").await["items"], json!([]));
}

#[tokio::test]
async fn takes_away_what_it_created_and_no_requests() {
    let folder = shop();
    folder.up(VARIABLES);
    folder.post("shop").await;
    folder.write("hookbench.toml", "name = \"shop\"\n");
    let check = folder.run(&["up", "--check"]);
    assert!(text(&check).contains("= keep inbox shop: The inbox contains 1 request."), "{}", text(&check));
    let down = folder.run(&["down"]);
    assert_eq!(down.status.code(), Some(0), "{}", text(&down));
    assert!(text(&down).contains("~ restore setting retention.days\n    retention.days: 30 → null"), "{}", text(&down));
    assert_eq!(folder.resources().await, [("inbox".to_owned(), "shop".to_owned())]);
    assert_eq!(folder.serve.get("/settings").await["retention"]["days"], Json::NULL);
    assert_eq!(folder.serve.get("/endpoints").await["items"], json!([]));
    assert_eq!(folder.serve.all("shop").await.len(), 1);
    // The file can be gone.
    fs::remove_file(folder.dir.path().join("hookbench.toml")).unwrap();
    let down = folder.run(&["down", "--project", "shop", "--delete-requests"]);
    assert_eq!(text(&down), "- delete inbox shop\n");
    assert_eq!(folder.resources().await, []);
    assert_eq!(text(&folder.run(&["down", "--project", "shop"])), "The project shop manages nothing.\n");
}

#[tokio::test]
async fn keeps_a_setting_that_was_changed_since() {
    let folder = Folder::new();
    folder.write("hookbench.toml", "name = \"t\"\nsettings.retention = { days = 30, requests = 500 }\n");
    folder.up(&[]);
    folder.serve.patch("/settings", json!({ "retention": { "days": 7 } })).await;
    let down = text(&folder.run(&["down"]));
    assert!(down.contains("= release setting retention.days: The setting was changed by hand."), "{down}");
    assert!(down.contains("~ restore setting retention.requests"), "{down}");
    let retention = folder.serve.get("/settings").await["retention"].clone();
    assert_eq!((&retention["days"], &retention["requests"]), (&json!(7), &Json::NULL));
    assert_eq!(folder.resources().await, []);
}

#[tokio::test]
async fn says_what_is_wrong_and_where() {
    let folder = shop();
    for (file, expected) in [
        ("[inbox.a]\nprovidr = \"stripe\"", "hookbench.toml:2:1: Unknown key \"providr\". Did you mean \"provider\"?"),
        ("[inbox.a]\nsecret = \"whsec_1\"", "hookbench.toml:2:10: A secret must not be in the file."),
        (
            "[inbox.a]\nsecret = { env = \"NOT_SET\" }",
            "hookbench.toml:2:10: The environment variable NOT_SET is not set.",
        ),
        ("[inbox.a]\nresponse.body = { file = \"../up.txt\" }", "hookbench.toml:2:17: The file ../up.txt"),
        ("[inbox.a]\nresponse.body = { file = \"/etc/passwd\" }", "is outside of the folder of the project."),
        ("[inbox.a]\nresponse.body = { file = \"link\" }", "is outside of the folder of the project."),
        ("[inbox.a]\nresponse.body = { file = \"none\" }", "hookbench.toml:2:17: The file none cannot be read"),
        ("\n[inbox.a]\nprovider = \"unknown\"", "hookbench.toml:2:8: "),
        ("[inbox.\"a/b\"]", "hookbench.toml:1:8: "),
        ("[endpoint.a]\nurl = \"https://h/\"", "hookbench.toml:1:1: The key `provider` is missing."),
        ("[settings]\nretention.dys = 1", "hookbench.toml:1:2: "),
        ("[scenario]\nx = \"steps = 1\"", "hookbench.toml:2:1: The scenario cannot be parsed"),
    ] {
        std::os::unix::fs::symlink("/etc/hosts", folder.dir.path().join("link")).ok();
        folder.write("hookbench.toml", file);
        let error = folder.error(&["up"], &[]);
        assert!(error.contains(expected), "{file}: {error}");
        folder.run(&["down"]);
    }
    fs::remove_file(folder.dir.path().join("hookbench.toml")).unwrap();
    assert!(folder.error(&["up"], &[]).contains("there is no hookbench.toml in "));
}

/// A file that runs commands is trusted once, with its content.
#[tokio::test]
async fn runs_commands_of_trusted_files_only() {
    let folder = Folder::new();
    let file = |word: &str| {
        format!(
            "name = \"t\"\n[inbox.a]\nprovider = \"github\"\nsecret = {{ command = [\"sh\", \"-c\", \"echo ran >> ran; echo {word}\"] }}\n"
        )
    };
    folder.write("hookbench.toml", &file("one"));
    let error = folder.error(&["up"], &[]);
    assert!(error.contains("runs commands and is not trusted") && error.contains("echo ran >> ran"), "{error}");
    assert!(!folder.dir.path().join("ran").exists());
    assert_eq!(folder.run(&["up", "--trust"]).status.code(), Some(0));
    assert_eq!(folder.serve.get("/inboxes/a/secrets").await["items"], json!(["one"]));
    folder.up(&[]);
    folder.write("hookbench.toml", &file("two"));
    assert!(folder.error(&["up"], &[]).contains("not trusted"), "the content changed");
    // A second file of the project counts as well.
    folder.write("hookbench.toml", &file("one"));
    folder.write("hookbench.local.toml", "[inbox.a]\nresponse.status = 201\n");
    assert!(folder.error(&["up"], &[]).contains("not trusted"), "the second file is new");
    fs::remove_file(folder.dir.path().join("hookbench.local.toml")).unwrap();
    folder.up(&[]);
    assert_eq!(folder.run(&["down"]).status.code(), Some(0), "down runs no command");
    for (command, why) in
        [("[\"false\"]", "failed: exit status: 1"), ("[\"true\"]", "has no output"), ("[\"none\"]", "cannot run")]
    {
        folder.write("hookbench.toml", &format!("[inbox.a]\nsecret = {{ command = {command} }}\n"));
        let error = folder.error(&["up", "--trust"], &[]);
        assert!(error.contains("hookbench.toml:2:10: The command") && error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_second_file_overlays_the_first() {
    let folder = shop();
    folder.write("hookbench.local.toml", "[inbox.shop]\nresponse = { status = 418 }\n[inbox.own]\n");
    folder.up(VARIABLES);
    assert_eq!(folder.serve.get("/inboxes/shop").await["response"]["status"], 418);
    assert_eq!(folder.serve.get("/inboxes/own").await["name"], "own");
    let only = folder.run_with(&["up", "--file", "hookbench.toml"], VARIABLES);
    assert_eq!(text(&only), "~ change inbox shop\n    response.status: 418 → 202\n- delete inbox own\n");
}

/// A relay's code is needed once. Another destination replaces the tunnel.
#[tokio::test]
async fn applies_tunnels() {
    let folder = Folder::new();
    let relay = Relay::start_in(&folder.dir.path().join("relay"), "127.0.0.1:0", &[]);
    let file = |tunnel: &str| format!("name = \"t\"\n[inbox.shop]\n[tunnel.public]\n{tunnel}");
    let to_relay = format!("relay = \"{}\"\ncode = {{ env = \"CODE\" }}\n", relay.url);
    folder.write("hookbench.toml", &file(&format!("{to_relay}expose.shop = {{ wait_ms = 500 }}\n")));
    let printed = folder.up(&[("CODE", &relay.code())]);
    assert_eq!(printed, "+ create inbox shop\n+ create tunnel public\n");
    assert_eq!(folder.up(&[]), "t: everything is as the file says.\n");
    let tunnel = folder.serve.get("/tunnels").await["items"][0].clone();
    assert_eq!((&tunnel["exposures"][0]["inbox"], tunnel["exposures"].to_vec().len()), (&json!("shop"), 1));
    let id = string(&tunnel["id"]);
    // Stopped and exposed otherwise by hand.
    folder.serve.patch(&format!("/tunnels/{id}"), json!({ "on": false })).await;
    let exposed = folder.serve.call(Method::PUT, &format!("/tunnels/{id}/inboxes/inbox"), json!({})).await;
    assert_eq!(exposed.0, 200, "{}", exposed.1);
    let printed = folder.up(&[]);
    assert!(printed.contains("    on: false → true\n") && printed.contains("    inbox."), "{printed}");
    assert_eq!(folder.up(&[]), "t: everything is as the file says.\n");
    let tunnel = folder.serve.get("/tunnels").await["items"][0].clone();
    assert_eq!((&tunnel["on"], tunnel["exposures"].to_vec().len()), (&json!(true), 1));
    // Another destination.
    folder.write("hookbench.toml", &file("url = \"https://abc.ngrok.app\"\n"));
    assert_eq!(folder.up(&[]), "- delete tunnel public\n+ create tunnel public\n");
    let tunnels = folder.serve.get("/tunnels").await["items"].to_vec();
    assert_eq!((tunnels.len(), &tunnels[0]["kind"]["type"]), (1, &json!("other")));
    let down = folder.run(&["down"]);
    assert_eq!(text(&down), "- delete tunnel public\n- delete inbox shop\n");
    assert_eq!(folder.serve.get("/tunnels").await["items"], json!([]));
}

/// A file that was written from what is there creates the same elsewhere.
#[tokio::test]
async fn exports_what_is_there() {
    let folder = shop();
    folder.up(VARIABLES);
    let written = folder.run(&["export-config", "-o", "exported.toml", "--name", "copy"]);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written));
    assert!(text(&written).contains("SHOP_AUTHORIZATION, SHOP_SECRET, STAGING_SECRET"), "{}", text(&written));
    let exported = fs::read_to_string(folder.dir.path().join("exported.toml")).unwrap();
    for secret in VARIABLES.iter().map(|(_, value)| value) {
        assert!(!exported.contains(secret), "{exported}");
    }
    let other = Folder::new();
    // Each data folder has an inbox of this name.
    other.serve.call(Method::DELETE, "/inboxes/inbox", Json::NULL).await;
    until("the deletion to end", async || {
        (other.serve.call(Method::POST, "/inboxes", json!({ "name": "inbox" })).await.0 == 201).then_some(())
    })
    .await;
    other.write("hookbench.toml", &exported);
    let variables = [
        ("SHOP_SECRET", "whsec_first"),
        ("STAGING_SECRET", "a secret of GitHub"),
        ("SHOP_AUTHORIZATION", "Bearer first"),
    ];
    let applied = other.run_with(&["up", "--adopt"], &variables);
    assert_eq!(applied.status.code(), Some(0), "{}", text(&applied));
    let again = other.run(&["export-config", "--name", "copy"]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), exported);
    // An existing file is not replaced.
    assert_eq!(folder.run(&["export-config", "-o", "exported.toml"]).status.code(), Some(2));
}

#[tokio::test]
async fn runs_a_command_when_everything_is_ready() {
    let dir = TempDir::new().unwrap();
    let port = free_port();
    fs::write(
        dir.path().join("hookbench.toml"),
        format!("settings.listen = \"127.0.0.1:{port}\"\n[inbox.\"my-shop\"]\n"),
    )
    .unwrap();
    let run = |script: &str| {
        let mut command = hookbench();
        command
            .args(["up", "--", "sh", "-c", script])
            .current_dir(dir.path())
            .env("HOOKBENCH_DATA", dir.path().join("data"));
        command.output().unwrap()
    };
    let binary = env!("CARGO_BIN_EXE_hookbench");
    let output = run(&format!("curl -sS -d '{{\"n\":1}}' $HOOKBENCH_INBOX_MY_SHOP && {binary} requests; exit 7"));
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    assert!(text(&output).contains("1 request was captured, no problem."), "{}", text(&output));
    let exported = fs::read_to_string(dir.path().join(".hookbench/requests.jsonl")).unwrap();
    assert_eq!(exported.lines().count(), 1, "{exported}");
    assert_eq!(fs::read_to_string(dir.path().join(".hookbench/.gitignore")).unwrap(), "*\n");
    // The next run exports only its own requests.
    let output = run("true");
    assert_eq!((output.status.code(), text(&output).contains("No request was captured.")), (Some(0), true));
    assert_eq!(run("kill -9 $$").status.code(), Some(128 + 9));
    let output = hookbench()
        .args(["up", "--", "no-such-program"])
        .current_dir(dir.path())
        .env("HOOKBENCH_DATA", dir.path().join("data"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

/// A repository can ship links that lead out of the project.
#[tokio::test]
async fn writes_through_no_link() {
    let dir = TempDir::new().unwrap();
    let (project, outside) = (dir.path().join("project"), dir.path().join("outside"));
    fs::create_dir_all(&project).unwrap();
    fs::create_dir_all(&outside).unwrap();
    let settings = format!("settings.listen = \"127.0.0.1:{}\"\n[inbox.shop]\n", free_port());
    fs::write(project.join("hookbench.toml"), settings).unwrap();
    let run = || {
        let mut command = hookbench();
        command.args(["up", "--", "sh", "-c", "curl -sS -d 1 $HOOKBENCH_INBOX_SHOP"]).current_dir(&project);
        command.env("HOOKBENCH_DATA", dir.path().join("data")).output().unwrap()
    };
    std::os::unix::fs::symlink(&outside, project.join(".hookbench")).unwrap();
    let output = run();
    assert!(output.status.code() == Some(2) && text(&output).contains("not a folder"), "{}", text(&output));
    fs::remove_file(project.join(".hookbench")).unwrap();
    fs::create_dir(project.join(".hookbench")).unwrap();
    for name in [".gitignore", "requests.jsonl", "requests.jsonl.part"] {
        fs::write(outside.join(name), "outside").unwrap();
        std::os::unix::fs::symlink(outside.join(name), project.join(".hookbench").join(name)).unwrap();
    }
    let output = run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    for entry in fs::read_dir(&outside).unwrap() {
        assert_eq!(fs::read_to_string(entry.unwrap().path()).unwrap(), "outside");
    }
    let exported = fs::read_to_string(project.join(".hookbench/requests.jsonl")).unwrap();
    assert_eq!(exported.lines().count(), 1, "{exported}");
    // Two inboxes with one variable.
    let settings = fs::read_to_string(project.join("hookbench.toml")).unwrap();
    fs::write(project.join("hookbench.toml"), format!("{settings}[inbox.a-b]\n[inbox.a_b]\n")).unwrap();
    let output = run();
    assert!(text(&output).contains("would share the variable HOOKBENCH_INBOX_A_B"), "{}", text(&output));
}

#[tokio::test]
async fn passes_signals_on_to_the_command() {
    let dir = TempDir::new().unwrap();
    let port = free_port();
    fs::write(dir.path().join("hookbench.toml"), format!("settings.listen = \"127.0.0.1:{port}\"\n")).unwrap();
    let script = "trap 'echo ended > ended; exit 3' TERM; echo started > started; while :; do sleep 0.05; done";
    let mut command = hookbench();
    command
        .args(["up", "--", "sh", "-c", script])
        .current_dir(dir.path())
        .env("HOOKBENCH_DATA", dir.path().join("data"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the command", async || dir.path().join("started").exists().then_some(())).await;
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(dir.path().join("ended").exists());
}

#[test]
fn the_schema_describes_project_files() {
    let schema: serde_json::Value =
        serde_json::from_slice(&hookbench().args(["up", "--schema"]).output().unwrap().stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors = |text: &str| -> Vec<String> {
        let value: toml::Value = toml::from_str(text).unwrap();
        let value = serde_json::to_value(value).unwrap();
        validator.iter_errors(&value).map(|error| error.to_string()).collect()
    };
    assert_eq!(errors(SHOP), Vec::<String>::new());
    let example = fs::read_to_string(example().join("hookbench.toml")).unwrap();
    assert_eq!(errors(&example), Vec::<String>::new());
    for wrong in
        ["[inbox.a]\nprovidr = \"x\"", "[inbox.a]\nrules = 5", "[endpoint.a]\nurl = \"http://h/\"", "inboxes = 1"]
    {
        assert!(!errors(wrong).is_empty(), "{wrong}");
    }
}

fn example() -> PathBuf {
    root().join("docs/examples/stripe-express")
}

/// Runs the tests of the example with an app, and returns the output.
fn example_run(change: impl Fn(&str) -> String) -> Output {
    let dir = TempDir::new().unwrap();
    let (listener, app) = (free_port(), free_port());
    for entry in fs::read_dir(example()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = fs::read_to_string(&path).unwrap();
            let text = change(&text.replace("4665", &listener.to_string()).replace("3000", &app.to_string()));
            fs::write(dir.path().join(path.file_name().unwrap()), text).unwrap();
        }
    }
    std::os::unix::fs::symlink(root().join("node_modules"), dir.path().join("node_modules")).unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_hookbench")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = hookbench();
    command.args(["up", "--", "npm", "test"]).current_dir(dir.path()).env("PATH", path);
    command.env("HOOKBENCH_DATA", dir.path().join("data")).env("STRIPE_WEBHOOK_SECRET", "whsec_of_the_example");
    command.output().unwrap()
}

#[test]
fn the_example_passes_and_reports_a_broken_handler() {
    let output = example_run(str::to_owned);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("2 requests were captured"), "{}", text(&output));
    // A common mistake: the handler verifies a body that was parsed before.
    let broken = |text: &str| text.replace("express.raw({ type: \"application/json\" })", "express.json()");
    let output = example_run(broken);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("stripe invoice.paid: the app responded with 400."), "{}", text(&output));
}

/// Runs the step of the GitHub Action that runs the command.
#[test]
fn the_action_runs_the_command() {
    let read = "puts YAML.load_file(ARGV[0])['runs']['steps'].find { |step| step['name'] == 'Run the command' }['run']";
    let action = root().join(".github/actions/hookbench/action.yml");
    let script = Command::new("ruby").args(["-ryaml", "-e", read]).arg(action).output().unwrap();
    assert!(script.status.success(), "{}", text(&script));
    let dir = TempDir::new().unwrap();
    let settings = format!("settings.listen = \"127.0.0.1:{}\"\n[inbox.shop]\n", free_port());
    fs::write(dir.path().join("other.toml"), settings).unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_hookbench")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    for (command, status) in [("curl -sS -d 1 $HOOKBENCH_INBOX_SHOP", 0), ("false\ntrue", 1)] {
        let mut shell = Command::new("bash");
        shell.args(["-e", "-o", "pipefail", "-c"]).arg(String::from_utf8_lossy(&script.stdout).as_ref());
        shell.current_dir(dir.path()).env("PATH", &path).env("RUNNER_TEMP", dir.path());
        shell.env("FILE", "other.toml").env("TRUST", "false").env("COMMAND", command);
        let output = shell.output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{command}: {}", text(&output));
    }
    assert!(dir.path().join(".hookbench/requests.jsonl").exists());
}

#[tokio::test]
async fn two_at_once_wait_for_each_other() {
    let folder = Folder::new();
    let inboxes: String = (0..30).map(|n| format!("[inbox.shop-{n}]\n")).collect();
    folder.write("hookbench.toml", &format!("name = \"shop\"\n{inboxes}"));
    let run = |verb: &'static str| {
        let children: Vec<_> = (0..3)
            .map(|_| folder.command(&[verb]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
            .collect();
        children.into_iter().map(|child| child.wait_with_output().unwrap()).collect::<Vec<_>>()
    };
    for output in run("up") {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    assert_eq!(folder.resources().await.len(), 30);
    assert_eq!(folder.up(&[]), "shop: everything is as the file says.\n");
    for output in run("down") {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    assert_eq!(folder.resources().await, []);
    let left = folder.serve.get("/inboxes").await["items"].items().count();
    assert_eq!(left, 1, "only the inbox that was there before is left");
}
