//! Language-independent parts of a message and its verification. A template selects the code of a part by its tag
//! `type`.

use hookbench_signature::{Encoding, KeyForm, Part, Place, Source, TimestampRule, Unit};
use serde::Serialize;

/// Text from the message or from the arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Value {
    /// First header present among these names, in lower case.
    Header {
        names: Vec<String>,
    },
    /// Item `name=text` of the header with the signature.
    Item {
        name: String,
    },
    /// Item by position.
    Position {
        index: usize,
    },
    /// Scalar of the JSON body.
    Json {
        steps: Vec<Step>,
    },
    Url,
    Path,
    Method,
    /// Parameter of the scheme.
    Param {
        name: String,
    },
    Secret,
}

/// Step into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Step {
    Index(usize),
    Name(String),
}

/// Piece of the signed content.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content {
    Text { text: String },
    Body,
    BodySha256Hex,
    SecretBase64,
    Value { value: Value },
}

/// Signing time of a message, with its limits. A limit of 0 seconds means no limit.
#[derive(Debug, Serialize)]
pub(super) struct Timestamp {
    #[serde(rename = "type")]
    unit: TimeUnit,
    pub(super) value: Value,
    /// Maximum age, in seconds.
    past_s: u32,
    /// Maximum time in the future, in seconds.
    future_s: u32,
}

#[derive(Debug, Serialize)]
enum TimeUnit {
    #[serde(rename = "time_s")]
    S,
    #[serde(rename = "time_ms")]
    Ms,
    #[serde(rename = "time_iso")]
    Iso,
}

/// Decoding of the secret into the key.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum Key {
    #[serde(rename = "key_text")]
    Text,
    #[serde(rename = "key_base64")]
    Base64,
    #[serde(rename = "key_prefixed")]
    Prefixed,
    #[serde(rename = "key_hex")]
    Hex,
    #[serde(rename = "key_pem")]
    Pem,
}

/// Decoding of the signature into bytes.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum Signature {
    #[serde(rename = "signature_text")]
    Text,
    #[serde(rename = "signature_hex")]
    Hex,
    #[serde(rename = "signature_base64")]
    Base64,
    #[serde(rename = "signature_base64url")]
    Base64url,
    #[serde(rename = "signature_base64_of_hex")]
    Base64OfHex,
}

/// Returns the tag of a part.
pub(super) fn type_of(part: &impl Serialize) -> String {
    minijinja::Value::from_serialize(part).get_attr("type").map(|tag| tag.to_string()).unwrap_or_default()
}

impl Value {
    /// Returns the value, or `None` for a place that samples do not support.
    pub(super) fn new(source: &Source) -> Option<Self> {
        Some(match source.place {
            Place::Header => {
                let name = source.name.replace('*', "1").to_ascii_lowercase();
                Self::Header { names: name.split('|').map(str::to_owned).collect() }
            }
            Place::Signature => match source.name.parse() {
                Ok(index) => Self::Position { index },
                Err(_) => Self::Item { name: source.name.clone() },
            },
            Place::Json => {
                // `a[]` is the first item of the list `a`.
                let path = source.name.replace("[]", ".0");
                Self::Json { steps: path.split('.').filter(|step| !step.is_empty()).map(Step::new).collect() }
            }
            Place::Query | Place::Form | Place::FormJson | Place::Body => return None,
        })
    }

    /// Returns true if a message can lack the value.
    pub(super) fn may_be_absent(&self) -> bool {
        matches!(self, Self::Header { .. } | Self::Item { .. } | Self::Position { .. } | Self::Json { .. })
    }

    /// Returns the texts that the code of the value contains as literals.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Header { names } => names.iter().map(String::as_str).collect(),
            Self::Json { steps } => steps.iter().filter_map(Step::name).collect(),
            Self::Item { name } | Self::Param { name } => vec![name],
            Self::Position { .. } | Self::Url | Self::Path | Self::Method | Self::Secret => Vec::new(),
        }
    }
}

impl Step {
    fn new(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Index)
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Index(_) => None,
            Self::Name(name) => Some(name),
        }
    }
}

impl Content {
    /// Returns the piece, or `None` for a part that samples do not support.
    pub(super) fn new(part: &Part) -> Option<Self> {
        let value = match part {
            Part::Text(text) => return Some(Self::Text { text: text.clone() }),
            Part::Body => return Some(Self::Body),
            Part::Sha256Hex(inner) if **inner == Part::Body => return Some(Self::BodySha256Hex),
            Part::Base64(inner) if **inner == Part::Secret => return Some(Self::SecretBase64),
            Part::Url => Value::Url,
            Part::Path => Value::Path,
            Part::Method => Value::Method,
            Part::Secret => Value::Secret,
            Part::Param(name) => Value::Param { name: name.clone() },
            Part::From(source) => Value::new(source)?,
            _ => return None,
        };
        Some(Self::Value { value })
    }

    /// Returns the value, if the piece is one.
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Self::Value { value } => Some(value),
            Self::Text { .. } | Self::Body | Self::BodySha256Hex | Self::SecretBase64 => None,
        }
    }

    /// Returns the text, if the piece is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::Value { .. } | Self::Body | Self::BodySha256Hex | Self::SecretBase64 => None,
        }
    }
}

impl Timestamp {
    /// Returns the timestamp, or `None` for a place that samples do not support.
    pub(super) fn new(rule: &TimestampRule) -> Option<Self> {
        let unit = match rule.unit {
            Unit::S => TimeUnit::S,
            Unit::Ms => TimeUnit::Ms,
            Unit::Iso => TimeUnit::Iso,
            Unit::Raw => return None,
        };
        let (past_s, future_s) = (rule.past_s.unwrap_or_default(), rule.future_s.unwrap_or_default());
        Some(Self { unit, value: Value::new(&rule.from)?, past_s, future_s })
    }
}

impl Key {
    /// Returns the key, or `None` for a form that is too rare to support in seven languages.
    pub(super) fn new(form: KeyForm) -> Option<Self> {
        Some(match form {
            KeyForm::Text => Self::Text,
            KeyForm::Base64 => Self::Base64,
            KeyForm::Prefixed => Self::Prefixed,
            KeyForm::Hex => Self::Hex,
            KeyForm::Pem | KeyForm::Spki => Self::Pem,
            KeyForm::Nfkd | KeyForm::Sha1 | KeyForm::Base64url | KeyForm::PrefixedOrText | KeyForm::AfterColon => {
                return None;
            }
        })
    }
}

impl Signature {
    /// Returns the signature, or `None` for an encoding that is too rare to support in seven languages.
    pub(super) fn new(encoding: Encoding) -> Option<Self> {
        Some(match encoding {
            Encoding::Hex | Encoding::HexUpper => Self::Hex,
            Encoding::Base64 => Self::Base64,
            Encoding::Base64url => Self::Base64url,
            Encoding::Base64OfHex => Self::Base64OfHex,
            Encoding::Base64Escaped => return None,
        })
    }
}
