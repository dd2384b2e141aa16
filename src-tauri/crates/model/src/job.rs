//! Jobs: imports, exports, backups and verification of stored requests.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A job that runs in the background.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// ID of the job.
    pub id: String,
    /// Kind of the job.
    pub kind: JobKind,
    /// State of the job.
    pub state: JobState,
    /// Amount of work done: bytes for a backup or an import, requests for a verification or an export.
    pub done: u64,
    /// Total amount of work, in the unit of `done`. 0 while the amount is unknown.
    pub total: u64,
    /// Path of the file that the job writes, or name of the file that the job reads.
    pub path: Option<String>,
    /// Name of the inbox that the job works on.
    pub inbox: Option<String>,
    /// Result of an import so far.
    pub imported: Option<ImportResult>,
    /// Error that the job failed with.
    pub error: Option<String>,
}

/// Kind of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Backs up the database to a file.
    Backup,
    /// Verifies the stored requests of an inbox again.
    Verify,
    /// Imports a file.
    Import,
    /// Exports requests.
    Export,
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// The job is running.
    Running,
    /// The job finished.
    Done,
    /// The job ended with an error.
    Failed,
    /// The job was canceled.
    Canceled,
}

/// Result of an import so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ImportResult {
    /// Format of the file.
    pub format: Option<FileFormat>,
    /// Number of requests that were imported.
    pub requests: u64,
    /// Number of entries that could not be imported.
    pub bad: u64,
    /// First 100 entries that could not be imported, with the reason.
    pub first_bad: Vec<ImportError>,
    /// Names of the inboxes that received requests.
    pub inboxes: BTreeSet<String>,
    /// Last import of the same file, if any. Files are compared by their SHA-256.
    pub before: Option<ImportRecord>,
}

/// An earlier import of the same file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ImportRecord {
    /// Time of the last import of the file.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Number of requests that were imported.
    pub requests: u64,
}

/// File format for requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// HTTP Archive 1.2, as written by browsers and proxies.
    Har,
    /// JSON Lines, one request per line. Imports also accept a JSON array.
    Jsonl,
    /// CSV, one request per row.
    Csv,
    /// Raw HTTP messages, one after the other. Imports also accept `.http` files.
    Raw,
    /// curl commands.
    Curl,
    /// JSON of the webhook.site API.
    WebhookSite,
    /// Hookbench archive: a compressed file of complete requests, byte for byte.
    Archive,
}

/// An entry of a file that could not be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportError {
    /// Location of the entry, such as `line 12` or `entry 3`.
    pub place: String,
    /// Reason why the entry could not be imported.
    pub why: String,
}

impl ImportError {
    /// Creates an error for the entry at `place`.
    pub fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}

impl FileFormat {
    /// Returns the noun for an entry of a file in this format, such as `line`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Har => "entry",
            Self::Jsonl | Self::Archive | Self::Curl => "line",
            Self::Csv => "row",
            Self::Raw => "message",
            Self::WebhookSite => "request",
        }
    }
}

/// List of the jobs since Hookbench started, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// The items.
    pub items: Vec<Job>,
}
