//! Code samples.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A code sample in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeSample {
    /// ID of the language, such as `node`.
    pub language: String,
    /// Display name of the language, such as `Node.js`.
    pub name: String,
    /// The code.
    pub code: String,
}
