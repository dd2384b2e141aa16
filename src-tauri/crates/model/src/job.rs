//! Long work with progress: imports, exports, backups.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A long piece of work.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// How it stands.
    pub state: JobState,
    /// Done so far: bytes of a backup and of an imported file, requests of a judgement and an export.
    pub done: u64,
    /// All there is to do; 0 where that is not known before it is done.
    pub total: u64,
    /// File it writes, or name of the one it reads.
    pub path: Option<String>,
    /// Inbox it works on.
    pub inbox: Option<String>,
    /// What an import has come to.
    pub imported: Option<ImportResult>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A backup of the database into a file.
    Backup,
    /// Judging an inbox's stored requests anew.
    Judge,
    /// Importing a file.
    Import,
    /// Exporting requests.
    Export,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// At work.
    Running,
    /// Done.
    Done,
    /// Ended with an error.
    Failed,
    /// Ended because somebody asked.
    Cancelled,
}

/// What came of an import so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ImportResult {
    /// Format of the file.
    pub format: Option<FileFormat>,
    /// Requests that were imported.
    pub requests: u64,
    /// Entries that are none.
    pub bad: u64,
    /// The first of those, with the reason.
    pub first_bad: Vec<ImportError>,
    /// Inboxes that got some.
    pub inboxes: BTreeSet<String>,
    /// When the same file was imported before, if it was.
    pub before: Option<EarlierImport>,
}

/// An earlier import of the same file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EarlierImport {
    /// When it was, the last time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Requests that were imported then.
    pub requests: u64,
}

/// A file format of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// HTTP Archive 1.2, of browsers and proxies.
    Har,
    /// JSON Lines: a request a line; read from an array too.
    Jsonl,
    /// A table for spreadsheets.
    Csv,
    /// HTTP messages as on the wire, one after the other; read from `.http` files too.
    Raw,
    /// curl commands.
    Curl,
    /// The JSON of webhook.site's API.
    WebhookSite,
    /// Hookline's own: everything, compressed, byte for byte.
    Archive,
}

/// An entry of a file that is no request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportError {
    /// Where it stands, such as `line 12` or `entry 3`.
    pub place: String,
    /// Why it is none.
    pub why: String,
}

impl ImportError {
    /// An entry at a place with the reason why it is none.
    pub fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}

impl FileFormat {
    /// What a number counts in such a file.
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
