//! Integration tests of relay and agent over real sockets.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod attack;
mod deliver;
mod desk;
