//! The result of verifying a request's signature.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a request's signature is valid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureStatus {
    /// The request has not been verified: its inbox has no provider or no secret, or verification has not come to it.
    #[default]
    Unchecked,
    /// The signature is valid.
    Valid,
    /// The signature is not valid.
    Invalid,
    /// The request has no signature.
    Unsigned,
}

impl SignatureStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Unchecked, Self::Valid, Self::Invalid, Self::Unsigned];

    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unsigned => "unsigned",
        }
    }

    /// The status that is stored as this number; an unknown number is [`Self::Unchecked`].
    pub fn stored(number: u8) -> Self {
        Self::ALL.into_iter().find(|status| *status as u8 == number).unwrap_or_default()
    }
}
