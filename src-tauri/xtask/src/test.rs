//! `cargo xtask test`: runs all checks in stages, or with `--quick` those that take only minutes.

use std::time::{Duration, Instant};

use crate::{advisories, generate, licenses, setup, shell, site, structure, words};

type Stage = (&'static str, fn() -> Result<(), String>);

/// All stages.
pub(crate) const ALL: &[Stage] = &[
    ("system packages", || setup::packages(&["build", "test"])),
    ("npm packages", setup::npm),
    ("tauri-driver", setup::tauri_driver),
    ("cargo-fuzz", setup::cargo_fuzz),
    FORMAT,
    STRUCTURE,
    WORDS,
    TYPES,
    UNITS_OF_THE_PAGE,
    WORKFLOWS,
    ("site", site::build),
    ("window: build", || shell::run(shell::NPM, &["run", "--silent", "build"])),
    LICENCES,
    ADVISORIES,
    // Building all targets at once avoids a second build of libraries with other features.
    ("build", || shell::run("cargo", &["build", "--workspace", "--all-targets", "--quiet"])),
    LINTS,
    ("generated files", generate::check),
    ("fuzzing", fuzzing),
    ("tests", || shell::run("cargo", &["test", "--workspace", "--quiet"])),
    ("the real window and a browser", windows),
];

/// Stages that need no display, no server and no network, and find most errors in a few minutes.
pub(crate) const QUICK: &[Stage] = &[
    ("system packages", || setup::packages(&["build"])),
    ("npm packages", setup::npm),
    FORMAT,
    STRUCTURE,
    WORDS,
    TYPES,
    UNITS_OF_THE_PAGE,
    WORKFLOWS,
    LICENCES,
    LINTS,
    ("unit tests", || shell::run("cargo", &["test", "--workspace", "--lib", "--bins", "--quiet"])),
];

const FORMAT: Stage = ("format", format);
const STRUCTURE: Stage = ("structure", structure::check);
const WORDS: Stage = ("words", words::check);
const TYPES: Stage = ("window: types and lints", || shell::run(shell::NPM, &["run", "--silent", "check"]));
const UNITS_OF_THE_PAGE: Stage = ("window: unit tests", || shell::run(shell::NPM, &["run", "--silent", "test"]));
const WORKFLOWS: Stage = ("workflows", || shell::run(shell::NPM, &["run", "--silent", "workflows"]));
const LICENCES: Stage = ("licenses", licenses::check);
const ADVISORIES: Stage = ("advisories", advisories::check_if_online);
const LINTS: Stage =
    ("lints", || shell::run("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]));

/// Runs stages until one fails, and prints the duration of each.
pub(crate) fn run(stages: &[Stage]) -> Result<(), String> {
    let mut times = Vec::new();
    let mut failed = None;
    for (name, stage) in stages {
        eprintln!("── {name}");
        let started = Instant::now();
        let result = stage();
        times.push((*name, started.elapsed()));
        if let Err(error) = result {
            failed = Some(format!("{name}: {error}"));
            break;
        }
    }
    eprintln!();
    for (name, time) in &times {
        eprintln!("{name:<32} {:>7.1} s", time.as_secs_f64());
    }
    eprintln!("{:<32} {:>7.1} s", "total", times.iter().map(|(_, time)| *time).sum::<Duration>().as_secs_f64());
    println!(
        "stages: {} passed, {} failed",
        times.len() - usize::from(failed.is_some()),
        usize::from(failed.is_some())
    );
    failed.map_or(Ok(()), Err)
}

/// Checks the format of Rust and of TypeScript.
fn format() -> Result<(), String> {
    shell::run("cargo", &["fmt", "--all", "--check"])?;
    shell::run(shell::NPM, &["run", "--silent", "format:check"])
}

/// Fuzz targets of `src-tauri/crates/provider/fuzz`.
const FUZZED: &[&str] = &["verify", "header", "file"];

/// Runs each fuzz target for a short time, which finds immediate panics. Longer runs are manual.
fn fuzzing() -> Result<(), String> {
    for target in FUZZED {
        // A sanitizer would need a nightly compiler, and the code under test has no unsafe code.
        let run = ["fuzz", "run", "--dev", "-s", "none", target, "--", "-max_total_time=10", "-verbosity=0"];
        let mut command = shell::command("cargo", &run);
        command.current_dir(shell::root().join("src-tauri/crates/provider"));
        command.env("CARGO_TARGET_DIR", shell::root().join("target/fuzz"));
        shell::check(&mut command)?;
    }
    Ok(())
}

/// Runs the window tests on a virtual display with a separate session bus.
fn windows() -> Result<(), String> {
    on_a_display(&["npm", "run", "--silent", "test", "--workspace", "tests/window"])
}

/// Runs a command on a virtual display.
pub(crate) fn on_a_display(command: &[&str]) -> Result<(), String> {
    let wrapped = [&["-a", "-s", "-screen 0 1440x900x24", "dbus-run-session", "--"], command].concat();
    shell::check(shell::command("xvfb-run", &wrapped).env("NO_AT_BRIDGE", "1"))
}
