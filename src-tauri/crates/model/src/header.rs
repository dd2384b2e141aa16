//! Header lines in responses of the API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Text that replaces a masked secret.
pub const MASK: &str = "••••••••";

/// A header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeaderLine {
    /// Name, in the capitalization of the sender.
    pub name: String,
    /// Value. Bytes that are not UTF-8 are written as `\xNN`. A credential is masked unless the API request reveals
    /// credentials.
    pub value: String,
    /// True if the value is a credential.
    pub secret: bool,
}
