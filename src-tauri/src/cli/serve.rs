use std::{net::SocketAddr, path::Path, sync::Arc};

use hookbench_engine::{Clock, Engine, OwnerKind};
use hookbench_model::ListenerState;

use super::{Context, error::CliError, terminal};
use crate::{log, transport::loopback};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the receiver; port 0 picks one [default: as set, 127.0.0.1:4665]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Address of the page and the API, on loopback; port 0 picks one
    /// [default: 127.0.0.1:4666, else any free port]
    #[arg(long, value_name = "ADDR")]
    api: Option<SocketAddr>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
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
        CliError::Other(format!("the API cannot be offered there: {e}. Choose another address with --api."))
    })?;
    loopback::announce(&engine, OwnerKind::Serve, Some(&api)).await?;
    if json {
        let line = serde_json::json!({ "receiver": address, "api": api.url(), "data": context.data, "pid": std::process::id() });
        terminal::json(&line);
    } else {
        terminal::say(&format!(
            "  receiver  {address}/<inbox>\n  data      {}\n\nCtrl-C ends it. The page's address works once; a new one is printed after each use.",
            context.data.display()
        ));
    }
    until_ended().await;
    engine.close().await;
    Ok(())
}

/// Opens the engine of a verb that receives, with its log on standard error.
pub(super) async fn open(data: &Path, kind: OwnerKind) -> Result<Arc<Engine>, CliError> {
    log::start(log::Form::Text, "warn");
    Ok(Engine::open(data, kind, Clock::system()).await?)
}

/// Starts the receiver, or says why it cannot listen and what would do.
pub(super) async fn receive(engine: &Arc<Engine>, listen: Option<SocketAddr>) -> Result<String, CliError> {
    match engine.start_receiver(listen).await {
        ListenerState::Listening { url, .. } => Ok(url),
        ListenerState::Failed { address, reason, holder, offer } => {
            let holder = holder.map_or(String::new(), |holder| format!(" by {holder}"));
            let offer = offer.map_or(String::new(), |offer| format!(" Free: --listen {offer}"));
            Err(CliError::Other(format!("the receiver cannot listen at {address}: {reason}{holder}.{offer}")))
        }
        ListenerState::Off => Err(CliError::Other("the receiver did not start".into())),
    }
}

/// Returns when the process is asked to end.
pub(super) async fn until_ended() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
