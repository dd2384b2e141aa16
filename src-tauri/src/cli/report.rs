//! `hookbench report`: writes requests as a page or as Markdown for a ticket.

use std::path::PathBuf;

use futures_util::stream;
use hookbench_model::RequestReport;

use super::{Api, error::CliError, redaction::Redaction, terminal};
use crate::transport::into_file;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Include these requests; `latest` is the newest
    #[arg(required = true)]
    ids: Vec<String>,
    /// Write this format
    #[arg(long = "as", value_name = "FORMAT", default_value = "markdown", value_parser = ["html", "markdown"])]
    format: String,
    /// Write into this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave out the bodies
    #[arg(long)]
    no_bodies: bool,
    /// Include the remote addresses of senders
    #[arg(long)]
    addresses: bool,
    #[command(flatten)]
    redaction: Redaction,
}

pub(super) async fn run(api: &Api, args: Args) -> Result<(), CliError> {
    let mut params = form_urlencoded::Serializer::new(String::new());
    params.append_pair("as", &args.format);
    let ids = super::latest::requests(api, &args.ids).await?;
    args.redaction.append(&ids, &mut params);
    for (name, set) in [("bodies", !args.no_bodies), ("addresses", args.addresses)] {
        params.append_pair(name, if set { "true" } else { "false" });
    }
    let report: RequestReport = api.get(&format!("/requests/report?{}", params.finish())).await?;
    match &args.output {
        Some(path) => {
            let content = stream::iter([Ok(report.content.into())]);
            into_file(content, path, |_| ()).await.map_err(|e| CliError::Other(e.to_string()))?;
            terminal::say(&format!("Wrote {}. Only you may read it.", path.display()));
        }
        None => terminal::line(report.content.trim_end()),
    }
    for what in &report.left_out {
        terminal::say(&format!("Left out: {what}."));
    }
    Ok(())
}
