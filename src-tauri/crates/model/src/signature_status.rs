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
    Unverified,
    /// The signature is valid.
    Valid,
    /// The signature is not valid.
    Invalid,
    /// The request has no signature.
    Unsigned,
    /// The signature is correct, but its timestamp is too old.
    Expired,
}

impl SignatureStatus {
    /// Every status, in the order of the stored numbers.
    pub const ALL: [Self; 5] = [Self::Unverified, Self::Valid, Self::Invalid, Self::Unsigned, Self::Expired];

    /// Returns the name of the status in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unsigned => "unsigned",
            Self::Expired => "expired",
        }
    }

    /// Returns the status that is stored as `number`. An unknown number is [`Self::Unverified`].
    pub fn stored(number: u8) -> Self {
        Self::ALL.into_iter().find(|status| *status as u8 == number).unwrap_or_default()
    }
}
