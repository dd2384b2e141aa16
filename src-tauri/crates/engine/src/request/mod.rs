//! Masking of secrets in request bodies.

mod mask;

pub use mask::{MASKED_MAX, every_secret_path, masked, secret_paths};
