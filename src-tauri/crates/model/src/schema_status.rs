//! Validation of a payload against the schema of its event.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Result of the validation of a payload against the schema that the vendor publishes for the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestSchemaStatus {
    /// The payload matches the schema.
    Valid,
    /// The payload differs from the schema.
    Invalid,
}

impl RequestSchemaStatus {
    /// Returns the name of the status in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}

/// Difference between a payload and the schema of its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestViolation {
    /// Path of the value, as used after `body.` in a query. Empty for the whole payload.
    pub path: String,
    /// Description, as a sentence.
    pub message: String,
}

impl fmt::Display for RequestViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => f.write_str(&self.message),
            false => write!(f, "`{}`: {}", self.path, self.message),
        }
    }
}
