//! `cargo xtask test`: everything, stage by stage, and `--quick`, what takes minutes.

use std::time::{Duration, Instant};

use crate::{advisories, generate, licences, setup, shell, structure};

type Stage = (&'static str, fn() -> Result<(), String>);

/// Every stage.
pub(crate) const ALL: &[Stage] = &[
    ("system packages", || setup::packages(&["build", "test"])),
    ("npm packages", setup::npm),
    ("tauri-driver", setup::tauri_driver),
    ("cargo-fuzz", setup::cargo_fuzz),
    FORMAT,
    STRUCTURE,
    TYPES,
    UNITS_OF_THE_PAGE,
    ("window: build", || shell::run("npm", &["run", "--silent", "build"])),
    LICENCES,
    ADVISORIES,
    // All targets at once: programs alone are built with fewer features of their libraries, and then built again.
    ("build", || shell::run("cargo", &["build", "--workspace", "--all-targets", "--quiet"])),
    LINTS,
    ("generated files", generate::check),
    ("fuzzing", fuzzing),
    ("tests", || shell::run("cargo", &["test", "--workspace", "--quiet"])),
    ("the real window and a browser", windows),
];

/// What finds most mistakes in a few minutes: no display, no program that is started, no network.
pub(crate) const QUICK: &[Stage] = &[
    ("system packages", || setup::packages(&["build"])),
    ("npm packages", setup::npm),
    FORMAT,
    STRUCTURE,
    TYPES,
    UNITS_OF_THE_PAGE,
    LICENCES,
    LINTS,
    ("unit tests", || shell::run("cargo", &["test", "--workspace", "--lib", "--bins", "--quiet"])),
];

const FORMAT: Stage = ("format", format);
const STRUCTURE: Stage = ("structure", structure::check);
const TYPES: Stage = ("window: types and lints", || shell::run("npm", &["run", "--silent", "check"]));
const UNITS_OF_THE_PAGE: Stage = ("window: unit tests", || shell::run("npm", &["run", "--silent", "test"]));
const LICENCES: Stage = ("licences", licences::check);
const ADVISORIES: Stage = ("advisories", advisories::check_if_online);
const LINTS: Stage =
    ("lints", || shell::run("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]));

/// Runs stages to the first that fails, and prints what each took.
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
    eprintln!("{:<32} {:>7.1} s", "in all", times.iter().map(|(_, time)| *time).sum::<Duration>().as_secs_f64());
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
    shell::run("npm", &["run", "--silent", "format:check"])
}

/// Fuzz targets of `src-tauri/crates/provider/fuzz`.
const FUZZED: &[&str] = &["verify", "header", "file"];

/// A short run of each target: what panics at once is found here, the rest by longer runs by hand.
fn fuzzing() -> Result<(), String> {
    for target in FUZZED {
        // Without a sanitizer, which needs a nightly compiler: there is no unsafe code here.
        let run = ["fuzz", "run", "--dev", "-s", "none", target, "--", "-max_total_time=10", "-verbosity=0"];
        let mut command = shell::command("cargo", &run);
        command.current_dir(shell::root().join("src-tauri/crates/provider"));
        command.env("CARGO_TARGET_DIR", shell::root().join("target/fuzz"));
        shell::check(&mut command)?;
    }
    Ok(())
}

/// The window's journeys, on a display and a session bus of their own.
fn windows() -> Result<(), String> {
    on_a_display(&["npm", "run", "--silent", "test", "--workspace", "tests/window"])
}

/// Runs a command where windows can open.
pub(crate) fn on_a_display(command: &[&str]) -> Result<(), String> {
    let wrapped = [&["-a", "-s", "-screen 0 1440x900x24", "dbus-run-session", "--"], command].concat();
    shell::check(shell::command("xvfb-run", &wrapped).env("NO_AT_BRIDGE", "1"))
}
