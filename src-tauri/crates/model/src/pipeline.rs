//! Stages that process each request after it is stored.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stage that processes requests after they are stored, in the order in which they were stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PipelineStage {
    /// Verifies the signature, and reads the provider, event type and event ID.
    Verify,
    /// Creates the deliveries of mirror forwards.
    Forward,
    /// Infers the schemas of JSON bodies.
    Schema,
    /// Builds the search index.
    Index,
    /// Raises the alerts of saved searches.
    Alerts,
}

impl PipelineStage {
    /// Every stage, in the order of the pipeline.
    pub const ALL: [Self; 5] = [Self::Verify, Self::Forward, Self::Schema, Self::Index, Self::Alerts];

    /// The stages whose progress is stored in the database. The search index stores its progress in its own files.
    pub const STORED: [Self; 4] = [Self::Verify, Self::Forward, Self::Schema, Self::Alerts];

    /// Returns the name of the stage in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Forward => "forward",
            Self::Schema => "schema",
            Self::Index => "index",
            Self::Alerts => "alerts",
        }
    }
}

/// Progress of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageProgress {
    /// The stage.
    pub stage: PipelineStage,
    /// Number of stored requests that the stage has not processed.
    pub waiting: u64,
    /// Time since the oldest of these requests was stored, in ms. 0 if no request is waiting.
    pub behind_ms: u64,
}
