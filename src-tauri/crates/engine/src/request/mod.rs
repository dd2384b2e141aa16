//! Requests: lists, details, headers, and the forms they are copied in.

mod body;
mod detail;
mod headers;
mod list;
mod marks;
mod mask;
mod raw;

pub(crate) use body::{body_stream, collect_body};
pub(crate) use detail::{Stored, detail};
pub(crate) use list::{List, list, one, summary_of};
pub(crate) use marks::mark;
pub(crate) use mask::{MASKED_MAX, every_secret_path, masked, secret_paths};
pub(crate) use raw::{header_lines, raw_head};
