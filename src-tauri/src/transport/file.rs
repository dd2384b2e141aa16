//! Streams between files and HTTP bodies. A file is written completely or not at all.

use std::{io, path::Path};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::{fs, io::AsyncWriteExt};

/// Failure to write a response into a file. An existing file stays unchanged.
#[derive(Debug, thiserror::Error)]
pub enum IntoFileError {
    /// Unwritable file, with its path.
    #[error("{0} cannot be written: {1}")]
    Unwritable(String, io::Error),
    /// Response that ended early.
    #[error("the response ended early: {0}")]
    BrokenOff(io::Error),
}

/// Writes a response into a file that only its owner may read. An existing file is replaced atomically. Calls `came`
/// with the length of each piece.
///
/// # Errors
/// Returns an error if the response ends early or the file cannot be written.
pub async fn into_file(
    mut pieces: impl Stream<Item = io::Result<Bytes>> + Unpin,
    path: &Path,
    mut came: impl FnMut(usize),
) -> Result<(), IntoFileError> {
    let part = path.with_added_extension("part");
    let unwritable = |e: io::Error| IntoFileError::Unwritable(path.display().to_string(), e);
    let written = async {
        // A link of this name, which another person may have placed in the folder, is not followed.
        let _ = fs::remove_file(&part).await;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&part).await.map_err(unwritable)?;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(IntoFileError::BrokenOff)?;
            came(piece.len());
            file.write_all(&piece).await.map_err(unwritable)?;
        }
        file.sync_all().await.map_err(unwritable)?;
        fs::rename(&part, path).await.map_err(unwritable)
    }
    .await;
    if written.is_err() {
        let _ = fs::remove_file(&part).await;
    }
    written
}

/// Returns a request body that streams a file.
pub fn out_of_file(file: fs::File) -> axum::body::Body {
    /// Bytes per read.
    const PIECE: usize = 256 * 1024;
    let pieces = futures_util::stream::try_unfold(file, async |mut file| {
        use tokio::io::AsyncReadExt;
        let mut piece = bytes::BytesMut::with_capacity(PIECE);
        let read = file.read_buf(&mut piece).await?;
        Ok::<_, io::Error>((read > 0).then(|| (piece.freeze(), file)))
    });
    axum::body::Body::from_stream(pieces)
}
