//! Undoes content codings (RFC 9110 §8.4.1). Each layer is bounded, so that a body coded several times costs no more
//! than a body coded once.

use std::io::{self, Read};

/// Codings that can be undone (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
const KNOWN: &[&str] = &["gzip", "x-gzip", "br", "zstd", "deflate"];

/// Most codings of one body; senders use one.
const CODINGS_MAX: usize = 4;

/// Most gzip members of one layer. Empty ones cost time and make no byte, and a layer of some kilobytes can
/// hold a million of them. Writers of blocks (BGZF) make one for each 64 KiB.
const MEMBERS_MAX: usize = 10_000;

/// The largest window that a sender may use as a content coding: 8 MiB (RFC 9659 §3).
const ZSTD_WINDOW_LOG: u32 = 23;

/// What gzip begins with (RFC 1952 §2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

/// Whether a coding, in lower case, can be undone.
pub(crate) fn is_known(coding: &str) -> bool {
    KNOWN.contains(&coding)
}

/// Why a body could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A coding that is not implemented, or too many of them.
    #[error("The content coding {0:?} is not supported.")]
    Unknown(String),
    /// The result, or what is between two codings, is larger than the limit.
    #[error("The body decodes to more than {0} bytes.")]
    TooLarge(u64),
    /// Nothing of it could be decoded.
    #[error("The body is not valid {0}: {1}.")]
    Invalid(String, io::Error),
}

/// A body with its codings undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What is to be said of them, in sentences: that the coded body breaks off, or that other bytes follow it.
    pub notes: Vec<String>,
}

/// Undoes all codings of a body, the last one applied first. Every layer has at most `limit` bytes.
///
/// What was decoded before a fault is given with a note; bytes that follow a coded body are passed over with a note.
///
/// # Errors
/// [`DecodeError::Invalid`] where not one byte could be decoded.
pub fn decode(body: &[u8], codings: &[String], limit: u64) -> Result<Decoded, DecodeError> {
    undo_all(body, codings, limit, false)
}

/// Undoes all codings of a body, as [`decode`] does, up to `limit` bytes: what is larger is cut there.
///
/// # Errors
/// As [`decode`] has, but never [`DecodeError::TooLarge`].
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

/// Result of one coding that grows step by step, in bytes. A larger one gets all the room it may take at once: each step
/// would hold it twice, and room that is not written to takes no memory.
const GROWN_MAX: u64 = 1024 * 1024;

/// Undoes one coding.
fn undo(coding: &str, body: &[u8], limit: u64, cut: bool, notes: &mut Vec<String>) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    let mut rest = body;
    // A gzip body may have several members, one after the other (RFC 1952 §2.2).
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
            // "deflate" means zlib, but some send it without the wrapper (RFC 9110 §8.4.1.2).
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
            "Only the first {MEMBERS_MAX} gzip members are decoded; {} coded bytes follow them.",
            rest.len()
        )),
        Ok(()) => notes.push(format!("{} bytes that are not {coding} follow the coded body.", rest.len())),
        Err(error) if out.is_empty() => return Err(DecodeError::Invalid(coding.to_owned(), error)),
        Err(error) => notes.push(format!("The {coding} body breaks off after {} decoded bytes: {error}.", out.len())),
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
    fn every_coding_is_undone() {
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
    fn codings_are_undone_from_the_last_to_the_first() {
        for (coded, codings) in [
            (br(&gzip(b"text")), &["gzip", "br"][..]),
            (gzip(&zlib(b"text")), &["deflate", "gzip"]),
            (gzip(&raw_deflate(b"text")), &["deflate", "gzip"]),
            (gzip(&gzip(b"text")), &["gzip", "gzip"]),
        ] {
            assert_eq!(decode(&coded, &list(codings), 100).expect("it decodes").bytes, b"text", "{codings:?}");
        }
    }

    #[test]
    fn several_gzip_members_are_one_body() {
        let coded = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(decode(&coded, &list(&["gzip"]), 100).expect("it decodes").bytes, b"one two");
    }

    #[test]
    fn bytes_that_follow_are_passed_over_and_said() {
        for (coding, coded) in [("gzip", gzip(b"text")), ("deflate", zlib(b"text"))] {
            let decoded = decode(&[coded, b"\r\n".to_vec()].concat(), &list(&[coding]), 100).expect("it decodes");
            assert_eq!(decoded.bytes, b"text");
            assert!(decoded.notes[0].starts_with("2 bytes"), "{:?}", decoded.notes);
        }
    }

    #[test]
    fn what_breaks_off_is_given_as_far_as_it_goes() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let coded = gzip(&text);
        let decoded = decode(&coded[..coded.len() / 2], &list(&["gzip"]), 1 << 20).expect("a part decodes");
        assert!(!decoded.bytes.is_empty() && text.starts_with(&decoded.bytes));
        assert!(decoded.notes[0].contains("breaks off"), "{:?}", decoded.notes);
    }

    #[test]
    fn every_layer_is_bounded() {
        let zeros = vec![0u8; 20 << 20];
        let bomb = gzip(&zeros);
        assert!(matches!(decode(&bomb, &list(&["gzip"]), 1 << 20), Err(DecodeError::TooLarge(_))));
        // The layer between is the large one.
        let inner = gzip(&[b'a'; 100]);
        let nested = gzip(&[inner, zeros].concat());
        assert!(matches!(decode(&nested, &list(&["gzip", "gzip"]), 1 << 20), Err(DecodeError::TooLarge(_))));
        // Members without content are bounded by their number.
        let empty = gzip(b"").repeat(MEMBERS_MAX + 1);
        for (coded, layers) in [(empty.clone(), 1), (gzip(&empty), 2), (gzip(&gzip(&empty)), 3)] {
            let decoded = decode(&coded, &list(&vec!["gzip"; layers]), 1 << 20).expect("it decodes");
            assert!(decoded.bytes.is_empty() && decoded.notes[0].contains("gzip members"), "{:?}", decoded.notes);
        }
        let cut = decode_prefix(&bomb, &list(&["gzip"]), 1000).expect("it is cut");
        assert_eq!(cut.bytes.len(), 1000);
    }

    #[test]
    fn what_is_not_coded_is_an_error_that_says_so() {
        let error = decode(b"plain", &list(&["gzip"]), 100).expect_err("not gzip").to_string();
        assert!(error.contains("not valid gzip"), "{error}");
        assert!(decode(b"", &list(&["magic"]), 100).expect_err("unknown").to_string().contains("magic"));
        assert!(decode(b"", &list(&["gzip"; 5]), 100).is_err());
    }
}
