//! Event schemas of vendors. [`import`] reads them from OpenAPI, AsyncAPI and JSON Schema documents, together with samples
//! that are generated from the schemas, and [`Validators`] validates payloads. No I/O.
#![forbid(unsafe_code)]

mod definitions;
mod document;
mod generate;
mod import;
mod pattern;
#[cfg(test)]
mod tests;
mod validate;

pub use document::{Document, DocumentError};
pub use import::{Import, import};
pub use validate::Validators;
