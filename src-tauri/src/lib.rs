//! Command line, and transports to the API of an engine, which the desktop program (the binary in `window/`) also
//! uses.

mod cli;
pub mod data_folder;
pub mod log;
mod mcp;
mod traces;
pub mod transport;

pub use cli::main;
