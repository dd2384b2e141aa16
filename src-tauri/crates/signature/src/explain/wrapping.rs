//! Bodies wrapped in another format: base64, a JSON string, chunked framing, one event per line.

use base64::Engine as _;

use super::body::{Rewrite, is_json};
use crate::encoding::{BASE64, BASE64URL};

pub(super) const WRAPPINGS: &[(&str, &str, u32, Rewrite)] = &[
    ("body_base64", "the body is still base64-encoded: the decoded body matches", 1, from_base64),
    ("body_json_string", "the body was encoded as a JSON string: the decoded string matches", 1, |b| {
        let text = b.trim_ascii();
        text.starts_with(b"\"").then(|| serde_json::from_slice::<String>(text).ok()).flatten().map(String::into_bytes)
    }),
    ("body_chunked", "the body still has its chunked framing: the body without framing matches", 1, without_chunks),
    ("body_event_crlf", "the body was changed after signing: the CRLF after each event was removed", 2, |b| {
        event_lines(b, "\r\n")
    }),
    ("body_event_lf", "the body was changed after signing: the line break after each event was removed", 5, |b| {
        event_lines(b, "\n")
    }),
    (
        "body_php_empty",
        "the body was changed after signing: it matches with {} instead of each [], because PHP serializes an empty object as []",
        4,
        |b| is_json(b).then(|| replaced_outside_strings(b, b"[]", b"{}")).flatten(),
    ),
    ("body_json_string_lost", "the sender signed the body as a JSON string but sent the decoded string", 5, |b| {
        let text = std::str::from_utf8(b).ok().filter(|text| !text.is_empty())?;
        serde_json::to_vec(text).ok()
    }),
];

/// Returns the advice for a wrapping, by its code.
pub(super) fn advice(code: &str) -> &'static str {
    match code {
        "body_base64" => {
            "Decode the body before verifying it: API Gateway, Lambda and Vercel pass it as base64 text and set isBase64Encoded."
        }
        "body_json_string" => "Send or verify the text itself, not its JSON string encoding.",
        "body_chunked" => "Parse the message with an HTTP library, or save the body without chunked framing.",
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

/// Decodes a body with chunked framing (RFC 9112 §7.1).
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

/// Adds a line break after each event of an array, as in the content that SendGrid signs.
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
            // The line break replaces existing white space.
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
    fn restores_wrapped_bodies() {
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).expect("valid UTF-8"));
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
    fn accepts_malformed_input_without_panic() {
        for body in ["[\"", "[\"\\", "]", "[]]", "5\r\nab", "ffffffffffffffff\r\n", "\"", "\"\\"] {
            for (_, _, _, rewrite) in WRAPPINGS {
                let _ = rewrite(body.as_bytes());
            }
        }
    }
}
