//! Heads that are refused: why, and the answer that says so.
//!
//! hyper answers what it cannot parse with a bare status, and hands nothing on. So each head is looked at as it passes, by
//! the rules hyper goes by, and one that hyper would refuse is kept from it.

use std::{borrow::Cow, net::SocketAddr};

use http::StatusCode;

use super::response::Refusal;
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};

/// Most bytes that are kept of a refused request.
pub(super) const KEPT_MAX: usize = 16 * 1024;

/// A request that was refused before it could be stored.
#[derive(Debug, Clone)]
pub struct Refused {
    /// When, µs since the Unix epoch.
    pub at_us: i64,
    /// Where it came from; none where that is not known.
    pub peer: Option<SocketAddr>,
    /// Number of the inbox it was for, where it had come so far.
    pub inbox: Option<i64>,
    /// The beginning of its target, where the bytes tell.
    pub target: Option<String>,
    /// What the sender was told.
    pub refusal: Refusal,
    /// Its first bytes.
    pub bytes: Vec<u8>,
}

/// Characters that Node, nginx and Apache take in a target and RFC 3986 wants encoded; hyper refuses some of them.
fn is_unencoded(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`' | 0x80..)
}

/// What hyper reads in the place of such a character. No name of an inbox has it.
const STAND_IN: u8 = b'!';

/// Replaces what hyper would refuse in the target of a request line, byte for byte. `begun` is what came before of the
/// line: a method may have characters that a target must not.
pub(super) fn replace_unencoded(begun: &[u8], line: &mut [u8]) {
    let in_target = memchr::memchr(b' ', begun).map(|_| 0).or_else(|| memchr::memchr(b' ', line));
    if let Some(start) = in_target {
        line[start..].iter_mut().filter(|byte| is_unencoded(**byte)).for_each(|byte| *byte = STAND_IN);
    }
}

/// Encodes no ASCII character. Others are always encoded.
const NOT_ASCII: &percent_encoding::AsciiSet = &percent_encoding::AsciiSet::EMPTY;

/// The target of a raw head, as it was sent; bytes that are not UTF-8 are percent-encoded.
pub(super) fn target_of(head: &[u8]) -> Option<String> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let target = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).nth(1)?;
    Some(match std::str::from_utf8(target) {
        Ok(target) => target.to_owned(),
        Err(_) => percent_encoding::percent_encode(target, NOT_ASCII).to_string(),
    })
}

fn refusal(status: StatusCode, code: &'static str, message: impl Into<String>, hint: &str) -> Refusal {
    Refusal { status, code, message: message.into(), hint: hint.into(), header: None }
}

fn bad(code: &'static str, message: impl Into<String>, hint: &str) -> Refusal {
    refusal(StatusCode::BAD_REQUEST, code, message, hint)
}

/// A head that is larger than is allowed.
pub(super) fn too_large() -> Refusal {
    refusal(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "head_too_large",
        format!("The request line and headers have more than {HEAD_BYTES_MAX} bytes."),
        "Send less in headers and target, and more in the body.",
    )
}

/// Whether a head is, or begins, that of HTTP/2 with prior knowledge (RFC 9113 §3.4).
pub(super) fn is_preface(head: &[u8]) -> bool {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0";
    head.starts_with(&PREFACE[..head.len().min(PREFACE.len())])
}

/// A head with its unencoded characters replaced, where it has any.
pub(super) fn cleaned(head: &[u8]) -> Cow<'_, [u8]> {
    let line_end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    if !head[..line_end].iter().any(|byte| is_unencoded(*byte)) {
        return head.into();
    }
    let mut clean = head.to_vec();
    replace_unencoded(&[], &mut clean[..line_end]);
    clean.into()
}

/// What the parser of the head does not take.
pub(super) fn malformed(error: httparse::Error, head: &[u8]) -> Refusal {
    const LINE: &str = "Send a request line of the form: METHOD TARGET HTTP/1.1";
    const HEADER: &str = "Send each header as one line of the form: Name: value";
    if head.starts_with(b"\x16\x03") {
        return bad(
            "tls",
            "The sender speaks TLS (https), and this is a plain HTTP listener.",
            "Use an http:// URL, or a tunnel, which gives the inbox an https:// URL.",
        );
    }
    match error {
        httparse::Error::TooManyHeaders => refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "too_many_headers",
            format!("The request has more than {HEADERS_MAX} headers."),
            "Send fewer headers.",
        ),
        httparse::Error::HeaderName if is_folded(head) => bad(
            "folded_header",
            "A header value is folded over several lines, which RFC 9112 (section 5.2) no longer allows.",
            HEADER,
        ),
        httparse::Error::HeaderName => {
            bad("bad_header", "A header has a name with a character that is not allowed, or no colon.", HEADER)
        }
        httparse::Error::HeaderValue => bad("bad_header", "The value of a header has a control character.", HEADER),
        httparse::Error::NewLine => {
            bad("bad_line_end", "A line of the head ends in a carriage return without a line feed.", HEADER)
        }
        httparse::Error::Version => {
            bad("bad_version", "The request line names a version of HTTP that is not 1.0 or 1.1.", LINE)
        }
        _ => bad(
            "bad_request_line",
            "The request line cannot be parsed: it has a character that is not allowed, or a space in its target.",
            LINE,
        ),
    }
}

fn is_folded(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).any(|at| matches!(head.get(at + 1), Some(b' ' | b'\t')))
}

/// What hyper does not take of a head that parses.
pub(super) fn unreadable(request: &httparse::Request<'_, '_>) -> Option<Refusal> {
    const ENCODE: &str = "Percent-encode what is not allowed in a URL.";
    let target = request.path.unwrap_or_default();
    // Nearly every target is this, and needs no more than a look.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    let usual = target.starts_with('/') && target.len() < 8_000 && target.bytes().all(plain);
    if !usual && let Err(error) = target.parse::<http::Uri>() {
        return Some(match target.len() > usize::from(u16::MAX - 1) {
            true => refusal(
                StatusCode::URI_TOO_LONG,
                "target_too_long",
                "The request target is too long.",
                "Send less in the URL.",
            ),
            false => bad("bad_target", format!("The request target cannot be parsed: {error}."), ENCODE),
        });
    }
    let values = |wanted: &'static str| {
        request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(wanted)).map(|header| header.value)
    };
    let coded = values("transfer-encoding").next().is_some();
    if coded && values("content-length").next().is_some() {
        return Some(Refusal::two_lengths());
    }
    if coded && request.version == Some(0) {
        return Some(bad(
            "bad_transfer_encoding",
            "The request is HTTP/1.0 and has a Transfer-Encoding, which only HTTP/1.1 has.",
            "Send a Content-Length, or use HTTP/1.1.",
        ));
    }
    let last = values("transfer-encoding").next_back().map(|value| value.trim_ascii_end().to_ascii_lowercase());
    if let Some(last) = last.filter(|last| !last.ends_with(b"chunked")) {
        let shown = String::from_utf8_lossy(&last).into_owned();
        return Some(bad(
            "bad_transfer_encoding",
            format!("The Transfer-Encoding is {shown:?}; the last coding must be chunked."),
            "Leave Transfer-Encoding out and send a Content-Length, or send chunks.",
        ));
    }
    let mut length: Option<&[u8]> = None;
    for value in values("content-length") {
        let digits = !value.is_empty() && value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
        if !digits || length.is_some_and(|known| known != value) {
            let shown = String::from_utf8_lossy(value).into_owned();
            return Some(bad(
                "bad_content_length",
                format!("The Content-Length is {shown:?}; one number is allowed."),
                "Send one Content-Length with the number of bytes of the body.",
            ));
        }
        length = Some(value);
    }
    None
}

/// The head of a request that hyper had parsed, as bytes.
pub(super) fn head_bytes(parts: &http::request::Parts) -> Vec<u8> {
    let mut bytes = format!("{} {} {:?}\r\n", parts.method, parts.uri, parts.version).into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        if bytes.len() > KEPT_MAX {
            break;
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

impl Refusal {
    /// The whole response as bytes, after which the connection closes.
    pub(super) fn message(&self) -> Vec<u8> {
        let body = self.text();
        let reason = self.status.canonical_reason().unwrap_or_default();
        format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.status.as_u16(),
            body.len()
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(head: &str) -> Option<&'static str> {
        let mut bytes = head.as_bytes().to_vec();
        crate::wire::head::HeadFramer::new().feed(&mut bytes, |_| ()).map(|refused| refused.refusal.code)
    }

    #[test]
    fn each_fault_has_its_own_reason() {
        for (head, expected) in [
            ("POST /a HTTP/1.1\r\nHost: x\r\n\r\n", None),
            ("POST /a?q=\"<>`&b={|}^ HTTP/1.1\r\n\r\n", None),
            ("POST /ä?q=ö HTTP/1.1\r\n\r\n", None),
            ("PRI * HTTP/2.0\r\n\r\n", None),
            ("PRI", None),
            ("POST /a HTT", None),
            ("POST /a HTTP/1.1\r\nX: a\r\n b\r\n\r\n", Some("folded_header")),
            ("POST /a HTTP/1.1\r\nX Y: a\r\n\r\n", Some("bad_header")),
            ("POST /a HTTP/1.1\r\nX: a\u{1}b\r\n\r\n", Some("bad_header")),
            ("POST /a b HTTP/1.1\r\n\r\n", Some("bad_version")),
            ("POST /a HTTP/3.0\r\n\r\n", Some("bad_version")),
            ("POST\u{0} /a HTTP/1.1\r\n\r\n", Some("bad_request_line")),
            ("\u{16}\u{3}\u{1}", Some("tls")),
            ("POST /a HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", Some("bad_transfer_encoding")),
            ("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Some("bad_transfer_encoding")),
            ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", Some("two_lengths")),
            ("POST /a HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\n", Some("bad_content_length")),
            ("POST /a HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n", None),
            ("POST /a HTTP/1.1\r\nContent-Length: +2\r\n\r\n", Some("bad_content_length")),
        ] {
            assert_eq!(code(head), expected, "{head:?}");
        }
        assert_eq!(
            code(&format!("GET / HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(HEADERS_MAX + 1))),
            Some("too_many_headers")
        );
    }

    #[test]
    fn only_the_target_is_replaced() {
        let replaced = |begun: &str, line: &str| {
            let mut bytes = line.as_bytes().to_vec();
            replace_unencoded(begun.as_bytes(), &mut bytes);
            String::from_utf8(bytes).expect("ASCII")
        };
        assert_eq!(replaced("", "A`B /<\"é> HTTP/1.1"), "A`B /!!!!! HTTP/1.1");
        assert_eq!(replaced("A`B /", "<x HTTP/1.1"), "!x HTTP/1.1");
        assert_eq!(replaced("A", "`B"), "`B");
    }

    #[test]
    fn a_target_is_had_as_it_was_sent() {
        assert_eq!(target_of(b"POST /a?\"<\xc3\xa9 HTTP/1.1\r\n").as_deref(), Some("/a?\"<é"));
        assert_eq!(target_of(b"POST /a\xfc HTTP/1.1\r\n").as_deref(), Some("/a%FC"));
        assert_eq!(target_of(b"POST"), None);
    }
}
