//! Undoing content codings, with a cap against bombs.

use std::{io::Cursor, pin::Pin};

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, BufReader};

/// Codings that can be undone (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
pub(super) const KNOWN: &[&str] = &["gzip", "x-gzip", "br", "zstd", "deflate"];

/// Most codings in a row; senders use one.
const CODINGS_MAX: usize = 4;

/// Why a body could not be decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("The coding {0:?} is not known.")]
    Unknown(String),
    #[error("The body decodes to more than {0} bytes.")]
    TooLarge(u64),
    #[error("The body is not valid {0}: {1}.")]
    Invalid(String, std::io::Error),
}

type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// The body with all codings undone, at most `most` bytes.
pub(crate) async fn decode(body: Vec<u8>, codings: &[String], most: u64) -> Result<Vec<u8>, DecodeError> {
    let mut decoded = Vec::new();
    let read = undone(body, codings)?.take(most + 1).read_to_end(&mut decoded).await;
    read.map_err(|e| DecodeError::Invalid(codings.join(", "), e))?;
    if decoded.len() as u64 > most {
        return Err(DecodeError::TooLarge(most));
    }
    Ok(decoded)
}

/// As [`decode`], but what came before a fault or the limit is there to be found; none if nothing did.
pub(crate) async fn decode_upto(body: Vec<u8>, codings: &[String], most: u64) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let whole = undone(body, codings).ok()?.take(most).read_to_end(&mut decoded).await;
    (whole.is_ok() || !decoded.is_empty()).then_some(decoded)
}

/// Reads a body with all codings undone: the last one applied is the first undone.
fn undone(body: Vec<u8>, codings: &[String]) -> Result<Reader, DecodeError> {
    if codings.len() > CODINGS_MAX {
        return Err(DecodeError::Unknown(codings.join(", ")));
    }
    let raw_deflate = body.first().is_none_or(|first| first & 0x0f != 8);
    let start: Reader = Box::pin(Cursor::new(body));
    codings.iter().rev().try_fold(start, |reader, coding| undo(coding, BufReader::new(reader), raw_deflate))
}

fn undo(coding: &str, reader: impl AsyncBufRead + Send + 'static, raw_deflate: bool) -> Result<Reader, DecodeError> {
    Ok(match coding {
        "gzip" | "x-gzip" => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
        "br" => Box::pin(BrotliDecoder::new(reader)),
        "zstd" => Box::pin(ZstdDecoder::new(reader)),
        // "deflate" means zlib, but some send it without the wrapper (RFC 9110 §8.4.1.2).
        "deflate" if raw_deflate => Box::pin(DeflateDecoder::new(reader)),
        "deflate" => Box::pin(ZlibDecoder::new(reader)),
        other => return Err(DecodeError::Unknown(other.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use async_compression::tokio::bufread::{BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};

    use super::*;

    async fn read(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.expect("memory is read");
        bytes
    }

    #[tokio::test]
    async fn every_coding_is_undone() {
        let text = "webhook ".repeat(1000).into_bytes();
        let cases = [
            ("gzip", read(GzipEncoder::new(&text[..])).await),
            ("br", read(BrotliEncoder::new(&text[..])).await),
            ("zstd", read(ZstdEncoder::new(&text[..])).await),
            ("deflate", read(ZlibEncoder::new(&text[..])).await),
            ("deflate", read(DeflateEncoder::new(&text[..])).await),
        ];
        for (coding, coded) in cases {
            assert_eq!(decode(coded, &[coding.into()], 1 << 20).await.expect(coding), text, "{coding}");
        }
        let twice = read(BrotliEncoder::new(&read(GzipEncoder::new(&text[..])).await[..])).await;
        assert_eq!(decode(twice, &["gzip".into(), "br".into()], 1 << 20).await.expect("both"), text);
    }

    #[tokio::test]
    async fn a_bomb_stops_at_the_cap() {
        let bomb = read(GzipEncoder::new(&vec![0u8; 20 << 20][..])).await;
        assert!(bomb.len() < 100_000);
        assert!(matches!(decode(bomb, &["gzip".into()], 1 << 20).await, Err(DecodeError::TooLarge(_))));
    }

    #[tokio::test]
    async fn what_is_not_coded_is_an_error_that_says_so() {
        let error = decode(b"plain".to_vec(), &["gzip".into()], 100).await.expect_err("not gzip").to_string();
        assert!(error.contains("not valid gzip"), "{error}");
    }
}
