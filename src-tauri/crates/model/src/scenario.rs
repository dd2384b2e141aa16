//! Scenarios: sequences of events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A scenario: a sequence of events.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Scenario {
    /// ID of the scenario.
    pub id: String,
    /// Name of the scenario.
    pub name: String,
    /// Description of the scenario.
    pub about: String,
    /// ID of the provider.
    pub provider: String,
    /// True for a custom scenario.
    pub own: bool,
    /// Time from the start to the last event, in ms.
    pub duration_ms: u64,
    /// Events, in order.
    pub steps: Vec<ScenarioStep>,
    /// Text of the scenario file.
    pub file: String,
}

/// An event of a scenario.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScenarioStep {
    /// Event type.
    pub event: String,
    /// Time since the previous event, in ms.
    pub after_ms: u64,
}

/// List of scenarios.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScenarioList {
    /// The items.
    pub items: Vec<Scenario>,
    /// Scenario files that cannot be parsed, each with the reason.
    pub bad_files: Vec<String>,
    /// Folder of the custom scenario files.
    pub folder: String,
}
