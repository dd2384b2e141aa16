//! What verification found, with its reason.

use serde::Serialize;

/// What a masked value begins with, wherever this product shows one.
pub(crate) const MASKED: &str = "••••";

/// Whether a signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does.
    Valid,
    /// It does not, or there is one that cannot be judged.
    Invalid,
    /// There is none.
    Unsigned,
}

/// What verification found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the signature holds.
    pub state: State,
    /// Why not.
    pub fault: Option<Fault>,
    /// When the message says it was signed, in ms since the Unix epoch.
    pub signed_at_ms: Option<i64>,
    /// The secret that made it, from 0.
    pub secret: Option<usize>,
}

impl Verdict {
    pub(crate) fn invalid(fault: Fault) -> Self {
        let state = if matches!(fault, Fault::NoSignature { .. }) { State::Unsigned } else { State::Invalid };
        Self { state, fault: Some(fault), signed_at_ms: None, secret: None }
    }

    pub(crate) fn valid(secret: usize, signed_at_ms: Option<i64>) -> Self {
        Self { state: State::Valid, fault: None, signed_at_ms, secret: Some(secret) }
    }
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Fault {
    /// Nothing stands where the signature should.
    #[error("The message is not signed: {place} is missing.")]
    NoSignature {
        /// Where it was looked for.
        place: String,
    },
    /// Something stands there, but no signature of this scheme.
    #[error("{place} holds no signature of this scheme: an item beginning with {prefix:?} is expected.")]
    NoItem {
        /// Where it was looked for.
        place: String,
        /// How an item begins.
        prefix: String,
    },
    /// The signature is not written as it should be.
    #[error("The signature in {place} is not {encoding}.")]
    Encoding {
        /// Where it stands.
        place: String,
        /// How it should be written.
        encoding: String,
    },
    /// Something that is signed along is missing.
    #[error("{what} is missing, and it is part of what is signed.")]
    Missing {
        /// What it is.
        what: String,
    },
    /// A condition of the scheme does not hold.
    #[error("{what} should be {wanted:?}.")]
    Requirement {
        /// What is looked at.
        what: String,
        /// What it should be.
        wanted: String,
    },
    /// The timestamp does not read.
    #[error("The timestamp {text:?} is not {unit}.")]
    Timestamp {
        /// What stands there.
        text: String,
        /// How it should be written.
        unit: String,
    },
    /// The digest is right, and the timestamp too old.
    #[error("The signature is right, but its timestamp is {} old; {} are allowed.", span(*.by_ms), span(*.allowed_ms))]
    Stale {
        /// How old it is, in ms.
        by_ms: i64,
        /// How old it may be, in ms.
        allowed_ms: i64,
    },
    /// The digest is right, and the timestamp lies too far ahead.
    #[error("The signature is right, but its timestamp lies {} in the future; {} are allowed.", span(*.by_ms), span(*.allowed_ms))]
    Future {
        /// How far, in ms.
        by_ms: i64,
        /// How far it may, in ms.
        allowed_ms: i64,
    },
    /// Content, secret and signature do not belong together.
    #[error("The signature does not match: the secret is another one, or what was signed is not what arrived.")]
    Mismatch,
    /// The message is a copy in which the signature is masked.
    #[error("{place} is masked ({MASKED}…): this is a copy that was made without its secrets.")]
    Masked {
        /// What is masked.
        place: String,
    },
    /// There is no secret to verify with.
    #[error("There is no secret to verify with.")]
    NoSecret,
    /// The secret cannot be what signs.
    #[error("The secret cannot be used: {why}.")]
    Secret {
        /// Why not.
        why: String,
    },
    /// The token is not one, or not one that is taken.
    #[error("The token is not accepted: {why}.")]
    Token {
        /// Why not.
        why: String,
    },
}

impl Fault {
    /// Stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSignature { .. } => "no_signature",
            Self::NoItem { .. } => "no_item",
            Self::Encoding { .. } => "encoding",
            Self::Missing { .. } => "missing",
            Self::Requirement { .. } => "requirement",
            Self::Timestamp { .. } => "timestamp",
            Self::Stale { .. } => "stale",
            Self::Future { .. } => "future",
            Self::Mismatch => "mismatch",
            Self::Masked { .. } => "masked",
            Self::NoSecret => "no_secret",
            Self::Secret { .. } => "secret",
            Self::Token { .. } => "token",
        }
    }

    /// By how much a time is outside its tolerance, as the middle of a sentence.
    pub(crate) fn outside(&self) -> Option<String> {
        match self {
            Self::Stale { by_ms, .. } => Some(format!("its timestamp is {} old", span(*by_ms))),
            Self::Future { by_ms, .. } => Some(format!("its timestamp lies {} in the future", span(*by_ms))),
            _ => None,
        }
    }

    /// How telling it is, from 0: of several candidates the one that came farthest speaks for all.
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
            Self::Stale { .. } | Self::Future { .. } => 5,
        }
    }
}

/// A length of time in its largest unit.
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
