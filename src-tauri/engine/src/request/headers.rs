//! Header blocks as lists, with what must not be seen masked.

use std::sync::LazyLock;

use hookline_capture::header_list;
use hookline_provider::Catalogue;
use serde::Serialize;
use utoipa::ToSchema;

/// Headers whose value is itself a credential: HTTP's own, and those of the common API keys.
const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-webhook-secret",
    "x-webhook-token",
    "apikey",
    "deploy-token",
    "job-token",
    "ocp-apim-subscription-key",
    "private-token",
    "x-amz-security-token",
    "x-api-token",
    "x-csrf-token",
    "x-figma-token",
    "x-functions-key",
    "x-shopify-access-token",
];

/// Headers in which a vendor that ships sends the secret itself.
static VENDOR_HEADERS: LazyLock<Vec<String>> =
    LazyLock::new(|| Catalogue::load([]).0.secret_places().filter_map(|place| place.header_name()).collect());

/// What stands in a masked value's place.
pub(crate) const MASK: &str = "••••••••";

/// One header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeaderLine {
    /// Name as spelled by the sender.
    pub name: String,
    /// Value; bytes that are not UTF-8 stand as `\xNN`, and a secret one as a mask.
    pub value: String,
    /// Whether the value is a credential.
    pub secret: bool,
}

/// Whether a header's value is a credential.
pub(crate) fn is_secret(name: &[u8]) -> bool {
    SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
        || VENDOR_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

/// The lines of a header block; credentials masked unless `reveal`.
pub(crate) fn lines(block: &[u8], reveal: bool) -> Vec<HeaderLine> {
    header_list(block)
        .map(|(name, value)| {
            let secret = is_secret(name);
            let value = if secret && !reveal { MASK.to_owned() } else { text(value) };
            HeaderLine { name: text(name), value, secret }
        })
        .collect()
}

/// Bytes as text: UTF-8 as it is, any other byte as `\xNN`.
pub(crate) fn text(bytes: &[u8]) -> String {
    text_by(bytes, String::push_str)
}

/// Bytes as text: UTF-8 as `push` writes it, any other byte as `\xNN`.
pub(crate) fn text_by(bytes: &[u8], push: impl Fn(&mut String, &str)) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push(&mut text, chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_and_the_rest_is_exact() {
        let block = b"Host: x\r\nAUTHORIZATION: Basic abc\r\nX-Latin: caf\xe9\r\nx-empty:\r\n";
        let masked = lines(block, false);
        assert_eq!(masked[1], HeaderLine { name: "AUTHORIZATION".into(), value: MASK.into(), secret: true });
        assert_eq!(masked[2].value, "caf\\xe9");
        assert_eq!(masked[3].value, "");
        assert_eq!(lines(block, true)[1].value, "Basic abc");
        for name in [
            "X-Gitlab-Token",
            "X-Telegram-Bot-Api-Secret-Token",
            "x-goog-channel-token",
            "Verification-Token",
            "X-Hook-Secret",
        ] {
            assert!(is_secret(name.as_bytes()), "{name}");
        }
        assert!(!is_secret(b"X-Hub-Signature-256"));
    }
}
