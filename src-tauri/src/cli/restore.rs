//! `hookbench restore`: puts a backup into an empty data folder.

use std::path::PathBuf;

use hookbench_engine::{DataDir, OwnerKind, database_file};
use serde_json::json;

use super::{Context, error::CliError, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File written by `hookbench backup`
    file: PathBuf,
}

/// Restores the backup without an engine, because an engine would create a database in the folder.
pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let other = |error: &dyn std::fmt::Display| CliError::Other(error.to_string());
    let dir = DataDir::own(&context.data, OwnerKind::Command).map_err(|error| other(&error))?;
    let restored = database_file::restore(&args.file, &dir.database()).map_err(|error| other(&error))?;
    if context.json {
        terminal::json(&json!({ "data": context.data, "requests": restored.requests, "bytes": restored.bytes }));
    } else {
        terminal::say(&format!(
            "Restored {} requests ({}) into {}.",
            restored.requests,
            terminal::size(restored.bytes),
            context.data.display()
        ));
    }
    Ok(())
}
