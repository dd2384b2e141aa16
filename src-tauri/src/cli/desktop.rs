//! Starting the desktop program, which is a program of its own.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use super::{Context, error::CliError, terminal};

/// Name of the desktop program.
const PROGRAM: &str = if cfg!(windows) { "hookbench-desktop.exe" } else { "hookbench-desktop" };

/// Starts the desktop program on a data folder, or says how to get it.
pub(super) fn open(context: &Context, link: Option<&str>) -> ExitCode {
    let Some(program) = installed() else {
        return terminal::fail(&CliError::Other(format!(
            "the desktop app is not installed: there is no {PROGRAM} next to `hookbench` or on the PATH. Install it, or \
             run `hookbench serve` and open the address it prints in a browser"
        )));
    };
    let mut command = Command::new(&program);
    if context.own_data {
        command.arg("--data").arg(&context.data);
    }
    command.args(link);
    run(command, &program)
}

/// The desktop program next to this one, where packages install it, or on the PATH.
fn installed() -> Option<PathBuf> {
    let own = env::current_exe().and_then(|own| own.canonicalize()).ok();
    let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    beside.into_iter().chain(env::split_paths(&path)).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file())
}

/// Turns this process into the desktop program, so that signals and the exit status are the program's.
#[cfg(unix)]
fn run(mut command: Command, program: &Path) -> ExitCode {
    use std::os::unix::process::CommandExt as _;
    failed(program, &command.exec())
}

/// Starts the desktop program and leaves the terminal to its user.
#[cfg(not(unix))]
fn run(mut command: Command, program: &Path) -> ExitCode {
    match command.spawn() {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => failed(program, &error),
    }
}

fn failed(program: &Path, error: &std::io::Error) -> ExitCode {
    terminal::fail(&CliError::Other(format!("{} cannot be started: {error}", program.display())))
}
