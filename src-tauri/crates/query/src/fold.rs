//! Normalization of text for comparison: case folding and decoding of escapes.
//!
//! Queries, stored text and the search index use the same functions, so a search gives the same result with and
//! without the index.

use std::borrow::Cow;

use hookbench_content::Charset;
use hookbench_model::BodyKind;

/// Case-folded bytes.
pub(crate) type Folded = Vec<u8>;

/// Appends case-folded `bytes`, using the simple case folding of each character (Unicode CaseFolding.txt). Bytes that
/// are not valid UTF-8 stay unchanged.
pub(crate) fn fold_into(bytes: &[u8], out: &mut Folded) {
    let start = out.len();
    if bytes.is_ascii() {
        out.extend_from_slice(bytes);
        out[start..].make_ascii_lowercase();
        return;
    }
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let folded = match c {
                c if c.is_ascii() => c.to_ascii_lowercase(),
                c => unicode_case_mapping::case_folded(c).and_then(|code| char::from_u32(code.get())).unwrap_or(c),
            };
            out.extend_from_slice(folded.encode_utf8(&mut [0; 4]).as_bytes());
        }
        out.extend_from_slice(chunk.invalid());
    }
}

/// Returns case-folded text. Texts that differ only in case are equal after folding.
pub fn fold(bytes: &[u8]) -> Folded {
    let mut out = Vec::with_capacity(bytes.len());
    fold_into(bytes, &mut out);
    out
}

/// Returns a text as sent, and decoded if it contains escapes: a form in its character set, or JSON regardless of the
/// declared type.
pub(crate) fn variants<'b>(kind: BodyKind, bytes: &'b [u8], charset: Charset) -> impl Iterator<Item = Cow<'b, [u8]>> {
    let form = || match percent_decoded(bytes) {
        Some(decoded) => Some(charset.decode(&decoded).into_owned()),
        None if charset != Charset::UTF_8 => Some(charset.decode(bytes).into_owned()),
        None => None,
    };
    let form = if kind == BodyKind::Form { form() } else { None };
    let json = if looks_like_json(bytes) { json_unescaped(bytes) } else { None };
    [Cow::Borrowed(bytes)].into_iter().chain(form.map(Cow::Owned)).chain(json.map(Cow::Owned))
}

/// Returns true if the text may be a JSON object, array or string.
pub fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

/// Decodes JSON escapes (RFC 8259 section 7). `None` if there are none.
fn json_unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'\\', bytes)?;
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let (read, length) = match rest.first() {
            Some(b'u') => unicode_escape(rest),
            Some(b'n') => (Some('\n'), 1),
            Some(b't') => (Some('\t'), 1),
            Some(b'r') => (Some('\r'), 1),
            Some(b'b') => (Some('\u{8}'), 1),
            Some(b'f') => (Some('\u{c}'), 1),
            Some(c @ (b'"' | b'\\' | b'/')) => (Some(char::from(*c)), 1),
            _ => (None, 0),
        };
        match read {
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => out.push(b'\\'),
        }
        rest = &rest[length..];
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// Decodes `uXXXX`, or two of them if they are a surrogate pair. Returns the character and the number of bytes.
fn unicode_escape(rest: &[u8]) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 4)?;
        digits.iter().all(u8::is_ascii_hexdigit).then(|| std::str::from_utf8(digits).ok())??;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(1) else { return (None, 0) };
    if let Some(c) = char::from_u32(u32::from(first)) {
        return (Some(c), 5);
    }
    let second = if rest.get(5..7) == Some(b"\\u") { unit(7) } else { None };
    match char::decode_utf16([first, second.unwrap_or(0)]).next() {
        Some(Ok(c)) => (Some(c), 11),
        _ => (None, 0),
    }
}

/// Decodes `%XX` and `+`. `None` if there are none.
pub fn percent_decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr2(b'%', b'+', bytes)?;
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let pair = bytes.get(at + 1).copied().and_then(hex).zip(bytes.get(at + 2).copied().and_then(hex));
        match (bytes[at], pair) {
            (b'+', _) => out.push(b' '),
            (b'%', Some((high, low))) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_case_in_every_script() {
        for (a, b) in [("HeLLo", "hello"), ("ÄÖÜ", "äöü"), ("ΟΔΟΣ", "οδος"), ("ПРИВЕТ", "привет"), ("K", "k")]
        {
            assert_eq!(fold(a.as_bytes()), fold(b.as_bytes()), "{a} {b}");
        }
        assert_eq!(fold(b"A\xffB"), b"a\xffb");
    }

    #[test]
    fn decodes_json_escapes() {
        for (text, read) in [
            (r#"{"a":"caf\u00e9"}"#, "{\"a\":\"café\"}"),
            (r#"["\ud83d\ude00"]"#, "[\"😀\"]"),
            (r#"["a\/b\"c\\"]"#, "[\"a/b\"c\\\"]"),
            (r#"["\ud83d"]"#, r#"["\ud83d"]"#),
            (r#"["\u12"]"#, r#"["\u12"]"#),
            ("[\"\\", "[\"\\"),
        ] {
            assert_eq!(
                json_unescaped(text.as_bytes()).map(|t| String::from_utf8_lossy(&t).into_owned()),
                Some(read.into())
            );
        }
        assert_eq!(json_unescaped(b"{}"), None);
    }

    #[test]
    fn decodes_percent_encoding() {
        assert_eq!(percent_decoded(b"a=x%40y+z%zz%4"), Some(b"a=x@y z%zz%4".to_vec()));
    }
}
