//! Parsers for request bodies: media types, content codings, character sets, forms, multipart bodies and sequences of
//! JSON values.
//!
//! Every parser accepts input from real senders, not only input that conforms to the RFCs, and reports skipped input
//! in notes. The crate does no I/O. Every output is bounded by a limit of the caller.
#![forbid(unsafe_code)]

mod charset;
mod coding;
mod content;
mod form;
mod json_values;
mod media_type;
mod multipart;

pub use charset::{Charset, Evidence, Text, text};
pub use coding::{DecodeError, Decoded, decode, decode_prefix};
pub use content::{body_content, media_type};
pub use form::{Field, fields as form_fields};
pub use json_values::{JsonValues, json_values, without_bom, without_nan};
pub use media_type::MediaType;
pub use multipart::{Multipart, Part, multipart};
