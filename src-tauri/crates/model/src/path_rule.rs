//! The path of an outgoing request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Path of an outgoing request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathRule {
    /// Appends the path after the inbox name and the query to the URL of the destination.
    #[default]
    Append,
    /// Appends the same path without this prefix. A request whose path has another prefix is not sent.
    Strip(String),
    /// Uses the URL of the destination unchanged.
    Exact,
}
