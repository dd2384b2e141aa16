use std::{path::PathBuf, time::Duration};

use futures_util::StreamExt;
use http::{HeaderMap, Method};
use indicatif::ProgressBar;
use serde_json::Value;

use super::{Api, Context, error::CliError, terminal};
use crate::transport::{Answer, out_of_file};

/// How often a running import is asked how far it is.
const ASK: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// HAR, JSON Lines, CSV, raw HTTP, curl commands, webhook.site's JSON or Hookline archives; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where everything goes, made if need be; where the file says, else `imported`, if absent
    #[arg(long)]
    inbox: Option<String>,
    /// The format; told from the content if absent
    #[arg(long = "as", value_name = "FORMAT", value_parser = ["har", "jsonl", "csv", "raw", "curl", "webhook_site", "archive"])]
    format: Option<String>,
    /// Import nothing of a file if one of its entries cannot be
    #[arg(long)]
    whole: bool,
}

/// Imports files one after the other. Exit status 1 says that some entries were left out.
pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let mut left_out = false;
    for file in &args.files {
        let job = one(api, &args, file).await?;
        let (imported, name) = (&job["imported"], file.display());
        if context.json {
            terminal::json(&job);
        }
        for bad in imported["first_bad"].as_array().into_iter().flatten() {
            let text = |key: &str| terminal::shown(bad[key].as_str().unwrap_or_default());
            terminal::say(&format!("{name}: {}: {}", text("place"), text("why")));
        }
        let (requests, bad) = (imported["requests"].as_u64().unwrap_or(0), imported["bad"].as_u64().unwrap_or(0));
        if job["state"] != "done" {
            let why = job["error"].as_str().unwrap_or("it was cancelled");
            return Err(CliError::Other(format!("{name} was not imported to its end: {why}")));
        }
        let inboxes =
            imported["inboxes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
        if !context.json {
            let into = if inboxes.is_empty() { String::new() } else { format!(" into {}", inboxes.join(", ")) };
            let without = if bad > 0 { format!("; {bad} left out") } else { String::new() };
            terminal::say(&format!("{name}: {requests} imported{into}{without}."));
            if let Some(at) = imported["before"]["at"].as_str() {
                let earlier = &imported["before"]["requests"];
                terminal::say(&format!("{name}: the same file was imported before, at {at} ({earlier} requests)."));
            }
        }
        left_out |= bad > 0;
    }
    if left_out { Err(CliError::No) } else { Ok(()) }
}

async fn one(api: &Api, args: &Args, file: &std::path::Path) -> Result<Value, CliError> {
    let name = file.file_name().map_or_else(|| "stdin".into(), |name| name.to_string_lossy());
    let (body, length) = if file.as_os_str() == "-" {
        // A pipe is read as it comes, by a descriptor of the same file.
        let stdin = tokio::fs::File::open("/dev/stdin").await?;
        (out_of_file(stdin), None)
    } else {
        let opened = tokio::fs::File::open(file).await;
        let opened = opened.map_err(|e| CliError::Other(format!("{} cannot be read: {e}", file.display())))?;
        let length = opened.metadata().await?.len();
        (out_of_file(opened), Some(length))
    };
    let mut asked = form_urlencoded::Serializer::new(String::new());
    asked.append_pair("name", if name == "-" { "stdin" } else { &name });
    asked.extend_pairs(args.inbox.iter().map(|inbox| ("inbox", inbox)));
    asked.extend_pairs(args.format.iter().map(|format| ("as", format)));
    if args.whole {
        asked.append_pair("whole", "true");
    }
    let path = format!("/api/v1/import?{}", asked.finish());
    let (status, headers, mut answer) = api.0.open_call(Method::POST, &path, HeaderMap::new(), body).await?;
    let mut text = Vec::new();
    while let Some(piece) = answer.next().await {
        text.extend_from_slice(&piece?);
    }
    if !status.is_success() {
        return Err(CliError::refused(&Answer { status, headers, body: text.into() }));
    }
    let mut job: Value = serde_json::from_slice(&text).map_err(|e| CliError::Other(e.to_string()))?;
    let bar = terminal::bar(length);
    while job["state"] == "running" {
        tokio::select! {
            () = tokio::time::sleep(ASK) => {}
            _ = tokio::signal::ctrl_c() => {
                let id = job["id"].as_str().unwrap_or_default();
                let _: Value = api.json(Method::DELETE, &format!("/jobs/{id}"), None).await?;
            }
        }
        job = api.get(&format!("/jobs/{}", job["id"].as_str().unwrap_or_default())).await?;
        show(&bar, &job);
    }
    bar.finish_and_clear();
    Ok(job)
}

fn show(bar: &ProgressBar, job: &Value) {
    bar.set_position(job["done"].as_u64().unwrap_or(0));
    bar.set_message(format!("{} requests", job["imported"]["requests"]));
}
