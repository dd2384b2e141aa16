//! Requests: lists, details, headers, and the forms they are copied in.

mod mask;

pub use mask::{MASKED_MAX, every_secret_path, masked, secret_paths};
