//! Character sets: detection, and conversion of a body to UTF-8.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use hookbench_model::{BodyContent, BodyKind};

use crate::{content::media_type, form};

/// Number of bytes at the start of a document that are searched for a declaration of the character set (HTML,
/// "prescan").
const DECLARED_WITHIN: usize = 1024;

/// Character set that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// An encoding of the WHATWG Encoding Standard.
    Known(&'static Encoding),
    /// UTF-32, little or big endian. Not part of that standard.
    Utf32 {
        /// True if the most significant byte comes first.
        big_endian: bool,
    },
}

/// Source of the character set of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Byte order mark.
    ByteOrderMark,
    /// Parameter `charset` of Content-Type.
    ContentType,
    /// XML declaration, HTML `meta` element, or `charset` field of a form.
    Declaration,
    /// Zero bytes of UTF-16 or UTF-32 around ASCII.
    Pattern,
    /// No source: UTF-8 is the default.
    Default,
    /// No source, and the body is not valid UTF-8: Windows-1252, as used by old senders.
    Fallback,
}

/// Body as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'b> {
    /// UTF-8 without a byte order mark. A body in invalid UTF-8 stays unchanged.
    pub bytes: Cow<'b, [u8]>,
    /// Original character set.
    pub charset: Charset,
    /// Source of the character set.
    pub evidence: Evidence,
}

impl Charset {
    /// The character set UTF-8.
    pub const UTF_8: Self = Self::Known(UTF_8);

    /// Returns the character set with a label such as `latin1`, or `None` for an unknown label.
    pub fn named(label: &str) -> Option<Self> {
        let label = label.trim().trim_matches(['"', '\'']);
        match label.to_ascii_lowercase().as_str() {
            "utf-32" | "utf32" | "utf-32be" | "utf-32-be" => return Some(Self::Utf32 { big_endian: true }),
            "utf-32le" | "utf-32-le" => return Some(Self::Utf32 { big_endian: false }),
            _ => {}
        }
        let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
        Some(Self::Known(encoding))
    }

    /// Returns the name, such as `windows-1252`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Known(encoding) if encoding == UTF_8 => "utf-8",
            Self::Known(encoding) => encoding.name(),
            Self::Utf32 { big_endian: true } => "UTF-32BE",
            Self::Utf32 { big_endian: false } => "UTF-32LE",
        }
    }

    /// Returns true if bytes below 128 are ASCII.
    pub fn is_ascii_compatible(self) -> bool {
        matches!(self, Self::Known(encoding) if encoding.is_ascii_compatible())
    }

    /// Converts bytes to UTF-8 without a byte order mark. UTF-8 stays unchanged, even if invalid.
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Known(encoding) if encoding == UTF_8 => Cow::Borrowed(without_utf8_mark(bytes)),
            Self::Known(encoding) => match encoding.decode_with_bom_removal(bytes).0 {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            Self::Utf32 { big_endian } => Cow::Owned(utf32(bytes, big_endian).into_bytes()),
        }
    }
}

fn without_utf8_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn utf32(bytes: &[u8], big_endian: bool) -> String {
    let (units, _) = bytes.as_chunks::<4>();
    units
        .iter()
        .map(|unit| if big_endian { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) })
        .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
        .skip_while(|c| *c == '\u{feff}')
        .collect()
}

/// Converts a body without content codings to text.
///
/// The character set is determined by the first of: a byte order mark, the `charset` of Content-Type, the byte pattern
/// of UTF-16 or UTF-32, and a declaration in the document. Otherwise the body is UTF-8, or Windows-1252 if it is not
/// valid UTF-8. The names and values of a form are percent-encoded in its character set, so the bytes of a form stay
/// unchanged.
pub fn text<'b>(content: &BodyContent, body: &'b [u8]) -> Text<'b> {
    let (charset, evidence) = charset_of(content, body);
    let bytes = match content.kind {
        BodyKind::Form if charset.is_ascii_compatible() => Cow::Borrowed(without_utf8_mark(body)),
        kind if kind.is_text() => charset.decode(body),
        _ => Cow::Borrowed(body),
    };
    Text { bytes, charset, evidence }
}

fn charset_of(content: &BodyContent, body: &[u8]) -> (Charset, Evidence) {
    if !content.kind.is_text() {
        return (Charset::UTF_8, Evidence::Default);
    }
    if let Some(charset) = marked(body) {
        return (charset, Evidence::ByteOrderMark);
    }
    let pattern = pattern(body);
    let media = media_type(content);
    if let Some(named) = media.as_ref().and_then(|media| media.param("charset")).and_then(Charset::named) {
        // The label "utf-16" does not specify the byte order, and other labels often specify the wrong one.
        let wide = !named.is_ascii_compatible();
        return (pattern.filter(|_| wide).unwrap_or(named), Evidence::ContentType);
    }
    if let Some(charset) = pattern {
        return (charset, Evidence::Pattern);
    }
    let declared = match content.kind {
        BodyKind::Xml => xml_declaration(body),
        BodyKind::Html => html_meta(body),
        BodyKind::Form => form::declared_charset(body),
        BodyKind::Text | BodyKind::Unknown => xml_declaration(body),
        _ => None,
    };
    // A declaration that is readable as ASCII cannot be in a wide character set, even if it says so.
    if let Some(charset) = declared.and_then(|label| Charset::named(&label)).filter(|c| c.is_ascii_compatible()) {
        return (charset, Evidence::Declaration);
    }
    let lacks_utf8 = match content.kind {
        BodyKind::Unknown => false,
        BodyKind::Form => form::values_are_not_utf8(body),
        _ => is_not_utf8(body),
    };
    match lacks_utf8 {
        true => (Charset::Known(WINDOWS_1252), Evidence::Fallback),
        false => (Charset::UTF_8, Evidence::Default),
    }
}

/// Returns true if no multi-byte sequence in the bytes is valid UTF-8. Truncated UTF-8, or UTF-8 with a single error,
/// returns false.
pub(crate) fn is_not_utf8(bytes: &[u8]) -> bool {
    if bytes.is_ascii() {
        return false;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => false,
        Err(error) if error.error_len().is_none() => {
            error.valid_up_to() == 0 || bytes[..error.valid_up_to()].is_ascii() && bytes.len() - error.valid_up_to() > 3
        }
        Err(_) => bytes.utf8_chunks().all(|chunk| chunk.valid().is_ascii()),
    }
}

fn marked(body: &[u8]) -> Option<Charset> {
    match body {
        [0xff, 0xfe, 0, 0, ..] => Some(Charset::Utf32 { big_endian: false }),
        [0, 0, 0xfe, 0xff, ..] => Some(Charset::Utf32 { big_endian: true }),
        [0xef, 0xbb, 0xbf, ..] => Some(Charset::UTF_8),
        [0xff, 0xfe, ..] => Some(Charset::Known(UTF_16LE)),
        [0xfe, 0xff, ..] => Some(Charset::Known(UTF_16BE)),
        _ => None,
    }
}

/// Detects UTF-16 or UTF-32 in a text that begins with two ASCII characters (RFC 4627 section 3).
fn pattern(body: &[u8]) -> Option<Charset> {
    match body {
        [0, 0, 0, 1..=0x7f, ..] => Some(Charset::Utf32 { big_endian: true }),
        [1..=0x7f, 0, 0, 0, ..] => Some(Charset::Utf32 { big_endian: false }),
        [0, 1..=0x7f, 0, 1..=0x7f, ..] => Some(Charset::Known(UTF_16BE)),
        [1..=0x7f, 0, 1..=0x7f, 0, ..] => Some(Charset::Known(UTF_16LE)),
        _ => None,
    }
}

fn head(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(DECLARED_WITHIN)]).into_owned()
}

/// Returns the encoding of `<?xml version="1.0" encoding="…"?>`.
fn xml_declaration(body: &[u8]) -> Option<String> {
    if !body.trim_ascii_start().starts_with(b"<?xml") {
        return None;
    }
    let head = head(body);
    let (declaration, _) = head.split_once("?>")?;
    let (_, rest) = declaration.split_once("encoding")?;
    quoted(rest.trim_start().strip_prefix('=')?.trim_start())
}

/// Returns the encoding of `<meta charset="…">` or `<meta http-equiv="Content-Type" content="…; charset=…">`.
fn html_meta(body: &[u8]) -> Option<String> {
    let head = head(body).to_ascii_lowercase();
    head.split("<meta").skip(1).find_map(|rest| {
        let (element, _) = rest.split_once('>')?;
        let (_, value) = element.split_once("charset")?;
        let value = value.trim_start().strip_prefix('=')?.trim_start();
        quoted(value).or_else(|| {
            let end = value.find(|c: char| c.is_whitespace() || "\"';/>".contains(c)).unwrap_or(value.len());
            Some(value[..end].to_owned()).filter(|label| !label.is_empty())
        })
    })
}

fn quoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split_once(quote).map(|(inside, _)| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::body_content;

    fn read(content_type: &str, body: &[u8]) -> (String, &'static str, Evidence) {
        let content = body_content([(&b"Content-Type"[..], content_type.as_bytes())]);
        let text = text(&content, body);
        (String::from_utf8_lossy(&text.bytes).into_owned(), text.charset.name(), text.evidence)
    }

    #[test]
    fn uses_the_first_evidence() {
        let latin1 = b"{\"city\":\"K\xf6ln\"}";
        for (kind, body, charset, evidence) in [
            ("application/json; charset=iso-8859-1", latin1.to_vec(), "windows-1252", Evidence::ContentType),
            ("application/json", latin1.to_vec(), "windows-1252", Evidence::Fallback),
            ("application/json; charset=nonsense", "{\"city\":\"Köln\"}".into(), "utf-8", Evidence::Default),
            ("application/json", "\u{feff}{\"city\":\"Köln\"}".into(), "utf-8", Evidence::ByteOrderMark),
            (
                "application/json; charset=latin1",
                "\u{feff}{\"city\":\"Köln\"}".into(),
                "utf-8",
                Evidence::ByteOrderMark,
            ),
            (
                "application/json; charset=utf-16",
                utf16("{\"city\":\"Köln\"}", false),
                "UTF-16LE",
                Evidence::ContentType,
            ),
            ("application/json; charset=utf-16", utf16("{\"city\":\"Köln\"}", true), "UTF-16BE", Evidence::ContentType),
            ("application/json", utf16("{\"city\":\"Köln\"}", true), "UTF-16BE", Evidence::Pattern),
            ("application/json", utf16("\u{feff}{\"city\":\"Köln\"}", false), "UTF-16LE", Evidence::ByteOrderMark),
            ("application/json", utf32_le("\u{feff}{\"city\":\"Köln\"}"), "UTF-32LE", Evidence::ByteOrderMark),
            ("application/json; charset=utf-32", utf32_le("{\"city\":\"Köln\"}"), "UTF-32LE", Evidence::ContentType),
        ] {
            assert_eq!(read(kind, &body), ("{\"city\":\"Köln\"}".into(), charset, evidence), "{kind} {body:?}");
        }
    }

    #[test]
    fn reads_declarations_in_documents() {
        for (kind, body, charset) in [
            ("text/xml", &b"<?xml version='1.0' encoding='ISO-8859-1'?><a>K\xf6ln</a>"[..], "windows-1252"),
            ("application/soap+xml", b"<?xml version=\"1.0\" encoding=\"windows-1251\"?><a>\xcf</a>", "windows-1251"),
            ("text/xml; charset=utf-8", "<?xml version='1.0' encoding='ISO-8859-1'?><a>Köln</a>".as_bytes(), "utf-8"),
            ("text/xml", "<?xml version='1.0' encoding='utf-16'?><a>Köln</a>".as_bytes(), "utf-8"),
            ("text/html", b"<html><META Charset=shift_jis><p>\x83", "Shift_JIS"),
            ("text/html", b"<meta http-equiv='Content-Type' content='text/html; charset=iso-8859-2'>", "ISO-8859-2"),
            ("text/plain", b"K\xf6ln", "windows-1252"),
            ("application/octet-stream", b"K\xf6ln", "utf-8"),
            ("", b"\xff\xd8\xff", "utf-8"),
        ] {
            assert_eq!(read(kind, body).1, charset, "{kind} {}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn keeps_truncated_or_slightly_invalid_utf8() {
        for body in [&"Grüße Köl".as_bytes()[..5], b"ab\xc3", "Grüße \u{1f600}".as_bytes(), b"Gr\xc3\xbc\xdfe"] {
            assert!(!is_not_utf8(body), "{body:?}");
        }
        assert!(is_not_utf8(b"Gr\xfc\xdfe") && is_not_utf8(b"\xe4\xf6\xfc"));
    }

    fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    fn utf32_le(text: &str) -> Vec<u8> {
        text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()
    }
}
