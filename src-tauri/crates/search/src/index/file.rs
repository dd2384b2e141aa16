//! Files of the index: up to 64 blocks each, one after the other, named after the first request.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::block::{BYTES, Block};

/// Maximum number of blocks per file. A file is deleted once all of its requests are deleted.
const BLOCKS: u64 = 64;

const SUFFIX: &str = "index";

/// Reads all of `bytes` at an offset, without moving the file cursor.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset);
    #[cfg(windows)]
    {
        let (mut bytes, mut offset) = (bytes, offset);
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    bytes = &mut bytes[read..];
                    offset += read as u64;
                }
            }
        }
        Ok(())
    }
}

/// Opens the blocks in a folder, oldest first, without verifying them. Returns no blocks if one is invalid or does not
/// continue the previous one.
pub(crate) fn open(folder: &Path, store: u64) -> io::Result<Vec<Block>> {
    make_private(folder)?;
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == SUFFIX))
        .collect();
    paths.sort();
    let mut blocks: Vec<Block> = Vec::new();
    for path in paths {
        let file = Arc::new(private(&path, false)?);
        for place in 0..file.metadata()?.len() / BYTES as u64 {
            let Some(block) = Block::open(&file, place * BYTES as u64, store)? else { return Ok(Vec::new()) };
            if blocks.last().is_some_and(|last| last.last() != block.before()) {
                return Ok(Vec::new());
            }
            blocks.push(block);
        }
    }
    Ok(blocks)
}

/// Appends a block after the last one, or to a new file.
///
/// # Errors
///
/// Returns an error if the block cannot be written, or differs when it is read back.
pub(crate) fn append(folder: &Path, last: Option<&Block>, bytes: &[u8], store: u64) -> io::Result<Block> {
    let (file, offset) = match last.map(|last| (last.file.clone(), last.offset + BYTES as u64)) {
        Some((file, offset)) if offset < BLOCKS * BYTES as u64 => (file, offset),
        _ => {
            // Hexadecimal numbers of the same length sort in numeric order.
            let first = i64::from_le_bytes(bytes[24..32].try_into().unwrap_or_default());
            (Arc::new(private(&folder.join(format!("{:016x}.{SUFFIX}", first + 1)), true)?), 0)
        }
    };
    write_at(&file, bytes, offset)?;
    let block = Block::open(&file, offset, store)?.ok_or_else(|| io::Error::other("the written block is invalid"))?;
    // The block is read back to detect a faulty disk now.
    block.check().then_some(block).ok_or_else(|| io::Error::other("the written block differs when read back"))
}

fn write_at(mut file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    // A block that was left incomplete by a crash is cut off.
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

/// Deletes every file of the index.
pub(crate) fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => make_private(folder),
    }
}

/// Deletes the file that begins with the block `first`.
pub(crate) fn remove(folder: &Path, first: &Block) -> io::Result<()> {
    fs::remove_file(folder.join(format!("{:016x}.{SUFFIX}", first.before().0 + 1)))
}

fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

fn private(path: &Path, new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(new).truncate(new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
