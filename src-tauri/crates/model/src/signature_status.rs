//! Signature status of a request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Signature status of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureStatus {
    /// The signature has not been verified: the inbox has no provider or no secret, or verification has not reached the
    /// request yet.
    #[default]
    Unchecked,
    /// The signature is valid.
    Valid,
    /// The signature is not valid, or its timestamp is expired.
    Invalid,
    /// The request has no signature.
    Unsigned,
}

impl SignatureStatus {
    /// Every status, in the order of the stored numbers.
    pub const ALL: [Self; 4] = [Self::Unchecked, Self::Valid, Self::Invalid, Self::Unsigned];

    /// Returns the name of the status in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unsigned => "unsigned",
        }
    }

    /// Returns the status that is stored as `number`. An unknown number is [`Self::Unchecked`].
    pub fn stored(number: u8) -> Self {
        Self::ALL.into_iter().find(|status| *status as u8 == number).unwrap_or_default()
    }
}
