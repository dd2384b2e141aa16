//! Health of the database.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Kind of a database error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseFault {
    /// The disk has no space left for the database file.
    DiskFull,
    /// The file or the disk cannot be written to.
    Unwritable,
    /// Another program holds a lock on the database.
    Locked,
    /// The content of the file is corrupt.
    Damaged,
    /// The file was removed or replaced while it was open.
    Removed,
    /// Any other error that SQLite reports.
    Other,
}

impl DatabaseFault {
    /// Returns the stable error code of this fault.
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

/// Health of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DatabaseHealth {
    /// The last commit succeeded.
    #[default]
    Ok,
    /// The last commit failed. Requests get a 503 response until a commit succeeds.
    Failing {
        /// Kind of the error.
        fault: DatabaseFault,
        /// Error message of SQLite.
        message: String,
        /// Time of the first commit that failed with this fault, in µs since the Unix epoch.
        since_us: i64,
    },
}
