//! Rejected request heads: the reasons and the error responses.
//!
//! hyper responds to an invalid head with a bare status and does not report the head. Each head is therefore checked by
//! the rules of hyper first, and a head that hyper would reject is not passed to hyper.

use std::{borrow::Cow, net::SocketAddr};

use http::StatusCode;

use super::response::Refusal;
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};

/// Maximum number of bytes that are reported of a rejected request.
pub(super) const KEPT_MAX: usize = 16 * 1024;

/// A request that was rejected before it was stored.
#[derive(Debug, Clone)]
pub struct RejectedRequest {
    /// Time of the rejection, in µs since the Unix epoch.
    pub at_us: i64,
    /// Remote address, if known.
    pub remote_address: Option<SocketAddr>,
    /// Number of the inbox, if the request had been assigned to one.
    pub inbox: Option<i64>,
    /// Request target, if the request line contains one.
    pub target: Option<String>,
    /// Error that was sent to the sender.
    pub refusal: Refusal,
    /// First bytes of the request.
    pub bytes: Vec<u8>,
}

/// Returns true for characters that RFC 3986 requires to be encoded in a target, but that Node, nginx and Apache
/// accept. hyper rejects some of them.
fn is_unencoded(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`' | 0x80..)
}

/// Character that replaces an unencoded character for hyper. Inbox names never contain this character.
const STAND_IN: u8 = b'!';

/// Replaces the unencoded characters in the target of a request line, byte for byte. `begun` is the earlier part of the
/// line: only the target is changed, because a method may contain such characters.
pub(super) fn replace_unencoded(begun: &[u8], line: &mut [u8]) {
    let in_target = memchr::memchr(b' ', begun).map(|_| 0).or_else(|| memchr::memchr(b' ', line));
    if let Some(start) = in_target {
        line[start..].iter_mut().filter(|byte| is_unencoded(**byte)).for_each(|byte| *byte = STAND_IN);
    }
}

/// Set of ASCII characters to encode: none. Non-ASCII bytes are always encoded.
const NOT_ASCII: &percent_encoding::AsciiSet = &percent_encoding::AsciiSet::EMPTY;

/// Returns the target of a raw head as it was sent. A target that is not UTF-8 is percent-encoded.
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

/// Returns the error for a head that is too large.
pub(super) fn too_large() -> Refusal {
    refusal(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "head_too_large",
        format!("The request line and headers are larger than {HEAD_BYTES_MAX} bytes."),
        "Shorten the URL or the headers, or move data to the body.",
    )
}

/// Returns true if `head` is the HTTP/2 connection preface or the beginning of it (RFC 9113 §3.4).
pub(super) fn is_preface(head: &[u8]) -> bool {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0";
    head.starts_with(&PREFACE[..head.len().min(PREFACE.len())])
}

/// Returns the head with the unencoded characters of its target replaced.
pub(super) fn cleaned(head: &[u8]) -> Cow<'_, [u8]> {
    let line_end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    if !head[..line_end].iter().any(|byte| is_unencoded(*byte)) {
        return head.into();
    }
    let mut clean = head.to_vec();
    replace_unencoded(&[], &mut clean[..line_end]);
    clean.into()
}

/// Returns the error for a head that cannot be parsed.
pub(super) fn malformed(error: httparse::Error, head: &[u8]) -> Refusal {
    const LINE: &str = "Send a request line of the form: METHOD TARGET HTTP/1.1";
    const HEADER: &str = "Send each header as one line of the form: Name: value";
    if head.starts_with(b"\x16\x03") {
        return bad(
            "tls",
            "The sender uses TLS (https), but this listener accepts plain HTTP only.",
            "Use an http:// URL, or open a tunnel to get an https:// URL for the inbox.",
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
            "A header value is folded over several lines, which RFC 9112 (section 5.2) does not allow.",
            HEADER,
        ),
        httparse::Error::HeaderName => {
            bad("bad_header", "A header name contains an invalid character, or a header line has no colon.", HEADER)
        }
        httparse::Error::HeaderValue => bad("bad_header", "A header value contains a control character.", HEADER),
        httparse::Error::NewLine => {
            bad("bad_line_end", "A line of the request head ends with a carriage return without a line feed.", HEADER)
        }
        httparse::Error::Version => {
            bad("bad_version", "The HTTP version in the request line must be 1.0 or 1.1.", LINE)
        }
        _ => bad(
            "bad_request_line",
            "The request line cannot be parsed: it contains an invalid character, or a space in the target.",
            LINE,
        ),
    }
}

fn is_folded(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).any(|at| matches!(head.get(at + 1), Some(b' ' | b'\t')))
}

/// Returns the error for a head that can be parsed, but that hyper rejects.
pub(super) fn unreadable(request: &httparse::Request<'_, '_>) -> Option<Refusal> {
    const ENCODE: &str = "Percent-encode the characters that are not allowed in a URL.";
    let target = request.path.unwrap_or_default();
    // Nearly all targets pass this cheap check and need no full parse.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    let usual = target.starts_with('/') && target.len() < 8_000 && target.bytes().all(plain);
    if !usual && let Err(error) = target.parse::<http::Uri>() {
        return Some(match target.len() > usize::from(u16::MAX - 1) {
            true => refusal(
                StatusCode::URI_TOO_LONG,
                "target_too_long",
                "The request target is longer than 65534 bytes.",
                "Shorten the URL.",
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
            "An HTTP/1.0 request must not have a Transfer-Encoding header.",
            "Send a Content-Length, or use HTTP/1.1.",
        ));
    }
    let last = values("transfer-encoding").next_back().map(|value| value.trim_ascii_end().to_ascii_lowercase());
    if let Some(last) = last.filter(|last| !last.ends_with(b"chunked")) {
        let shown = String::from_utf8_lossy(&last).into_owned();
        return Some(bad(
            "bad_transfer_encoding",
            format!("The last coding in Transfer-Encoding must be chunked (got {shown:?})."),
            "Remove Transfer-Encoding and send a Content-Length, or use chunked encoding.",
        ));
    }
    let mut length: Option<&[u8]> = None;
    for value in values("content-length") {
        let digits = !value.is_empty() && value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
        if !digits || length.is_some_and(|known| known != value) {
            let shown = String::from_utf8_lossy(value).into_owned();
            return Some(bad(
                "bad_content_length",
                format!("Content-Length must be a single number (got {shown:?})."),
                "Send one Content-Length header with the size of the body in bytes.",
            ));
        }
        length = Some(value);
    }
    None
}

/// Returns the head of a request as bytes, rebuilt from hyper's parsed parts.
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
    /// Returns the complete HTTP/1.1 response, which announces that the connection closes.
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
    fn reports_the_reason_of_each_invalid_head() {
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
    fn replaces_characters_only_in_the_target() {
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
    fn returns_the_target_as_sent() {
        assert_eq!(target_of(b"POST /a?\"<\xc3\xa9 HTTP/1.1\r\n").as_deref(), Some("/a?\"<é"));
        assert_eq!(target_of(b"POST /a\xfc HTTP/1.1\r\n").as_deref(), Some("/a%FC"));
        assert_eq!(target_of(b"POST"), None);
    }
}
