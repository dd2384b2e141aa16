//! Webhook vendors as data, one TOML file each: how a vendor's requests are recognised, where
//! event type and event id stand, how it signs, what it has to be answered, and what it sends and
//! how. No I/O: files of a user's own are handed in as text.
#![forbid(unsafe_code)]

mod catalogue;
mod event;
mod handshake;
mod provider;
pub mod sample;
mod scenario;
mod secret_header;
mod sending;
pub mod splice;
mod verified;

pub use catalogue::{BadFile, Catalogue};
pub use event::{Places, Recognised};
pub use handshake::{Answered, Filled, Handshake, Proof, Question, Reply};
pub use provider::{Own, Provider, RestsOn, SchemeRecord, SecretHints, Tolerance};
pub use scenario::{Scenario, Step, scenarios};
pub use secret_header::is_secret_header;
pub use sending::{EventType, IdOf, SecretForm, Sending, Test, Trap};
pub use verified::Verified;
