//! Headers as people see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is shown in place of a secret.
pub const MASK: &str = "••••••••";

/// One header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeaderLine {
    /// Name, spelled as the sender spelled it.
    pub name: String,
    /// Value. Bytes that are not UTF-8 are written as `\xNN`; a secret is masked.
    pub value: String,
    /// Whether the value is a credential.
    pub secret: bool,
}
