//! Requests: lists, details, headers, and the forms they are copied in.

mod body;
mod code;
mod detail;
mod headers;
mod list;
mod marks;
mod mask;
pub mod quote;
mod raw;

pub use detail::Detail;
pub use headers::HeaderLine;
pub use list::{Onward, Summary};

pub(crate) use body::{body_stream, collect_body};
pub(crate) use code::{Form, Message, is_unseen};
pub(crate) use detail::{Stored, detail};
pub(crate) use headers::{MASK, is_secret, text_by};
pub(crate) use list::{List, NOBODY, list, one, summary_of, uuid as list_uuid};
pub(crate) use marks::{Marks, NOTE_MAX, mark};
pub(crate) use mask::{MASKED_MAX, every_secret_path, masked, secret_paths};
pub(crate) use raw::{header_lines, raw_head};
