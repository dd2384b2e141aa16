//! Compiles the window's configuration in, and makes sure there is a page to embed.

use std::{fs, path::Path};

/// Shown by a build made before the window was: it says which command makes it.
const STUB: &str = "<!doctype html><meta charset=utf-8><title>Hookbench</title><p>The window is not built. Run <code>cargo xtask run</code>.";

fn main() {
    let page = Path::new("ui/dist/index.html");
    if !page.exists() {
        fs::create_dir_all("ui/dist").expect("ui/dist can be made");
        fs::write(page, STUB).expect("the stub page can be written");
    }
    println!("cargo::rerun-if-changed=ui/dist");
    if std::env::var_os("CARGO_FEATURE_DESKTOP").is_some() {
        let attributes = tauri_build::Attributes::new().capabilities_path_pattern("src-tauri/capabilities/*.json");
        tauri_build::try_build(attributes).expect("tauri.conf.json and the capabilities are valid");
    }
}
