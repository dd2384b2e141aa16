//! Decoding of content codings (RFC 9110 section 8.4.1). Each layer is limited, so decoding nested codings costs no
//! more than a single one.

use std::io::{self, Read};

/// Codings that can be decoded (RFC 9110 section 8.4.1, RFC 7932, RFC 8878).
const KNOWN: &[&str] = &["gzip", "x-gzip", "br", "zstd", "deflate"];

/// Maximum number of codings of one body. Senders use one.
const CODINGS_MAX: usize = 4;

/// Maximum number of gzip members of one layer. Empty members take time and produce no bytes, and a layer of a few
/// kilobytes can contain a million of them. Block-based writers (BGZF) create one member per 64 KiB.
const MEMBERS_MAX: usize = 10_000;

/// Maximum window size for zstd as a content coding: 8 MiB (RFC 9659 section 3).
const ZSTD_WINDOW_LOG: u32 = 23;

/// Magic number of gzip (RFC 1952 section 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

/// Returns true if a coding, in lower case, can be decoded.
pub(crate) fn is_known(coding: &str) -> bool {
    KNOWN.contains(&coding)
}

/// Reason why a body cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Unsupported coding, or too many codings.
    #[error("The content coding {0:?} is not supported.")]
    Unknown(String),
    /// Result, or an intermediate layer, that is larger than the limit.
    #[error("The body decodes to more than {0} bytes.")]
    TooLarge(u64),
    /// Invalid data from which nothing could be decoded.
    #[error("The body is not valid {0}: {1}.")]
    Invalid(String, io::Error),
}

/// Decoded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Decoded bytes.
    pub bytes: Vec<u8>,
    /// Warnings as sentences: a truncated coded body, or bytes after it.
    pub notes: Vec<String>,
}

/// Decodes all codings of a body, the last applied coding first. Every layer is limited to `limit` bytes.
///
/// Data decoded before an error is returned with a note. Bytes after a coded body are skipped with a note.
///
/// # Errors
/// Returns [`DecodeError::Invalid`] if no byte could be decoded.
pub fn decode(body: &[u8], codings: &[String], limit: u64) -> Result<Decoded, DecodeError> {
    undo_all(body, codings, limit, false)
}

/// Decodes all codings of a body like [`decode`], and truncates the result to `limit` bytes.
///
/// # Errors
/// Like [`decode`], but never [`DecodeError::TooLarge`].
pub fn decode_prefix(body: &[u8], codings: &[String], limit: u64) -> Result<Decoded, DecodeError> {
    undo_all(body, codings, limit, true)
}

fn undo_all(body: &[u8], codings: &[String], limit: u64, cut: bool) -> Result<Decoded, DecodeError> {
    let unknown = codings.iter().find(|coding| !is_known(coding));
    if let Some(unknown) = unknown {
        return Err(DecodeError::Unknown(unknown.clone()));
    }
    if codings.len() > CODINGS_MAX {
        return Err(DecodeError::Unknown(codings.join(", ")));
    }
    let mut notes = Vec::new();
    let mut bytes: Option<Vec<u8>> = None;
    for coding in codings.iter().rev() {
        let layer = undo(coding, bytes.as_deref().unwrap_or(body), limit, cut, &mut notes)?;
        bytes = Some(layer);
    }
    Ok(Decoded { bytes: bytes.unwrap_or_else(|| body.to_vec()), notes })
}

/// Size in bytes up to which the result of one coding grows step by step. For a larger result, the maximum is reserved
/// at once: each step would hold the data twice, and reserved but unused memory costs nothing.
const GROWN_MAX: u64 = 1024 * 1024;

/// Decodes one coding.
fn undo(coding: &str, body: &[u8], limit: u64, cut: bool, notes: &mut Vec<String>) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    let mut rest = body;
    // A gzip body may consist of several members (RFC 1952 section 2.2).
    let mut members = 0;
    let ended = loop {
        members += 1;
        let room = limit.saturating_sub(out.len() as u64).saturating_add(1);
        let ended = match coding {
            "gzip" | "x-gzip" => member(flate2::bufread::GzDecoder::new(&mut rest), room, &mut out),
            "br" => member(brotli::Decompressor::new(&mut rest, 4096), room, &mut out),
            "zstd" => zstd::stream::read::Decoder::with_buffer(&mut rest).and_then(|mut zstd| {
                zstd.window_log_max(ZSTD_WINDOW_LOG)?;
                member(zstd, room, &mut out)
            }),
            // "deflate" means zlib, but some senders omit the zlib wrapper (RFC 9110 section 8.4.1.2).
            "deflate" if body.first().is_none_or(|first| first & 0x0f != 8) => {
                member(flate2::bufread::DeflateDecoder::new(&mut rest), room, &mut out)
            }
            _ => member(flate2::bufread::ZlibDecoder::new(&mut rest), room, &mut out),
        };
        let more = coding.ends_with("gzip") && ended.is_ok() && rest.starts_with(GZIP);
        if !more || out.len() as u64 > limit || members >= MEMBERS_MAX {
            break ended;
        }
    };
    if out.len() as u64 > limit {
        if !cut {
            return Err(DecodeError::TooLarge(limit));
        }
        out.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        return Ok(out);
    }
    match ended {
        Ok(()) if rest.is_empty() || coding == "br" => {}
        Ok(()) if members >= MEMBERS_MAX => notes.push(format!(
            "Only the first {MEMBERS_MAX} gzip members were decoded. {} coded bytes were skipped.",
            rest.len()
        )),
        Ok(()) => notes.push(format!("{} bytes after the {coding} body were skipped.", rest.len())),
        Err(error) if out.is_empty() => return Err(DecodeError::Invalid(coding.to_owned(), error)),
        Err(error) => notes.push(format!("The {coding} body is truncated after {} decoded bytes: {error}.", out.len())),
    }
    Ok(out)
}

fn member(decoder: impl Read, room: u64, out: &mut Vec<u8>) -> io::Result<()> {
    let mut decoder = decoder.take(room);
    let small = decoder.by_ref().take(GROWN_MAX).read_to_end(out)? as u64;
    if small == GROWN_MAX {
        out.reserve(usize::try_from(room - small).unwrap_or(usize::MAX));
        decoder.read_to_end(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut coder = write::GzEncoder::new(Vec::new(), Compression::default());
        coder.write_all(bytes).expect("memory is written");
        coder.finish().expect("it ends")
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut coder = write::ZlibEncoder::new(Vec::new(), Compression::default());
        coder.write_all(bytes).expect("memory is written");
        coder.finish().expect("it ends")
    }

    fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
        let mut coder = write::DeflateEncoder::new(Vec::new(), Compression::default());
        coder.write_all(bytes).expect("memory is written");
        coder.finish().expect("it ends")
    }

    fn br(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(bytes).expect("memory is written");
        out
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ::zstd::encode_all(bytes, 3).expect("memory is read")
    }

    fn list(codings: &[&str]) -> Vec<String> {
        codings.iter().map(|coding| (*coding).to_owned()).collect()
    }

    #[test]
    fn decodes_every_coding() {
        let text = "webhook ".repeat(1000).into_bytes();
        let cases = [
            ("gzip", gzip(&text)),
            ("x-gzip", gzip(&text)),
            ("br", br(&text)),
            ("zstd", zstd(&text)),
            ("deflate", zlib(&text)),
            ("deflate", raw_deflate(&text)),
        ];
        for (coding, coded) in cases {
            let decoded = decode(&coded, &list(&[coding]), 1 << 20).expect(coding);
            assert_eq!((decoded.bytes, decoded.notes), (text.clone(), vec![]), "{coding}");
        }
    }

    #[test]
    fn decodes_codings_from_last_to_first() {
        for (coded, codings) in [
            (br(&gzip(b"text")), &["gzip", "br"][..]),
            (gzip(&zlib(b"text")), &["deflate", "gzip"]),
            (gzip(&raw_deflate(b"text")), &["deflate", "gzip"]),
            (gzip(&gzip(b"text")), &["gzip", "gzip"]),
        ] {
            assert_eq!(decode(&coded, &list(codings), 100).expect("valid codings").bytes, b"text", "{codings:?}");
        }
    }

    #[test]
    fn joins_gzip_members() {
        let coded = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(decode(&coded, &list(&["gzip"]), 100).expect("it decodes").bytes, b"one two");
    }

    #[test]
    fn skips_trailing_bytes_with_a_note() {
        for (coding, coded) in [("gzip", gzip(b"text")), ("deflate", zlib(b"text"))] {
            let decoded = decode(&[coded, b"\r\n".to_vec()].concat(), &list(&[coding]), 100).expect("it decodes");
            assert_eq!(decoded.bytes, b"text");
            assert!(decoded.notes[0].starts_with("2 bytes"), "{:?}", decoded.notes);
        }
    }

    #[test]
    fn returns_the_decoded_part_of_a_truncated_body() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let coded = gzip(&text);
        let decoded = decode(&coded[..coded.len() / 2], &list(&["gzip"]), 1 << 20).expect("a decodable part");
        assert!(!decoded.bytes.is_empty() && text.starts_with(&decoded.bytes));
        assert!(decoded.notes[0].contains("truncated"), "{:?}", decoded.notes);
    }

    #[test]
    fn limits_every_layer() {
        let zeros = vec![0u8; 20 << 20];
        let bomb = gzip(&zeros);
        assert!(matches!(decode(&bomb, &list(&["gzip"]), 1 << 20), Err(DecodeError::TooLarge(_))));
        // The intermediate layer is the large one.
        let inner = gzip(&[b'a'; 100]);
        let nested = gzip(&[inner, zeros].concat());
        assert!(matches!(decode(&nested, &list(&["gzip", "gzip"]), 1 << 20), Err(DecodeError::TooLarge(_))));
        // The number of members without content is limited.
        let empty = gzip(b"").repeat(MEMBERS_MAX + 1);
        for (coded, layers) in [(empty.clone(), 1), (gzip(&empty), 2), (gzip(&gzip(&empty)), 3)] {
            let decoded = decode(&coded, &list(&vec!["gzip"; layers]), 1 << 20).expect("it decodes");
            assert!(decoded.bytes.is_empty() && decoded.notes[0].contains("gzip members"), "{:?}", decoded.notes);
        }
        let cut = decode_prefix(&bomb, &list(&["gzip"]), 1000).expect("a truncated result");
        assert_eq!(cut.bytes.len(), 1000);
    }

    #[test]
    fn reports_bodies_that_are_not_coded() {
        let error = decode(b"plain", &list(&["gzip"]), 100).expect_err("not gzip").to_string();
        assert!(error.contains("not valid gzip"), "{error}");
        assert!(decode(b"", &list(&["magic"]), 100).expect_err("unknown").to_string().contains("magic"));
        assert!(decode(b"", &list(&["gzip"; 5]), 100).is_err());
    }
}
