//! Changes to a body in transit: JSON serialized again, other character sets, other line ends.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Restores the body that may have been signed from the received body. Returns `None` if the change does not apply.
pub(super) type Rewrite = fn(&[u8]) -> Option<Vec<u8>>;

/// Changes of JSON white space: code, description, cost (a higher cost is less likely), and function that restores the
/// signed body.
pub(super) const LAYOUTS: &[(&str, &str, u32, Rewrite)] = &[
    (
        "body_compact",
        "the body was changed after signing: it matches the signature as compact JSON, so a program parsed and serialized it again",
        1,
        |b| layout(b, "", ",", ":"),
    ),
    (
        "body_spaced",
        "the body was changed after signing: the JSON matches the signature with a space after each comma and colon, as in Python's json.dumps",
        2,
        |b| layout(b, "", ", ", ": "),
    ),
    (
        "body_pretty",
        "the body was changed after signing: the JSON matches the signature when indented by two spaces",
        2,
        |b| layout(b, "  ", ",", ": "),
    ),
    (
        "body_pretty_four",
        "the body was changed after signing: the JSON matches the signature when indented by four spaces",
        3,
        |b| layout(b, "    ", ",", ": "),
    ),
    (
        "body_pretty_tab",
        "the body was changed after signing: the JSON matches the signature when indented by tabs",
        4,
        |b| layout(b, "\t", ",", ": "),
    ),
];

/// Changes of the order of JSON keys.
pub(super) const ORDERS: &[(&str, &str, u32, Rewrite)] = &[(
    "body_sorted",
    "the body was changed after signing: the JSON matches the signature with its keys sorted, so a program parsed it and serialized it in another order",
    3,
    sorted,
)];

/// Changes of the format of JSON numbers.
pub(super) const NUMBERS: &[(&str, &str, u32, Rewrite)] = &[(
    "body_numbers",
    "the body was changed after signing: it matches the signature with numbers as JavaScript formats them, so a program parsed and serialized it again",
    3,
    numbers,
)];

/// Changes of escapes of non-ASCII characters.
pub(super) const ESCAPES: &[(&str, &str, u32, Rewrite)] = &[
    (
        "body_unicode_escaped",
        "the body was changed after signing: it matches the signature with non-ASCII characters as \\u escapes",
        2,
        |b| escape(b, false),
    ),
    (
        "body_unicode_escaped_upper",
        "the body was changed after signing: it matches the signature with non-ASCII characters as upper-case \\u escapes",
        4,
        |b| escape(b, true),
    ),
    (
        "body_php",
        "the body was changed after signing: it matches the signature with \\u and \\/ escapes, as in PHP's json_encode",
        3,
        |b| replaced(&escape(b, false)?, "/", "\\/"),
    ),
    (
        "body_unicode_plain",
        "the body was changed after signing: it matches the signature with its \\u escapes decoded",
        2,
        unescape,
    ),
];

/// Changes of escapes of slashes.
pub(super) const SLASHES: &[(&str, &str, u32, Rewrite)] = &[
    (
        "body_slashes_escaped",
        "the body was changed after signing: it matches the signature with each / escaped as \\/, as in PHP's json_encode",
        3,
        |b| replaced(b, "/", "\\/"),
    ),
    (
        "body_slashes_plain",
        "the body was changed after signing: it matches the signature with each \\/ unescaped to /",
        2,
        |b| replaced(b, "\\/", "/"),
    ),
];

/// Changes of escapes of `<`, `>` and `&`. encoding/json of Go and Rails escape these characters for use in HTML.
pub(super) const MARKUP: &[(&str, &str, u32, Rewrite)] = &[
    (
        "body_markup_escaped",
        "the body was changed after signing: it matches the signature with <, > and & as \\u escapes, as in Go's encoding/json",
        3,
        |b| markup(b, false),
    ),
    (
        "body_markup_escaped_upper",
        "the body was changed after signing: it matches the signature with <, > and & as upper-case \\u escapes",
        5,
        |b| markup(b, true),
    ),
    (
        "body_markup_plain",
        "the body was changed after signing: it matches the signature with the \\u escapes of <, > and & decoded",
        2,
        markup_plain,
    ),
];

/// Changes of line ends.
pub(super) const LINES: &[(&str, &str, u32, Rewrite)] = &[
    ("body_crlf", "the body was changed after signing: its line ends were changed from CRLF to LF", 2, |b| {
        (!b.windows(2).any(|w| w == b"\r\n")).then(|| replaced(b, "\n", "\r\n")).flatten()
    }),
    ("body_lf", "the body was changed after signing: its line ends were changed from LF to CRLF", 2, |b| {
        replaced(b, "\r\n", "\n")
    }),
];

/// Changes of white space at the end of the body.
pub(super) const ENDS: &[(&str, &str, u32, Rewrite)] = &[
    ("body_newline_lost", "the body was changed after signing: a newline at its end was removed", 1, |b| {
        Some([b, b"\n"].concat())
    }),
    ("body_newline_added", "the body was changed after signing: a newline was added at its end", 1, |b| {
        b.strip_suffix(b"\n").map(<[u8]>::to_vec)
    }),
    ("body_crlf_lost", "the body was changed after signing: a CRLF at its end was removed", 3, |b| {
        Some([b, b"\r\n"].concat())
    }),
    ("body_crlf_added", "the body was changed after signing: a CRLF was added at its end", 3, |b| {
        b.strip_suffix(b"\r\n").map(<[u8]>::to_vec)
    }),
    ("body_end_trimmed", "the body was changed after signing: white space was added before or after it", 3, |b| {
        let trimmed = b.trim_ascii();
        (trimmed.len() < b.len()).then(|| trimmed.to_vec())
    }),
];

/// Changes of the byte order mark.
pub(super) const MARKS: &[(&str, &str, u32, Rewrite)] = &[
    ("body_bom_added", "the body was changed after signing: a byte order mark was added", 3, |b| {
        b.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec)
    }),
    ("body_bom_lost", "the body was changed after signing: its byte order mark was removed", 4, |b| {
        Some([b"\xef\xbb\xbf", b].concat())
    }),
];

/// Changes of the character set.
pub(super) const CHARSETS: &[(&str, &str, u32, Rewrite)] = &[
    ("body_from_latin1", "the body was changed after signing: it was converted from Latin-1 to UTF-8", 4, |b| {
        let text = std::str::from_utf8(b).ok().filter(|text| !text.is_ascii())?;
        text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
    }),
    ("body_to_latin1", "the body was changed after signing: it was converted from UTF-8 to Latin-1", 3, |b| {
        (!b.is_ascii()).then(|| b.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes())
    }),
    ("body_twice_utf8", "the body was changed after signing: it was encoded as UTF-8 twice", 4, |b| {
        let text = std::str::from_utf8(b).ok().filter(|text| !text.is_ascii())?;
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<_>>()?;
        std::str::from_utf8(&bytes).is_ok().then_some(bytes)
    }),
    (
        "body_from_windows_1252",
        "the body was changed after signing: it was converted from Windows-1252 to UTF-8",
        5,
        |b| windows_1252(b),
    ),
    (
        "body_to_windows_1252",
        "the body was changed after signing: it was converted from UTF-8 to Windows-1252",
        4,
        |b| (!b.is_ascii()).then(|| WINDOWS_1252.decode_without_bom_handling(b).0.into_owned().into_bytes()),
    ),
    (
        "body_twice_utf8_windows_1252",
        "the body was changed after signing: it was decoded as Windows-1252 and encoded as UTF-8 again",
        4,
        |b| windows_1252(b).filter(|bytes| std::str::from_utf8(bytes).is_ok()),
    ),
    ("body_from_utf16", "the sender signed the body as UTF-16 but sent it as UTF-8", 3, |b| utf16(b, u16::to_le_bytes)),
    ("body_from_utf16_be", "the sender signed the body as UTF-16 (big endian) but sent it as UTF-8", 5, |b| {
        utf16(b, u16::to_be_bytes)
    }),
    ("body_to_utf16", "the body was changed after signing: it was converted from UTF-8 to UTF-16", 5, |b| {
        UTF_16LE.decode_without_bom_handling_and_without_replacement(b).map(|text| text.into_owned().into_bytes())
    }),
    (
        "body_to_utf16_be",
        "the body was changed after signing: it was converted from UTF-8 to UTF-16 (big endian)",
        5,
        |b| UTF_16BE.decode_without_bom_handling_and_without_replacement(b).map(|text| text.into_owned().into_bytes()),
    ),
];

fn windows_1252(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_ascii())?;
    let (encoded, _, lost) = WINDOWS_1252.encode(text);
    (!lost).then(|| encoded.into_owned())
}

fn utf16(bytes: &[u8], unit: fn(u16) -> [u8; 2]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
    Some(text.encode_utf16().flat_map(unit).collect())
}

const MARKUP_CHARACTERS: [(char, u16); 5] =
    [('<', 0x3c), ('>', 0x3e), ('&', 0x26), ('\u{2028}', 0x2028), ('\u{2029}', 0x2029)];

fn markup(bytes: &[u8], upper: bool) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_json(bytes))?;
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match MARKUP_CHARACTERS.iter().find(|(character, _)| *character == c) {
            Some((_, unit)) if upper => out.push_str(&format!("\\u{unit:04X}")),
            Some((_, unit)) => out.push_str(&format!("\\u{unit:04x}")),
            None => out.push(c),
        }
    }
    (out.len() != text.len()).then(|| out.into_bytes())
}

fn markup_plain(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = std::str::from_utf8(bytes).ok()?.to_owned();
    let before = text.len();
    for (character, unit) in MARKUP_CHARACTERS {
        for escape in [format!("\\u{unit:04x}"), format!("\\u{unit:04X}")] {
            if text.contains(&escape) {
                text = text.replace(&escape, character.encode_utf8(&mut [0; 4]));
            }
        }
    }
    (text.len() != before).then(|| text.into_bytes())
}

pub(super) fn is_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let now = text.replace(from, to);
    (now.len() != text.len()).then(|| now.into_bytes())
}

/// Maximum nesting depth of JSON that is serialized again. Indentation adds to every line, so deep input is expensive.
const DEPTH_MAX: usize = 128;

/// Changes the white space of JSON token by token. Numbers, escapes and repeated keys are unchanged.
fn layout(bytes: &[u8], indent: &str, comma: &str, colon: &str) -> Option<Vec<u8>> {
    if !is_json(bytes) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 4);
    let mut depth = 0usize;
    let mut at = 0;
    let line = |out: &mut Vec<u8>, depth: usize| {
        if !indent.is_empty() {
            out.push(b'\n');
            for _ in 0..depth {
                out.extend_from_slice(indent.as_bytes());
            }
        }
    };
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b'"' => {
                let start = at;
                at += 1;
                while bytes.get(at).is_some_and(|b| *b != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
                out.extend_from_slice(&bytes[start..at]);
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' | b'[' => {
                out.push(byte);
                let next = bytes[at + 1..].iter().find(|b| !b.is_ascii_whitespace());
                if matches!(next, Some(b'}' | b']')) {
                    at += 1 + bytes[at + 1..].iter().position(|b| matches!(b, b'}' | b']'))?;
                    out.push(bytes[at]);
                } else {
                    depth += 1;
                    if depth > DEPTH_MAX {
                        return None;
                    }
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.extend_from_slice(comma.as_bytes());
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(colon.as_bytes()),
            _ => out.push(byte),
        }
        at += 1;
    }
    (out != bytes).then_some(out)
}

/// Sorts the keys of all JSON objects and keeps the text of each value. Returns `None` if the keys are already sorted.
fn sorted(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_json(bytes))?;
    let mut out = String::with_capacity(text.len());
    let mut moved = false;
    sort_into(text.trim(), 0, &mut out, &mut moved)?;
    moved.then(|| out.into_bytes())
}

fn sort_into(value: &str, depth: usize, out: &mut String, moved: &mut bool) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    match value.as_bytes().first()? {
        b'{' => {
            let Members(mut members) = serde_json::from_str(value).ok()?;
            let read: Vec<String> =
                members.iter().map(|(key, _)| serde_json::from_str(key.get())).collect::<Result<_, _>>().ok()?;
            let mut order: Vec<usize> = (0..members.len()).collect();
            order.sort_by(|a, b| read[*a].cmp(&read[*b]));
            *moved |= !order.is_sorted();
            members = order.into_iter().map(|at| members[at]).collect();
            out.push('{');
            for (number, (key, member)) in members.into_iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                out.push_str(key.get());
                out.push(':');
                sort_into(member.get(), depth + 1, out, moved)?;
            }
            out.push('}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            out.push('[');
            for (number, item) in items.into_iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                sort_into(item.get(), depth + 1, out, moved)?;
            }
            out.push(']');
        }
        _ => out.push_str(value),
    }
    Some(())
}

/// Members of an object with the raw text of keys and values.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> serde::de::Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Formats numbers as JavaScript does: 2.50 as 2.5, 1.0 as 1.
fn numbers(bytes: &[u8]) -> Option<Vec<u8>> {
    if !is_json(bytes) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while bytes.get(at).is_some_and(|b| *b != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
                out.extend_from_slice(&bytes[start..at]);
            }
            b'-' | b'0'..=b'9' => {
                while bytes.get(at).is_some_and(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
                    at += 1;
                }
                let text = std::str::from_utf8(&bytes[start..at]).ok()?;
                let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
                match text.parse::<f64>() {
                    // JavaScript uses an exponent from 10^21, Rust never does.
                    Ok(number) if !plain && number.abs() < 1e21 => out.extend_from_slice(number.to_string().as_bytes()),
                    _ => out.extend_from_slice(text.as_bytes()),
                }
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    (out != bytes).then_some(out)
}

fn escape(bytes: &[u8], upper: bool) -> Option<Vec<u8>> {
    use std::fmt::Write as _;
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_ascii())?;
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = if upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") };
        }
    }
    Some(out.into_bytes())
}

fn unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut any = false;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut units = Vec::new();
        let mut end = 0;
        while let Some(unit) = rest[end..]
            .strip_prefix("\\u")
            .and_then(|hex| hex.get(..4))
            .and_then(|hex| u16::from_str_radix(hex, 16).ok())
        {
            // Control characters, quotes and backslashes must remain escaped in JSON.
            if unit < 0x80 {
                break;
            }
            units.push(unit);
            end += 6;
        }
        match String::from_utf16(&units) {
            Ok(plain) if end > 0 => {
                out.push_str(&plain);
                any = true;
            }
            _ => {
                end = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..end]);
            }
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    any.then(|| out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_json_like_common_libraries() {
        let body = br#"{"a": 1.0, "b":[ ], "c" : {"d\"":"x, y"}, "a": [1,2]}"#;
        let text = |form: Option<Vec<u8>>| String::from_utf8(form.expect("changed text")).expect("valid UTF-8");
        assert_eq!(text(layout(body, "", ",", ":")), r#"{"a":1.0,"b":[],"c":{"d\"":"x, y"},"a":[1,2]}"#);
        assert_eq!(text(layout(body, "", ", ", ": ")), r#"{"a": 1.0, "b": [], "c": {"d\"": "x, y"}, "a": [1, 2]}"#);
        assert_eq!(text(layout(br#"{"a":[1,{}]}"#, "  ", ",", ": ")), "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
    }

    #[test]
    fn sorts_keys_only_if_order_changes() {
        let text = |body: &str| sorted(body.as_bytes()).map(|out| String::from_utf8(out).expect("valid UTF-8"));
        assert_eq!(
            text(r#"{"b": 1.50, "a": {"d": "\u0041", "c": [ {"f":1,"e":2} ]}}"#).as_deref(),
            Some(r#"{"a":{"c":[{"e":2,"f":1}],"d":"\u0041"},"b":1.50}"#)
        );
        assert_eq!(text(r#"{"a":"\u0041\/", "b":1.50}"#), None);
        assert_eq!(text("{\"a\":"), None);
    }

    #[test]
    fn escapes_and_unescapes_non_ascii_characters() {
        let plain = "{\"é\":\"😀\\n\"}".as_bytes();
        let escaped = escape(plain, false).expect("non-ASCII characters");
        assert_eq!(escaped, br#"{"\u00e9":"\ud83d\ude00\n"}"#);
        assert_eq!(unescape(&escaped).expect("escaped characters"), plain);
    }

    #[test]
    fn accepts_malformed_input_without_panic() {
        for body in ["{", "[", "\"\\", "{\"a\\", "[[}", "\\u12", "\\ud83d", "\\é", "{]x", "{\"\\u00e9"] {
            for (_, _, _, rewrite) in
                [LAYOUTS, ORDERS, NUMBERS, ESCAPES, SLASHES, MARKUP, LINES, ENDS, MARKS, CHARSETS].concat()
            {
                let _ = rewrite(body.as_bytes());
            }
        }
    }
}
