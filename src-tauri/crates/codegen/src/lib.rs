//! Generated code to copy: signature verification ([`samples`]), complete handlers ([`handlers`]), and requests as code
//! ([`CodeRequest`]). Most code is rendered from one template per language.
#![forbid(unsafe_code)]

mod handler;
mod literal;
mod request;
pub mod shell;
mod template;
mod verification;

pub use handler::handlers;
pub use request::{CodeFormat, CodeRequest};
pub use verification::samples;
