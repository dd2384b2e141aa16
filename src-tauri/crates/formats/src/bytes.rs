//! Bytes in JSON: as text where they are text.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::value::RawValue;

/// Bytes that JSON carries exactly: a string where they are UTF-8, else `{"base64": "…"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exact(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    base64: String,
}

impl Exact {
    /// Whether there are none.
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
    /// Other tools write a JSON body as it is: any other value is taken as its own text.
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

/// Base64 of any tool: line breaks and missing padding are let pass.
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
    LENIENT.decode(packed).map_err(|e| format!("the base64 does not read: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_json_as_they_were() {
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
