//! Archive of the command line program, its man pages, completions, documentation and licenses.

use std::{fs, path::Path};

use super::Build;
use crate::{
    files::{copy, create},
    shell,
};

/// Writes the archive: `.zip` for Windows, else `.tar.gz`.
pub(super) fn write(build: &Build, program: &Path) -> Result<(), String> {
    eprintln!("writing the archive");
    let name = format!("hookbench-{}-{}", build.version, build.platform.name);
    let folder = build.out.join(&name);
    create(&folder)?;
    copy(program, &folder.join(build.platform.program))?;
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        copy(&shell::root().join(file), &folder.join(file))?;
    }
    let out = build.out.display().to_string();
    let inside = folder.display().to_string();
    for part in ["man", "completions"] {
        shell::run("cp", &["-r", &format!("{out}/{part}"), &inside])?;
    }
    shell::run(
        "cp",
        &["-r", &shell::root().join("target/site/html").display().to_string(), &format!("{inside}/docs")],
    )?;
    let file = format!("{out}/{name}.{}", build.platform.archive);
    // The tar of Windows, unlike the one of Git for Windows, writes a zip file if the name ends in `.zip`.
    let tar = if cfg!(windows) { r"C:\Windows\System32\tar.exe" } else { "tar" };
    let owner: &[&str] = if cfg!(target_os = "linux") { &["--owner=0", "--group=0"] } else { &[] };
    shell::run(tar, &[&["-a", "-c", "-f", &file, "-C", &out][..], owner, &[&name]].concat())?;
    fs::remove_dir_all(folder).map_err(|e| e.to_string())
}
