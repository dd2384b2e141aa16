//! Header lines as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Text that replaces a masked secret.
pub const MASK: &str = "••••••••";

/// A header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeaderLine {
    /// Name in the sender's spelling.
    pub name: String,
    /// Value. Bytes that are not UTF-8 are written as `\xNN`. A credential is masked unless the caller asked to reveal
    /// it.
    pub value: String,
    /// Whether the value is a credential.
    pub secret: bool,
}
