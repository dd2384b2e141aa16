use std::path::PathBuf;

use axum::body::Body;
use futures_util::StreamExt;
use http::{HeaderMap, Method};

use super::{Api, error::CliError, terminal};
use crate::transport::{Answer, into_file};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these requests
    ids: Vec<String>,
    /// The format
    #[arg(long = "as", value_name = "FORMAT", value_parser = ["har", "jsonl", "csv", "raw", "archive"])]
    format: String,
    /// Only what matches this query (docs/query.md)
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true, conflicts_with = "ids")]
    query: Option<String>,
    /// Only this inbox
    #[arg(long, conflicts_with = "ids")]
    inbox: Option<String>,
    /// The file; standard output if absent
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave credentials in: Authorization, cookies, API keys, what vendors send as secrets; they are masked otherwise
    #[arg(long)]
    secrets: bool,
    /// Leave out the value of this header; may be repeated
    #[arg(long, value_name = "NAME")]
    redact_header: Vec<String>,
    /// Leave out the values at this place in JSON bodies, such as data.user.email or items[*].name; bodies that are no
    /// JSON are left out whole; may be repeated
    #[arg(long, value_name = "PATH")]
    redact_path: Vec<String>,
}

pub(super) async fn run(api: &Api, args: Args) -> Result<(), CliError> {
    let mut asked = form_urlencoded::Serializer::new(String::new());
    asked.append_pair("as", &args.format);
    asked.extend_pairs(args.query.iter().map(|query| ("q", query)));
    asked.extend_pairs(args.inbox.iter().map(|inbox| ("inbox", inbox)));
    for (name, listed) in
        [("ids", &args.ids), ("redact_headers", &args.redact_header), ("redact_paths", &args.redact_path)]
    {
        if !listed.is_empty() {
            asked.append_pair(name, &listed.join(","));
        }
    }
    if args.secrets {
        asked.append_pair("secrets", "true");
    }
    stream(api, &format!("/export?{}", asked.finish()), args.output).await
}

/// What an export route answers, into a file or to standard output.
pub(super) async fn stream(api: &Api, path: &str, output: Option<PathBuf>) -> Result<(), CliError> {
    let (status, headers, mut pieces) =
        api.0.open_call(Method::GET, &format!("/api/v1{path}"), HeaderMap::new(), Body::empty()).await?;
    if !status.is_success() {
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece?);
        }
        return Err(CliError::refused(&Answer { status, headers, body: body.into() }));
    }
    match output {
        Some(path) => {
            let bar = terminal::bar(None);
            let done = into_file(pieces, &path, |length| bar.inc(length as u64)).await;
            let written = bar.position();
            bar.finish_and_clear();
            done.map_err(|e| CliError::Other(e.to_string()))?;
            terminal::say(&format!("{}: {}; only you may read it.", path.display(), terminal::size(written)));
        }
        None => {
            let mut out = terminal::Captured::new();
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|e| CliError::Other(format!("the export broke off: {e}")))?;
                if out.write(&piece).is_err() {
                    // Whoever read it has enough.
                    return Ok(());
                }
            }
            out.end();
        }
    }
    Ok(())
}
