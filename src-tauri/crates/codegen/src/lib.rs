//! Code for people to copy: code that verifies a vendor's signatures ([`samples`]), whole handlers ([`handlers`]), and
//! requests as code that sends them ([`CodeRequest`]). A template per language lays out most of it.
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
