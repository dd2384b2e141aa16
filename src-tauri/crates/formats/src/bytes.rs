//! Lossless encoding of bytes in JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::value::RawValue;

/// Bytes that are encoded in JSON as a string if they are UTF-8, or else as `{"base64": "…"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exact(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    base64: String,
}

impl Exact {
    /// Returns true if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for Exact {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Base64 { base64: STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Exact {
    /// Decodes a string or `{"base64": "…"}`. Any other JSON value is kept as text, because other tools embed JSON.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('"') {
            return serde_json::from_str::<String>(raw.get()).map(|text| Self(text.into())).map_err(D::Error::custom);
        }
        match serde_json::from_str::<Base64>(raw.get()) {
            Ok(coded) => decoded(&coded.base64).map(Self).map_err(D::Error::custom),
            Err(_) if raw.get() == "null" => Ok(Self::default()),
            Err(_) => Ok(Self(raw.get().into())),
        }
    }
}

/// Decodes base64, and allows line breaks and missing padding.
pub(super) fn decoded(text: &str) -> Result<Vec<u8>, String> {
    use base64::{
        alphabet,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    LENIENT.decode(packed).map_err(|e| format!("the base64 is invalid: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_bytes_through_json() {
        for bytes in [&b""[..], b"text \xc3\xa9 \"q\"", b"\x00\xff\xfe", br#"{"base64":"AA=="}"#] {
            let json = serde_json::to_string(&Exact(bytes.into())).expect("it writes");
            assert_eq!(serde_json::from_str::<Exact>(&json).expect("it reads").0, bytes, "{json}");
        }
        let of =
            |json: &str| serde_json::from_str::<Exact>(json).map(|exact| String::from_utf8(exact.0).expect("text"));
        assert_eq!(of(r#"{ "a": [1] }"#).expect("a body as JSON"), r#"{ "a": [1] }"#);
        assert_eq!(of("null").expect("none"), "");
        assert!(of(r#"{"base64":"!"}"#).is_err());
    }
}
