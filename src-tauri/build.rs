//! Build script: compiles in the Tauri configuration, and builds the page if it is missing.

use std::{fs, path::Path, process::Command};

/// The page, which the programs contain.
const PAGE: &str = "ui/dist/index.html";

/// Page of a build without the window. Names the command that builds the window.
const STUB: &str = "<!doctype html><meta charset=utf-8><title>Hookbench</title><p>The window is not built. Run <code>cargo xtask run</code>.";

fn main() {
    let built = fs::read_to_string(PAGE).is_ok_and(|page| page != STUB);
    // `cargo install --path .` is all that some people run. Builds for development leave the page to `cargo xtask`.
    let wanted = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    if !built && wanted && !build_page() {
        println!(
            "cargo::warning=The programs have no page: `npm ci && npm run build` failed. Install Node.js 20 or newer and build again."
        );
    }
    if !Path::new(PAGE).exists() {
        fs::create_dir_all("ui/dist").expect("create ui/dist");
        fs::write(PAGE, STUB).expect("write the stub page");
    }
    println!("cargo::rerun-if-changed=ui/dist");
    if std::env::var_os("CARGO_FEATURE_DESKTOP").is_some() {
        let attributes = tauri_build::Attributes::new().capabilities_path_pattern("src-tauri/capabilities/*.json");
        tauri_build::try_build(attributes).expect("tauri.conf.json and the capabilities are valid");
    }
}

/// Builds the page with npm, and returns true if that succeeded.
fn build_page() -> bool {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let run = |args: &[&str]| Command::new(npm).args(args).status().is_ok_and(|status| status.success());
    let installed = Path::new("node_modules/.package-lock.json").exists();
    (installed || run(&["ci", "--no-audit", "--no-fund"])) && run(&["run", "build"])
}
