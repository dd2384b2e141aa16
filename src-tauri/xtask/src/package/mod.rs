//! `cargo xtask package`: Debian and RPM packages, archives, a container image and npm packages, in `target/package`.

mod archive;
mod image;
mod manifests;
mod npm;
mod platform;
mod sbom;

use std::{fs, path::PathBuf};

pub(crate) use self::manifests::write as manifests;
use self::platform::Platform;
use crate::{
    files::{copy, create, write},
    setup, shell, site,
};

/// Version of cargo-deb, which writes the Debian packages.
const CARGO_DEB: &str = "3";

/// Version of cargo-generate-rpm, which writes the RPM packages.
const CARGO_GENERATE_RPM: &str = "0.21";

/// Folder of programs that run on both processors of macOS, as Cargo's target of Tauri names it.
const UNIVERSAL: &str = "universal-apple-darwin";

/// Shells with completions, each with the file name of its script.
const COMPLETIONS: &[(&str, &str)] =
    &[("bash", "hookbench.bash"), ("zsh", "_hookbench"), ("fish", "hookbench.fish"), ("powershell", "hookbench.ps1")];

/// Programs and files that the packages are made of.
struct Build {
    /// Profile of the build.
    profile: String,
    /// Version of the packages.
    version: String,
    /// Platform of the programs.
    platform: Platform,
    /// Folder of the programs.
    programs: PathBuf,
    /// Folder of the packages.
    out: PathBuf,
}

pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let (mut profile, mut built, mut tests) = ("release", None, false);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match *arg {
            "--profile" => profile = rest.next().ok_or("--profile needs a name")?,
            "--built" => built = Some(PathBuf::from(rest.next().ok_or("--built needs a folder")?)),
            "--test" => tests = true,
            other => return Err(format!("unknown option {other}. Options: --profile NAME, --built DIR, --test")),
        }
    }
    setup::packages(&["build", "package"])?;
    setup::npm()?;
    let build = build(profile, built)?;
    let program = build.programs.join(build.platform.program);
    if cfg!(target_os = "linux") {
        setup::versioned("cargo-deb", CARGO_DEB)?;
        setup::versioned("cargo-generate-rpm", CARGO_GENERATE_RPM)?;
        debs(&build)?;
        rpms(&build)?;
        let program = static_program()?.unwrap_or(program);
        image::write_layout(&build, &program)?;
        archive::write(&build, &program)?;
        npm::pack(&build, &program)?;
        sbom::write(&build)?;
        checksums(&build)?;
    } else {
        archive::write(&build, &program)?;
        npm::pack(&build, &program)?;
    }
    if tests {
        test(&build)?;
    }
    eprintln!("packages are in {}", build.out.display());
    Ok(())
}

/// Builds the programs unless `built` is the folder of programs, and writes the man pages, the completions and the
/// documentation.
fn build(profile: &str, built: Option<PathBuf>) -> Result<Build, String> {
    let universal = built.as_ref().is_some_and(|folder| folder.iter().any(|part| part == UNIVERSAL));
    let programs = match built {
        Some(folder) => shell::root().join(folder),
        None => {
            eprintln!("building the programs");
            shell::run(shell::NPM, &["run", "--silent", "build"])?;
            shell::run("cargo", &["build", "--locked", "--profile", profile, "--package", "hookbench", "--bins"])?;
            shell::root().join("target").join(profile)
        }
    };
    let out = shell::root().join("target/package");
    let _ = fs::remove_dir_all(&out);
    let platform = Platform::of_this_computer(universal);
    let build = Build { profile: profile.to_owned(), version: version()?, platform, programs, out };
    let program = build.programs.join(build.platform.program).display().to_string();
    let man = build.out.join("man");
    shell::run(&program, &["man", &man.display().to_string()])?;
    create(&man.join("desktop"))?;
    copy(&shell::root().join("src-tauri/packaging/hookbench-desktop.1"), &man.join("desktop/hookbench-desktop.1"))?;
    let completions = build.out.join("completions");
    create(&completions)?;
    for (shell, file) in COMPLETIONS {
        write(&completions.join(file), &shell::output(&program, &["completions", shell])?)?;
    }
    site::build()?;
    Ok(build)
}

/// Returns the version of the program.
fn version() -> Result<String, String> {
    let id = shell::output("cargo", &["pkgid", "--package", "hookbench"])?;
    id.trim().rsplit(['#', '@']).next().map(str::to_owned).ok_or_else(|| format!("no version in {id}"))
}

fn debs(build: &Build) -> Result<(), String> {
    eprintln!("writing Debian packages");
    let out = build.out.display().to_string();
    let deb = |more: &[&str]| {
        let usual = ["deb", "--no-build", "--locked", "--quiet", "--profile", &build.profile, "--output"];
        shell::run("cargo", &[&usual[..], more].concat())
    };
    deb(&[&out])?;
    deb(&[&out, "--variant", "desktop"])?;
    // An older version for the test of upgrades.
    let old = build.out.join("old");
    create(&old)?;
    deb(&[&old.display().to_string(), "--deb-version", "0.0.9"])
}

fn rpms(build: &Build) -> Result<(), String> {
    eprintln!("writing RPM packages");
    let out = format!("{}/", build.out.display());
    let rpm = |out: &str, more: &[&str]| {
        let usual = ["generate-rpm", "--profile", &build.profile, "--output", out];
        shell::run("cargo", &[&usual[..], more].concat())
    };
    rpm(&out, &[])?;
    rpm(&out, &["--variant", "desktop"])?;
    // An older version for the test of upgrades, in the folder that `debs` made.
    rpm(&format!("{out}old/"), &["--set-metadata", "version = \"0.0.9\""])
}

/// Builds the static program, if the target is installed. Returns its path.
fn static_program() -> Result<Option<PathBuf>, String> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let installed = shell::output("rustup", &["target", "list", "--installed"]).unwrap_or_default();
    if !installed.lines().any(|line| line == target) {
        eprintln!(
            "no static program: the target is not installed. Install it with `rustup target add {target}`. The archive, \
             the image and the npm package get the program for this system"
        );
        return Ok(None);
    }
    let build = ["build", "--locked", "--release", "--package", "hookbench", "--bin", "hookbench"];
    shell::run("cargo", &[&build[..], &["--no-default-features", "--target", &target]].concat())?;
    Ok(Some(shell::root().join("target").join(target).join("release/hookbench")))
}

/// Writes the SHA-256 of each file that is published.
fn checksums(build: &Build) -> Result<(), String> {
    let list = "sha256sum -- *.deb *.rpm *.tar.gz *.tgz *.json > SHA256SUMS";
    shell::check(shell::command("sh", &["-c", list]).current_dir(&build.out))
}

/// Checks the packages, and installs and runs them: in a fresh Debian root, from the unpacked image, and from npm.
fn test(build: &Build) -> Result<(), String> {
    let scripts = shell::root().join("src-tauri/packaging");
    let file = |name: &str| scripts.join(name).display().to_string();
    shell::run("desktop-file-validate", &[&file("dev.hookbench.desktop.desktop")])?;
    shell::run("appstreamcli", &["validate", "--no-net", &file("dev.hookbench.desktop.metainfo.xml")])?;
    let lint = "lintian --fail-on error --tag-display-limit 0 *.deb";
    shell::check(shell::command("sh", &["-c", lint]).current_dir(&build.out))?;
    let out = build.out.display().to_string();
    shell::run(&file("test/npm.sh"), &[&out])?;
    shell::run(&file("test/image.sh"), &[&format!("{out}/image"), &build.version])?;
    shell::run(&file("test/rpm.sh"), &[&out])?;
    shell::run(&file("test/deb.sh"), &[&out])
}
