//! Statistics of response rules.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Number of requests that a rule responded to in the last 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InboxRuleStats {
    /// ID of the rule. Null for all other responses: the default response and the responses of apps.
    pub id: Option<String>,
    /// Number of requests.
    pub requests: u64,
    /// Arrival of the last one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
}

/// Statistics of the response rules of an inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InboxRuleStatsList {
    /// Statistics of each rule, in order, followed by those of all other responses.
    pub items: Vec<InboxRuleStats>,
    /// True if only the newest 100000 requests are counted.
    pub cut: bool,
}
