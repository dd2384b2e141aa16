//! Generated files: the OpenAPI document, the TypeScript types, and the screenshots of the docs.

use std::fs;

use crate::{setup, shell, test};

const DOCUMENT: &str = "ui/openapi.json";
const TYPES: &str = "ui/src/api/schema.gen.ts";

/// Writes the OpenAPI document and the TypeScript types of the window.
pub(crate) fn api() -> Result<(), String> {
    setup::npm()?;
    fs::write(shell::root().join(DOCUMENT), document()?).map_err(|e| e.to_string())?;
    shell::run(shell::NPM, &["run", "--silent", "api", "--workspace", "ui"])
}

fn document() -> Result<String, String> {
    // Building the whole workspace, as the tests do, avoids a rebuild of libraries with other features.
    shell::run("cargo", &["build", "--workspace", "--quiet", "--example", "openapi"])?;
    shell::output("target/debug/examples/openapi", &[])
}

/// Fails if the committed files differ from the generated ones.
pub(crate) fn check() -> Result<(), String> {
    let read = |path: &str| fs::read_to_string(shell::root().join(path)).map_err(|e| format!("{path}: {e}"));
    let stale = |path: &str| format!("{path} is out of date. Run `cargo xtask generate` and commit the file");
    if read(DOCUMENT)? != document()? {
        return Err(stale(DOCUMENT));
    }
    let types = read(TYPES)?;
    shell::run(shell::NPM, &["run", "--silent", "api", "--workspace", "ui"])?;
    let made = read(TYPES)?;
    fs::write(shell::root().join(TYPES), &types).map_err(|e| e.to_string())?;
    if types == made { Ok(()) } else { Err(stale(TYPES)) }
}

/// Takes the screenshots under docs/ in a real window.
pub(crate) fn screenshots() -> Result<(), String> {
    setup::packages(&["build", "test"])?;
    setup::npm()?;
    setup::tauri_driver()?;
    shell::run(shell::NPM, &["run", "--silent", "build"])?;
    shell::run("cargo", &["build", "--quiet", "--package", "hookbench"])?;
    test::on_a_display(&["npm", "run", "--silent", "screenshots", "--workspace", "tests/window"])
}
