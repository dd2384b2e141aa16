//! Bills of materials in CycloneDX: the crates of the programs, and the npm packages of the page.

use std::fs;

use super::Build;
use crate::{files, setup, shell};

/// Version of cargo-cyclonedx, which lists the crates.
const CARGO_CYCLONEDX: &str = "0.5.9";

/// Writes one document for the crates and one for the npm packages.
pub(super) fn write(build: &Build) -> Result<(), String> {
    eprintln!("writing the bills of materials");
    setup::program("cargo-cyclonedx", CARGO_CYCLONEDX)?;
    let list = ["cyclonedx", "--format", "json", "--spec-version", "1.5", "--all", "--quiet"];
    shell::run("cargo", &[&list[..], &["--override-filename", "materials"]].concat())?;
    let name = format!("hookbench-{}", build.version);
    files::copy(&shell::root().join("materials.json"), &build.out.join(format!("{name}-crates.cdx.json")))?;
    // cargo-cyclonedx writes a document beside the manifest of every crate.
    for folder in files::folders(&shell::root())? {
        let _ = fs::remove_file(folder.join("materials.json"));
    }
    let page = ["sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--workspace", "ui"];
    files::write(&build.out.join(format!("{name}-page.cdx.json")), &shell::output(shell::NPM, &page)?)
}
