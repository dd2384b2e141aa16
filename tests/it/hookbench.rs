//! The real binary, started as a person starts it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use reqwest::Method;
use tempfile::TempDir;

use crate::{document::document, json::Json};

/// How long a condition may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running `hookbench serve`. Dropping it kills it.
pub struct Serve {
    pub receiver: String,
    pub api: String,
    pub data: PathBuf,
    child: Child,
    client: reqwest::Client,
    _dir: Option<TempDir>,
}

pub fn hookbench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookbench"));
    command.stdin(Stdio::null()).env_remove("HOOKBENCH_DATA");
    command
}

impl Serve {
    /// On a data directory of its own.
    pub fn start() -> Self {
        let dir = TempDir::new().expect("a directory");
        let path = dir.path().join("data");
        let mut serve = Self::start_in(&path);
        serve._dir = Some(dir);
        serve
    }

    /// On a data directory that outlives it.
    pub fn start_in(data: &Path) -> Self {
        let mut command = hookbench();
        command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json", "--data"]).arg(data);
        Self::spawn(command, data)
    }

    /// By a command that ends in `hookbench serve … --json`.
    pub fn spawn(mut command: Command, data: &Path) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        if line.is_empty() {
            panic!("{command:?} did not start: {}", child.wait().expect("its exit status"));
        }
        let ready: Json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        let text = |key: &str| ready[key].as_str().expect("a string").to_owned();
        Self {
            receiver: text("receiver"),
            api: text("api"),
            data: data.into(),
            child,
            client: reqwest::Client::new(),
            _dir: None,
        }
    }

    /// `HOST:PORT` of the receiver.
    pub fn address(&self) -> &str {
        self.receiver.trim_start_matches("http://")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn token(&self) -> String {
        std::fs::read_to_string(self.data.join("token")).expect("a token")
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.api)).bearer_auth(self.token())
    }

    /// Calls the API with a JSON body, or with none if it is null. Returns the status and the response, which is null if
    /// it is not JSON. The response must be as the OpenAPI document describes it.
    pub async fn call(&self, method: Method, path: &str, body: Json) -> (u16, Json) {
        let mut request = self.request(method.clone(), path);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.expect("a response");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        document().check(&method, path, status, &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        (status, serde_json::from_str(&text).unwrap_or(Json::NULL))
    }

    pub async fn get(&self, path: &str) -> Json {
        let (status, response) = self.call(Method::GET, path, Json::NULL).await;
        assert!((200..300).contains(&status), "{path}: {status} {response}");
        response
    }

    pub async fn patch(&self, path: &str, body: Json) -> Json {
        let (status, response) = self.call(Method::PATCH, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {response}");
        response
    }

    pub async fn body(&self, id: &str) -> Vec<u8> {
        let response = self.request(Method::GET, &format!("/requests/{id}/body")).send().await.expect("an answer");
        assert!(response.status().is_success(), "{id}: {}", response.status());
        response.bytes().await.expect("a body").to_vec()
    }

    /// All stored requests of an inbox, newest first.
    pub async fn all(&self, inbox: &str) -> Vec<Json> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/requests?inbox={inbox}&limit=500{after}")).await;
            all.extend(page["items"].items().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    /// The one newest request, once there are `count`.
    pub async fn newest(&self, count: usize) -> Json {
        until("the request", async || {
            let all = self.all("inbox").await;
            (all.len() == count).then(|| all[0].clone())
        })
        .await
    }

    /// A verb on this data directory.
    pub fn cli(&self, args: &[&str]) -> Output {
        hookbench().args(args).arg("--data").arg(&self.data).output().expect("the binary runs")
    }

    /// Ends it as a crash would: no handler runs, nothing is flushed.
    pub fn kill_9(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Ends it as a person would.
    pub fn terminate(mut self) {
        assert!(Command::new("kill").arg(self.pid().to_string()).status().expect("kill runs").success());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
