//! Preview of the response to a stored request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::InboxResponse;

/// A response rule, a forward or the default response, with the reason why it provides the response or not.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResponseCandidate {
    /// Display name of the rule, the forward or the default response.
    pub name: String,
    /// ID of the rule or forward. Null for other candidates.
    pub id: Option<String>,
    /// True if the candidate provides the response.
    pub responses: bool,
    /// Reason why the candidate provides the response or not, in one sentence.
    pub why: String,
}

/// The response that a request would get now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResponsePreview {
    /// Candidates in order. The last candidate provides the response.
    pub considered: Vec<ResponseCandidate>,
    /// The response, with its template rendered. `null` if a proxy forward would return the response of an app.
    pub response: Option<InboxResponse>,
}
