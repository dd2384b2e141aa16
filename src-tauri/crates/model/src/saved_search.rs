//! Saved searches and completions of queries.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A saved search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedSearch {
    /// Name of the saved search. Names are compared without regard to case.
    pub name: String,
    /// Query and settings of the saved search.
    #[serde(flatten)]
    pub asked: SavedSearchNew,
}

/// Query and settings of a saved search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedSearchNew {
    /// The query.
    pub query: String,
    /// Name of the inbox to search. Null searches all inboxes.
    #[serde(default)]
    pub inbox: Option<String>,
    /// True if a matching request raises an alert. Default: false.
    #[serde(default)]
    pub alert: bool,
}

/// A completion for a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryCompletion {
    /// Text to insert.
    pub text: String,
    /// Explanation of the completion, in one line. Empty for a value.
    pub means: String,
    /// Position to insert at, in characters.
    pub at: usize,
    /// Number of characters to replace.
    pub length: usize,
}

/// List of saved searches, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SavedSearchList {
    /// The items.
    pub items: Vec<SavedSearch>,
}
