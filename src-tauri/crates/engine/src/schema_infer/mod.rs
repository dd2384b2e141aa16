//! Schemas inferred from the JSON bodies of an inbox, event type by event type, and when they changed.
//!
//! A schema is learned behind verification, which tells the event type, and kept as a sum: it stays true of what was seen
//! when requests are deleted.

pub mod follow;

pub(crate) use follow::spawn;
