//! Requests that were refused before they were stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request that was refused before it was stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// ID of the refused request.
    pub id: String,
    /// Name of the inbox. `null` if the request was refused before its inbox was known.
    pub inbox: Option<String>,
    /// Time of the refusal.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Remote address. Empty if unknown.
    pub remote_address: String,
    /// Status of the response.
    pub status: u16,
    /// Code of the reason, such as `folded_header` or `disk_full`.
    pub reason: String,
    /// Explanation of the reason, in one sentence.
    pub message: String,
    /// First bytes of the request as text. Credentials are masked, and bytes that are not UTF-8 are written as `\xNN`.
    pub text: String,
    /// Number of bytes that are stored.
    pub bytes: u64,
}

/// Number of refused requests of one inbox for one reason.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RefusalTotal {
    /// Name of the inbox. `null` if the requests were refused before their inbox was known.
    pub inbox: Option<String>,
    /// Code of the reason, such as `folded_header` or `disk_full`.
    pub reason: String,
    /// Number of all refused requests.
    pub count: u64,
    /// Number of refused requests that were not dismissed.
    pub open: u64,
    /// Time of the first refusal that was not dismissed.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Time of the last refusal.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
}

/// A page of refused requests, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RefusalList {
    /// The items.
    pub items: Vec<Refusal>,
    /// Value of `after` for the next page. `null` on the last page.
    pub next: Option<String>,
    /// Totals by inbox and reason, including refused requests that are no longer listed.
    pub totals: Vec<RefusalTotal>,
}
