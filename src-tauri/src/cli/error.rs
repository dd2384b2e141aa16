//! Why a verb did not do what it was asked, and the exit status that says so.

use hookbench_model::Error;

use crate::transport::{Answer, TransportError};

#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The API said no; its own words.
    #[error(transparent)]
    Refused(Error),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The answer is no, and has been given.
    #[error("no")]
    No,
    #[error("{0}")]
    Other(String),
}

impl CliError {
    pub(super) fn refused(answer: &Answer) -> Self {
        match serde_json::from_slice(&answer.body) {
            Ok(error) => Self::Refused(error),
            Err(_) => Self::Other(format!("the engine answered {}", answer.status)),
        }
    }
}

impl From<hookbench_engine::EngineError> for CliError {
    fn from(error: hookbench_engine::EngineError) -> Self {
        Self::Transport(error.into())
    }
}
