//! Scenarios: events that follow one another.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A scenario: events that follow one another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Scenario {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Description.
    pub about: String,
    /// Id of the provider.
    pub provider: String,
    /// Whether the user added the scenario.
    pub own: bool,
    /// Time from the start to the last event, in milliseconds.
    pub lasts_ms: u64,
    /// Events, in order.
    pub steps: Vec<ScenarioStep>,
    /// Text of the scenario file.
    pub file: String,
}

/// One event of a scenario.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScenarioStep {
    /// Event type.
    pub event: String,
    /// Time since the previous event, in milliseconds.
    pub after_ms: u64,
}

/// List of scenarios.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScenarioList {
    /// The items.
    pub items: Vec<Scenario>,
    /// Scenario files that cannot be parsed, each with the reason.
    pub bad_files: Vec<String>,
    /// Folder for the user's scenario files.
    pub folder: String,
}
