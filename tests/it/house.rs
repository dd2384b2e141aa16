//! Architecture tests: allowed dependencies between the packages and restricted imports.

use std::{fs, path::Path};

/// Manifest and name of each package, with the workspace packages that the package may depend on.
const MAY_DEPEND: &[(&str, &str, &[&str])] = &[
    (
        "Cargo.toml",
        "hookbench",
        &["hookbench-api", "hookbench-engine", "hookbench-model", "hookbench-project", "hookbench-relay"],
    ),
    (
        "src-tauri/crates/engine/Cargo.toml",
        "hookbench-engine",
        &[
            "hookbench-capture",
            "hookbench-checks",
            "hookbench-codegen",
            "hookbench-content",
            "hookbench-delivery",
            "hookbench-diff",
            "hookbench-event-schema",
            "hookbench-formats",
            "hookbench-model",
            "hookbench-provider",
            "hookbench-query",
            "hookbench-relay",
            "hookbench-schema",
            "hookbench-search",
            "hookbench-signature",
            "hookbench-ssh",
            "hookbench-store",
            "hookbench-template",
        ],
    ),
    (
        "src-tauri/crates/api/Cargo.toml",
        "hookbench-api",
        &[
            "hookbench-capture",
            "hookbench-checks",
            "hookbench-codegen",
            "hookbench-content",
            "hookbench-delivery",
            "hookbench-diff",
            "hookbench-engine",
            "hookbench-event-schema",
            "hookbench-formats",
            "hookbench-model",
            "hookbench-provider",
            "hookbench-query",
            "hookbench-relay",
            "hookbench-schema",
            "hookbench-search",
            "hookbench-signature",
            "hookbench-ssh",
            "hookbench-store",
        ],
    ),
    (
        "src-tauri/crates/event-schema/Cargo.toml",
        "hookbench-event-schema",
        &["hookbench-model", "hookbench-provider", "hookbench-query"],
    ),
    (
        "src-tauri/crates/checks/Cargo.toml",
        "hookbench-checks",
        &[
            "hookbench-codegen",
            "hookbench-delivery",
            "hookbench-model",
            "hookbench-provider",
            "hookbench-signature",
            "hookbench-store",
        ],
    ),
    (
        "src-tauri/crates/delivery/Cargo.toml",
        "hookbench-delivery",
        &[
            "hookbench-capture",
            "hookbench-model",
            "hookbench-provider",
            "hookbench-query",
            "hookbench-signature",
            "hookbench-store",
        ],
    ),
    (
        "src-tauri/crates/search/Cargo.toml",
        "hookbench-search",
        &["hookbench-capture", "hookbench-model", "hookbench-provider", "hookbench-query", "hookbench-store"],
    ),
    (
        "src-tauri/crates/store/Cargo.toml",
        "hookbench-store",
        &[
            "hookbench-capture",
            "hookbench-model",
            "hookbench-provider",
            "hookbench-query",
            "hookbench-schema",
            "hookbench-signature",
        ],
    ),
    ("src-tauri/crates/model/Cargo.toml", "hookbench-model", &[]),
    (
        "src-tauri/crates/codegen/Cargo.toml",
        "hookbench-codegen",
        &["hookbench-model", "hookbench-provider", "hookbench-signature"],
    ),
    (
        "src-tauri/crates/query/Cargo.toml",
        "hookbench-query",
        &["hookbench-capture", "hookbench-content", "hookbench-model"],
    ),
    (
        "src-tauri/crates/formats/Cargo.toml",
        "hookbench-formats",
        // The tests of the package parse the commands that `codegen` generates.
        &[
            "hookbench-capture",
            "hookbench-codegen",
            "hookbench-content",
            "hookbench-model",
            "hookbench-provider",
            "hookbench-query",
        ],
    ),
    ("src-tauri/crates/project/Cargo.toml", "hookbench-project", &["hookbench-model", "hookbench-provider"]),
    ("src-tauri/crates/schema/Cargo.toml", "hookbench-schema", &["hookbench-query"]),
    (
        "src-tauri/crates/diff/Cargo.toml",
        "hookbench-diff",
        &["hookbench-capture", "hookbench-model", "hookbench-provider", "hookbench-query"],
    ),
    (
        "src-tauri/crates/template/Cargo.toml",
        "hookbench-template",
        &["hookbench-capture", "hookbench-model", "hookbench-query"],
    ),
    ("src-tauri/crates/ssh/Cargo.toml", "hookbench-ssh", &[]),
    (
        "src-tauri/crates/relay/Cargo.toml",
        "hookbench-relay",
        // Only the relay server uses the provider crate. The engine builds the client without it.
        &["hookbench-capture", "hookbench-model", "hookbench-provider", "hookbench-signature"],
    ),
    ("src-tauri/crates/provider/Cargo.toml", "hookbench-provider", &["hookbench-model", "hookbench-signature"]),
    ("src-tauri/crates/signature/Cargo.toml", "hookbench-signature", &["hookbench-content", "hookbench-model"]),
    ("src-tauri/crates/content/Cargo.toml", "hookbench-content", &["hookbench-model"]),
    ("src-tauri/crates/capture/Cargo.toml", "hookbench-capture", &["hookbench-model"]),
    ("src-tauri/xtask/Cargo.toml", "xtask", &[]),
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Returns the names in the dependency tables of a manifest, without those in `[workspace.dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]") && !line.starts_with("[workspace");
        } else if inside && let Some(name) = line.split(['=', '.', ' ']).next().filter(|name| !name.is_empty()) {
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn packages_depend_only_on_allowed_packages() {
    let packages: Vec<&str> = MAY_DEPEND.iter().map(|(_, name, _)| *name).collect();
    for (manifest, name, allowed) in MAY_DEPEND {
        let ours: Vec<String> =
            dependencies(&read(manifest)).into_iter().filter(|d| packages.contains(&d.as_str())).collect();
        for dependency in &ours {
            assert!(allowed.contains(&dependency.as_str()), "{name} depends on {dependency}");
        }
        assert_eq!(ours.len(), allowed.len(), "{name} should depend on {allowed:?}, found {ours:?}");
    }
}

#[test]
fn lists_every_workspace_package() {
    let manifest = read("Cargo.toml");
    let members = manifest.lines().find(|line| line.starts_with("members")).expect("the manifest must have `members`");
    assert_eq!(members.matches('"').count() / 2 + 1, MAY_DEPEND.len(), "{members}");
}

#[test]
fn only_window_code_uses_tauri() {
    for (manifest, name, _) in MAY_DEPEND.iter().filter(|(_, name, _)| *name != "hookbench") {
        assert!(!dependencies(&read(manifest)).iter().any(|d| d.starts_with("tauri")), "{name}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri");
    visit(&root, &mut |path, text| {
        let window = path.starts_with(root.join("src/window"))
            || path.ends_with("build.rs")
            || path.starts_with(root.join("examples"))
            || path.starts_with(root.join("xtask"));
        assert!(window || !text.contains("tauri::"), "{} uses tauri", path.display());
    });
}

#[test]
fn only_one_ui_file_imports_tauri() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src");
    visit(&root, &mut |path, text| {
        assert!(
            path.ends_with("platform/tauri.ts") || !text.contains("@tauri-apps"),
            "{} imports tauri",
            path.display()
        );
    });
}

fn visit(folder: &Path, see: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("cannot read the folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, see);
        } else if path.extension().is_some_and(|e| ["rs", "ts", "tsx"].iter().any(|ours| e == *ours)) {
            see(&path, &fs::read_to_string(&path).expect("cannot read the file"));
        }
    }
}
