//! `hookbench report`: writes requests as a page or as Markdown for a ticket.

use std::path::PathBuf;

use hookbench_model::RequestReport;

use super::{Api, error::CliError, terminal};

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
    /// Redact the value of this header; repeatable
    #[arg(long, value_name = "NAME")]
    redact_header: Vec<String>,
    /// Redact the values at this path in JSON bodies; repeatable
    #[arg(long, value_name = "PATH")]
    redact_path: Vec<String>,
}

pub(super) async fn run(api: &Api, args: Args) -> Result<(), CliError> {
    let mut params = form_urlencoded::Serializer::new(String::new());
    params.append_pair("as", &args.format);
    let ids = super::latest::requests(api, &args.ids).await?;
    for (name, listed) in [("ids", &ids), ("redact_headers", &args.redact_header), ("redact_paths", &args.redact_path)]
    {
        if !listed.is_empty() {
            params.append_pair(name, &listed.join(","));
        }
    }
    for (name, set) in [("bodies", !args.no_bodies), ("addresses", args.addresses)] {
        params.append_pair(name, if set { "true" } else { "false" });
    }
    let report: RequestReport = api.get(&format!("/requests/report?{}", params.finish())).await?;
    match &args.output {
        Some(path) => {
            std::fs::write(path, &report.content)
                .map_err(|e| CliError::Other(format!("{} cannot be written: {e}", path.display())))?;
            terminal::say(&format!("Wrote {}.", path.display()));
        }
        None => terminal::line(report.content.trim_end()),
    }
    for what in &report.left_out {
        terminal::say(&format!("Left out: {what}."));
    }
    Ok(())
}
