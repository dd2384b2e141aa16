//! The two ends of a tunnel: relay and agent.
//!
//! A relay is a server that senders can reach. It stores each webhook on disk before it responds, and delivers the
//! webhook to the agent, which runs on the user's computer. The agent connects to the relay and then serves HTTP/2 on
//! that connection with reversed roles: the relay sends requests, and the agent responds after its own commit.
//!
//! [`wire`] contains the protocol, and [`access`] the access control of public URLs. `client` and `server` depend only
//! on these modules, and not on each other.
#![forbid(unsafe_code)]

pub mod access;
pub mod client;
#[cfg(feature = "server")]
pub mod server;
pub mod wire;
