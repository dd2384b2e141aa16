//! A body inside something else: base64, a JSON string, chunk framing, lines of its own.

use base64::Engine as _;

use super::body::{Rewrite, is_json};
use crate::encoding::{BASE64, BASE64URL};

pub(super) const WRAPPINGS: &[(&str, &str, u32, Rewrite)] = &[
    ("body_base64", "the body is still base64 text: decoded, it matches", 1, from_base64),
    ("body_json_string", "the body was encoded as a JSON string: decoded once, it matches", 1, |b| {
        let text = b.trim_ascii();
        text.starts_with(b"\"").then(|| serde_json::from_slice::<String>(text).ok()).flatten().map(String::into_bytes)
    }),
    ("body_chunked", "the framing of chunks was left in the body: without it, the body matches", 1, without_chunks),
    ("body_event_crlf", "the body was changed after signing: the CRLF after each event was lost", 2, |b| {
        event_lines(b, "\r\n")
    }),
    ("body_event_lf", "the body was changed after signing: the line break after each event was lost", 5, |b| {
        event_lines(b, "\n")
    }),
    (
        "body_php_empty",
        "the body was changed after signing: with {} in the place of each [] it matches, as PHP writes an empty object as []",
        4,
        |b| is_json(b).then(|| replaced_outside_strings(b, b"[]", b"{}")).flatten(),
    ),
    ("body_json_string_lost", "the sender signed the body as a JSON string, and sent what is in it", 5, |b| {
        let text = std::str::from_utf8(b).ok().filter(|text| !text.is_empty())?;
        serde_json::to_vec(text).ok()
    }),
];

/// Whose body hides in which wrapping, as advice.
pub(super) fn advice(code: &str) -> &'static str {
    match code {
        "body_base64" => {
            "Decode the body before verifying it: API Gateway, Lambda and Vercel hand it over as base64 text, and set isBase64Encoded."
        }
        "body_json_string" => "Send or verify the text itself, not a JSON string of it.",
        "body_chunked" => "Let an HTTP library read the message, or save it with the chunks put together.",
        "body_json_string_lost" => "Sign the bytes that are sent.",
        _ => super::change::BODY_ADVICE,
    }
}

fn from_base64(body: &[u8]) -> Option<Vec<u8>> {
    let text = body.trim_ascii();
    let packed: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let coded = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    if packed.len() < 4 || !packed.iter().all(coded) {
        return None;
    }
    BASE64.decode(&packed).or_else(|_| BASE64URL.decode(&packed)).ok()
}

/// A body that is chunks of the transfer coding (RFC 9112 §7.1), put together.
fn without_chunks(body: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::new(), body);
    loop {
        let line_end = memchr::memchr(b'\n', rest)?;
        let line = std::str::from_utf8(&rest[..line_end]).ok()?.trim_end();
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[line_end + 1..];
        if size == 0 {
            return (!out.is_empty()).then_some(out);
        }
        out.extend_from_slice(rest.get(..size)?);
        rest = &rest[size..];
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
}

/// An array of events with a line break after each, as SendGrid signs it.
fn event_lines(body: &[u8], line_end: &str) -> Option<Vec<u8>> {
    let text = body.trim_ascii();
    if !text.starts_with(b"[") {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() + 64);
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text[at] {
            b'"' => {
                let start = at;
                at += 1;
                while text.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(text.len());
                out.extend_from_slice(&text[start..at]);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        out.push(text[at]);
        if depth == 1 && text[at] == b',' {
            out.extend_from_slice(line_end.as_bytes());
            // What stood there before, if anything did.
            at += text[at + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        }
        at += 1;
    }
    out.extend_from_slice(line_end.as_bytes());
    (out != body).then_some(out)
}

fn replaced_outside_strings(body: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at, mut any) = (Vec::with_capacity(body.len()), 0, false);
    while at < body.len() {
        if body[at] == b'"' {
            let start = at;
            at += 1;
            while body.get(at).is_some_and(|byte| *byte != b'"') {
                at += if body[at] == b'\\' { 2 } else { 1 };
            }
            at = (at + 1).min(body.len());
            out.extend_from_slice(&body[start..at]);
        } else if body[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
            any = true;
        } else {
            out.push(body[at]);
            at += 1;
        }
    }
    any.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_had_back() {
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).expect("text"));
        assert_eq!(text(from_base64(b"eyJhIjoxfQ==\n")).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(from_base64(br#"{"a":1}"#), None);
        assert_eq!(text(without_chunks(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")).as_deref(), Some("abcde"));
        assert_eq!(without_chunks(b"abc"), None);
        assert_eq!(
            text(event_lines(br#"[{"a":[1,2]},{"b":"},{"}]"#, "\r\n")).as_deref(),
            Some("[{\"a\":[1,2]},\r\n{\"b\":\"},{\"}]\r\n")
        );
        assert_eq!(
            text(replaced_outside_strings(br#"{"a":[],"b":"[]"}"#, b"[]", b"{}")).as_deref(),
            Some(r#"{"a":{},"b":"[]"}"#)
        );
    }

    #[test]
    fn nothing_malformed_panics() {
        for body in ["[\"", "[\"\\", "]", "[]]", "5\r\nab", "ffffffffffffffff\r\n", "\"", "\"\\"] {
            for (_, _, _, rewrite) in WRAPPINGS {
                let _ = rewrite(body.as_bytes());
            }
        }
    }
}
