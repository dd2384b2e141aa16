//! `hookbench backup`: writes a backup of the data folder into a file.

use std::{path::PathBuf, time::Duration};

use hookbench_model::{Job, JobState};
use http::Method;
use serde_json::json;

use super::{Api, Context, error::CliError, terminal};

/// Interval between progress polls of a running backup.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// New file to write. Contains every secret; only you may read it
    file: PathBuf,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let path = std::path::absolute(&args.file)?;
    let mut job: Job = api.send(Method::POST, "/backup", &json!({ "path": path })).await?;
    while job.state == JobState::Running {
        tokio::time::sleep(POLL_INTERVAL).await;
        job = api.get(&format!("/jobs/{}", job.id)).await?;
    }
    if job.state != JobState::Done {
        let why = job.error.as_deref().unwrap_or("canceled");
        return Err(CliError::Other(format!("the backup failed: {why}")));
    }
    if context.json {
        terminal::json(&job);
    } else {
        terminal::say(&format!("Wrote {}. The file contains every secret; only you may read it.", path.display()));
    }
    Ok(())
}
