//! Lock that lets one `up` or `down` change a data folder at a time. Each one computes its changes from what the one before
//! has left.

use std::{
    fs::{DirBuilder, File, TryLockError},
    path::Path,
};

use super::super::{error::CliError, terminal};

/// Name of the file in the data folder that is locked.
const FILE: &str = "project.lock";

/// A lock, which ends when the value is dropped or the process ends.
pub(in crate::cli) struct ProjectLock(#[expect(dead_code, reason = "the open file holds the lock")] File);

impl ProjectLock {
    /// Waits for the lock of a data folder.
    pub(in crate::cli) async fn acquire(data: &Path) -> Result<Self, CliError> {
        let path = data.join(FILE);
        let mut folder = DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(data)?;
        let file = File::options().create(true).append(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => return Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                terminal::say(
                    "Another `hookbench up` or `hookbench down` is changing this data folder. Waiting for it.",
                );
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        locked.map_err(|error| CliError::Other(error.to_string()))?.map(Self).map_err(CliError::from)
    }
}
