//! What is wrong with a query, where, and what to write instead.

use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

/// Why a query does not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueryError {
    /// Where, in characters from the start.
    pub at: usize,
    /// How many characters it is about.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What the whole query could be instead.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "At character {}: {}", self.at + 1, self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " Did you mean {suggestion}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueryError {}

/// An error with its place in bytes, and what to put there instead.
pub(crate) struct Fault {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) instead: Option<(Range<usize>, String)>,
}

pub(crate) type Parsed<T> = Result<T, Fault>;

pub(crate) fn fault<T>(span: Range<usize>, message: impl Into<String>) -> Parsed<T> {
    Err(Fault { span, message: message.into(), instead: None })
}

pub(crate) fn fault_instead<T>(
    span: Range<usize>,
    message: impl Into<String>,
    at: Range<usize>,
    instead: &str,
) -> Parsed<T> {
    Err(Fault { span, message: message.into(), instead: Some((at, instead.into())) })
}
