//! Project commands: `cargo xtask run | install | package | site | test | structure | words | advisories | bench | generate`.
#![allow(clippy::print_stderr)]

mod advisories;
mod bench;
mod files;
mod generate;
mod licenses;
mod package;
mod reference;
mod setup;
mod shell;
mod site;
mod structure;
mod test;
mod words;

use std::process::ExitCode;

const USAGE: &str = "cargo xtask COMMAND

  run [ARGS…]      build and open the app, or run `hookbench serve` without a display
    install          put hookbench and hookbench-desktop on the PATH; --root DIR names another folder
    package          write Debian, RPM and npm packages, an archive and a container image; --test installs and runs them
    manifests SUMS DIR  write the manifests of Homebrew, Scoop and winget for a release with these checksums
    site             write the documentation as a static site, and check its links
    test             run all checks: format, lints, licenses, tests, window tests
    test --quick     run format, lints, types and unit tests, without a display
    structure        check code sizes, import cycles and other limits
    words            check that texts use the terms of the glossary
    advisories       check the dependencies for known vulnerabilities
    bench NAME       run capture | list | search | deliver | tunnel | signature | window
    generate         write the OpenAPI document and the TypeScript types
    generate screenshots  take the screenshots of docs/";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["run", rest @ ..] => run(rest),
        ["test"] => test::run(test::ALL),
        ["test", "--quick"] => test::run(test::QUICK),
        ["structure"] => structure::check(),
        ["words"] => words::check(),
        ["advisories"] => advisories::check(),
        ["install", rest @ ..] => install(rest),
        ["site"] => site::build(),
        ["package", rest @ ..] => package::run(rest),
        ["manifests", sums, out] => package::manifests(sums.as_ref(), out.as_ref()),
        ["bench", name, rest @ ..] => bench::run(name, rest),
        ["generate"] => generate::api(),
        ["generate", "screenshots"] => generate::screenshots(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the programs in the profile for people who wait, and installs them with Cargo.
fn install(args: &[&str]) -> Result<(), String> {
    page()?;
    let install = ["install", "--path", ".", "--locked", "--force", "--profile", "app"];
    shell::run("cargo", &[&install[..], args].concat())
}

/// Installs what a build needs, and builds the page.
fn page() -> Result<(), String> {
    setup::packages(&["build"])?;
    setup::npm()?;
    eprintln!("building the page");
    shell::run(shell::NPM, &["run", "--silent", "build"])
}

fn run(args: &[&str]) -> Result<(), String> {
    page()?;
    eprintln!("building the programs; the first time, this takes minutes");
    let display = cfg!(not(target_os = "linux"))
        || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    let serve = if display || !args.is_empty() { &[][..] } else { &["serve"][..] };
    shell::run("cargo", &["build", "--profile", "app", "--package", "hookbench", "--bins"])?;
    let program = shell::root().join("target/app/hookbench");
    shell::run(&program.to_string_lossy(), &[serve, args].concat())
}
