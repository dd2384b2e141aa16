//! Response rules.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::InboxResponse;

/// Key that identifies a position in a sequence of responses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SequencePer {
    /// The event, identified by its ID, or by its bytes if it has no ID. A retry gets the next response, a new event
    /// the first.
    #[default]
    Event,
    /// The inbox. Each request gets the next response.
    Inbox,
}

/// Behavior after the last response of a sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SequenceEnd {
    /// Repeats the last response.
    #[default]
    Last,
    /// Starts again with the first response.
    First,
    /// Skips the rule. The next rule that matches provides the response.
    NextRule,
}

/// A rule that provides the response to matching requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseRule {
    /// ID of the rule, assigned when the rule is saved.
    #[serde(default)]
    pub id: String,
    /// Name of the rule.
    #[serde(default)]
    pub name: String,
    /// True if the rule is enabled. Default: true.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Query that selects the requests. An empty query selects all.
    #[serde(default)]
    pub when: String,
    /// Responses, from 1 to 50. Several responses form a sequence and are sent one after the other.
    pub responses: Vec<InboxResponse>,
    /// Key that identifies a position in the sequence. Default: `event`.
    #[serde(default)]
    pub per: SequencePer,
    /// Behavior after the last response of the sequence. Default: `last`.
    #[serde(default)]
    pub at_end: SequenceEnd,
}

fn on() -> bool {
    true
}

impl ResponseRule {
    /// Returns the name to display: the name, or the query if the name is empty.
    pub fn shown_name(&self) -> &str {
        match (self.name.as_str(), self.when.as_str()) {
            ("", "") => "every request",
            ("", when) => when,
            (name, _) => name,
        }
    }
}

/// Returns the rules that are never reached, each with the earlier rule that always responds first. Both are indexes.
pub fn unreachable_rules(rules: &[ResponseRule]) -> Vec<(usize, usize)> {
    let hides = |earlier: &ResponseRule, later: &ResponseRule| {
        let always = earlier.when.trim().is_empty() || earlier.when.trim() == later.when.trim();
        earlier.enabled && always && earlier.at_end != SequenceEnd::NextRule
    };
    let enabled = rules.iter().enumerate().filter(|(_, rule)| rule.enabled);
    enabled
        .filter_map(|(place, rule)| Some((place, rules[..place].iter().position(|earlier| hides(earlier, rule))?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_rules_that_are_never_reached() {
        let rule = |when: &str, at_end, enabled| ResponseRule {
            id: String::new(),
            name: String::new(),
            enabled,
            when: when.into(),
            responses: vec![InboxResponse::default()],
            per: SequencePer::Event,
            at_end,
        };
        let last = |when: &str| rule(when, SequenceEnd::Last, true);
        assert_eq!(unreachable_rules(&[last("method:put"), last(""), last("method:get"), last("")]), [(2, 1), (3, 1)]);
        assert_eq!(unreachable_rules(&[last("method:put"), last(" method:put ")]), [(1, 0)]);
        assert_eq!(unreachable_rules(&[rule("", SequenceEnd::NextRule, true), last("")]), []);
        assert_eq!(unreachable_rules(&[rule("", SequenceEnd::Last, false), last("")]), []);
        assert_eq!(unreachable_rules(&[last(""), rule("", SequenceEnd::Last, false)]), []);
    }
}
