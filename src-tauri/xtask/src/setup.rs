//! Installation of missing system packages, npm packages and programs.

use std::fs;

use crate::shell;

/// List of system packages, one `PURPOSE PACKAGE` per line.
const PACKAGES: &str = include_str!("../packages.txt");

/// Version of tauri-driver, which drives the window in tests.
const TAURI_DRIVER: &str = "2.1.0";

/// Version of cargo-fuzz, which builds and runs the fuzz targets.
const CARGO_FUZZ: &str = "0.13.2";

/// Version of mdBook, which writes the site.
const MDBOOK: &str = "0.5.4";

/// Version of bore, which the tunnel benchmark compares with.
const BORE: &str = "0.6.0";

/// Installs the missing system packages of these purposes.
///
/// # Errors
///
/// Without root privileges, the error contains the command to run.
pub(crate) fn packages(purposes: &[&str]) -> Result<(), String> {
    if !shell::has("dpkg-query", &["--version"]) {
        return Ok(());
    }
    let missing: Vec<&str> = PACKAGES
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(purpose, package)| purposes.contains(purpose) && !installed(package))
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if shell::output("id", &["-u"])?.trim() != "0" {
        return Err(format!(
            "system packages are missing. Install them and try again:\n\n  \
             sudo apt-get install -y --no-install-recommends {}\n",
            missing.join(" ")
        ));
    }
    eprintln!("installing system packages: {}", missing.join(" "));
    apt(&["update", "-qq"])?;
    apt(&[&["install", "-y", "-qq", "--no-install-recommends"], missing.as_slice()].concat())
}

fn apt(args: &[&str]) -> Result<(), String> {
    shell::check(
        shell::command("apt-get", args).env("DEBIAN_FRONTEND", "noninteractive").stdout(std::process::Stdio::null()),
    )
}

fn installed(package: &str) -> bool {
    shell::output("dpkg-query", &["-W", "-f=${Package} ${db:Status-Status}\n"])
        .is_ok_and(|all| all.contains(&format!("\n{package} installed\n")))
}

/// Installs the npm packages of the lock file unless they are installed.
pub(crate) fn npm() -> Result<(), String> {
    let root = shell::root();
    let stamp = root.join("node_modules/.lock-installed");
    let lock = fs::read(root.join("package-lock.json")).map_err(|e| format!("package-lock.json: {e}"))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    eprintln!("installing npm packages");
    shell::run(shell::NPM, &["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
    fs::write(stamp, lock).map_err(|e| e.to_string())
}

/// Installs tauri-driver unless it is installed.
pub(crate) fn tauri_driver() -> Result<(), String> {
    program("tauri-driver", TAURI_DRIVER)
}

/// Installs cargo-fuzz unless it is installed.
pub(crate) fn cargo_fuzz() -> Result<(), String> {
    program("cargo-fuzz", CARGO_FUZZ)
}

/// Installs mdBook unless it is installed, without the server that it has for authors.
pub(crate) fn mdbook() -> Result<(), String> {
    if shell::has("mdbook", &["--help"]) {
        return Ok(());
    }
    eprintln!("installing mdbook {MDBOOK}");
    let install = ["install", "--quiet", "--locked", "mdbook", "--version", MDBOOK, "--no-default-features"];
    shell::run("cargo", &[&install[..], &["--features", "search"]].concat())
}

/// Installs bore under `target/bench` unless it is installed, and returns its path.
pub(crate) fn bore() -> Result<String, String> {
    let place = shell::root().join("target/bench");
    let bore = place.join("bin/bore").to_string_lossy().into_owned();
    if !shell::has(&bore, &["--version"]) {
        eprintln!("installing bore {BORE}");
        let place = place.to_string_lossy().into_owned();
        shell::run("cargo", &["install", "--quiet", "--locked", "bore-cli", "--version", BORE, "--root", &place])?;
    }
    Ok(bore)
}

/// Installs a program with Cargo unless it is installed, in the newest version that starts with `version`.
pub(crate) fn versioned(name: &str, version: &str) -> Result<(), String> {
    program(name, &format!("^{version}"))
}

/// Installs a program with Cargo unless it is installed.
pub(crate) fn program(name: &str, version: &str) -> Result<(), String> {
    if shell::has(name, &["--help"]) {
        return Ok(());
    }
    eprintln!("installing {name} {version}");
    shell::run("cargo", &["install", "--quiet", "--locked", name, "--version", version])
}
