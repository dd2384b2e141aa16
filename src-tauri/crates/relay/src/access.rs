//! Access control of public URLs, used by relay and agent: unguessable tokens, allowed networks and passwords.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hookbench_capture::Refusal;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use crate::wire::random;

/// Random bytes in the token of a public URL: 160 bits, which cannot be guessed.
const TOKEN_BYTES: usize = 20;

/// Generates the token of a public URL.
pub fn new_token() -> String {
    base32(&random::<TOKEN_BYTES>())
}

/// Encodes bytes as lower-case base32 without padding (RFC 4648 §6). URLs contain this text without escaping.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut text, mut bits, mut count) = (String::new(), 0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(char::from(ALPHABET[(bits >> count & 31) as usize]));
        }
    }
    if count > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - count) & 31) as usize]));
    }
    text
}

/// Returns the target that the request would have at the local listener: the name of the inbox in place of the token.
pub fn target_of(inbox: &str, path: &str, query: Option<&str>) -> String {
    let rest = path.trim_start_matches('/').split_once('/').map(|(_, rest)| format!("/{rest}")).unwrap_or_default();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{inbox}{rest}{query}")
}

/// Parses networks such as `192.0.2.0/24`, or single addresses.
///
/// # Errors
/// Returns a message about the first text that is neither a network nor an address.
pub fn networks(written: &[String]) -> Result<Vec<IpNet>, String> {
    written
        .iter()
        .map(|text| {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                format!("Invalid IP network: {text:?} (expected an address, or a network such as 192.0.2.0/24).")
            })
        })
        .collect()
}

/// Returns true if a network contains the address. An IPv4-mapped IPv6 address counts as the IPv4 address.
pub(crate) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// Returns the SHA-256 of `name:password` in hexadecimal.
pub fn digest(name: &str, password: &str) -> String {
    hex::encode(Sha256::digest(format!("{name}:{password}")))
}

/// Access rules of a public URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    allow: Vec<IpNet>,
    basic: Option<String>,
}

impl Access {
    /// Creates access rules: requests must come from a network in `allow` (any network if empty), and must have the
    /// credentials with the [`digest`] `basic` (none if `None`).
    pub fn new(allow: Vec<IpNet>, basic: Option<String>) -> Self {
        Self { allow, basic }
    }

    /// Returns the error for a sender whose address is not allowed.
    pub fn refuses_sender(&self, sender: IpAddr) -> Option<Refusal> {
        let open = self.allow.is_empty() || contains(&self.allow, sender);
        (!open).then(|| Refusal {
            status: StatusCode::FORBIDDEN,
            code: "address_not_allowed",
            message: "Your IP address is not allowed to send to this inbox.".into(),
            hint: "Ask the owner of the inbox to allow your network.".into(),
            header: None,
        })
    }

    /// Returns the error for a request without the required credentials.
    pub fn refuses_credentials(&self, headers: &HeaderMap) -> Option<Refusal> {
        let basic = self.basic.as_ref()?;
        let given = headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, credentials) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then(|| BASE64.decode(credentials.trim()).ok())?
        });
        // Digests are compared, so the duration of the comparison reveals nothing about the password.
        let let_in = given.is_some_and(|given| hex::encode(Sha256::digest(&given)).eq_ignore_ascii_case(basic));
        (!let_in).then(|| Refusal {
            status: StatusCode::UNAUTHORIZED,
            code: "password_wanted",
            message: "This inbox requires a user name and a password.".into(),
            hint: "Send them with HTTP Basic authentication.".into(),
            header: Some((
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"Hookbench\", charset=\"UTF-8\""),
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enforces_allowed_networks() {
        let access =
            Access::new(networks(&["192.0.2.0/24".into(), "2001:db8::1".into()]).expect("parse the networks"), None);
        for (address, inside) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.3.7", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            let refused = access.refuses_sender(address.parse().expect("parse the address"));
            assert_eq!(refused.is_none(), inside, "{address}");
        }
        assert!(networks(&["example.com".into()]).is_err());
        assert!(Access::default().refuses_sender(IpAddr::from([1, 2, 3, 4])).is_none());
    }

    #[test]
    fn accepts_only_the_correct_password() {
        let access = Access::new(Vec::new(), Some(digest("me", "pass:word")));
        let ask = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).expect("build a header value"));
            access.refuses_credentials(&headers).is_none()
        };
        assert!(ask(&format!("basic {}", BASE64.encode("me:pass:word"))));
        for wrong in ["me:pass", "me:pass:word2", "", ":"] {
            assert!(!ask(&format!("Basic {}", BASE64.encode(wrong))), "{wrong}");
        }
        assert!(!ask("Basic !!"));
        assert!(!ask("Bearer abc"));
        assert!(access.refuses_credentials(&HeaderMap::new()).is_some());
        assert!(Access::default().refuses_credentials(&HeaderMap::new()).is_none());
    }

    #[test]
    fn replaces_the_token_in_the_target_with_the_inbox_name() {
        for (path, query, target) in [
            ("/tok/a/b", Some("c=d"), "/shop/a/b?c=d"),
            ("/tok", None, "/shop"),
            ("/tok/", None, "/shop/"),
            ("/tok", Some(""), "/shop?"),
            ("//tok//a", None, "/shop//a"),
        ] {
            assert_eq!(target_of("shop", path, query), target, "{path}");
        }
    }
}
