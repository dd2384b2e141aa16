//! The app around the engine: the command line, and the transports to an engine's API that both programs use. The
//! desktop program is the binary in `window/`.

mod cli;
pub mod data_folder;
pub mod log;
pub mod transport;

pub use cli::main;
