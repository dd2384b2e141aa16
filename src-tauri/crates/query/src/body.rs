//! Bodies of stored requests as text: content codings undone, in UTF-8.

use std::borrow::Cow;

use hookbench_capture::header_list;
pub use hookbench_content::{
    Charset, DecodeError, Decoded, decode, decode_prefix, form_fields, json_values, multipart, text,
};
use hookbench_content::{MediaType, Multipart, body_content, media_type};
use hookbench_model::{BodyContent, BodyKind};

/// Most parts of a multipart body that are looked at.
pub const PARTS_MAX: usize = 1_000;

/// What a header block says of its body.
pub fn content_of(header_block: &[u8]) -> BodyContent {
    body_content(header_list(header_block))
}

/// A body as it reads.
#[derive(Debug)]
pub struct ReadBody<'b> {
    /// What the headers say of it.
    pub kind: BodyKind,
    /// UTF-8 where it is text, without a byte order mark; a form still has its escapes.
    pub bytes: Cow<'b, [u8]>,
    /// The character set it was written in, which a form's escapes are in.
    pub charset: Charset,
}

/// Reads a body: undoes its codings, as far as that can be done and up to `limit` bytes, and then its character set.
pub fn read_body<'b>(content: &BodyContent, body: Cow<'b, [u8]>, limit: u64) -> ReadBody<'b> {
    let plain = match content.codings.is_empty() || !content.decodable {
        true => body,
        false => match decode_prefix(&body, &content.codings, limit) {
            Ok(decoded) => Cow::Owned(decoded.bytes),
            // Said to be coded, and sent as it is (mitmproxy/mitmproxy#8124).
            Err(_) => body,
        },
    };
    as_text(content, plain)
}

/// A body whose codings are undone as UTF-8.
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

/// The parts of a body whose Content-Type is a multipart one; none if it has no boundary.
pub fn parts_of<'b>(content: &BodyContent, plain: &'b [u8]) -> Option<Multipart<'b>> {
    let media: MediaType = media_type(content)?;
    multipart(&media, plain, PARTS_MAX)
}
