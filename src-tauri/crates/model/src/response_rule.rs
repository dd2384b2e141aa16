//! Rules that choose the response to a request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::InboxResponse;

/// What a sequence is counted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SequencePer {
    /// By event: its id, or else its bytes. A retry gets the next answer, another event the first.
    #[default]
    Event,
    /// By inbox: each request gets the next answer.
    Inbox,
}

/// What follows the last answer of a sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SequenceEnd {
    /// The last answer again.
    #[default]
    Last,
    /// The first answer.
    First,
    /// The rule no longer matches.
    NextRule,
}

/// A rule: requests that match are answered so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseRule {
    /// Its id; made when it is saved.
    #[serde(default)]
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Whether it is looked at.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Which requests, as a query; all if empty.
    #[serde(default)]
    pub when: String,
    /// What they are answered; several are a sequence, given one after the other.
    pub answers: Vec<InboxResponse>,
    /// What a sequence is counted by.
    #[serde(default)]
    pub per: SequencePer,
    /// What follows the last answer of a sequence.
    #[serde(default)]
    pub at_end: SequenceEnd,
}

fn on() -> bool {
    true
}

impl ResponseRule {
    /// Its name, or else what it asks for.
    pub fn shown_name(&self) -> &str {
        match (self.name.as_str(), self.when.as_str()) {
            ("", "") => "every request",
            ("", when) => when,
            (name, _) => name,
        }
    }
}
