//! Decoding of stored bodies: content codings are removed and text is converted to UTF-8.

use std::borrow::Cow;

use hookbench_capture::header_list;
pub use hookbench_content::{
    Charset, DecodeError, Decoded, decode, decode_prefix, form_fields, json_values, multipart, text,
};
use hookbench_content::{MediaType, Multipart, body_content, media_type};
use hookbench_model::{BodyContent, BodyKind};

/// Maximum number of parts of a multipart body that are read.
pub const PARTS_MAX: usize = 1_000;

/// Returns the content type and codings from a header block.
pub fn content_of(header_block: &[u8]) -> BodyContent {
    body_content(header_list(header_block))
}

/// Decoded body.
#[derive(Debug)]
pub struct ReadBody<'b> {
    /// Kind of content according to the headers.
    pub kind: BodyKind,
    /// Content in UTF-8 if it is text, without a byte order mark. Percent-encoding in a form is kept.
    pub bytes: Cow<'b, [u8]>,
    /// Original character set, which also applies to percent-encoding in a form.
    pub charset: Charset,
}

/// Decodes a body: removes its codings, up to `limit` bytes, and then converts its character set to UTF-8.
pub fn read_body<'b>(content: &BodyContent, body: Cow<'b, [u8]>, limit: u64) -> ReadBody<'b> {
    let plain = match content.codings.is_empty() || !content.decodable {
        true => body,
        false => match decode_prefix(&body, &content.codings, limit) {
            Ok(decoded) => Cow::Owned(decoded.bytes),
            // Some senders declare a coding but send the plain body (mitmproxy/mitmproxy#8124).
            Err(_) => body,
        },
    };
    as_text(content, plain)
}

/// Converts a body without codings to UTF-8.
pub fn as_text<'b>(content: &BodyContent, plain: Cow<'b, [u8]>) -> ReadBody<'b> {
    let (charset, replaced) = {
        let text = text(content, &plain);
        let replaced = match text.bytes {
            Cow::Owned(bytes) => Some(bytes),
            Cow::Borrowed(bytes) if bytes.len() == plain.len() => None,
            Cow::Borrowed(bytes) => Some(bytes.to_vec()),
        };
        (text.charset, replaced)
    };
    ReadBody { kind: content.kind, bytes: replaced.map_or(plain, Cow::Owned), charset }
}

/// Returns the parts of a body with a multipart Content-Type, or `None` if there is no boundary.
pub fn parts_of<'b>(content: &BodyContent, plain: &'b [u8]) -> Option<Multipart<'b>> {
    let media: MediaType = media_type(content)?;
    multipart(&media, plain, PARTS_MAX)
}
