//! Result of a verification and the reason for a failure.

use serde::Serialize;

/// Prefix of every masked value.
pub(crate) const MASKED: &str = "••••";

/// Outcome of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The signature is valid.
    Valid,
    /// The signature is invalid or cannot be verified.
    Invalid,
    /// The message has no signature.
    Unsigned,
}

/// Result of a verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Outcome.
    pub state: State,
    /// Reason for a failure. `None` if the signature is valid.
    pub fault: Option<Fault>,
    /// Timestamp of the signature, in milliseconds since the Unix epoch.
    pub signed_at_ms: Option<i64>,
    /// Index of the secret that created the signature, from 0.
    pub secret: Option<usize>,
}

impl Verification {
    pub(crate) fn invalid(fault: Fault) -> Self {
        let state = if matches!(fault, Fault::NoSignature { .. }) { State::Unsigned } else { State::Invalid };
        Self { state, fault: Some(fault), signed_at_ms: None, secret: None }
    }

    pub(crate) fn valid(secret: usize, signed_at_ms: Option<i64>) -> Self {
        Self { state: State::Valid, fault: None, signed_at_ms, secret: Some(secret) }
    }
}

/// Reason why a verification fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Fault {
    /// The location of the signature is empty.
    #[error("The message is not signed: {place} is missing.")]
    NoSignature {
        /// Location of the signature.
        place: String,
    },
    /// The location has a value, but no signature of this scheme.
    #[error("{place} has no signature of this scheme: expected an item that begins with {prefix:?}.")]
    NoItem {
        /// Location of the signature.
        place: String,
        /// Required prefix of an item.
        prefix: String,
    },
    /// The signature cannot be decoded.
    #[error("The signature in {place} is not valid {encoding}.")]
    Encoding {
        /// Location of the signature.
        place: String,
        /// Expected encoding.
        encoding: String,
    },
    /// A part of the message or a setting that the scheme needs is missing.
    #[error("{what} is missing, but the signature scheme requires it.")]
    Missing {
        /// Name of the missing part.
        what: String,
    },
    /// A condition of the scheme is not met.
    #[error("{what} must be {wanted:?}.")]
    Requirement {
        /// Name of the checked part.
        what: String,
        /// Required value.
        wanted: String,
    },
    /// The timestamp cannot be parsed.
    #[error("The timestamp {text:?} is not {unit}.")]
    Timestamp {
        /// Received text.
        text: String,
        /// Expected format.
        unit: String,
    },
    /// The signature matches, but the timestamp is too old.
    #[error("The signature matches, but its timestamp is {} old (limit: {}).", span(*.by_ms), span(*.allowed_ms))]
    Expired {
        /// Age, in milliseconds.
        by_ms: i64,
        /// Maximum age, in milliseconds.
        allowed_ms: i64,
    },
    /// The signature matches, but the timestamp is too far in the future.
    #[error(
        "The signature matches, but its timestamp is {} in the future (limit: {}).",
        span(*.by_ms), span(*.allowed_ms)
    )]
    NotYetValid {
        /// Time until the timestamp, in milliseconds.
        by_ms: i64,
        /// Maximum time in the future, in milliseconds.
        allowed_ms: i64,
    },
    /// Content, secret and signature do not match.
    #[error("The signature does not match: the secret is wrong, or the message was changed after signing.")]
    Mismatch,
    /// The message is a copy in which the signature is masked.
    #[error("{place} is masked ({MASKED}…): this copy of the message was made without its secrets.")]
    Masked {
        /// Location of the mask.
        place: String,
    },
    /// No secret is set.
    #[error("No secret is set.")]
    NoSecret,
    /// The secret cannot be converted to a key of the scheme.
    #[error("The secret cannot be used: {why}.")]
    Secret {
        /// Reason, as a sentence fragment.
        why: String,
    },
    /// The token is malformed, or its contents are not accepted.
    #[error("The token is not accepted: {why}.")]
    Token {
        /// Reason, as a sentence fragment.
        why: String,
    },
}

impl Fault {
    /// Returns the stable code of the fault, such as `no_signature`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSignature { .. } => "no_signature",
            Self::NoItem { .. } => "no_item",
            Self::Encoding { .. } => "encoding",
            Self::Missing { .. } => "missing",
            Self::Requirement { .. } => "requirement",
            Self::Timestamp { .. } => "timestamp",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Mismatch => "mismatch",
            Self::Masked { .. } => "masked",
            Self::NoSecret => "no_secret",
            Self::Secret { .. } => "secret",
            Self::Token { .. } => "token",
        }
    }

    /// Describes by how much a timestamp is outside its tolerance, as a sentence fragment.
    pub(crate) fn outside(&self) -> Option<String> {
        match self {
            Self::Expired { by_ms, .. } => Some(format!("its timestamp is {} old", span(*by_ms))),
            Self::NotYetValid { by_ms, .. } => Some(format!("its timestamp is {} in the future", span(*by_ms))),
            _ => None,
        }
    }

    /// Returns how far verification got, from 0. Of several faults, the one with the highest rank is reported.
    pub fn rank(&self) -> u8 {
        match self {
            Self::NoSignature { .. } => 0,
            Self::NoItem { .. } => 1,
            Self::Encoding { .. } | Self::Requirement { .. } => 2,
            Self::NoSecret
            | Self::Secret { .. }
            | Self::Missing { .. }
            | Self::Timestamp { .. }
            | Self::Token { .. } => 3,
            Self::Masked { .. } => 6,
            Self::Mismatch => 4,
            Self::Expired { .. } | Self::NotYetValid { .. } => 5,
        }
    }
}

/// Formats a duration in its largest unit.
fn span(ms: i64) -> String {
    if ms < 1_000 {
        return format!("{ms} ms");
    }
    let (number, unit) = match ms / 1_000 {
        seconds @ ..=119 => (seconds, "seconds"),
        seconds @ 120..=7_199 => (seconds / 60, "minutes"),
        seconds @ 7_200..=172_799 => (seconds / 3_600, "hours"),
        seconds => (seconds / 86_400, "days"),
    };
    format!("{number} {unit}")
}
