//! Saved searches.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A query with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedSearch {
    /// Its name.
    pub name: String,
    /// What it asks for.
    #[serde(flatten)]
    pub asked: SavedSearchNew,
}

/// What a saved query asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedSearchNew {
    /// The query.
    pub query: String,
    /// Inbox it is of; none for all.
    #[serde(default)]
    pub inbox: Option<String>,
    /// Whether a request that matches is told of.
    #[serde(default)]
    pub notify: bool,
}

/// Something that may be put into a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryCompletion {
    /// What to put there.
    pub text: String,
    /// What it is, in a line; empty for a value.
    pub means: String,
    /// Where it goes, in characters.
    pub at: usize,
    /// How many characters it replaces.
    pub length: usize,
}
