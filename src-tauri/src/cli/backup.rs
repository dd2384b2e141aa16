use std::{path::PathBuf, time::Duration};

use http::Method;
use serde_json::{Value, json};

use super::{Api, Context, error::CliError, terminal};

/// How often a running backup is asked how far it is.
const ASK: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file that does not exist yet. It will hold every secret; only you may read it.
    file: PathBuf,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let path = std::path::absolute(&args.file)?;
    let mut job: Value = api.json(Method::POST, "/backup", Some(json!({ "path": path }))).await?;
    while job["state"] == "running" {
        tokio::time::sleep(ASK).await;
        job = api.get(&format!("/jobs/{}", job["id"].as_str().unwrap_or_default())).await?;
    }
    if job["state"] != "done" {
        return Err(CliError::Other(format!(
            "the backup failed: {}",
            job["error"].as_str().unwrap_or("it was cancelled")
        )));
    }
    if context.json {
        terminal::json(&job);
    } else {
        terminal::say(&format!("{} holds everything, secrets too; only you may read it.", path.display()));
    }
    Ok(())
}
