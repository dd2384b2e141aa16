//! The state of the database.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of trouble the database is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseFault {
    /// No space is left for the database file.
    DiskFull,
    /// The file or its disk refuses to be written.
    Unwritable,
    /// Another program holds the database locked.
    Locked,
    /// The file's content makes no sense.
    Damaged,
    /// The file was removed or replaced while it was open.
    Removed,
    /// Anything else SQLite reports.
    Other,
}

impl DatabaseFault {
    /// Stable name for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::Unwritable => "unwritable",
            Self::Locked => "locked",
            Self::Damaged => "damaged",
            Self::Removed => "removed",
            Self::Other => "not_stored",
        }
    }
}

/// How the database fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DatabaseHealth {
    /// The last commit succeeded.
    #[default]
    Ok,
    /// The last commit failed; requests get 503 until one succeeds.
    Failing {
        /// The kind of trouble.
        fault: DatabaseFault,
        /// SQLite's own words.
        message: String,
        /// Since when, µs since the Unix epoch.
        since_us: i64,
    },
}
