//! Provider and scenario TOML files of the user, read from a folder of the data directory.

use std::path::{Path, PathBuf};

use hookbench_provider::BadFile;

/// Names and contents of the user's files, and the files that cannot be read.
pub type OwnFiles = (Vec<(String, String)>, Vec<BadFile>);

/// Maximum size of a file, in bytes: ten times the largest file that ships.
const FILE_MAX: u64 = 1024 * 1024;

/// Reads the `.toml` files of a folder, sorted by name. A folder that does not exist has no files.
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
            Ok(about) if !about.is_file() => Err("not a regular file".to_owned()),
            Ok(about) if about.len() > FILE_MAX => Err(format!("larger than {FILE_MAX} bytes")),
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

/// Saves a file with an ID. The file is replaced atomically, so a full disk cannot leave a partial one.
pub fn save_own_file(folder: &Path, id: &str, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path_of(folder, id)).map(drop).map_err(|error| error.error)
}

/// Deletes the file with an ID. Returns true if there was one.
pub fn remove_own_file(folder: &Path, id: &str) -> std::io::Result<bool> {
    match std::fs::remove_file(path_of(folder, id)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        done => done.map(|()| true),
    }
}

fn path_of(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.toml"))
}
