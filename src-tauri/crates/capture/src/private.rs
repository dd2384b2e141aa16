//! Folders and files that only their owner can read.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// Creates a folder and its parents if they are missing, and sets the folder's mode to 0700 on Unix.
pub fn make_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Returns options that create files with mode 0600 on Unix.
pub fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file with mode 0600 atomically: writes to a temporary file, then renames it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let _ = fs::remove_file(&part);
    options().create_new(true).write(true).open(&part)?.write_all(bytes)?;
    fs::rename(part, path)
}
