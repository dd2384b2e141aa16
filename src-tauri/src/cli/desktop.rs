//! Start of the desktop app, which is a separate program.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use super::{Context, error::CliError, terminal};

/// File name of the desktop program.
const PROGRAM: &str = if cfg!(windows) { "hookbench-desktop.exe" } else { "hookbench-desktop" };

/// Starts the desktop program with a data folder, or prints how to install the program.
pub(super) fn open(context: &Context, link: Option<&str>) -> ExitCode {
    let Some(program) = installed() else {
        return terminal::fail(&CliError::Other(format!(
            "the desktop app is not installed: there is no {PROGRAM} next to `hookbench` or on the PATH. Install the \
             app, or run `hookbench serve` and open the printed address in a browser"
        )));
    };
    let mut command = Command::new(&program);
    if context.own_data {
        command.arg("--data").arg(&context.data);
    }
    command.args(link);
    run(command, &program)
}

/// Finds the desktop program next to this program, where packages install it, or on the PATH.
pub(super) fn installed() -> Option<PathBuf> {
    let own = env::current_exe().and_then(|own| own.canonicalize()).ok();
    let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    beside.into_iter().chain(env::split_paths(&path)).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file())
}

/// Replaces this process with the desktop program, which then receives signals and sets the exit status.
#[cfg(unix)]
fn run(mut command: Command, program: &Path) -> ExitCode {
    use std::os::unix::process::CommandExt as _;
    failed(program, &command.exec())
}

/// Starts the desktop program and exits at once, which frees the terminal.
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
