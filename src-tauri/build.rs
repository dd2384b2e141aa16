//! Build script: compiles in the Tauri configuration, and creates a stub page if the window is not built.

use std::{fs, path::Path};

/// Page of a build without the window. Names the command that builds the window.
const STUB: &str = "<!doctype html><meta charset=utf-8><title>Hookbench</title><p>The window is not built. Run <code>cargo xtask run</code>.";

fn main() {
    let page = Path::new("ui/dist/index.html");
    if !page.exists() {
        fs::create_dir_all("ui/dist").expect("create ui/dist");
        fs::write(page, STUB).expect("write the stub page");
    }
    println!("cargo::rerun-if-changed=ui/dist");
    if std::env::var_os("CARGO_FEATURE_DESKTOP").is_some() {
        let attributes = tauri_build::Attributes::new().capabilities_path_pattern("src-tauri/capabilities/*.json");
        tauri_build::try_build(attributes).expect("tauri.conf.json and the capabilities are valid");
    }
}
