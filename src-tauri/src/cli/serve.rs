//! `hookbench serve`: runs the engine without a window.

use std::{
    future::Future,
    io::ErrorKind,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hookbench_engine::{Clock, Engine, OwnerKind};
use hookbench_model::ListenerState;

use super::{Context, error::CliError, terminal};
use crate::{
    log,
    mcp::{self, Permissions},
    traces::{self, Traces},
    transport::{ApiAccess, ApiAddress, ApiProtection, api_server},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the listener; port 0 picks one [default: as set, or 127.0.0.1:4665]
    #[arg(long, value_name = "ADDR", env = "HOOKBENCH_LISTEN")]
    listen: Option<SocketAddr>,
    /// Address of the API and web page, or unix:PATH; port 0 picks one [default: 127.0.0.1:4666]
    ///
    /// If port 4666 is in use and no address is given, a free port is used. An address that other machines can reach
    /// needs TLS.
    #[arg(long, value_name = "ADDR", env = "HOOKBENCH_API")]
    api: Option<ApiAddress>,
    /// PEM file with the certificate of the API and its chain, read at start
    #[arg(long, value_name = "FILE", env = "HOOKBENCH_API_TLS_CERT", requires = "api_tls_key")]
    api_tls_cert: Option<PathBuf>,
    /// PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE", env = "HOOKBENCH_API_TLS_KEY", requires = "api_tls_cert")]
    api_tls_key: Option<PathBuf>,
    /// Allow plain HTTP from other machines, because a proxy in front terminates TLS
    #[arg(long, env = "HOOKBENCH_API_BEHIND_PROXY", conflicts_with = "api_tls_cert")]
    api_behind_proxy: bool,
    /// Host name by which other machines reach the API; repeatable
    #[arg(long, value_name = "NAME", env = "HOOKBENCH_API_HOST", value_delimiter = ',')]
    api_host: Vec<String>,
    /// Let agents at /mcp replay, send, check handlers and set responses
    #[arg(long, env = "HOOKBENCH_MCP_ALLOW_WRITE")]
    mcp_allow_write: bool,
    /// Let these agents send to this host, not only to this computer; repeatable
    #[arg(
        long,
        value_name = "HOST",
        env = "HOOKBENCH_MCP_ALLOW_HOST",
        value_delimiter = ',',
        requires = "mcp_allow_write"
    )]
    mcp_allow_host: Vec<String>,
    /// Send traces to this OpenTelemetry collector over OTLP, such as http://127.0.0.1:4318
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// Maximum time for a graceful stop, in seconds
    #[arg(long, value_name = "SECONDS", env = "HOOKBENCH_STOP_WITHIN", default_value_t = 10)]
    stop_within: u64,
    /// Format of the log on standard error
    #[arg(long, value_name = "FORMAT", env = "HOOKBENCH_LOG_FORMAT", default_value = "text")]
    log_format: log::Form,
}

impl Args {
    /// Returns where the API listens, and who may reach it.
    fn access(&self) -> ApiAccess {
        let protection = match (&self.api_tls_cert, &self.api_tls_key) {
            (Some(certificate), Some(key)) => ApiProtection::Tls { certificate: certificate.clone(), key: key.clone() },
            _ if self.api_behind_proxy => ApiProtection::Proxy,
            _ => ApiProtection::Local,
        };
        ApiAccess { address: self.api.clone(), protection, hosts: self.api_host.clone() }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let ended = termination();
    log::start(args.log_format, "warn");
    let engine = open(&context.data, OwnerKind::Serve).await?;
    let traces = traces::endpoint(args.otlp_endpoint.as_deref()).map(|url| Traces::start(&engine, &url)).transpose();
    let traces = traces.map_err(|error| CliError::Other(error.to_string()))?;
    let address = receive(&engine, args.listen).await?;
    let json = context.json;
    let permissions = Permissions { write: args.mcp_allow_write, hosts: args.mcp_allow_host.clone() };
    let routes = mcp::route(&engine, permissions);
    let api = api_server::open(&engine, args.access(), routes, move |url, code| {
        if !json {
            terminal::say(&format!("  page      {url}/#{code}"));
        }
    })
    .await
    .map_err(|error| {
        let is_address = matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable);
        let advice = if is_address { ". Pass another address with --api" } else { "" };
        CliError::Other(format!("the local HTTP API cannot be opened: {error}{advice}"))
    })?;
    api_server::announce(&engine, OwnerKind::Serve, Some(&api)).await?;
    if json {
        let line = serde_json::json!({ "listener": address, "api": api.url(), "data": context.data, "pid": std::process::id() });
        terminal::json(&line);
    } else {
        terminal::say(&format!(
            "  listener  {address}/<inbox>\n  data      {}\n\nPress Ctrl-C to stop. The page address works once; \
             a new one is printed after each use.",
            context.data.display()
        ));
    }
    ended.await;
    let stop = async {
        // The spans are read from the store, which closes with the engine.
        if let Some(traces) = traces {
            traces.stop().await;
        }
        engine.close().await;
    };
    if tokio::time::timeout(Duration::from_secs(args.stop_within), stop).await.is_err() {
        // Everything acknowledged is stored. Open requests get no response, and their senders retry.
        tracing::warn!(seconds = args.stop_within, "the stop took too long; open requests are closed");
    }
    Ok(())
}

/// Opens the engine for a verb with a listener, and starts the log on standard error.
pub(super) async fn open(data: &Path, kind: OwnerKind) -> Result<Arc<Engine>, CliError> {
    log::start(log::Form::Text, "warn");
    Ok(Engine::open(data, kind, Clock::system()).await?)
}

/// Starts the listener and returns its URL. On failure, the error names a free address if there is one.
pub(super) async fn receive(engine: &Arc<Engine>, listen: Option<SocketAddr>) -> Result<String, CliError> {
    match engine.start_listener(listen).await {
        ListenerState::Listening { url, .. } => Ok(url),
        ListenerState::Failed { address, reason, holder, offer } => {
            let holder = holder.map_or(String::new(), |holder| format!(" by {holder}"));
            let offer =
                offer.map_or(String::new(), |offer| format!(" This address is free: hookbench serve --listen {offer}"));
            Err(CliError::Other(format!("the listener cannot use {address}: {reason}{holder}.{offer}")))
        }
        ListenerState::Off => Err(CliError::Other("the listener did not start".into())),
    }
}

/// Returns a future that ends when the process receives SIGINT or SIGTERM. Signals count from the call on, so call this
/// function before a message reports that the process is ready.
pub(super) fn termination() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        async {
            match signals {
                (Ok(mut interrupted), Ok(mut terminated)) => {
                    tokio::select! {
                        _ = interrupted.recv() => {}
                        _ = terminated.recv() => {}
                    }
                }
                _ => std::future::pending().await,
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}
