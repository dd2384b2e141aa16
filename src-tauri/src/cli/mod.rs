//! The command line: the same verbs as the window, over the same API.

mod backup;
mod check;
mod delivery;
mod desktop;
mod destination;
mod diff;
mod endpoint;
mod error;
mod export;
mod forward;
mod import;
mod inbox;
mod keys;
mod listen;
mod providers;
mod relay;
mod replay;
mod requests;
mod rule;
mod scenario;
mod serve;
mod shape;
mod show;
mod signature;
mod terminal;
mod trigger;
mod tunnel;

use std::{path::PathBuf, process::ExitCode};

use bytes::Bytes;
use clap::{Parser, Subcommand};
use hookbench_engine::OwnerKind;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    data_folder,
    transport::{Answer, Transport},
};
use error::CliError;

/// The webhook workbench on your desk. Without a command, opens the desktop app
#[derive(Debug, Parser)]
#[command(name = "hookbench", version, args_conflicts_with_subcommands = false)]
struct Cli {
    /// Folder of all data
    #[arg(long, global = true, env = data_folder::VARIABLE, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Link to open in the desktop app, such as hookbench://inbox/shop
    #[arg(hide = true, value_parser = link)]
    link: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Receive without a window, and offer the page and the API on loopback
    Serve(serve::Args),
    /// Show requests as they arrive
    Listen(listen::Args),
    /// Judge the signature of a raw HTTP request from a file or standard input
    Verify(signature::Args),
    /// Sign a raw HTTP request as its vendor would
    Sign(signature::Args),
    /// Say why a signature does not hold
    Explain(signature::Args),
    /// List the vendors, or show one
    #[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
    Providers(providers::Args),
    /// Run a relay: the public end of tunnels, which keeps webhooks while a laptop sleeps
    #[command(subcommand)]
    Relay(relay::Verb),
    #[command(flatten)]
    Call(Call),
}

/// Verbs that make calls of the API and end.
#[derive(Debug, Subcommand)]
enum Call {
    /// List stored requests, newest first
    Requests(requests::Args),
    /// Show one request
    Show(show::Args),
    /// Compare two requests; exit status 1 if anything differs
    Diff(diff::Args),
    /// Make, list, change and remove inboxes
    #[command(subcommand)]
    Inbox(Box<inbox::Verb>),
    /// Send an event as a vendor does
    Trigger(Box<trigger::Args>),
    /// List, show and run scenarios: events that follow one another
    #[command(subcommand)]
    Scenario(scenario::Verb),
    /// Make, list, change, test and remove endpoints
    #[command(subcommand)]
    Endpoint(Box<endpoint::Verb>),
    /// List, show, retry and cancel deliveries
    #[command(subcommand)]
    Delivery(delivery::Verb),
    /// Send stored requests again, as they are or edited, to an address; exit status 1 unless all are answered 2xx
    Replay(Box<replay::Args>),
    /// Test a webhook handler with 52 checks. Exits with 1 if a required check fails
    Check(Box<check::Args>),
    /// Show what JSON bodies are like by event type, what changed since when, and types for them
    Shape(shape::Args),
    /// Reach inboxes from outside: start and stop tunnels, expose inboxes
    #[command(subcommand)]
    Tunnel(tunnel::Verb),
    /// Import requests from files of other tools or of Hookbench; exit status 1 if entries were left out
    Import(import::Args),
    /// Export requests as HAR, JSON Lines, CSV, raw HTTP or an archive
    Export(export::Args),
    /// Write a backup of everything into a file
    Backup(backup::Args),
}

impl Call {
    /// Whether it begins something, so that an empty data folder is no mistake.
    fn begins(&self) -> bool {
        match self {
            Self::Inbox(verb) => matches!(**verb, inbox::Verb::Add { .. }),
            Self::Endpoint(verb) => matches!(**verb, endpoint::Verb::Add { .. }),
            Self::Trigger(_) | Self::Import(_) | Self::Check(_) => true,
            Self::Scenario(verb) => verb.begins(),
            Self::Tunnel(verb) => verb.begins(),
            _ => false,
        }
    }
}

/// What every verb is given.
struct Context {
    data: PathBuf,
    /// Whether the folder was named, and is not the usual one.
    own_data: bool,
    json: bool,
}

/// Accepts a link and nothing else, so that a mistyped command is an error.
fn link(given: &str) -> Result<String, String> {
    match given.starts_with("hookbench://") {
        true => Ok(given.to_owned()),
        false => Err("there is no such command; `hookbench --help` lists all".into()),
    }
}

/// Runs the command line program and returns its exit status.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let own_data = cli.data.is_some();
    let Some(data) = cli.data.or_else(data_folder::usual) else {
        return terminal::fail(&CliError::Other("there is no home folder; name a data folder with --data".into()));
    };
    let context = Context { data, own_data, json: cli.json };
    let Some(verb) = cli.verb else { return desktop::open(&context, cli.link.as_deref()) };
    hookbench_engine::descriptors::raise_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return terminal::fail(&error.into()),
    };
    let done = runtime.block_on(run(&context, verb));
    // A stalled read must not keep the process; what counts is on disk already.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The answer itself said so.
        Err(CliError::No) => ExitCode::from(1),
        Err(error) => terminal::fail(&error),
    }
}

/// They carry all but the receiver, which has threads of its own; more only move work between caches.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4))
}

async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    let verb = match verb {
        Verb::Serve(args) => return serve::run(context, args).await,
        Verb::Listen(args) => return listen::run(context, args).await,
        Verb::Verify(args) => return signature::verify(context, &args),
        Verb::Sign(args) => return signature::sign(context, &args),
        Verb::Explain(args) => return signature::explain(context, &args).await,
        Verb::Providers(args) => return providers::run(context, &args),
        Verb::Relay(verb) => return relay::run(context, verb).await,
        Verb::Call(verb) => verb,
    };
    if !verb.begins() && !hookbench_engine::DataDir::exists(&context.data) {
        return Err(CliError::Other(format!(
            "nothing is stored in {} yet; start `hookbench` or `hookbench serve`, or name another folder with --data",
            context.data.display()
        )));
    }
    let api = Api::open(context).await?;
    let done = match verb {
        Call::Requests(args) => requests::run(&api, context, args).await,
        Call::Show(args) => show::run(&api, context, args).await,
        Call::Diff(args) => diff::run(&api, context, args).await,
        Call::Inbox(verb) => inbox::run(&api, context, *verb).await,
        Call::Trigger(args) => trigger::run(&api, context, *args).await,
        Call::Scenario(verb) => scenario::run(&api, context, verb).await,
        Call::Endpoint(verb) => endpoint::run(&api, context, *verb).await,
        Call::Delivery(verb) => delivery::run(&api, context, verb).await,
        Call::Replay(args) => replay::run(&api, context, *args).await,
        Call::Check(args) => check::run(&api, context, *args).await,
        Call::Tunnel(verb) => tunnel::run(&api, context, verb).await,
        Call::Shape(args) => shape::run(&api, context, args).await,
        Call::Import(args) => import::run(&api, context, args).await,
        Call::Export(args) => export::run(&api, args).await,
        Call::Backup(args) => backup::run(&api, context, args).await,
    };
    api.close().await;
    done
}

/// The API as the verbs call it.
struct Api(Transport);

impl Api {
    async fn open(context: &Context) -> Result<Self, CliError> {
        Ok(Self(Transport::open(&context.data, OwnerKind::Command).await?))
    }

    /// Calls without a body, and returns the answer as it is.
    async fn bytes(&self, method: Method, path: &str) -> Result<Answer, CliError> {
        self.call(method, path, None).await
    }

    async fn call(&self, method: Method, path: &str, json: Option<String>) -> Result<Answer, CliError> {
        let mut headers = HeaderMap::new();
        if json.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = json.map(Bytes::from).unwrap_or_default();
        let answer = self.0.call(method, &format!("/api/v1{path}"), headers, body).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(CliError::refused(&answer)) }
    }

    /// Closes the engine if it is this verb's own.
    async fn close(self) {
        if let Transport::InProcess { engine, .. } = self.0 {
            engine.close().await;
        }
    }

    /// Calls with a body.
    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        let text = serde_json::to_string(body).map_err(|why| CliError::Other(why.to_string()))?;
        read(&self.call(method, path, Some(text)).await?)
    }

    /// Calls without a body.
    async fn act<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, CliError> {
        read(&self.bytes(method, path).await?)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.act(Method::GET, path).await
    }
}

/// What the engine answered, as JSON.
fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, CliError> {
    serde_json::from_slice(&answer.body).map_err(|e| CliError::Other(format!("the engine's answer does not read: {e}")))
}
