//! Errors of the command line.

use hookbench_model::Error;

use crate::transport::{ApiResponse, TransportError};

#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Error response of the API, with its message.
    #[error(transparent)]
    Refused(Error),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Negative result that is already printed. Maps to exit status 1.
    #[error("negative result")]
    No,
    /// Exit status of a command that this command ran.
    #[error("the command ended with the status {0}")]
    Exit(u8),
    #[error("{0}")]
    Other(String),
}

impl CliError {
    pub(super) fn refused(response: &ApiResponse) -> Self {
        match serde_json::from_slice(&response.body) {
            Ok(error) => Self::Refused(error),
            Err(_) => Self::Other(format!("the engine responded with {}", response.status)),
        }
    }
}

impl From<hookbench_engine::EngineError> for CliError {
    fn from(error: hookbench_engine::EngineError) -> Self {
        Self::Transport(error.into())
    }
}
