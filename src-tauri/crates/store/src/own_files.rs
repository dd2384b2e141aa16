//! The TOML files of a user's own in a folder of the data directory.

use std::path::Path;

use hookline_provider::BadFile;

/// Names and texts of a user's own files, and those that cannot be read.
pub type OwnFiles = (Vec<(String, String)>, Vec<BadFile>);

/// Largest such file, in bytes: the largest that ships has a tenth of it.
const FILE_MAX: u64 = 1024 * 1024;

/// The files of a folder, by name; none where there is no such folder.
pub fn own_files(folder: &Path) -> OwnFiles {
    let Ok(entries) = std::fs::read_dir(folder) else { return (Vec::new(), Vec::new()) };
    let (mut files, mut bad) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let file = entry.file_name().to_string_lossy().into_owned();
        let text = match std::fs::metadata(&path) {
            Ok(about) if !about.is_file() => Err("it is no file".to_owned()),
            Ok(about) if about.len() > FILE_MAX => Err(format!("it is larger than {FILE_MAX} bytes")),
            _ => std::fs::read_to_string(&path).map_err(|error| error.to_string()),
        };
        match text {
            Ok(text) => files.push((file, text)),
            Err(reason) => bad.push(BadFile { file, reason }),
        }
    }
    files.sort();
    bad.sort_by(|a, b| a.file.cmp(&b.file));
    (files, bad)
}
