//! `hookbench export`: writes requests in a format of other tools, or as an archive.

use std::path::PathBuf;

use axum::body::Body;
use futures_util::StreamExt;
use http::{HeaderMap, Method};

use super::{Api, error::CliError, redaction::Redaction, terminal};
use crate::transport::{ApiResponse, into_file};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Export only the requests with these IDs; `latest` is the newest
    ids: Vec<String>,
    /// Write this format
    #[arg(long = "as", value_name = "FORMAT", value_parser = ["har", "jsonl", "csv", "raw", "archive"])]
    format: String,
    /// Export only requests that match this query (docs/search.md)
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true, conflicts_with = "ids")]
    query: Option<String>,
    /// Export only requests of this inbox
    #[arg(long, conflicts_with = "ids")]
    inbox: Option<String>,
    /// Write into this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Include secrets
    ///
    /// Without this flag, Authorization, cookies, API keys and secrets are masked.
    #[arg(long)]
    secrets: bool,
    #[command(flatten)]
    redaction: Redaction,
}

pub(super) async fn run(api: &Api, args: Args) -> Result<(), CliError> {
    let mut params = form_urlencoded::Serializer::new(String::new());
    params.append_pair("as", &args.format);
    params.extend_pairs(args.query.iter().map(|query| ("q", query)));
    params.extend_pairs(args.inbox.iter().map(|inbox| ("inbox", inbox)));
    let ids = super::latest::requests(api, &args.ids).await?;
    args.redaction.append(&ids, &mut params);
    if args.secrets {
        params.append_pair("secrets", "true");
    }
    stream(api, &format!("/export?{}", params.finish()), args.output).await
}

/// Writes the response of an export route into a file or to standard output.
pub(super) async fn stream(api: &Api, path: &str, output: Option<PathBuf>) -> Result<(), CliError> {
    let (status, headers, mut pieces) =
        api.0.open_call(Method::GET, &format!("/api/v1{path}"), HeaderMap::new(), Body::empty()).await?;
    if !status.is_success() {
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece?);
        }
        return Err(CliError::refused(&ApiResponse { status, headers, body: body.into() }));
    }
    match output {
        Some(path) => {
            let bar = terminal::bar(None);
            let done = into_file(pieces, &path, |length| bar.inc(length as u64)).await;
            let written = bar.position();
            bar.finish_and_clear();
            done.map_err(|e| CliError::Other(e.to_string()))?;
            terminal::say(&format!("Wrote {} ({}). Only you may read it.", path.display(), terminal::size(written)));
        }
        None => {
            let mut out = terminal::Captured::new();
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|e| CliError::Other(format!("the export ended early: {e}")))?;
                if out.write(&piece).is_err() {
                    // The reader closed the pipe, as `head` does.
                    return Ok(());
                }
            }
            out.end();
        }
    }
    Ok(())
}
