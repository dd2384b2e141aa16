//! Code for people to copy: code that verifies a vendor's signatures ([`verification`]), whole handlers
//! ([`handlers`]), and requests as code that sends them ([`CodeRequest`]).
#![forbid(unsafe_code)]

mod handler;
mod request;
pub mod shell;
mod verification;

pub use handler::handlers;
pub use request::{CodeFormat, CodeRequest};
pub use verification::samples;
