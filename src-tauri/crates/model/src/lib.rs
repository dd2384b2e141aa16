//! Types of the API that more than one crate shares, and the rules for showing captured text.
#![forbid(unsafe_code)]

mod header;
mod response;
mod signature_status;
mod text;

pub use header::{HeaderLine, MASK};
pub use response::{InboxResponse, RESPONSE_BODY_MAX, ResponseFault, ResponseFile};
pub use signature_status::SignatureStatus;
pub use text::{is_invisible, text, text_by};

/// Longest note of a request, in bytes.
pub const NOTE_MAX: usize = 4_000;
