//! Forms (`application/x-www-form-urlencoded`) in any character set.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::charset::{Charset, is_not_utf8};

/// Field of a form: name and value as text.
pub type Field = (String, String);

/// Maximum number of bytes of a form that are searched for a declared character set.
const DECLARED_WITHIN: usize = 64 * 1024;

/// Returns the fields of a form in order, including repeated ones. Invalid bytes become U+FFFD.
pub fn fields(body: &[u8], charset: Charset) -> Vec<Field> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(&charset.decode(&decoded(bytes))).into_owned();
    pairs(body).map(|(name, value)| (text(name), text(value))).collect()
}

/// Returns names and values as sent, still percent-encoded.
fn pairs(body: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| match memchr::memchr(b'=', pair) {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &[][..]),
    })
}

fn decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    let spaced: Cow<'_, [u8]> = match memchr::memchr(b'+', bytes) {
        Some(_) => Cow::Owned(bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect()),
        None => Cow::Borrowed(bytes),
    };
    match spaced {
        Cow::Borrowed(bytes) => percent_decode(bytes).into(),
        Cow::Owned(bytes) => Cow::Owned(percent_decode(&bytes).collect()),
    }
}

/// Returns the character set declared in a form: `charset` of PayPal, or `_charset_` of HTML.
pub(crate) fn declared_charset(body: &[u8]) -> Option<String> {
    let body = &body[..body.len().min(DECLARED_WITHIN)];
    let value = |wanted: &[u8]| pairs(body).find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let value = value(b"_charset_").or_else(|| value(b"charset"))?;
    String::from_utf8(decoded(value).into_owned()).ok()
}

/// Returns true if names and values are not UTF-8.
pub(crate) fn values_are_not_utf8(body: &[u8]) -> bool {
    memchr::memchr(b'%', body).is_some_and(|_| is_not_utf8(&decoded(body))) || is_not_utf8(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{body_content, text};

    fn read(content_type: &str, body: &[u8]) -> Vec<Field> {
        let text = text(&body_content([(&b"content-type"[..], content_type.as_bytes())]), body);
        fields(&text.bytes, text.charset)
    }

    #[test]
    fn decodes_fields_in_the_charset_of_the_form() {
        const FORM: &str = "application/x-www-form-urlencoded";
        for (kind, body, expected) in [
            (FORM, &b"first_name=J%F6rg&charset=windows-1252"[..], "Jörg"),
            (FORM, b"_charset_=iso-8859-1&first_name=J\xf6rg", "Jörg"),
            (FORM, b"first_name=J%C3%B6rg", "Jörg"),
            (FORM, b"first_name=J%F6rg", "Jörg"),
            ("application/x-www-form-urlencoded; charset=Shift_JIS", b"first_name=%83e%83X%83g", "テスト"),
            (FORM, b"\xef\xbb\xbffirst_name=a+b%2B", "a b+"),
        ] {
            let fields = read(kind, body);
            let value = fields.iter().find(|(name, _)| name == "first_name").map(|(_, value)| value.as_str());
            assert_eq!(value, Some(expected), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn parses_empty_and_repeated_fields() {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("application/x-www-form-urlencoded; utf-8", b"a&&b=&a=1=2&%zz"),
            [text("a", ""), text("b", ""), text("a", "1=2"), text("%zz", "")]
        );
    }
}
