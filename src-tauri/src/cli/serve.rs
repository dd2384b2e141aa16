//! `hookbench serve`: runs the engine without a window.

use std::{future::Future, net::SocketAddr, path::Path, sync::Arc};

use hookbench_engine::{Clock, Engine, OwnerKind};
use hookbench_model::ListenerState;

use super::{Context, error::CliError, terminal};
use crate::{log, transport::loopback};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the listener; port 0 picks one [default: as set, or 127.0.0.1:4665]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Loopback address of the API and web page; port 0 picks one [default: port 4666]
    ///
    /// If port 4666 is in use and no address is given, a free port is used.
    #[arg(long, value_name = "ADDR")]
    api: Option<SocketAddr>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let ended = termination();
    let engine = open(&context.data, OwnerKind::Serve).await?;
    let address = receive(&engine, args.listen).await?;
    let json = context.json;
    let api = loopback::open(&engine, args.api, move |address, code| {
        if !json {
            terminal::say(&format!("  page      http://{address}/#{code}"));
        }
    })
    .await
    .map_err(|e| {
        CliError::Other(format!("the local HTTP API cannot be opened: {e}. Pass another address with --api"))
    })?;
    loopback::announce(&engine, OwnerKind::Serve, Some(&api)).await?;
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
    engine.close().await;
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
            let offer = offer.map_or(String::new(), |offer| format!(" This address is free: --listen {offer}"));
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
