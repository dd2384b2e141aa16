//! Command line, and transports to the API of an engine, which the desktop program (the binary in `window/`) also
//! uses.

mod agent_config;
mod cli;
pub mod data_folder;
pub mod log;
pub mod mcp;
mod traces;
pub mod transport;

pub use cli::main;
