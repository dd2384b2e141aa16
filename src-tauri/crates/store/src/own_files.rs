//! Provider, event and scenario files of the user, read from a folder of the data directory.

use std::path::Path;

use hookbench_provider::{BadFile, EVENT_FILE_EXTENSION};

/// Names and contents of the user's files, and the files that cannot be read.
pub type OwnFiles = (Vec<(String, String)>, Vec<BadFile>);

/// Maximum size of a TOML file, in bytes: ten times the largest file that ships.
const FILE_MAX: u64 = 1024 * 1024;

/// Maximum size of an event file, in bytes: nine times the events of GitHub.
const EVENT_FILE_MAX: u64 = 64 * 1024 * 1024;

/// Reads the TOML and event files of a folder, sorted by name. A folder that does not exist has no files.
pub fn own_files(folder: &Path) -> OwnFiles {
    let Ok(entries) = std::fs::read_dir(folder) else { return (Vec::new(), Vec::new()) };
    let (mut files, mut bad) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let path = entry.path();
        let file = entry.file_name().to_string_lossy().into_owned();
        let max = match file.ends_with(EVENT_FILE_EXTENSION) {
            true => EVENT_FILE_MAX,
            false if path.extension().is_some_and(|extension| extension == "toml") => FILE_MAX,
            false => continue,
        };
        let text = match std::fs::metadata(&path) {
            Ok(about) if !about.is_file() => Err("not a regular file".to_owned()),
            Ok(about) if about.len() > max => Err(format!("larger than {max} bytes")),
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

/// Saves a file by name. The file is replaced atomically, so a full disk cannot leave a partial one.
pub fn save_own_file(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map(drop).map_err(|error| error.error)
}

/// Deletes a file by name. Returns true if there was one.
pub fn remove_own_file(folder: &Path, name: &str) -> std::io::Result<bool> {
    match std::fs::remove_file(folder.join(name)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        done => done.map(|()| true),
    }
}
