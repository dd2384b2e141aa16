//! The character set of a body, and the body as UTF-8.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use hookbench_model::{BodyContent, BodyKind};

use crate::{content::media_type, form};

/// Bytes at the start of a document in which it may declare its character set (HTML, "prescan").
const DECLARED_WITHIN: usize = 1024;

/// A character set that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// One of the encodings of the WHATWG Encoding Standard.
    Known(&'static Encoding),
    /// UTF-32, little or big endian, which that standard leaves out.
    Utf32 {
        /// Whether the most significant byte comes first.
        big_endian: bool,
    },
}

/// What the character set of a body is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// A byte order mark.
    ByteOrderMark,
    /// The `charset` parameter of Content-Type.
    ContentType,
    /// An XML declaration, an HTML `meta` element, or a form's `charset` field.
    Declaration,
    /// The zero bytes of UTF-16 or UTF-32 around ASCII.
    Pattern,
    /// Nothing: UTF-8 is the usual one.
    Default,
    /// Nothing, and it is not UTF-8: Windows-1252 is the usual one of old senders.
    Fallback,
}

/// A body as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'b> {
    /// UTF-8 without a byte order mark. A body that claims to be UTF-8 and is not stays as it is.
    pub bytes: Cow<'b, [u8]>,
    /// The character set it was written in.
    pub charset: Charset,
    /// What that is known from.
    pub evidence: Evidence,
}

impl Charset {
    /// UTF-8.
    pub const UTF_8: Self = Self::Known(UTF_8);

    /// The character set of a label such as `latin1`; none if the label is unknown.
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

    /// The name of it, such as `windows-1252`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Known(encoding) if encoding == UTF_8 => "utf-8",
            Self::Known(encoding) => encoding.name(),
            Self::Utf32 { big_endian: true } => "UTF-32BE",
            Self::Utf32 { big_endian: false } => "UTF-32LE",
        }
    }

    /// Whether bytes below 128 are ASCII in it.
    pub fn is_ascii_compatible(self) -> bool {
        matches!(self, Self::Known(encoding) if encoding.is_ascii_compatible())
    }

    /// Bytes of this character set as UTF-8, without a byte order mark. UTF-8 stays as it is, also where it is faulty.
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

/// Reads a body, its content codings undone, as text of its kind.
///
/// The first of these decides: a byte order mark, the `charset` of Content-Type, the byte pattern of UTF-16 or UTF-32,
/// what the document declares itself. Without any, it is UTF-8, and Windows-1252 where it cannot be that. The names and
/// values of a form are percent-encoded bytes of its character set, so a form's own bytes stay as they are.
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
        // "utf-16" says nothing of the order of bytes, and is often said of the wrong one.
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
    // A declaration that could be read as ASCII is not in a wide character set, whatever it says.
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

/// Whether bytes are no UTF-8 and have no character of several bytes that is: a text that was cut, or has one fault, is
/// not meant.
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

/// A text that begins with two ASCII characters shows its width (RFC 4627 §3).
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

/// The encoding of `<?xml version="1.0" encoding="…"?>`.
fn xml_declaration(body: &[u8]) -> Option<String> {
    if !body.trim_ascii_start().starts_with(b"<?xml") {
        return None;
    }
    let head = head(body);
    let (declaration, _) = head.split_once("?>")?;
    let (_, rest) = declaration.split_once("encoding")?;
    quoted(rest.trim_start().strip_prefix('=')?.trim_start())
}

/// The encoding of `<meta charset="…">` or `<meta http-equiv="Content-Type" content="…; charset=…">`.
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
    fn the_first_evidence_decides() {
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
    fn documents_declare_their_own() {
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
    fn a_text_that_was_cut_or_has_one_fault_stays_utf8() {
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
