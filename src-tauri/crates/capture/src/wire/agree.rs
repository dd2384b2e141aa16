//! Use of the raw request head, if it matches the request that hyper parsed.

use hookbench_model::{HeaderNames, HttpVersion};
use http::{HeaderMap, header, request::Parts};

use super::refused::target_of;
use crate::message::header_list;

/// A request head in the form in which it is stored.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) target: String,
    pub(super) headers: Vec<u8>,
    pub(super) names: HeaderNames,
    pub(super) version: HttpVersion,
}

/// Returns target and headers from the raw head if it matches the parsed request, otherwise from the parsed request.
pub(super) fn head(parts: &Parts, raw: Option<Vec<u8>>) -> Head {
    let version = match parts.version {
        http::Version::HTTP_10 => HttpVersion::Http10,
        http::Version::HTTP_2 => HttpVersion::Http2,
        _ => HttpVersion::Http11,
    };
    if let Some((target, headers)) = raw.and_then(|raw| original(parts, raw)) {
        return Head { target, headers, names: HeaderNames::Exact, version };
    }
    let names = if version == HttpVersion::Http2 { HeaderNames::Lowercase } else { HeaderNames::Normalized };
    let target = match version {
        HttpVersion::Http2 => parts.uri.path_and_query().map_or_else(|| "*".into(), ToString::to_string),
        _ => parts.uri.to_string(),
    };
    Head { target, headers: header_block(parts), names, version }
}

/// Returns target and header block of a raw head, if it matches the parsed request.
fn original(parts: &Parts, mut raw: Vec<u8>) -> Option<(String, Vec<u8>)> {
    let line_end = memchr::memchr(b'\n', &raw)?;
    let line = &raw[..line_end];
    let method = line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?;
    if method != parts.method.as_str().as_bytes() {
        return None;
    }
    let target = target_of(line)?;
    // The blank line at the end is not part of the header block.
    let end = raw.strip_suffix(b"\r\n").or_else(|| raw.strip_suffix(b"\n"))?.len();
    raw.truncate(end);
    raw.drain(..=line_end);
    agrees(&parts.headers, &raw).then_some((target, raw))
}

fn agrees(parsed: &HeaderMap, raw: &[u8]) -> bool {
    let mut count = 0;
    let mut repeats: Vec<(&[u8], usize)> = Vec::new();
    for (name, value) in header_list(raw) {
        let Ok(key) = header::HeaderName::from_bytes(name) else { return false };
        // hyper removes repeated Content-Length headers, and all of them if there is a Transfer-Encoding.
        if key == header::CONTENT_LENGTH {
            continue;
        }
        count += 1;
        let mut values = parsed.get_all(&key).iter();
        let first = values.next();
        let expected = if values.next().is_none() {
            first
        } else {
            let nth = repeats.iter().filter(|(seen, _)| seen.eq_ignore_ascii_case(name)).count();
            repeats.push((name, nth));
            parsed.get_all(&key).iter().nth(nth)
        };
        if expected.is_none_or(|expected| expected.as_bytes() != value) {
            return false;
        }
    }
    let lengths = parsed.get_all(header::CONTENT_LENGTH).iter().count();
    count == parsed.len() - lengths
}

fn header_block(parts: &Parts) -> Vec<u8> {
    let mut block = Vec::with_capacity(512);
    let mut line = |name: &[u8], value: &[u8]| {
        block.extend_from_slice(name);
        block.extend_from_slice(b": ");
        block.extend_from_slice(value);
        block.extend_from_slice(b"\r\n");
    };
    // HTTP/2 sends the host in `:authority` (RFC 9113 §8.3.1).
    if let (http::Version::HTTP_2, Some(authority), false) =
        (parts.version, parts.uri.authority(), parts.headers.contains_key(header::HOST))
    {
        line(b"host", authority.as_str().as_bytes());
    }
    for (name, value) in &parts.headers {
        line(name.as_str().as_bytes(), value.as_bytes());
    }
    block
}

/// Returns trailers as a header block. hyper does not keep the spelling of trailer names.
pub(super) fn trailer_block(trailers: &HeaderMap) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in trailers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::post("/shop?a=1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("build a request").into_parts().0
    }

    #[test]
    fn keeps_spelling_and_order_of_a_matching_head() {
        let raw = b"POST /shop?a=%31 HTTP/1.1\r\nX-B: 1\r\nHoSt: x\r\nx-b:  2 \r\n\r\n".to_vec();
        let head = head(&parts(&[("x-b", "1"), ("x-b", "2"), ("host", "x")]), Some(raw));
        assert_eq!(head.names, HeaderNames::Exact);
        assert_eq!(head.target, "/shop?a=%31");
        assert_eq!(head.headers, b"X-B: 1\r\nHoSt: x\r\nx-b:  2 \r\n");
    }

    #[test]
    fn ignores_the_raw_head_of_another_request() {
        for raw in [
            "GET /shop HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /shop HTTP/1.1\r\nHost: y\r\n\r\n",
            "POST /shop HTTP/1.1\r\nHost: x\r\nExtra: 1\r\n\r\n",
            "POST /shop HTTP/1.1\r\n\r\n",
        ] {
            let head = head(&parts(&[("host", "x")]), Some(raw.into()));
            assert_eq!(head.names, HeaderNames::Normalized, "{raw}");
            assert_eq!(head.headers, b"host: x\r\n");
        }
    }
}
