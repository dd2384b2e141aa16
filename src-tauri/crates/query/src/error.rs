//! Errors of a query, with position and suggestion.

use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

/// Error of a query that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueryError {
    /// Position, in characters from the start.
    pub at: usize,
    /// Number of affected characters.
    pub length: usize,
    /// Description of the error.
    pub message: String,
    /// Suggested query.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "At character {}: {}", self.at + 1, self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " Did you mean {suggestion}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueryError {}

/// Error with its span in bytes, and a replacement.
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
