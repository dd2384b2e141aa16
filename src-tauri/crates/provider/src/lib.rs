//! Webhook vendors as data, one TOML file per vendor.
//!
//! A file describes how requests of the vendor are recognized, where they contain the event type and the event id, how
//! the vendor signs, which handshakes need a response, and which events the vendor sends. The crate performs no I/O:
//! callers pass custom provider files as text.
#![forbid(unsafe_code)]

mod catalog;
mod event;
mod event_file;
mod handshake;
mod provider;
pub mod sample;
mod scenario;
mod secret_header;
mod sending;
pub mod splice;
mod verified;

pub use catalog::{BadFile, Catalog};
pub use event::{Places, Recognized};
pub use event_file::{EVENT_FILE_EXTENSION, EventFile, SchemaEvent};
pub use handshake::{Filled, Handshake, HandshakeResponse, Proof, Question, Reply};
pub use provider::{Basis, CustomProvider, Provider, SchemeRecord, SecretHints, Tolerance};
pub use scenario::{Scenario, Step, scenarios};
pub use secret_header::is_secret_header;
pub use sending::{EventType, IdOf, Sample, SecretForm, Sending, Test, Trap};
pub use verified::Verified;
