//! Execution of other programs in the root of the repository.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Program of npm. On Windows it is a script, which only starts by its whole name.
pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Returns the root of the repository. Cargo names the folder of this crate at run time, which is right even if the
/// repository was moved after the build.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).unwrap_or(&here).to_owned()
}

pub(crate) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs a program and fails if the program fails.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<(), String> {
    check(&mut command(program, args))
}

pub(crate) fn check(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|e| format!("{shown} cannot be started: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} failed: {status}")) }
}

/// Returns the standard output of a program, or an error if the program fails.
pub(crate) fn output(program: &str, args: &[&str]) -> Result<String, String> {
    let done = command(program, args)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("{program} cannot be started: {e}"))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(format!("{program} {args:?} failed: {}", done.status))
    }
}

/// Returns true if a program can be run and succeeds.
pub(crate) fn has(program: &str, args: &[&str]) -> bool {
    command(program, args).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
