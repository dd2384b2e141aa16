//! Reports of requests, for tickets.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestReportFormat {
    /// A single HTML page without scripts.
    Html,
    /// Markdown.
    Markdown,
}

/// A report of one or more requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestReport {
    /// Suggested name of the file.
    pub file_name: String,
    /// Content of the report.
    pub content: String,
    /// Data of the requests that the report does not contain, in words.
    pub left_out: Vec<String>,
}
