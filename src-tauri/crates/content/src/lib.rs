//! Reads request bodies as their senders meant them: media types, content codings, character sets, forms,
//! multipart bodies and sequences of JSON values.
//!
//! Every reader takes what real senders send, not only what the RFCs allow, and says what it passed over. Nothing
//! here does I/O, and every output is bounded by a limit that the caller gives.
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
