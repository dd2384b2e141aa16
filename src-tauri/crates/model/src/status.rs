//! Status of the engine, the listener and the database.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DatabaseFault, ListenerState, RefusalTotal, SearchIndexState, StageProgress};

/// Status of the engine, the listener and the database.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Newer release. Null if there is none, or if `check_for_updates` is off.
    pub update: Option<StatusRelease>,
    /// State of the listener.
    pub listener: ListenerState,
    /// State of the database.
    pub database: DatabaseStatus,
    /// Description of data that was missing when the database was opened, in one sentence. Null if nothing was missing.
    pub lost: Option<String>,
    /// Path of the data folder.
    pub data: String,
    /// Number of stored requests.
    pub requests: u64,
    /// Size of the stored bodies, in bytes.
    pub bytes: u64,
    /// Size of the database file, in bytes.
    pub file_bytes: u64,
    /// State of the search index.
    pub search: SearchIndexState,
    /// Progress of the stages that process requests after they are stored, in the order of the pipeline.
    pub pipeline: Vec<StageProgress>,
    /// Number of connections that were refused since the listener started because too many connections were open.
    pub connections_refused: u64,
    /// Number of connections that were closed since the listener started because of malformed HTTP or headers over the
    /// limits.
    pub heads_refused: u64,
    /// Totals of refused requests that were not dismissed, by inbox and reason.
    pub refusals: Vec<RefusalTotal>,
    /// Number of deliveries that are waiting for an attempt.
    pub queue: u64,
    /// Number of the last change.
    pub seq: i64,
}

/// A newer release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusRelease {
    /// Version, such as `1.2.3`.
    pub version: String,
    /// Page of the release, with its downloads and changes.
    pub url: String,
}

/// State of the database.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DatabaseStatus {
    /// Requests can be stored.
    Ok,
    /// Requests cannot be stored. Senders get a 503 response.
    Failing {
        /// `disk_full`, `unwritable`, `locked`, `damaged`, `removed` or `other`.
        #[schema(value_type = String)]
        fault: DatabaseFault,
        /// Message of the database.
        message: String,
        /// Time since which requests cannot be stored.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
    },
}
