//! Files and folders, with errors that name the path.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) fn create(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| format!("{} cannot be created: {e}", folder.display()))
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|e| format!("{} cannot be copied: {e}", from.display()))
}

pub(crate) fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|e| format!("{} cannot be read: {e}", file.display()))
}

pub(crate) fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|e| format!("{} cannot be written: {e}", file.display()))
}

/// Returns the files of a folder, without those of its folders.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{} cannot be listed: {e}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

/// Returns a folder and all folders in it, except those of packages and of builds.
pub(crate) fn folders(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        let entries = fs::read_dir(&folder).map_err(|e| format!("{} cannot be listed: {e}", folder.display()))?;
        let names = [".git", "node_modules", "target"];
        found.extend(
            entries
                .flatten()
                .filter(|entry| {
                    entry.file_type().is_ok_and(|kind| kind.is_dir())
                        && !names.iter().any(|name| entry.file_name() == *name)
                })
                .map(|entry| entry.path()),
        );
        next += 1;
    }
    Ok(found)
}
