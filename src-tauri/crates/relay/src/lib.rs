//! The two ends of a tunnel.
//!
//! A relay stands where vendors can reach it: it keeps each webhook on disk before it answers, and hands
//! it on to the laptop it is for. The laptop dials the relay and then serves HTTP/2 on that connection
//! with the roles reversed: the relay sends, the laptop answers once its own commit is done.
//!
//! [`wire`] is what both ends say, [`gate`] what stands before a public address. `client` and `server` know
//! only these, and not each other.
#![forbid(unsafe_code)]

pub mod access;
pub mod client;
#[cfg(feature = "server")]
pub mod server;
pub mod wire;
