//! Text encodings of a digest.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Serialize};

/// Padding and trailing bits are ignored: vendors differ in them, and checking them does not improve security.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
pub(crate) const BASE64URL: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT.with_encode_padding(false));

/// Text encoding of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Lower-case hexadecimal.
    #[default]
    Hex,
    /// Upper-case hexadecimal.
    HexUpper,
    /// Base64 with padding.
    Base64,
    /// URL-safe base64 without padding.
    Base64url,
    /// Base64 of the lower-case hexadecimal text (Solidgate).
    Base64OfHex,
    /// Base64 with `+`, `/` and `=` percent-encoded (Alipay).
    Base64Escaped,
}

impl Encoding {
    /// Returns the name of the encoding.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::HexUpper => "upper-case hex",
            Self::Base64 => "base64",
            Self::Base64url => "base64url",
            Self::Base64OfHex => "base64 of hex",
            Self::Base64Escaped => "percent-encoded base64",
        }
    }

    pub(crate) fn write(self, digest: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(digest),
            Self::HexUpper => hex::encode_upper(digest),
            Self::Base64 => BASE64.encode(digest),
            Self::Base64url => BASE64URL.encode(digest),
            Self::Base64OfHex => BASE64.encode(hex::encode(digest)),
            Self::Base64Escaped => form_urlencoded::byte_serialize(BASE64.encode(digest).as_bytes()).collect(),
        }
    }

    pub(crate) fn read(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex | Self::HexUpper => hex::decode(text).ok(),
            Self::Base64 => BASE64.decode(text).ok(),
            Self::Base64url => BASE64URL.decode(text).ok(),
            Self::Base64OfHex => hex::decode(BASE64.decode(text).ok()?).ok(),
            Self::Base64Escaped => {
                // An unescaped plus is a base64 character here, not an encoded space.
                let plain = text.replace('+', "%2B");
                let (decoded, _) = form_urlencoded::parse(plain.as_bytes()).next()?;
                BASE64.decode(decoded.as_bytes()).or_else(|_| BASE64URL.decode(decoded.as_bytes())).ok()
            }
        }
    }
}
