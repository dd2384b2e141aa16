//! Running other programs from the root of the checkout.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Root of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

pub(crate) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs a program; an error if it fails.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<(), String> {
    check(&mut command(program, args))
}

pub(crate) fn check(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|e| format!("{shown} could not be started: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} failed: {status}")) }
}

/// What a program prints; an error if it fails.
pub(crate) fn output(program: &str, args: &[&str]) -> Result<String, String> {
    let done = command(program, args)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("{program} could not be started: {e}"))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(format!("{program} {args:?} failed: {}", done.status))
    }
}

/// Whether a program is there and answers.
pub(crate) fn has(program: &str, args: &[&str]) -> bool {
    command(program, args).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
