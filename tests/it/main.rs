//! End to end, through the doors, on real processes and sockets.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod answer;
mod bytes;
mod carry;
mod check;
mod cli;
mod contract;
mod crash;
mod doors;
mod durability;
mod false_relay;
mod forward;
mod handlers;
mod handshake;
mod hookline;
mod hostile;
mod house;
mod operations;
mod outbox;
mod pipeline;
mod query;
mod reading;
mod receiver;
mod refused;
mod replay;
mod retention;
mod scenario;
mod schedule;
mod sending;
mod shape;
mod signature;
mod snippet;
mod ssh;
mod target;
mod tunnel;
