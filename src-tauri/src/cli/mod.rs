//! Command line, which calls the same API as the window.

mod agent;
mod backup;
mod check;
mod completions;
mod config;
mod delivery;
mod desktop;
mod destination;
mod diff;
mod doctor;
mod endpoint;
mod error;
mod export;
mod forward;
mod health;
mod import;
mod inbox;
mod junit;
mod keys;
mod latest;
mod listen;
mod mcp;
mod project;
mod provider;
mod provider_import;
mod redaction;
mod relay;
mod replay;
mod report;
mod requests;
mod restore;
mod rule;
mod scenario;
mod schema;
mod serve;
mod show;
mod signature;
mod terminal;
mod trigger;
mod tunnel;
mod wait;

use std::{path::PathBuf, process::ExitCode};

use bytes::Bytes;
use clap::{FromArgMatches as _, Parser, Subcommand};
use hookbench_engine::OwnerKind;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    data_folder,
    transport::{ApiResponse, Transport},
};
use error::CliError;

/// Catch, inspect, verify, forward, replay, send and tunnel webhooks
///
/// Without a command, opens the desktop app.
#[derive(Debug, Parser)]
#[command(name = "hookbench", version, args_conflicts_with_subcommands = false)]
#[command(after_help = "Examples:\n  \
    hookbench listen shop --forward-to http://localhost:3000/webhooks\n  \
    hookbench trigger stripe invoice.paid --to http://localhost:3000/webhooks\n  \
    hookbench check http://localhost:3000/webhooks --provider stripe --secret-file secret.txt\n\n\
    Exit status: 0 success, 1 negative result (invalid signature, failed check), 2 error")]
struct Cli {
    /// Use this data folder
    #[arg(long, global = true, env = data_folder::VARIABLE, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON, one object per line
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
    /// Run the listener, the local HTTP API and the web page, without a window
    #[command(after_help = "Examples:\n  hookbench serve\n  \
        hookbench serve --listen 0.0.0.0:4665 --api 127.0.0.1:4666")]
    Serve(serve::Args),
    /// Show requests as they arrive
    #[command(after_help = "Examples:\n  hookbench listen\n  hookbench listen shop -q 'event:order.*'\n  \
        hookbench listen shop --forward-to http://localhost:3000/webhooks")]
    Listen(listen::Args),
    /// Wait until requests arrive. Exits with 1 if they do not
    #[command(after_help = "Examples:\n  hookbench wait shop -q 'event:order.paid' --timeout 30s\n  \
        hookbench wait -q 'body.order.id:42' --since 5m --expect-signature valid\n  \
        hookbench wait shop --count 3 --after ID --json")]
    Wait(wait::Args),
    /// Run an MCP server for a coding agent, on standard input and output
    #[command(after_help = "Examples:\n  hookbench mcp\n  hookbench mcp --allow-write")]
    Mcp(mcp::Args),
    /// Configure a coding agent to use the MCP server
    #[command(subcommand, after_help = "Examples:\n  hookbench agent install claude-code\n  hookbench agent list")]
    Agent(agent::Verb),
    /// Create and change what the project file hookbench.toml says, and optionally run a command
    #[command(after_help = "Examples:\n  hookbench up\n  hookbench up --check\n  hookbench up -- npm test")]
    Up(Box<project::Up>),
    /// Verify the signature of a raw HTTP request. Exits with 1 unless it is valid
    #[command(after_help = "Examples:\n  \
        hookbench verify --provider github --secret-file secret.txt < request.http\n  \
        hookbench show latest --as raw --reveal | hookbench verify --provider github --secret-file secret.txt")]
    Verify(signature::Args),
    /// Sign a raw HTTP request as the vendor does
    #[command(after_help = "Examples:\n  \
        hookbench sign --provider stripe --secret-file secret.txt --request request.http")]
    Sign(signature::Args),
    /// Explain why the signature of a raw HTTP request is invalid
    #[command(after_help = "Examples:\n  \
        hookbench explain --provider github --secret-file secret.txt --request request.http")]
    Explain(signature::Args),
    /// List the vendors, show one, or import the events of one
    #[command(after_help = "Examples:\n  hookbench provider list\n  hookbench provider show stripe --snippet node")]
    Provider(provider::Args),
    /// Run a relay: the public end of tunnels, which stores requests on a server
    #[command(
        subcommand,
        after_help = "Examples:\n  hookbench relay serve --domain relay.example --listen 0.0.0.0:443\n  \
        hookbench relay device add"
    )]
    Relay(relay::Verb),
    /// Restore a backup into an empty data folder
    #[command(after_help = "Examples:\n  hookbench restore everything.db\n  \
        hookbench restore everything.db --data ./restored")]
    Restore(restore::Args),
    /// Check the data folder, the database, ports, disk and clock. Exits with 1 if something is wrong
    #[command(after_help = "Examples:\n  hookbench doctor\n  hookbench doctor --json")]
    Doctor,
    /// Say whether the running server can receive and store webhooks. Exits with 1 if not
    #[command(after_help = "Examples:\n  hookbench health")]
    Health,
    /// Print the completions of a shell
    #[command(after_help = "Examples:\n  \
        hookbench completions bash > ~/.local/share/bash-completion/completions/hookbench\n  \
        hookbench completions zsh > ~/.zfunc/_hookbench")]
    Completions(completions::Completions),
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man(completions::Man),
    #[command(flatten)]
    Call(Call),
}

/// Verbs that call the API and exit.
#[derive(Debug, Subcommand)]
enum Call {
    /// List stored requests, newest first
    #[command(after_help = "Examples:\n  hookbench requests --inbox shop\n  \
        hookbench requests -q 'event:chat.* status:>=400'\n  hookbench requests --refused")]
    Requests(requests::Args),
    /// Show a request
    #[command(after_help = "Examples:\n  hookbench show latest\n  hookbench show latest --as curl\n  \
        hookbench show latest --as body > body.json")]
    Show(show::Args),
    /// Write requests as a page or as Markdown, for a ticket. Credentials are masked
    #[command(after_help = "Examples:\n  hookbench report latest\n  \
        hookbench report latest --as html --redact-path data.customer.email -o request.html")]
    Report(report::Args),
    /// Compare two requests or responses. Exits with 1 if they differ
    #[command(after_help = "Examples:\n  hookbench diff latest~1 latest\n  hookbench diff DELIVERY:1 DELIVERY:2")]
    Diff(diff::Args),
    /// Create, list, change and delete inboxes
    #[command(
        subcommand,
        after_help = "Examples:\n  hookbench inbox add shop\n  hookbench inbox set shop --status 500"
    )]
    Inbox(Box<inbox::Verb>),
    /// Send an event as a vendor does
    #[command(after_help = "Examples:\n  \
        hookbench trigger stripe invoice.paid --to http://localhost:3000/webhooks --secret-file secret.txt\n  \
        hookbench trigger github push --endpoint staging\n  \
        hookbench trigger woocommerce order.created --payload order.json --set total=9.90 --endpoint staging")]
    Trigger(Box<trigger::Args>),
    /// List, show and run scenarios, which are sequences of events
    #[command(
        subcommand,
        after_help = "Examples:\n  hookbench scenario list\n  \
        hookbench scenario run stripe-subscription --to http://localhost:3000/webhooks"
    )]
    Scenario(scenario::Verb),
    /// Create, list, change, test and delete endpoints
    #[command(
        subcommand,
        after_help = "Examples:\n  hookbench endpoint add github https://app.example/webhooks --name staging\n  \
        hookbench endpoint test staging"
    )]
    Endpoint(Box<endpoint::Verb>),
    /// List, show, resend and cancel deliveries
    #[command(
        subcommand,
        after_help = "Examples:\n  hookbench delivery list --status 5xx --since 2h\n  hookbench delivery retry latest"
    )]
    Delivery(delivery::Verb),
    /// Replay stored requests. Exits with 1 unless all get a 2xx response
    #[command(after_help = "Examples:\n  hookbench replay latest --to http://localhost:3000/webhooks\n  \
        hookbench replay -q 'body.user_id:789 after:yesterday' --to staging --rate 2/s --report staging.html\n  \
        hookbench replay latest --twice --at-once")]
    Replay(Box<replay::Args>),
    /// Test a webhook handler with 52 checks. Exits with 1 unless the run passes
    #[command(after_help = "Examples:\n  \
        hookbench check http://localhost:3000/webhooks --provider stripe --secret-file secret.txt\n  \
        hookbench check staging --plan\n  hookbench check staging --junit out.xml --html out.html --yes")]
    Check(Box<check::Args>),
    /// Show inferred schemas of JSON bodies, their changes, and types as code
    #[command(after_help = "Examples:\n  hookbench schema\n  hookbench schema shop order.paid --as typescript")]
    Schema(schema::Args),
    /// Start and stop tunnels, and expose inboxes to the internet
    #[command(
        subcommand,
        after_help = "Examples:\n  hookbench tunnel start https://relay.example --code CODE --expose shop\n  \
        hookbench tunnel status"
    )]
    Tunnel(tunnel::Verb),
    /// Import requests from files. Exits with 1 if entries were skipped
    #[command(after_help = "Examples:\n  hookbench import customer.har support.jsonl --inbox support\n  \
        pbpaste | hookbench import - --inbox support")]
    Import(import::Args),
    /// Export requests as HAR, JSON Lines, CSV, raw HTTP or an archive
    #[command(after_help = "Examples:\n  hookbench export --as har -q provider:stripe -o stripe.har\n  \
        hookbench export --as jsonl latest | jq .body\n  hookbench export --as archive -o all.hookbench.zip")]
    Export(export::Args),
    /// Back up all data into a file
    #[command(after_help = "Examples:\n  hookbench backup everything.db")]
    Backup(backup::Args),
    /// Show and change settings
    #[command(subcommand, after_help = "Examples:\n  hookbench config get\n  hookbench config set retention.days=30")]
    Config(config::Verb),
    /// Take away what `hookbench up` created
    #[command(after_help = "Examples:\n  hookbench down\n  hookbench down --project shop --delete-requests")]
    Down(project::Down),
    /// Write a project file from the inboxes, endpoints, scenarios, tunnels and settings that are there
    #[command(after_help = "Examples:\n  hookbench export-config\n  hookbench export-config -o hookbench.toml")]
    ExportConfig(project::ExportConfig),
}

impl Call {
    /// Returns true if the verb may create the data folder.
    fn begins(&self) -> bool {
        match self {
            Self::Inbox(verb) => matches!(**verb, inbox::Verb::Add { .. }),
            Self::Endpoint(verb) => matches!(**verb, endpoint::Verb::Add { .. }),
            Self::Trigger(_) | Self::Import(_) | Self::Check(_) => true,
            Self::Config(verb) => matches!(verb, config::Verb::Set { .. }),
            Self::Scenario(verb) => verb.begins(),
            Self::Tunnel(verb) => verb.begins(),
            _ => false,
        }
    }
}

/// Global flags.
struct Context {
    data: PathBuf,
    /// True if the folder was named by the user.
    own_data: bool,
    json: bool,
}

/// Parses a `hookbench://` link. Any other text is rejected as an unknown command.
fn link(given: &str) -> Result<String, String> {
    match given.starts_with("hookbench://") {
        true => Ok(given.to_owned()),
        false => {
            let command = <Cli as clap::CommandFactory>::command();
            let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let suggestion = hookbench_model::did_you_mean(given, names);
            Err(format!("no such command.{suggestion} `hookbench --help` lists all commands"))
        }
    }
}

/// Makes options ignore environment variables that are empty, as compose files set them for unset values.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if arg.get_env().is_some_and(is_empty) { arg.env(None::<&'static str>) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// Runs the command line program and returns its exit status.
pub fn main() -> ExitCode {
    let command = without_empty_variables(<Cli as clap::CommandFactory>::command());
    let cli = Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    let own_data = cli.data.is_some();
    let Some(data) = cli.data.or_else(data_folder::usual) else {
        return terminal::fail(&CliError::Other("no home folder was found. Pass a data folder with --data".into()));
    };
    let context = Context { data, own_data, json: cli.json };
    let Some(verb) = cli.verb else { return desktop::open(&context, cli.link.as_deref()) };
    match data_folder::prepare(&context.data) {
        Ok(None) => {}
        Ok(Some(message)) => terminal::say(&message),
        Err(error) => return terminal::fail(&CliError::Other(error.to_string())),
    }
    hookbench_engine::descriptors::raise_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return terminal::fail(&error.into()),
    };
    let done = runtime.block_on(run(&context, verb));
    // A stalled read must not keep the process alive. All data is already on disk.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The negative result is already printed.
        Err(CliError::No) => ExitCode::from(1),
        Err(CliError::Exit(status)) => ExitCode::from(status),
        Err(error) => terminal::fail(&error),
    }
}

/// Returns the number of runtime threads, 2 to 4. The listener has its own threads, and more would only move work
/// between caches.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4))
}

async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    let verb = match verb {
        Verb::Serve(args) => return serve::run(context, args).await,
        Verb::Listen(args) => return listen::run(context, args).await,
        Verb::Wait(args) => return wait::run(context, args).await,
        Verb::Mcp(args) => return mcp::run(context, args).await,
        Verb::Agent(verb) => return agent::run(context, verb),
        Verb::Up(args) => return project::up(context, *args).await,
        Verb::Verify(args) => return signature::verify(context, &args),
        Verb::Sign(args) => return signature::sign(context, &args),
        Verb::Explain(args) => return signature::explain(context, &args).await,
        Verb::Provider(args) => return provider::run(context, &args).await,
        Verb::Relay(verb) => return relay::run(context, verb).await,
        Verb::Restore(args) => return restore::run(context, &args),
        Verb::Doctor => return doctor::run(context).await,
        Verb::Health => return health::run(context).await,
        Verb::Completions(args) => return completions::completions(&args),
        Verb::Man(args) => return completions::man(&args),
        Verb::Call(verb) => verb,
    };
    if !verb.begins() && !hookbench_engine::DataDir::exists(&context.data) {
        return Err(CliError::Other(format!(
            "no data in {} yet. Start `hookbench` or `hookbench serve`, or pass another folder with --data",
            context.data.display()
        )));
    }
    let _lock = match verb {
        Call::Down(_) => Some(project::ProjectLock::acquire(&context.data).await?),
        _ => None,
    };
    let api = Api::open(context).await?;
    let done = match verb {
        Call::Requests(args) => requests::run(&api, context, args).await,
        Call::Show(args) => show::run(&api, context, args).await,
        Call::Report(args) => report::run(&api, args).await,
        Call::Diff(args) => diff::run(&api, context, args).await,
        Call::Inbox(verb) => inbox::run(&api, context, *verb).await,
        Call::Trigger(args) => trigger::run(&api, context, *args).await,
        Call::Scenario(verb) => scenario::run(&api, context, verb).await,
        Call::Endpoint(verb) => endpoint::run(&api, context, *verb).await,
        Call::Delivery(verb) => delivery::run(&api, context, verb).await,
        Call::Replay(args) => replay::run(&api, context, *args).await,
        Call::Check(args) => check::run(&api, context, *args).await,
        Call::Tunnel(verb) => tunnel::run(&api, context, verb).await,
        Call::Schema(args) => schema::run(&api, context, args).await,
        Call::Import(args) => import::run(&api, context, args).await,
        Call::Export(args) => export::run(&api, args).await,
        Call::Backup(args) => backup::run(&api, context, args).await,
        Call::Config(verb) => config::run(&api, context, verb).await,
        Call::Down(args) => project::down(&api, context, args).await,
        Call::ExportConfig(args) => project::export_config(&api, args).await,
    };
    api.close().await;
    done
}

/// API client of the verbs.
struct Api(Transport);

impl Api {
    async fn open(context: &Context) -> Result<Self, CliError> {
        Ok(Self(Transport::open(&context.data, OwnerKind::Command).await?))
    }

    /// Makes a call without a body and returns the response.
    async fn bytes(&self, method: Method, path: &str) -> Result<ApiResponse, CliError> {
        self.call(method, path, None).await
    }

    async fn call(&self, method: Method, path: &str, json: Option<String>) -> Result<ApiResponse, CliError> {
        let mut headers = HeaderMap::new();
        if json.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = json.map(Bytes::from).unwrap_or_default();
        let response = self.0.call(method, &format!("/api/v1{path}"), headers, body).await?;
        if response.status.is_success() { Ok(response) } else { Err(CliError::refused(&response)) }
    }

    /// Closes the engine if it runs in this process.
    async fn close(self) {
        if let Transport::InProcess { engine, .. } = self.0 {
            engine.close().await;
        }
    }

    /// Makes a call with a JSON body and parses the response.
    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        let text = serde_json::to_string(body).map_err(|why| CliError::Other(why.to_string()))?;
        read(&self.call(method, path, Some(text)).await?)
    }

    /// Makes a call without a body and parses the response.
    async fn act<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, CliError> {
        read(&self.bytes(method, path).await?)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.act(Method::GET, path).await
    }
}

/// Parses the JSON body of a response.
fn read<T: DeserializeOwned>(response: &ApiResponse) -> Result<T, CliError> {
    serde_json::from_slice(&response.body)
        .map_err(|e| CliError::Other(format!("the engine's response cannot be parsed: {e}")))
}
