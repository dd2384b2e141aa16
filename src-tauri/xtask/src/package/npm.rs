//! Packages for npm: one per platform with its program, and one that depends on those.

use std::{fs, path::Path, process::Stdio};

use super::Build;
use crate::{
    files::{copy, create, read, write},
    shell,
};

/// Number of packages of platforms.
const PLATFORMS: usize = 5;

/// Packs the package of each platform that the program runs on, and the package that people install.
pub(super) fn pack(build: &Build, program: &Path) -> Result<(), String> {
    eprintln!("writing npm packages");
    let out = build.out.display().to_string();
    let wrapper = shell::root().join("src-tauri/packaging/npm");
    let manifest = read(&wrapper.join("package.json"))?;
    // The package and those of the platforms have one version.
    if manifest.matches(&format!("\"{}\"", build.version)).count() != PLATFORMS + 1 {
        return Err(format!(
            "src-tauri/packaging/npm/package.json does not have the version {} everywhere",
            build.version
        ));
    }
    let mut folders = vec![wrapper];
    for (os, cpu) in &build.platform.npm {
        let folder = build.out.join("npm").join(format!("{os}-{cpu}"));
        create(&folder)?;
        copy(program, &folder.join(build.platform.program))?;
        let manifest = serde_json::json!({
            "name": format!("@hookbench/{os}-{cpu}"),
            "version": build.version,
            "description": format!("The program of hookbench for {os} on {cpu}"),
            "license": "MIT OR Apache-2.0",
            "repository": "github:hookbench/hookbench",
            "os": [os],
            "cpu": [cpu],
            "files": [build.platform.program],
        });
        write(&folder.join("package.json"), &manifest.to_string())?;
        folders.push(folder);
    }
    for folder in folders {
        let pack = ["pack", "--silent", "--pack-destination", &out, &folder.display().to_string()];
        shell::check(shell::command(shell::NPM, &pack).stdout(Stdio::null()))?;
    }
    fs::remove_dir_all(build.out.join("npm")).map_err(|e| e.to_string())
}
