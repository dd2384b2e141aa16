//! `hookbench completions` and `hookbench man`: completions and man pages, generated from the commands.

use std::{fs, path::PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, error::CliError, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// Shell that reads the completions
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// Folder to write the pages into
    folder: PathBuf,
}

/// Prints the completions of a shell.
pub(super) fn completions(args: &Completions) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hookbench", &mut script);
    terminal::line(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}

/// Writes one man page for the program and one for each command.
pub(super) fn man(args: &Man) -> Result<(), CliError> {
    fs::create_dir_all(&args.folder)?;
    clap_mangen::generate_to(Cli::command(), &args.folder)?;
    Ok(())
}
