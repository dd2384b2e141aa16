//! Why an endpoint receives nothing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was found about one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosisResult {
    /// It is not this.
    Ok,
    /// It is this.
    Failed,
    /// It could not be looked at, for something before it failed.
    Skipped,
}

/// One cause that was looked at.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DiagnosisStep {
    /// What is looked at.
    pub name: String,
    /// What was found.
    pub found: DiagnosisResult,
    /// It in a sentence.
    pub detail: String,
}
