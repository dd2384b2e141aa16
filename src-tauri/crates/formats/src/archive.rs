//! Hookbench's own archive: a ZIP file with `hookbench.json`, which says what it is, and `requests.jsonl`.

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

/// What says what it is, and the requests.
const MANIFEST: &str = "hookbench.json";
const REQUESTS: &str = "requests.jsonl";

/// Version of the layout.
const LAYOUT: u32 = 1;

/// Largest manifest, in bytes; it is one line.
const MANIFEST_MAX: u64 = 64 * 1024;

/// Most that an archive may unpack to, in bytes: ten times what is kept by default.
const UNPACKED_MAX: u64 = 100_000_000_000;

/// Above this many bytes an archive must not unpack to more than [`RATIO_MAX`] times its size: a
/// million webhooks of one kind came to 25, deflate's own end is 1,032.
const RATIO_FROM: u64 = 64 * 1024 * 1024;
const RATIO_MAX: u64 = 500;

#[derive(Serialize, Deserialize)]
struct Manifest {
    layout: u32,
    made_by: String,
}

/// What was written and is to go out.
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

/// An archive on its way into a stream.
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
        // Its size is not known before its end; more than 4 GiB are possible.
        zip.start_file(REQUESTS, options.large_file(true)).map_err(|e| e.to_string())?;
        Ok(Self { zip, outgoing })
    }

    /// Adds a request; gives what is ready to go out.
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
    let mut zip =
        ZipArchive::new(BufReader::new(file)).map_err(|e| whole(format!("it does not read, or is not whole: {e}")))?;
    for name in zip.file_names() {
        let name = name.map_err(|e| whole(e.to_string()))?;
        if name != MANIFEST && name != REQUESTS {
            return Err(whole(format!("it has a file {name:?}, which no archive of Hookbench has")));
        }
    }
    let mut manifest = Vec::new();
    zip.by_name(MANIFEST)
        .map_err(|e| match e {
            ZipError::FileNotFound => whole(format!("it has no {MANIFEST}, so Hookbench did not make it")),
            e => whole(format!("its {MANIFEST} does not read: {e}")),
        })?
        .take(MANIFEST_MAX)
        .read_to_end(&mut manifest)
        .map_err(|e| whole(e.to_string()))?;
    let Manifest { layout, made_by } =
        serde_json::from_slice(&manifest).map_err(|e| whole(format!("its {MANIFEST} does not read: {e}")))?;
    if layout > LAYOUT {
        return Err(whole(format!("{made_by} made it in a newer layout ({layout}); update Hookbench to import it")));
    }
    let length = file.metadata().map_err(|e| whole(e.to_string()))?.len();
    let requests = zip.by_name(REQUESTS).map_err(|_| whole(format!("it has no {REQUESTS}")))?;
    // The directory's own word for its size may be a lie; the file's length is not.
    let packed = requests.compressed_size().min(length);
    jsonl::read(&mut BufReader::new(Unpacked { inner: requests, packed, read: 0 }), take)
}

/// What comes out of an archive, within bounds.
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
                "it unpacks to more than {RATIO_MAX} times its size or {UNPACKED_MAX} bytes, as no true archive does"
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
    fn only_a_whole_archive_of_ours_is_read() {
        assert_eq!(read_all(&zip(&[GOOD, (REQUESTS, b"{\"method\":\"PUT\",\"target\":\"/\"}\n{}\n")])), Ok(1));
        for (files, why) in [
            (&[GOOD, (REQUESTS, &b""[..]), ("../../etc/passwd", b"x")][..], "etc/passwd"),
            (&[(REQUESTS, b"")], "did not make it"),
            (&[GOOD], "requests.jsonl"),
            (&[(MANIFEST, br#"{"layout":2,"made_by":"Hookbench 9"}"#), (REQUESTS, b"")], "newer layout"),
            (&[(MANIFEST, b"[]"), (REQUESTS, b"")], "does not read"),
        ] {
            let error = read_all(&zip(files)).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
        let cut = zip(&[GOOD, (REQUESTS, &b"{}\n".repeat(1_000))]);
        cut.set_len(200).expect("it is cut");
        assert!(read_all(&cut).expect_err("it is cut").contains("not whole"));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let line = [b" ".repeat(1 << 20), b"{}\n".to_vec()].concat();
        let bomb = zip(&[GOOD, (REQUESTS, &line.repeat(80))]);
        assert!(read_all(&bomb).expect_err("it is refused").contains("times its size"));
    }
}
