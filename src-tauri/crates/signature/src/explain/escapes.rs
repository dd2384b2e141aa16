//! Escapes that JSON libraries write inside strings.

use super::body::{Rewrite, is_json};

/// Optional escapes that a JSON library writes inside strings.
struct Style {
    /// ASCII characters written as `\uXXXX`.
    ascii: &'static str,
    /// Format of non-ASCII characters.
    beyond: Beyond,
    /// True if `/` is written as `\/`.
    slash: bool,
    /// True if the hexadecimal digits of escaped ASCII characters are upper case.
    upper: bool,
}

#[derive(PartialEq)]
enum Beyond {
    Plain,
    Lower,
    Upper,
}

/// Payloads of Meta (developers.facebook.com, "Validating payloads").
const META: Style = Style { ascii: "@%<", beyond: Beyond::Lower, slash: true, upper: true };
/// Gson with HTML escaping, which is the default.
const GSON: Style = Style { ascii: "<>&='", beyond: Beyond::Plain, slash: false, upper: false };
/// System.Text.Json with the default encoder.
const DOTNET: Style = Style { ascii: "\"&'+<>`", beyond: Beyond::Upper, slash: false, upper: true };

pub(super) const LIBRARIES: &[(&str, &str, u32, Rewrite)] = &[
    (
        "body_escapes_meta",
        "the body was changed after signing: it matches the signature with non-ASCII characters as \\u escapes, / as \\/, and @, % and < as \\u0040, \\u0025 and \\u003C, as in JSON from Meta",
        3,
        |b| styled(b, &META),
    ),
    (
        "body_escapes_gson",
        "the body was changed after signing: it matches the signature with <, >, &, = and ' as \\u escapes, as in JSON from Gson",
        4,
        |b| styled(b, &GSON),
    ),
    (
        "body_escapes_dotnet",
        "the body was changed after signing: it matches the signature with \", &, ', +, <, > and non-ASCII characters as upper-case \\u escapes, as in JSON from .NET",
        4,
        |b| styled(b, &DOTNET),
    ),
    (
        "body_escapes_php_plain",
        "the body was changed after signing: it matches the signature with the \\u and \\/ escapes from PHP decoded",
        2,
        |b| plain(b, |unit| unit >= 0x80, true).filter(|_| has(b, b"\\/") && has(b, b"\\u")),
    ),
    (
        "body_escapes_plain",
        "the body was changed after signing: it matches the signature with the \\u escapes decoded; .NET and Gson also escape ASCII characters such as ' and &",
        3,
        |b| plain(b, |unit| unit >= 0x20 && unit != 0x7f, true).filter(|_| has_ascii_escape(b)),
    ),
];

fn has(bytes: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(bytes, text).is_some()
}

fn has_ascii_escape(bytes: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, b"\\u00")
        .any(|at| bytes.get(at + 4).is_some_and(|digit| (b'2'..=b'7').contains(digit)))
}

/// Splits a JSON text into pieces outside and inside strings, alternating. The first piece is outside.
fn pieces(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut all, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(quote) = memchr::memchr(b'"', &bytes[at..]).map(|found| at + found) {
        let mut end = quote + 1;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let end = end.min(bytes.len());
        // After a backslash at the end of the text, the position can be inside a multi-byte character.
        if !text.is_char_boundary(quote + 1) || !text.is_char_boundary(end) {
            return vec![text];
        }
        all.push(&text[start..=quote]);
        all.push(&text[quote + 1..end]);
        (start, at) = (end, (end + 1).min(bytes.len()));
    }
    all.push(&text[start..]);
    all
}

fn styled(bytes: &[u8], style: &Style) -> Option<Vec<u8>> {
    use std::fmt::Write as _;
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_json(bytes))?;
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (number, piece) in pieces(text).into_iter().enumerate() {
        if number % 2 == 0 {
            out.push_str(piece);
            continue;
        }
        let mut chars = piece.chars().peekable();
        while let Some(c) = chars.next() {
            let upper = if c.is_ascii() { style.upper } else { style.beyond == Beyond::Upper };
            let escaped = match c {
                '\\' => {
                    // Existing escapes are kept, except a quote that this library escapes as \u0022.
                    let next = chars.next();
                    match next {
                        Some('"') if style.ascii.contains('"') => out.push_str("\\u0022"),
                        next => {
                            out.push('\\');
                            out.extend(next);
                        }
                    }
                    continue;
                }
                '/' if style.slash => {
                    out.push_str("\\/");
                    continue;
                }
                c if c.is_ascii() => style.ascii.contains(c),
                _ => style.beyond != Beyond::Plain,
            };
            if !escaped {
                out.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = if upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") };
            }
        }
    }
    (out.as_bytes() != bytes).then(|| out.into_bytes())
}

/// Decodes the `\u` escapes whose code units `read` accepts, and `\/` if `slash` is true. A decoded quote or backslash
/// gets the short JSON escape.
fn plain(bytes: &[u8], read: impl Fn(u16) -> bool, slash: bool) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_json(bytes))?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut units = Vec::new();
        while let Some(unit) = rest.strip_prefix("\\u").and_then(|hex| u16::from_str_radix(hex.get(..4)?, 16).ok()) {
            if !read(unit) {
                break;
            }
            units.push(unit);
            rest = &rest[6..];
        }
        if units.is_empty() {
            match rest.as_bytes().get(1) {
                Some(b'/') if slash => out.push('/'),
                _ => {
                    let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                    out.push_str(&rest[..length]);
                }
            }
            rest = &rest[1 + rest[1..].chars().next().map_or(0, char::len_utf8)..];
            continue;
        }
        for c in char::decode_utf16(units) {
            match c {
                Ok(c @ ('"' | '\\')) => out.extend(['\\', c]),
                Ok(c) => out.push(c),
                Err(lone) => out.push_str(&format!("\\u{:04x}", lone.unpaired_surrogate())),
            }
        }
    }
    out.push_str(rest);
    (out.as_bytes() != bytes).then(|| out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Option<Vec<u8>>) -> String {
        String::from_utf8(bytes.expect("changed text")).expect("valid UTF-8")
    }

    #[test]
    fn writes_the_escapes_of_each_library() {
        let body = "{\"n\":\"Zoë <a@b> 5% it's a+b=\\\"c\\\" /x\"}".as_bytes();
        assert_eq!(text(styled(body, &META)), r#"{"n":"Zo\u00eb \u003Ca\u0040b> 5\u0025 it's a+b=\"c\" \/x"}"#);
        assert_eq!(text(styled(body, &GSON)), r#"{"n":"Zoë \u003ca@b\u003e 5% it\u0027s a+b\u003d\"c\" /x"}"#);
        assert_eq!(
            text(styled(body, &DOTNET)),
            r#"{"n":"Zo\u00EB \u003Ca@b\u003E 5% it\u0027s a\u002Bb=\u0022c\u0022 /x"}"#
        );
    }

    #[test]
    fn decodes_escapes() {
        let of = |body: &str| text(plain(body.as_bytes(), |unit| unit >= 0x20, true));
        assert_eq!(
            of(r#"{"a":"it\u0027s \u0022\u00e9\u0022 \ud83d\ude00 \/ \n \u000a"}"#),
            "{\"a\":\"it's \\\"é\\\" 😀 / \\n \\u000a\"}"
        );
        assert_eq!(of(r#"{"a":"\ud83d \u0041"}"#), r#"{"a":"\ud83d A"}"#);
    }

    #[test]
    fn accepts_malformed_input_without_panic() {
        for body in ["{", "[\"", "{\"\\", "{\"é\\", "[\"\\é\"", "{\"a\\u12", "{\"\\ud83d", "{\"a\":\"b", "[\\\""] {
            for (_, _, _, rewrite) in LIBRARIES {
                let _ = rewrite(body.as_bytes());
            }
        }
    }
}
