//! Preview of the response to a stored request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::InboxResponse;

/// A rule, forward or response that was considered, and why it responds or not.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResponseCandidate {
    /// Name: the number and name of a rule, a forward, or the default response of the inbox.
    pub name: String,
    /// Id of the rule or forward.
    pub id: Option<String>,
    /// Whether it responds.
    pub answers: bool,
    /// Why it responds or not, in one sentence.
    pub why: String,
}

/// The response that a request would get now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResponsePreview {
    /// The candidates, in order. The last one responds.
    pub considered: Vec<ResponseCandidate>,
    /// The response, with its template rendered. `null` if an app would respond.
    pub answer: Option<InboxResponse>,
}
