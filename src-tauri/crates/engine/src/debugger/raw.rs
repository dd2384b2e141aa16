//! Parser for a pasted raw HTTP message.

use hookbench_signature::Message;

use super::{DebuggerError, fail};

/// Maximum number of headers in a pasted message.
const HEADERS_MAX: usize = 256;

/// A parsed raw HTTP message.
#[derive(Debug)]
pub struct Raw<'a> {
    method: &'a str,
    target: &'a str,
    url: Option<&'a str>,
    headers: Vec<(&'a str, &'a [u8])>,
    body: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Parses a message. Lines may end in LF alone, the target may be an absolute URL, and everything after the blank
    /// line is the body.
    ///
    /// # Errors
    /// Returns an error if the request line or a header is invalid, or if the blank line is missing.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DebuggerError> {
        let mut slots = vec![httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut slots);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => {
                return fail(
                    "The message has no blank line after its headers. Paste a request line, headers and a blank line.",
                );
            }
            Err(error) => return fail(format!("The message is not a valid HTTP request: {error}.")),
        };
        let target = request.path.unwrap_or("/");
        let (url, path) = match target.split_once("://") {
            Some((_, rest)) => (Some(target), rest.find('/').map_or("/", |at| &rest[at..])),
            None => (None, target),
        };
        Ok(Self {
            method: request.method.unwrap_or("POST"),
            target: path,
            url,
            headers: request.headers.iter().map(|header| (header.name, header.value)).collect(),
            body: &bytes[head..],
        })
    }

    /// Returns the message. `url`, the URL as registered, replaces the URL of the request line.
    pub fn message<'m>(&'m self, url: Option<&'m str>) -> Message<'m> {
        Message {
            method: self.method,
            target: self.target,
            url: url.or(self.url),
            headers: &self.headers,
            body: self.body,
        }
    }
}

/// Replaces each line fold of a header by a space (RFC 9112 section 5.2). Pasted messages may contain line folds.
pub(super) fn unfolded(bytes: Vec<u8>) -> Vec<u8> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let head = lines.take_while(|line| !line.trim_ascii().is_empty());
    let (head, rest) = bytes.split_at(head.map(<[u8]>::len).sum());
    if !head.windows(2).any(|pair| pair[0] == b'\n' && matches!(pair[1], b' ' | b'\t')) {
        return bytes;
    }
    let mut whole: Vec<u8> = Vec::with_capacity(bytes.len());
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            whole.truncate(whole.trim_ascii_end().len());
            whole.push(b' ');
            whole.extend_from_slice(line.trim_ascii_start());
        } else {
            whole.extend_from_slice(line);
        }
    }
    whole.extend_from_slice(rest);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_hand_written_message() {
        let raw = Raw::parse(b"POST https://a.example/x?y=1 HTTP/1.1\nX-A: 1\n\nbody\n\nmore").expect("a message");
        assert_eq!((raw.method, raw.target, raw.url), ("POST", "/x?y=1", Some("https://a.example/x?y=1")));
        assert_eq!(raw.body, b"body\n\nmore");
        for bad in [&b"POST / HTTP/1.1\nX: 1"[..], b"nonsense", b"", b"\xff\xfe\n\n"] {
            assert!(Raw::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn replaces_line_folds_only_in_headers() {
        for (folded, whole) in [
            ("POST / HTTP/1.1\r\nX: a\r\n  b\r\n\tc\r\n\r\n x\n y", "POST / HTTP/1.1\r\nX: a b c\r\n\r\n x\n y"),
            ("POST / HTTP/1.1\nX: a\n b\n\nx\n\n y", "POST / HTTP/1.1\nX: a b\n\nx\n\n y"),
            ("POST / HTTP/1.1\r\nX: a\r\n\r\n x", "POST / HTTP/1.1\r\nX: a\r\n\r\n x"),
            ("", ""),
            ("\n ", "\n "),
        ] {
            assert_eq!(String::from_utf8_lossy(&unfolded(folded.into())), whole);
        }
    }
}
