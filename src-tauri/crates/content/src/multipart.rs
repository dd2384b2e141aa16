//! Multipart bodies of every subtype (RFC 2046 section 5.1, RFC 7578), parsed leniently.

use std::borrow::Cow;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use memchr::memmem;
use percent_encoding::percent_decode_str;

use crate::{
    charset::{self, Charset},
    content,
    media_type::{self, MediaType},
};

/// Base64 for Content-Transfer-Encoding, which may lack padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart<'b> {
    /// Parts, up to the requested maximum.
    pub parts: Vec<Part<'b>>,
    /// Total number of parts.
    pub total: usize,
    /// Errors of the body as a whole, in sentences.
    pub notes: Vec<String>,
    /// Character set that a form declares for its fields: `_charset_` (RFC 7578 section 4.6).
    charset: Option<Charset>,
    /// Character sets of single fields, as declared in SendGrid's field `charsets`.
    charsets: Vec<(String, Charset)>,
}

/// Part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'b> {
    /// Field name, in a form.
    pub name: Option<String>,
    /// File name as sent. For display only.
    pub file_name: Option<String>,
    /// Content type.
    pub content_type: Option<String>,
    /// Bytes as sent.
    pub body: &'b [u8],
    /// Error of the part, in a sentence.
    pub fault: Option<String>,
    transfer_encoding: Option<String>,
}

/// Parses a multipart body. At most `most` parts are returned, and the others are counted. `None` if there is no
/// boundary.
///
/// Lines may end with LF only, the final boundary may be missing, and a part with invalid headers gets a fault. If
/// Content-Type has no boundary, or one that is not in the body, the first line of the body is used as boundary.
pub fn multipart<'b>(media: &MediaType, body: &'b [u8], most: usize) -> Option<Multipart<'b>> {
    let named =
        media.param("boundary").filter(|boundary| !boundary.is_empty()).map(|boundary| boundary.as_bytes().to_vec());
    let mut notes = Vec::new();
    let found = named
        .map(|boundary| (split(body, &boundary), boundary))
        .filter(|(pieces, _)| !pieces.parts.is_empty() || pieces.closed);
    let pieces = match found {
        Some((pieces, _)) => pieces,
        None => {
            let boundary = first_line(body)?;
            notes.push(match media.param("boundary") {
                Some(named) => format!(
                    "The boundary {named:?} of Content-Type is not in the body, which uses {:?}.",
                    String::from_utf8_lossy(boundary)
                ),
                None => "Content-Type has no boundary. The first line of the body was used as boundary.".to_owned(),
            });
            split(body, boundary)
        }
    };
    if !pieces.closed {
        notes.push("The final boundary is missing. The last part may be truncated.".into());
    }
    let total = pieces.parts.len();
    let parts: Vec<Part<'b>> = pieces.parts.into_iter().take(most).map(part).collect();
    let mut read = Multipart { parts, total, notes, charset: None, charsets: Vec::new() };
    read.read_charsets();
    Some(read)
}

/// Parts between the boundaries, and true if there is a final boundary.
struct Pieces<'b> {
    parts: Vec<&'b [u8]>,
    closed: bool,
}

fn split<'b>(body: &'b [u8], boundary: &[u8]) -> Pieces<'b> {
    let delimiter = [b"--", boundary].concat();
    let mut pieces = Pieces { parts: Vec::new(), closed: false };
    let mut start: Option<usize> = None;
    for at in memmem::find_iter(body, &delimiter) {
        if at > 0 && body[at - 1] != b'\n' || start.is_some_and(|start| at < start) {
            continue;
        }
        let after = &body[at + delimiter.len()..];
        let closing = after.starts_with(b"--");
        // RFC 2046 allows white space after a boundary. Other text means a longer boundary, or no boundary.
        let line = &after[if closing { 2 } else { 0 }..];
        let blank = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        if !closing && !matches!(line.get(blank), Some(b'\n') | None) {
            continue;
        }
        if let Some(start) = start {
            pieces.parts.push(without_line_end(&body[start..at]));
        }
        if closing {
            pieces.closed = true;
            return pieces;
        }
        start = Some(at + delimiter.len() + (blank + 1).min(line.len()));
    }
    if let Some(start) = start.filter(|start| *start < body.len()) {
        pieces.parts.push(without_line_end(&body[start..]));
    }
    pieces
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Returns the boundary from the first line of a body.
fn first_line(body: &[u8]) -> Option<&[u8]> {
    let line = body.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    line.trim_ascii().strip_prefix(b"--").filter(|boundary| !boundary.is_empty() && boundary.len() <= 200)
}

fn part(bytes: &[u8]) -> Part<'_> {
    let mut part =
        Part { name: None, file_name: None, content_type: None, body: bytes, fault: None, transfer_encoding: None };
    let Some((head, body)) = head_and_body(bytes) else {
        part.fault = Some("This part has no blank line after its headers.".into());
        return part;
    };
    part.body = body;
    for line in unfolded(head) {
        let Some((name, value)) = line.split_once(':') else {
            part.fault = Some(format!(
                "This part has a header line that cannot be parsed: {:?}.",
                line.chars().take(80).collect::<String>()
            ));
            continue;
        };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                let params = media_type::params(value);
                let param =
                    |wanted: &str| params.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
                part.name = param("name").or_else(|| param("name*").map(|value| extended(&value)));
                // The extended parameter takes precedence if both exist (RFC 6266 section 4.3).
                part.file_name = param("filename*").map(|value| extended(&value)).or_else(|| param("filename"));
            }
            "content-type" => {
                if part.file_name.is_none() {
                    part.file_name = MediaType::parse(value).and_then(|media| media.param("name").map(str::to_owned));
                }
                part.content_type = Some(value.to_owned());
            }
            "content-transfer-encoding" => part.transfer_encoding = Some(value.to_ascii_lowercase()),
            _ => {}
        }
    }
    part
}

/// Splits a part into its headers and its body at the blank line.
fn head_and_body(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(body) = bytes.strip_prefix(b"\r\n").or_else(|| bytes.strip_prefix(b"\n")) {
        return Some((&[], body));
    }
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'\n', &bytes[from..])?;
        let rest = &bytes[end + 1..];
        if let Some(body) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
            return Some((&bytes[..end + 1], body));
        }
        // A part without a value may end with its headers and the blank line.
        if rest.is_empty() || rest == b"\r" {
            return Some((bytes, &[]));
        }
        from = end + 1;
    }
}

/// Returns header lines as text, with folded lines joined. Names are UTF-8, or Latin-1 from old senders.
fn unfolded(head: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in head.split(|byte| *byte == b'\n') {
        let text = charset_text(without_line_end(line));
        match lines.last_mut() {
            Some(last) if text.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(text.trim());
            }
            _ if text.trim().is_empty() => {}
            _ => lines.push(text),
        }
    }
    lines
}

fn charset_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// Decodes `charset'language'percent-encoded` (RFC 8187). Other values stay unchanged.
fn extended(value: &str) -> String {
    let mut pieces = value.splitn(3, '\'');
    let (Some(label), Some(_), Some(coded)) = (pieces.next(), pieces.next(), pieces.next()) else {
        return value.to_owned();
    };
    let bytes: Vec<u8> = percent_decode_str(coded).collect();
    let charset = Charset::named(label).unwrap_or(Charset::UTF_8);
    String::from_utf8_lossy(&charset.decode(&bytes)).into_owned()
}

impl<'b> Multipart<'b> {
    fn read_charsets(&mut self) {
        let value = |wanted: &str| {
            let part =
                self.parts.iter().find(|part| part.name.as_deref() == Some(wanted) && part.file_name.is_none())?;
            std::str::from_utf8(part.body).ok().map(str::trim)
        };
        let charset = value("_charset_").and_then(Charset::named);
        let named: std::collections::BTreeMap<String, String> =
            value("charsets").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        self.charset = charset;
        self.charsets = named.into_iter().filter_map(|(name, label)| Some((name, Charset::named(&label)?))).collect();
    }

    /// Returns the value of a part as text, with its transfer encoding and character set decoded. `None` if the part
    /// is not text.
    pub fn text(&self, part: &Part<'b>) -> Option<String> {
        let bytes = part.decoded();
        let content =
            content::body_content(part.content_type.iter().map(|value| (&b"content-type"[..], value.as_bytes())));
        let declared = content::media_type(&content).is_some_and(|media| media.param("charset").is_some());
        let of_field = part.name.as_ref().and_then(|name| self.charsets.iter().find(|(own, _)| own == name));
        let text: Cow<'_, [u8]> = match (declared, of_field, self.charset) {
            (false, Some((_, charset)), _) => charset.decode(&bytes),
            (false, None, Some(charset)) => charset.decode(&bytes),
            _ if part.content_type.is_some() => {
                if !content.kind.is_text() {
                    return None;
                }
                charset::text(&content, &bytes).bytes.into_owned().into()
            }
            // A field without a content type is text (RFC 7578 section 4.4).
            _ if charset::is_not_utf8(&bytes) && part.file_name.is_none() => {
                Charset::Known(encoding_rs::WINDOWS_1252).decode(&bytes)
            }
            _ => Charset::UTF_8.decode(&bytes),
        };
        String::from_utf8(text.into_owned()).ok()
    }

    /// Returns the name and value of each named part that is not a file.
    pub fn fields(&self) -> Vec<(String, Vec<u8>)> {
        let fields = self.parts.iter().filter(|part| part.file_name.is_none());
        fields
            .filter_map(|part| {
                let value = self.text(part).map_or_else(|| part.body.to_vec(), String::into_bytes);
                Some((part.name.clone()?, value))
            })
            .collect()
    }
}

impl<'b> Part<'b> {
    /// Returns the body with its Content-Transfer-Encoding decoded (RFC 2045 section 6), or as sent if there is none.
    pub fn decoded(&self) -> Cow<'b, [u8]> {
        match self.transfer_encoding.as_deref() {
            Some("base64") => {
                let packed: Vec<u8> = self.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                BASE64.decode(packed).map_or(Cow::Borrowed(self.body), Cow::Owned)
            }
            Some("quoted-printable") => Cow::Owned(quoted_printable(self.body)),
            _ => Cow::Borrowed(self.body),
        }
    }
}

/// Decodes quoted-printable text (RFC 2045 section 6.7). An invalid `=` stays unchanged.
fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at + 1..];
        match (bytes[at], hex(rest.first()).zip(hex(rest.get(1)))) {
            (b'=', Some((high, low))) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'=', None) if rest.starts_with(b"\r\n") => at += 3,
            (b'=', None) if rest.starts_with(b"\n") => at += 2,
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<'b>(content_type: &str, body: &'b [u8]) -> Multipart<'b> {
        multipart(&MediaType::parse(content_type).expect("a media type"), body, 1_000).expect("a boundary")
    }

    fn values(content_type: &str, body: &[u8]) -> Vec<(String, String)> {
        let read = read(content_type, body);
        read.fields().into_iter().map(|(name, value)| (name, String::from_utf8(value).expect("text"))).collect()
    }

    const FORM: &str = "multipart/form-data; boundary=B";

    fn field(name: &str, value: &str) -> String {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    #[test]
    fn parses_parts_of_every_subtype() {
        let body = b"--B\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--B\r\nContent-Type: image/png\r\n\r\n\x89PN\r\n--B--\r\n";
        for subtype in ["mixed", "related; type=\"text/xml\"", "report", "x-mixed-replace", "alternative"] {
            let read = read(&format!("multipart/{subtype}; boundary=B"), body);
            let parts: Vec<_> = read.parts.iter().map(|part| (part.content_type.as_deref(), part.body.len())).collect();
            assert_eq!(parts, [(Some("application/json"), 7), (Some("image/png"), 3)]);
            assert!(read.notes.is_empty());
        }
    }

    #[test]
    fn parses_all_parts_of_faulty_bodies() {
        let one = ("a".to_owned(), "one".to_owned());
        let two = ("b".to_owned(), "two".to_owned());
        let whole = format!("{}{}--B--", field("a", "one"), field("b", "two"));
        let missing = format!("{}{}", field("a", "one"), field("b", "two"));
        for (kind, body, notes) in [
            (FORM, whole.clone(), 0),
            (FORM, format!("preamble\r\n{whole}\r\nepilogue"), 0),
            (FORM, whole.replace("\r\n", "\n"), 0),
            (FORM, missing, 1),
            ("multipart/form-data", whole.clone(), 1),
            ("multipart/form-data; boundary=other", whole.clone(), 1),
            ("multipart/form-data; boundary=----=_Part_1_2.3", whole.replace("--B", "------=_Part_1_2.3"), 0),
            ("multipart/form-data; boundary=a:b", whole.replace("--B", "--a:b"), 0),
            ("multipart/form-data; boundary=\"B\"", whole.replace("--B\r\n", "--B  \r\n"), 0),
        ] {
            assert_eq!(values(kind, body.as_bytes()), [one.clone(), two.clone()], "{kind} {body}");
            assert_eq!(read(kind, body.as_bytes()).notes.len(), notes, "{kind} {body}");
        }
    }

    #[test]
    fn reports_faults_of_single_parts() {
        let body = format!(
            "--B\r\n\r\nno headers\r\n--B\r\nnonsense\r\n\r\nx\r\n--B\r\nno blank line\r\n{}--B--",
            field("a", "one")
        );
        let read = read(FORM, body.as_bytes());
        let faults: Vec<_> = read.parts.iter().map(|part| part.fault.is_some()).collect();
        assert_eq!(faults, [false, true, true, false]);
        assert_eq!(read.parts[0].body, b"no headers");
        assert_eq!(values(FORM, body.as_bytes()), [("a".into(), "one".into())]);
    }

    #[test]
    fn parses_file_names_in_every_form() {
        for (params, name) in [
            (&b"filename=\"a.png\""[..], "a.png"),
            (b"filename=a.png", "a.png"),
            (b"filename*=utf-8''%E2%82%AC.txt", "€.txt"),
            (b"filename=\"x\"; filename*=iso-8859-1'en'%A3.txt", "£.txt"),
            (b"filename=\"K\xf6ln.txt\"", "Köln.txt"),
            ("filename=\"Köln.txt\"".as_bytes(), "Köln.txt"),
            (b"filename=\"../../etc/\\\"x\\\".png\"", "../../etc/\"x\".png"),
            (b"filename=\"C:\\dir\\a.txt\"", "C:\\dir\\a.txt"),
        ] {
            let body = [b"--B\r\nContent-Disposition: form-data; name=\"f\"; ", params, b"\r\n\r\nx\r\n--B--"].concat();
            let read = read(FORM, &body);
            assert_eq!(read.parts[0].file_name.as_deref(), Some(name), "{}", String::from_utf8_lossy(params));
            assert!(read.fields().is_empty());
        }
    }

    #[test]
    fn decodes_values_in_the_charset_of_their_part() {
        let part = |head: &str, value: &[u8]| {
            [b"--B\r\nContent-Disposition: form-data; name=\"text\"", head.as_bytes(), b"\r\n\r\n", value, b"\r\n"]
                .concat()
        };
        let latin1 = b"Gr\xfc\xdfe";
        for body in [
            part("\r\nContent-Type: text/plain; charset=iso-8859-1", latin1),
            part("", latin1),
            part("", "Grüße".as_bytes()),
            [field("_charset_", "iso-8859-1").into_bytes(), part("", latin1)].concat(),
            [part("", latin1), field("charsets", r#"{"text":"iso-8859-1","to":"UTF-8"}"#).into_bytes()].concat(),
            part("\r\nContent-Transfer-Encoding: base64", b"R3LDvMOf\r\nZQ=="),
            part("\r\nContent-Transfer-Encoding: quoted-printable", b"Gr=C3=BC=C3=\r\n=9Fe"),
        ] {
            let body = [body, b"--B--".to_vec()].concat();
            let found = values(FORM, &body).into_iter().find(|(name, _)| name == "text").map(|(_, value)| value);
            assert_eq!(found.as_deref(), Some("Grüße"), "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn ignores_boundaries_inside_values() {
        let body = format!("{}--B--", field("a", "x --B y\r\n--Bc\r\nz"));
        assert_eq!(values(FORM, body.as_bytes()), [("a".into(), "x --B y\r\n--Bc\r\nz".into())]);
    }

    #[test]
    fn counts_parts_beyond_the_limit() {
        let body = format!("{}--B--", field("a", "one").repeat(20));
        let read = multipart(&MediaType::parse(FORM).expect("a media type"), body.as_bytes(), 5).expect("a boundary");
        assert_eq!((read.parts.len(), read.total), (5, 20));
    }

    proptest! {
        #[test]
        fn parses_any_bytes_without_panic(body in proptest::collection::vec(prop_oneof![Just(b"--B".to_vec()), Just(b"\r\n".to_vec()), Just(b"a: b".to_vec()), proptest::collection::vec(any::<u8>(), 0..5)], 0..30)) {
            let body = body.concat();
            if let Some(read) = multipart(&MediaType::parse(FORM).expect("a media type"), &body, 10) {
                for part in &read.parts {
                    let _ = read.text(part);
                }
            }
        }

        #[test]
        fn returns_values_of_any_bytes(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..5)) {
            let mut body = Vec::new();
            for value in &values {
                body.extend_from_slice(b"--B-7d3f\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\n");
                body.extend_from_slice(value);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--B-7d3f--\r\n");
            let read = multipart(&MediaType::parse("multipart/form-data; boundary=B-7d3f").expect("a media type"), &body, 10).expect("a boundary");
            let bodies: Vec<Vec<u8>> = read.parts.iter().map(|part| part.body.to_vec()).collect();
            prop_assert_eq!(bodies, values);
        }
    }
}
