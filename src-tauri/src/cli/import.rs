//! `hookbench import`: imports requests from files.

use std::{path::PathBuf, time::Duration};

use futures_util::StreamExt;
use hookbench_model::{ImportResult, Job, JobState};
use http::{HeaderMap, Method};
use indicatif::ProgressBar;

use super::{Api, Context, error::CliError, terminal};
use crate::transport::{ApiResponse, out_of_file};

/// Interval between progress polls of a running import.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files to import; - is standard input
    ///
    /// Formats: HAR, JSON Lines, CSV, raw HTTP, curl, webhook.site JSON and archives.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Import into this inbox, which is created if missing
    ///
    /// Default: the inbox that the file names for each request, or else `imported`.
    #[arg(long)]
    inbox: Option<String>,
    /// Format of the files [default: detected from the content]
    #[arg(long = "as", value_name = "FORMAT", value_parser = ["har", "jsonl", "csv", "raw", "curl", "webhook_site", "archive"])]
    format: Option<String>,
    /// Import nothing from a file that has an invalid entry
    #[arg(long)]
    atomic: bool,
}

/// Imports files one at a time. Fails with [`CliError::No`] if entries were skipped.
pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let mut left_out = false;
    for file in &args.files {
        let job = one(api, &args, file).await?;
        if context.json {
            terminal::json(&job);
        }
        let name = file.display();
        let imported = job.imported.clone().unwrap_or_default();
        for bad in &imported.first_bad {
            terminal::say(&format!("{name}: {}: {}", terminal::shown(&bad.place), terminal::shown(&bad.why)));
        }
        if job.state != JobState::Done {
            let why = job.error.as_deref().unwrap_or("canceled");
            return Err(CliError::Other(format!("the import of {name} failed: {why}")));
        }
        if !context.json {
            print_result(&name.to_string(), &imported);
        }
        left_out |= imported.bad > 0;
    }
    if left_out { Err(CliError::No) } else { Ok(()) }
}

fn print_result(name: &str, imported: &ImportResult) {
    let ImportResult { requests, bad, inboxes, before, .. } = imported;
    let inboxes = inboxes.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let into = if inboxes.is_empty() { String::new() } else { format!(" into {inboxes}") };
    let without = if *bad > 0 { format!("; {bad} skipped") } else { String::new() };
    terminal::say(&format!("{name}: {requests} imported{into}{without}."));
    if let Some(before) = before {
        let (at, requests) = (before.at, before.requests);
        terminal::say(&format!("{name}: the same file was already imported at {at} ({requests} requests)."));
    }
}

async fn one(api: &Api, args: &Args, file: &std::path::Path) -> Result<Job, CliError> {
    let name = file.file_name().map_or_else(|| "stdin".into(), |name| name.to_string_lossy());
    let (body, length) = if file.as_os_str() == "-" {
        // Opening the device gives an asynchronous file, which streams a pipe.
        let stdin = tokio::fs::File::open("/dev/stdin").await?;
        (out_of_file(stdin), None)
    } else {
        let opened = tokio::fs::File::open(file).await;
        let opened = opened.map_err(|e| CliError::Other(format!("{} cannot be read: {e}", file.display())))?;
        let length = opened.metadata().await?.len();
        (out_of_file(opened), Some(length))
    };
    let mut params = form_urlencoded::Serializer::new(String::new());
    params.append_pair("name", if name == "-" { "stdin" } else { &name });
    params.extend_pairs(args.inbox.iter().map(|inbox| ("inbox", inbox)));
    params.extend_pairs(args.format.iter().map(|format| ("as", format)));
    if args.atomic {
        params.append_pair("atomic", "true");
    }
    let path = format!("/api/v1/import?{}", params.finish());
    let (status, headers, mut response) = api.0.open_call(Method::POST, &path, HeaderMap::new(), body).await?;
    let mut text = Vec::new();
    while let Some(piece) = response.next().await {
        text.extend_from_slice(&piece?);
    }
    if !status.is_success() {
        return Err(CliError::refused(&ApiResponse { status, headers, body: text.into() }));
    }
    let mut job: Job = super::read(&ApiResponse { status, headers, body: text.into() })?;
    let bar = terminal::bar(length);
    while job.state == JobState::Running {
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            _ = tokio::signal::ctrl_c() => {
                let _: Job = api.act(Method::POST, &format!("/jobs/{}/cancel", job.id)).await?;
            }
        }
        job = api.get(&format!("/jobs/{}", job.id)).await?;
        show(&bar, &job);
    }
    bar.finish_and_clear();
    Ok(job)
}

fn show(bar: &ProgressBar, job: &Job) {
    bar.set_position(job.done);
    let requests = job.imported.as_ref().map_or(0, |imported| imported.requests);
    bar.set_message(format!("{requests} requests"));
}
