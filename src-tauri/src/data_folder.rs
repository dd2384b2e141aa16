//! The folder that holds everything Hookbench stores.

use std::path::PathBuf;

/// Environment variable that names the folder.
pub const VARIABLE: &str = "HOOKBENCH_DATA";

/// Returns the usual folder of this user, such as `~/.local/share/hookbench`, or none if there is no home folder.
pub fn usual() -> Option<PathBuf> {
    directories::ProjectDirs::from("dev", "hookbench", "hookbench").map(|dirs| dirs.data_dir().to_owned())
}
