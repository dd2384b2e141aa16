//! Types of the API that more than one crate shares, and the rules for showing captured text.
#![forbid(unsafe_code)]

mod header;
mod signature_status;
mod text;

pub use header::{HeaderLine, MASK};
pub use signature_status::SignatureStatus;
pub use text::{is_invisible, text, text_by};
