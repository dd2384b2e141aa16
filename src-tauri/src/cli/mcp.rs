//! `hookbench mcp`: an MCP server for coding agents, on standard input and output.

use super::{Context, error::CliError, listen, serve};
use crate::mcp::{Mcp, Permissions};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Offer the tools that replay, send, check handlers and set responses
    #[arg(long, env = "HOOKBENCH_MCP_ALLOW_WRITE")]
    allow_write: bool,
    /// Let these tools send to this host, not only to this computer; repeatable
    #[arg(
        long,
        value_name = "HOST",
        env = "HOOKBENCH_MCP_ALLOW_HOST",
        value_delimiter = ',',
        requires = "allow_write"
    )]
    allow_host: Vec<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let ended = serve::termination();
    let (transport, own) = listen::join_or_serve(context, None).await?;
    let permissions = Permissions { write: args.allow_write, hosts: args.allow_host };
    let served = tokio::select! {
        served = Mcp::new(transport, &context.data, permissions).serve_stdio() => served,
        () = ended => Ok(()),
    };
    if let Some(own) = own {
        own.close().await;
    }
    served.map_err(|error| {
        let advice = "A coding agent starts this command: see docs/agents.md";
        CliError::Other(format!("the messages of the agent cannot be read: {error}. {advice}"))
    })
}
