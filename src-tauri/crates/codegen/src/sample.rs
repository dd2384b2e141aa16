//! Code in one language.

use serde::Serialize;
use utoipa::ToSchema;

/// Code in one language.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CodeSample {
    /// The language's name for programs.
    pub language: String,
    /// Its name for people.
    pub name: String,
    /// The code.
    pub code: String,
}
