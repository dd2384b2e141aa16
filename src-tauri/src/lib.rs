//! The doors of Hookline: window, HTTP, and command line. All behaviour is the engine's.

mod cli;
mod door;
#[cfg(feature = "desktop")]
mod window;

pub use cli::main;
