use std::{path::PathBuf, time::Duration};

use hookbench_model::{Job, JobState};
use http::Method;
use serde_json::json;

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
    let mut job: Job = api.send(Method::POST, "/backup", &json!({ "path": path })).await?;
    while job.state == JobState::Running {
        tokio::time::sleep(ASK).await;
        job = api.get(&format!("/jobs/{}", job.id)).await?;
    }
    if job.state != JobState::Done {
        let why = job.error.as_deref().unwrap_or("it was cancelled");
        return Err(CliError::Other(format!("the backup failed: {why}")));
    }
    if context.json {
        terminal::json(&job);
    } else {
        terminal::say(&format!("{} holds everything, secrets too; only you may read it.", path.display()));
    }
    Ok(())
}
