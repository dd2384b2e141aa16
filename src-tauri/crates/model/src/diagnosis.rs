//! Diagnosis of an endpoint that receives nothing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Result of a diagnosis step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosisResult {
    /// OK: this step is not the cause.
    Ok,
    /// Cause: this step prevents deliveries.
    Failed,
    /// Skipped: an earlier step failed.
    Skipped,
}

/// A step of a diagnosis.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DiagnosisStep {
    /// Name of the step, such as `DNS`.
    pub name: String,
    /// Result of the step.
    pub found: DiagnosisResult,
    /// Explanation of the result, in one sentence.
    pub detail: String,
}

/// Steps of the diagnosis of an endpoint, in order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// The items.
    pub items: Vec<DiagnosisStep>,
}
