//! Scenarios: sequences of events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Delivery;

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

/// A run of a scenario: its events and their deliveries.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScenarioRun {
    /// ID of the run.
    pub id: String,
    /// ID of the scenario. Empty if the scenario was sent as the text of a file.
    pub scenario: String,
    /// Name of the scenario.
    pub name: String,
    /// ID of the provider.
    pub provider: String,
    /// Seed of the generated values. The same seed generates the same values.
    pub seed: u64,
    /// Factor that divides the delays between events.
    pub time_scale: f64,
    /// Number of events.
    pub events: u64,
    /// Number of deliveries: one for each event and endpoint.
    pub deliveries: u64,
    /// Number of deliveries that succeeded.
    pub delivered: u64,
    /// Number of deliveries that failed.
    pub failed: u64,
    /// Number of deliveries that were skipped, filtered or canceled.
    pub not_sent: u64,
    /// Number of deliveries that wait for an attempt or are being sent.
    pub waiting: u64,
    /// Time at which the run started.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time at which the last delivery ended. `null` while deliveries are waiting.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// An event of a scenario run, with its deliveries.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScenarioRunStep {
    /// ID of the event.
    pub event: String,
    /// Event type.
    pub event_type: String,
    /// Time from the start of the run to the event, in ms, on the retry clock of the endpoint.
    pub after_ms: u64,
    /// Deliveries of the event, one for each endpoint.
    pub deliveries: Vec<Delivery>,
}

/// A scenario run with its steps.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScenarioRunDetail {
    /// The run.
    pub run: ScenarioRun,
    /// Events, in order.
    pub steps: Vec<ScenarioRunStep>,
}

/// A page of scenario runs, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScenarioRunList {
    /// The items.
    pub items: Vec<ScenarioRun>,
    /// Value of `after` for the next page. `null` on the last page.
    pub next: Option<String>,
}
