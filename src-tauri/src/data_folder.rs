//! The folder that holds everything Hookline stores.

use std::path::PathBuf;

/// Environment variable that names the folder.
pub const VARIABLE: &str = "HOOKLINE_DATA";

/// Returns the usual folder of this user, such as `~/.local/share/hookline`, or none if there is no home folder.
pub fn usual() -> Option<PathBuf> {
    directories::ProjectDirs::from("dev", "hookline", "hookline").map(|dirs| dirs.data_dir().to_owned())
}
