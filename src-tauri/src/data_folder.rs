//! Data folder, which contains everything that Hookbench stores.

use std::path::PathBuf;

/// Environment variable with the path of the data folder.
pub const VARIABLE: &str = "HOOKBENCH_DATA";

/// Returns the default data folder, such as `~/.local/share/hookbench`, or `None` if there is no home folder.
pub fn usual() -> Option<PathBuf> {
    directories::ProjectDirs::from("dev", "hookbench", "hookbench").map(|dirs| dirs.data_dir().to_owned())
}
