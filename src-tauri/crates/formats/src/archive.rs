//! Hookbench archive: a ZIP file with the manifest `hookbench.json` and the requests in `requests.jsonl`.

use std::{
    io::{self, BufReader, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use zip::{
    CompressionMethod, ZipArchive, ZipWriter,
    result::ZipError,
    write::{SimpleFileOptions, StreamWriter},
};

use super::{ImportError, Record, Take, jsonl};

/// File name of the manifest.
const MANIFEST: &str = "hookbench.json";
/// File name of the manifest in archives of earlier releases.
const OLD_MANIFEST: &str = "hookline.json";
/// File name of the requests.
const REQUESTS: &str = "requests.jsonl";

/// Version of the layout.
const LAYOUT: u32 = 1;

/// Maximum size of the manifest, in bytes.
const MANIFEST_MAX: u64 = 64 * 1024;

/// Maximum unpacked size of an archive, in bytes: ten times the default storage limit.
const UNPACKED_MAX: u64 = 100_000_000_000;

/// Unpacked size above which [`RATIO_MAX`] applies, in bytes.
const RATIO_FROM: u64 = 64 * 1024 * 1024;
/// Maximum compression ratio. A million similar webhooks have a ratio of 25; the limit of deflate is 1,032.
const RATIO_MAX: u64 = 500;

#[derive(Serialize, Deserialize)]
struct Manifest {
    layout: u32,
    made_by: String,
}

/// Buffer of written bytes that the caller has not taken yet.
#[derive(Debug, Clone, Default)]
struct Outgoing(Arc<Mutex<Vec<u8>>>);

impl Outgoing {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writer of an archive into a stream.
#[derive(Debug)]
pub(super) struct Writer {
    zip: ZipWriter<StreamWriter<Outgoing>>,
    outgoing: Outgoing,
}

impl Writer {
    pub(super) fn begin() -> Result<Self, String> {
        let outgoing = Outgoing::default();
        let mut zip = ZipWriter::new_stream(outgoing.clone());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        let manifest = Manifest { layout: LAYOUT, made_by: format!("Hookbench {}", env!("CARGO_PKG_VERSION")) };
        zip.start_file(MANIFEST, options).map_err(|e| e.to_string())?;
        zip.write_all(&serde_json::to_vec(&manifest).map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
        // The size is unknown until the end and can exceed 4 GiB.
        zip.start_file(REQUESTS, options.large_file(true)).map_err(|e| e.to_string())?;
        Ok(Self { zip, outgoing })
    }

    /// Adds a request and returns the bytes that are ready.
    pub(super) fn request(&mut self, record: &Record) -> Result<Vec<u8>, String> {
        self.zip.write_all(&jsonl::line(record)?).map_err(|e| e.to_string())?;
        Ok(self.outgoing.take())
    }

    pub(super) fn end(self) -> Result<Vec<u8>, String> {
        self.zip.finish().map_err(|e| e.to_string())?;
        Ok(self.outgoing.take())
    }
}

/// Reads the requests of an archive.
pub(super) fn read(file: &std::fs::File, take: Take<'_>) -> Result<(), ImportError> {
    let whole = |why: String| ImportError::new("the archive", why);
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| whole(format!("invalid or incomplete: {e}")))?;
    let old = zip.file_names().any(|name| name.is_ok_and(|name| name == OLD_MANIFEST));
    let manifest_name = if old { OLD_MANIFEST } else { MANIFEST };
    for name in zip.file_names() {
        let name = name.map_err(|e| whole(e.to_string()))?;
        if name != manifest_name && name != REQUESTS {
            return Err(whole(format!("unexpected file {name:?}, so this is not an archive of Hookbench")));
        }
    }
    let mut manifest = Vec::new();
    zip.by_name(manifest_name)
        .map_err(|e| match e {
            ZipError::FileNotFound => whole(format!("no {MANIFEST}, so this is not an archive of Hookbench")),
            e => whole(format!("{MANIFEST} cannot be read: {e}")),
        })?
        .take(MANIFEST_MAX)
        .read_to_end(&mut manifest)
        .map_err(|e| whole(e.to_string()))?;
    let Manifest { layout, made_by } =
        serde_json::from_slice(&manifest).map_err(|e| whole(format!("{MANIFEST} cannot be parsed: {e}")))?;
    if layout > LAYOUT {
        return Err(whole(format!("written by {made_by} in a newer layout ({layout}). Update Hookbench to import it")));
    }
    let length = file.metadata().map_err(|e| whole(e.to_string()))?.len();
    let requests = zip.by_name(REQUESTS).map_err(|_| whole(format!("no {REQUESTS}")))?;
    // The size in the ZIP directory may be forged, so the length of the file is the upper limit.
    let packed = requests.compressed_size().min(length);
    jsonl::read(&mut BufReader::new(Unpacked { inner: requests, packed, read: 0 }), take)
}

/// Reader of unpacked bytes that enforces the limits.
struct Unpacked<R> {
    inner: R,
    packed: u64,
    read: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.read += read as u64;
        if self.read > UNPACKED_MAX || self.read > RATIO_FROM && self.read / RATIO_MAX > self.packed {
            return Err(io::Error::other(format!(
                "the unpacked data is too large: more than {RATIO_MAX} times its size or {UNPACKED_MAX} bytes"
            )));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn zip(files: &[(&str, &[u8])]) -> std::fs::File {
        let file = tempfile::tempfile().expect("a file");
        let mut zip = ZipWriter::new(file);
        for (name, content) in files {
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
            zip.start_file(*name, options).expect("a name");
            zip.write_all(content).expect("it is written");
        }
        zip.finish().expect("a whole file")
    }

    fn read_all(file: &std::fs::File) -> Result<usize, String> {
        let mut count = 0;
        read(file, &mut |_, entry| {
            count += usize::from(entry.is_ok());
            ControlFlow::Continue(())
        })
        .map(|()| count)
        .map_err(|bad| bad.why)
    }

    const GOOD: (&str, &[u8]) = (MANIFEST, br#"{"layout":1,"made_by":"a test"}"#);

    #[test]
    fn rejects_foreign_and_incomplete_archives() {
        assert_eq!(read_all(&zip(&[GOOD, (REQUESTS, b"{\"method\":\"PUT\",\"target\":\"/\"}\n{}\n")])), Ok(1));
        for (files, why) in [
            (&[GOOD, (REQUESTS, &b""[..]), ("../../etc/passwd", b"x")][..], "etc/passwd"),
            (&[(REQUESTS, b"")], "not an archive of Hookbench"),
            (&[GOOD], "requests.jsonl"),
            (&[(MANIFEST, br#"{"layout":2,"made_by":"Hookbench 9"}"#), (REQUESTS, b"")], "newer layout"),
            (&[(MANIFEST, b"[]"), (REQUESTS, b"")], "cannot be parsed"),
        ] {
            let error = read_all(&zip(files)).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
        let cut = zip(&[GOOD, (REQUESTS, &b"{}\n".repeat(1_000))]);
        cut.set_len(200).expect("it is cut");
        assert!(read_all(&cut).expect_err("it is cut").contains("incomplete"));
    }

    #[test]
    fn rejects_zip_bombs() {
        let line = [b" ".repeat(1 << 20), b"{}\n".to_vec()].concat();
        let bomb = zip(&[GOOD, (REQUESTS, &line.repeat(80))]);
        assert!(read_all(&bomb).expect_err("it is refused").contains("times its size"));
    }
}
