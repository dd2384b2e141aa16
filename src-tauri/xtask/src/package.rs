//! `cargo xtask package`: Debian and RPM packages, archives, a container image and npm packages, in `target/package`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{setup, shell};

/// Version of cargo-deb, which writes the Debian packages.
const CARGO_DEB: &str = "3";

/// Version of cargo-generate-rpm, which writes the RPM packages.
const CARGO_GENERATE_RPM: &str = "0.21";

/// Target of the static program.
const STATIC: &str = "x86_64-unknown-linux-musl";

/// Shells with completions, each with the file name of its script.
const COMPLETIONS: &[(&str, &str)] =
    &[("bash", "hookbench.bash"), ("zsh", "_hookbench"), ("fish", "hookbench.fish"), ("powershell", "hookbench.ps1")];

/// User that runs the image: `nonroot` in the images of other projects.
const IMAGE_USER: &str = "65532:65532";

/// Programs and files that the packages are made of.
struct Build {
    /// Profile of the build.
    profile: String,
    /// Version of the packages.
    version: String,
    /// Folder of the programs.
    programs: PathBuf,
    /// Folder of the packages.
    out: PathBuf,
}

pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let (mut profile, mut tests) = ("release", false);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match *arg {
            "--profile" => profile = rest.next().ok_or("--profile needs a name")?,
            "--test" => tests = true,
            other => return Err(format!("unknown option {other}. Options: --profile NAME, --test")),
        }
    }
    setup::packages(&["build", "package"])?;
    setup::npm()?;
    setup::versioned("cargo-deb", CARGO_DEB)?;
    setup::versioned("cargo-generate-rpm", CARGO_GENERATE_RPM)?;
    let build = build(profile)?;
    debs(&build)?;
    rpms(&build)?;
    let program = static_program()?.unwrap_or_else(|| build.programs.join("hookbench"));
    archive(&build, &program)?;
    image(&build, &program)?;
    npm(&build, &program)?;
    checksums(&build)?;
    if tests {
        test(&build)?;
    }
    eprintln!("packages are in {}", build.out.display());
    Ok(())
}

/// Builds the programs, the man pages and the completions.
fn build(profile: &str) -> Result<Build, String> {
    eprintln!("building the programs");
    shell::run("npm", &["run", "--silent", "build"])?;
    shell::run("cargo", &["build", "--locked", "--profile", profile, "--package", "hookbench", "--bins"])?;
    let out = shell::root().join("target/package");
    let _ = fs::remove_dir_all(&out);
    let build = Build {
        profile: profile.to_owned(),
        version: version()?,
        programs: shell::root().join("target").join(profile),
        out,
    };
    let program = build.programs.join("hookbench").display().to_string();
    let man = build.out.join("man");
    shell::run(&program, &["man", &man.display().to_string()])?;
    create(&man.join("desktop"))?;
    copy(&shell::root().join("src-tauri/packaging/hookbench-desktop.1"), &man.join("desktop/hookbench-desktop.1"))?;
    let completions = build.out.join("completions");
    create(&completions)?;
    for (shell, file) in COMPLETIONS {
        let script = shell::output(&program, &["completions", shell])?;
        fs::write(completions.join(file), script).map_err(|e| format!("{file}: {e}"))?;
    }
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
    for variant in [&[][..], &["--variant", "desktop"]] {
        let usual = ["generate-rpm", "--profile", &build.profile, "--output", &out];
        shell::run("cargo", &[&usual[..], variant].concat())?;
    }
    Ok(())
}

/// Builds the static program, if the target is installed. Returns its path.
fn static_program() -> Result<Option<PathBuf>, String> {
    let installed = shell::output("rustup", &["target", "list", "--installed"]).unwrap_or_default();
    if !installed.lines().any(|target| target == STATIC) {
        eprintln!(
            "no static program: the target is not installed. Install it with `rustup target add {STATIC}`. The archive, \
             the image and the npm package get the program for this system"
        );
        return Ok(None);
    }
    let build = ["build", "--locked", "--release", "--package", "hookbench", "--bin", "hookbench"];
    shell::run("cargo", &[&build[..], &["--no-default-features", "--target", STATIC]].concat())?;
    Ok(Some(shell::root().join("target").join(STATIC).join("release/hookbench")))
}

/// Writes the archive: the program, its man pages, completions and licenses.
fn archive(build: &Build, program: &Path) -> Result<(), String> {
    eprintln!("writing the archive");
    let name = format!("hookbench-{}-x86_64-linux", build.version);
    let folder = build.out.join(&name);
    create(&folder)?;
    copy(program, &folder.join("hookbench"))?;
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        copy(&shell::root().join(file), &folder.join(file))?;
    }
    let out = build.out.display().to_string();
    shell::run("cp", &["-r", &format!("{out}/man"), &format!("{out}/completions"), &folder.display().to_string()])?;
    let file = format!("{out}/{name}.tar.gz");
    shell::run("tar", &["--create", "--gzip", "--file", &file, "--directory", &out, "--owner=0", "--group=0", &name])?;
    fs::remove_dir_all(folder).map_err(|e| e.to_string())
}

/// Writes the container image as an OCI layout: only the program, the libraries it links, and certificates.
fn image(build: &Build, program: &Path) -> Result<(), String> {
    eprintln!("writing the container image");
    let (layout, bundle) = (build.out.join("image"), build.out.join("bundle"));
    let (layout, bundle) = (layout.display().to_string(), bundle.display().to_string());
    let image = format!("{layout}:{}", build.version);
    umoci(&["init", "--layout", &layout])?;
    umoci(&["new", "--image", &image])?;
    umoci(&["unpack", "--image", &image, &bundle])?;
    let root = Path::new(&bundle).join("rootfs");
    let place = |from: &Path, to: &str| {
        let to = root.join(to.trim_start_matches('/'));
        create(to.parent().unwrap_or(&root))?;
        copy(from, &to)
    };
    place(program, "usr/bin/hookbench")?;
    for library in libraries(program) {
        place(Path::new(&library), &library)?;
    }
    place(Path::new("/etc/ssl/certs/ca-certificates.crt"), "etc/ssl/certs/ca-certificates.crt")?;
    for folder in ["data", "tmp"] {
        create(&root.join(folder))?;
        shell::run("chown", &[IMAGE_USER, &root.join(folder).display().to_string()])?;
    }
    fs::write(root.join("etc/passwd"), "hookbench:x:65532:65532::/data:/\n").map_err(|e| e.to_string())?;
    umoci(&["repack", "--image", &image, &bundle])?;
    let config = [
        "--config.entrypoint=/usr/bin/hookbench",
        "--config.cmd=serve",
        &format!("--config.user={IMAGE_USER}"),
        "--config.env=HOOKBENCH_DATA=/data",
        "--config.env=HOOKBENCH_LISTEN=0.0.0.0:4665",
        "--config.env=HOOKBENCH_LOG_FORMAT=json",
        "--config.env=SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
        "--config.exposedports=4665/tcp",
        "--config.volume=/data",
        "--config.stopsignal=SIGTERM",
    ];
    umoci(&[&["config", "--image", &image][..], &config].concat())?;
    fs::remove_dir_all(bundle).map_err(|e| e.to_string())
}

fn umoci(args: &[&str]) -> Result<(), String> {
    shell::check(shell::command("umoci", args).stdout(Stdio::null()))
}

/// Returns the paths of the libraries that a program links. None for a static program.
fn libraries(program: &Path) -> Vec<String> {
    let linked = shell::output("ldd", &[&program.display().to_string()]).unwrap_or_default();
    linked.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect()
}

/// Packs the npm package and the one of this platform, which the first has as an optional dependency.
fn npm(build: &Build, program: &Path) -> Result<(), String> {
    eprintln!("writing npm packages");
    let out = build.out.display().to_string();
    let platform = build.out.join("npm");
    create(&platform)?;
    copy(program, &platform.join("hookbench"))?;
    let manifest = serde_json::json!({
        "name": "@hookbench/linux-x64",
        "version": build.version,
        "description": "The program of hookbench for Linux on x86-64",
        "license": "MIT OR Apache-2.0",
        "os": ["linux"],
        "cpu": ["x64"],
        "files": ["hookbench"],
    });
    fs::write(platform.join("package.json"), manifest.to_string()).map_err(|e| e.to_string())?;
    let wrapper = shell::root().join("src-tauri/packaging/npm");
    for folder in [&platform, &wrapper] {
        let pack = ["pack", "--silent", "--pack-destination", &out, &folder.display().to_string()];
        shell::check(shell::command("npm", &pack).stdout(Stdio::null()))?;
    }
    fs::remove_dir_all(platform).map_err(|e| e.to_string())
}

/// Writes the SHA-256 of each file that is published.
fn checksums(build: &Build) -> Result<(), String> {
    let list = "sha256sum -- *.deb *.rpm *.tar.gz *.tgz > SHA256SUMS";
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
    shell::run(&file("test/deb.sh"), &[&out])
}

fn create(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|e| format!("{}: {e}", from.display()))
}
