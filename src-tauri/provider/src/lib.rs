//! Webhook vendors as data, one TOML file each: how a vendor's requests are recognised, where
//! event type and event id stand, and how it signs. No I/O: files of a user's own are handed in as
//! text.
#![forbid(unsafe_code)]

mod catalogue;
mod event;
mod handshake;
mod provider;

pub use catalogue::{BadFile, Catalogue};
pub use event::{Places, Recognised};
pub use handshake::{Answered, Filled, Handshake, Proof, Question, Reply};
pub use provider::{Provider, RestsOn, SchemeRecord};
