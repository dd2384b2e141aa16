//! The path of an outgoing request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What of a request's target stands behind the destination's URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathRule {
    /// What stands behind the inbox's name, with its query.
    #[default]
    Append,
    /// The same, without this beginning.
    Strip(String),
    /// Nothing: the URL is used as it is, whatever was asked for.
    Exact,
}
