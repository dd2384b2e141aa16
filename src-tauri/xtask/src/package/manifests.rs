//! Manifests of Homebrew, Scoop and winget for a release.

use std::{collections::BTreeMap, path::Path};

use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};

use crate::files;

/// All manifests, each after a line with `==>` and its path.
const TEMPLATE: &str = include_str!("../../../packaging/manifests.txt");

/// Begin of the line before a manifest.
const MARK: &str = "==> ";

/// Page of the project.
const HOMEPAGE: &str = env!("CARGO_PKG_REPOSITORY");

/// One sentence about the product. Homebrew allows 80 characters, without an article and a full stop.
const SUMMARY: &str = "Catch, inspect, verify, forward, replay and send webhooks";

/// Writes the manifests for the files whose SHA-256 a file lists, as `sha256sum` writes it.
pub(crate) fn write(sums: &Path, out: &Path) -> Result<(), String> {
    let version = super::version()?;
    for (path, text) in manifests(&version, &files::read(sums)?)? {
        let file = out.join(path);
        files::create(file.parent().unwrap_or(out))?;
        files::write(&file, &text)?;
    }
    Ok(())
}

/// Returns the path and the text of each manifest.
fn manifests(version: &str, sums: &str) -> Result<Vec<(String, String)>, String> {
    let sums: BTreeMap<String, String> = sums
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(sum, file)| (file.trim_start_matches([' ', '*']).to_owned(), sum.to_owned()))
        .collect();
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_function("sum", move |file: &str| {
        let missing = || {
            minijinja::Error::new(
                ErrorKind::InvalidOperation,
                format!(
                    "no checksum of {file}: SHA256SUMS does not list it, so the job of its platform did not upload it"
                ),
            )
        };
        sums.get(file).cloned().ok_or_else(missing)
    });
    let downloads = format!("{HOMEPAGE}/releases/download/v{version}");
    let values = context! { version, downloads, homepage => HOMEPAGE, summary => SUMMARY };
    let all = templates.render_str(TEMPLATE, values).map_err(|e| format!("packaging/manifests.txt: {e:#}"))?;
    let parts = all.split(MARK).filter_map(|part| part.split_once('\n'));
    Ok(parts.map(|(path, text)| (path.to_owned(), format!("{}\n", text.trim_end()))).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FILES: [&str; 7] = [
        "hookbench-1.2.3-universal-macos.tar.gz",
        "hookbench-1.2.3-x86_64-linux.tar.gz",
        "hookbench-1.2.3-aarch64-linux.tar.gz",
        "hookbench-1.2.3-x86_64-windows.zip",
        "Hookbench_1.2.3_universal.dmg",
        "Hookbench_1.2.3_x64-setup.exe",
        "Hookbench_1.2.3_x64_en-US.msi",
    ];

    fn sums() -> String {
        (0..).zip(FILES).map(|(n, file)| format!("{n:064x}  {file}\n")).collect()
    }

    #[test]
    fn each_manifest_names_the_version_and_the_checksums_of_its_files() {
        let all: BTreeMap<_, _> = manifests("1.2.3", &sums()).unwrap().into_iter().collect();
        assert_eq!(all.len(), 6);
        assert!(all.values().all(|text| text.contains("1.2.3")));
        let scoop: serde_json::Value = serde_json::from_str(&all["scoop/hookbench.json"]).unwrap();
        assert_eq!(scoop["architecture"]["64bit"]["hash"], format!("{:064x}", 3));
        assert!(all["winget/Hookbench.Hookbench.installer.yaml"].contains(&format!("InstallerSha256: {:064x}", 6)));
        assert!(all["homebrew/Formula/hookbench.rb"].contains(&format!("sha256 \"{:064x}\"", 0)));
    }

    #[test]
    fn a_file_without_a_checksum_is_an_error_that_names_the_file() {
        let some = sums().lines().skip(1).collect::<Vec<_>>().join("\n");
        let error = manifests("1.2.3", &some).unwrap_err();
        assert!(error.contains("no checksum of hookbench-1.2.3-universal-macos.tar.gz"), "{error}");
    }

    #[test]
    fn ruby_reads_the_manifests_of_homebrew() {
        for (path, text) in manifests("1.2.3", &sums()).unwrap() {
            if path.ends_with(".rb") {
                let file = tempfile::NamedTempFile::new().unwrap();
                files::write(file.path(), &text).unwrap();
                crate::shell::run("ruby", &["-c", &file.path().display().to_string()]).unwrap();
            }
        }
    }
}
