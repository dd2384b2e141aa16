//! Runs the `hookbench` binary for tests.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use reqwest::Method;
use tempfile::TempDir;

use crate::{document::document, json::Json};

/// Maximum wait for a condition.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running `hookbench serve`, killed on drop.
pub struct Serve {
    pub listener: String,
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
    /// Starts with a temporary data directory.
    pub fn start() -> Self {
        let dir = TempDir::new().expect("cannot create a temporary directory");
        let path = dir.path().join("data");
        let mut serve = Self::start_in(&path);
        serve._dir = Some(dir);
        serve
    }

    /// Starts with a data directory that the caller keeps.
    pub fn start_in(data: &Path) -> Self {
        let mut command = hookbench();
        command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json", "--data"]).arg(data);
        Self::spawn(command, data)
    }

    /// Starts a command that runs `hookbench serve … --json`.
    pub fn spawn(mut command: Command, data: &Path) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("cannot start the binary");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout must be piped"))
            .read_line(&mut line)
            .expect("cannot read stdout");
        if line.is_empty() {
            panic!("{command:?} did not start: {}", child.wait().expect("cannot wait for the binary"));
        }
        let ready: Json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        let text = |key: &str| ready[key].as_str().expect("the value must be a string").to_owned();
        Self {
            listener: text("listener"),
            api: text("api"),
            data: data.into(),
            child,
            client: reqwest::Client::new(),
            _dir: None,
        }
    }

    /// Returns the `HOST:PORT` of the listener.
    pub fn address(&self) -> &str {
        self.listener.trim_start_matches("http://")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn token(&self) -> String {
        std::fs::read_to_string(self.data.join("token")).expect("cannot read the token")
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.api)).bearer_auth(self.token())
    }

    /// Calls the API with a JSON body, or without a body if `body` is null. Returns the status and the response body, or
    /// null if that is not JSON. The response must match the OpenAPI document.
    pub async fn call(&self, method: Method, path: &str, body: Json) -> (u16, Json) {
        let mut request = self.request(method.clone(), path);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the API must respond");
        let status = response.status().as_u16();
        let text = response.text().await.expect("cannot read the response body");
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
        let response =
            self.request(Method::GET, &format!("/requests/{id}/body")).send().await.expect("the API must respond");
        assert!(response.status().is_success(), "{id}: {}", response.status());
        response.bytes().await.expect("cannot read the response body").to_vec()
    }

    /// Returns all stored requests of an inbox, newest first.
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

    /// Waits until the inbox `inbox` contains `count` requests. Returns the newest one.
    pub async fn newest(&self, count: usize) -> Json {
        until(&format!("{count} requests"), async || {
            let all = self.all("inbox").await;
            (all.len() == count).then(|| all[0].clone())
        })
        .await
    }

    /// Runs a command on this data directory.
    pub fn cli(&self, args: &[&str]) -> Output {
        hookbench().args(args).arg("--data").arg(&self.data).output().expect("cannot run the binary")
    }

    /// Kills the process with SIGKILL, as in a crash.
    pub fn kill_9(mut self) {
        self.child.kill().expect("cannot kill the process");
        self.child.wait().expect("cannot wait for the process");
    }

    /// Stops the process with SIGTERM and requires exit status 0.
    pub fn terminate(mut self) {
        assert!(Command::new("kill").arg(self.pid().to_string()).status().expect("cannot run kill").success());
        assert!(self.child.wait().expect("cannot wait for the process").success());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls `ask` until it returns a value. Panics after [`PATIENCE`].
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(response) = ask().await {
            return response;
        }
        assert!(Instant::now() < end, "timed out after {PATIENCE:?} waiting for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
