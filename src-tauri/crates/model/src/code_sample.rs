//! Code to copy.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Code in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeSample {
    /// Id of the language, such as `node`.
    pub language: String,
    /// Name of the language as shown, such as `Node.js`.
    pub name: String,
    /// The code.
    pub code: String,
}
