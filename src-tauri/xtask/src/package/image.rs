//! Container image of the command line program, as an OCI layout.

use std::{fs, path::Path, process::Stdio};

use super::Build;
use crate::{
    files::{copy, create, write},
    shell,
};

/// User that runs the image: `nonroot` in the images of other projects.
const IMAGE_USER: &str = "65532:65532";

/// Writes the container image as an OCI layout: only the program, the libraries it links, and certificates.
pub(super) fn write_layout(build: &Build, program: &Path) -> Result<(), String> {
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
    write(&root.join("etc/passwd"), "hookbench:x:65532:65532::/data:/\n")?;
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
