//! The folder that holds all data of Hookbench.

use std::path::{Path, PathBuf};

use hookbench_engine::takeover::{TakeoverError, take_over};

/// Environment variable that names the folder.
pub const VARIABLE: &str = "HOOKBENCH_DATA";

/// Returns the default folder of this user, such as `~/.local/share/hookbench`. Returns `None` without a home folder.
pub fn usual() -> Option<PathBuf> {
    folder_of("hookbench")
}

/// Takes over the data of an earlier release, which had the name Hookline: from its default folder, or in a folder that
/// the user named. Returns a message for the user if data was moved.
///
/// # Errors
///
/// See [`TakeoverError`].
pub fn prepare(data: &Path) -> Result<Option<String>, TakeoverError> {
    let default = usual().is_some_and(|usual| usual == data);
    let old = folder_of("hookline").filter(|_| default).unwrap_or_else(|| data.to_owned());
    let moved = take_over(&old, data)?;
    Ok(moved.then(|| match old == data {
        true => format!("Took over the data of Hookline in {}.", data.display()),
        false => format!("Took over the data of Hookline: {} is now {}.", old.display(), data.display()),
    }))
}

fn folder_of(name: &str) -> Option<PathBuf> {
    directories::ProjectDirs::from("dev", name, name).map(|dirs| dirs.data_dir().to_owned())
}
