//! Headers that contain a credential.

use std::sync::LazyLock;

use crate::Catalog;

/// Standard HTTP headers with credentials, and common headers for API keys.
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

/// Headers in which a built-in provider sends the secret itself.
static VENDOR_HEADERS: LazyLock<Vec<String>> =
    LazyLock::new(|| Catalog::load([]).0.secret_places().filter_map(|place| place.header_name()).collect());

/// Returns true if the value of a header with this name is a credential.
pub fn is_secret_header(name: &[u8]) -> bool {
    SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
        || VENDOR_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_headers_of_vendors_that_send_the_secret() {
        for name in [
            "AUTHORIZATION",
            "X-Gitlab-Token",
            "X-Telegram-Bot-Api-Secret-Token",
            "x-goog-channel-token",
            "Verification-Token",
            "X-Hook-Secret",
        ] {
            assert!(is_secret_header(name.as_bytes()), "{name}");
        }
        assert!(!is_secret_header(b"X-Hub-Signature-256"));
    }
}
