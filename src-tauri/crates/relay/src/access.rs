//! What stands before a public address, at a relay as on the laptop: a token nobody guesses, networks, a password.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hookbench_capture::Refusal;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use crate::wire::random;

/// Bytes of randomness in an address's token: 160 bits, which nobody guesses.
const TOKEN_BYTES: usize = 20;

/// A new token of a public address.
pub fn new_token() -> String {
    base32(&random::<TOKEN_BYTES>())
}

/// Lower-case base32 (RFC 4648 §6, without padding): nothing in it is mistaken or escaped.
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

/// The target a request would have had at the inbox itself: what stands behind the token, behind its name.
pub fn target_of(inbox: &str, path: &str, query: Option<&str>) -> String {
    let rest = path.trim_start_matches('/').split_once('/').map(|(_, rest)| format!("/{rest}")).unwrap_or_default();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{inbox}{rest}{query}")
}

/// Networks as they are written: `192.0.2.0/24`, or one address.
pub fn networks(written: &[String]) -> Result<Vec<IpNet>, String> {
    written
        .iter()
        .map(|text| {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| format!("{text:?} is no network such as 192.0.2.0/24, and no address."))
        })
        .collect()
}

/// An IPv4 address in IPv6 clothes is that IPv4 address.
pub(crate) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// The digest by which a name and a password are known.
pub fn digest(name: &str, password: &str) -> String {
    hex::encode(Sha256::digest(format!("{name}:{password}")))
}

/// Who may send to an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    allow: Vec<IpNet>,
    basic: Option<String>,
}

impl Gate {
    /// Open to these networks, to all if there are none, and to who has the name and password with this
    /// [`digest`], if there is one.
    pub fn new(allow: Vec<IpNet>, basic: Option<String>) -> Self {
        Self { allow, basic }
    }

    /// What a sender is refused with for where it sends from.
    pub fn refuses_sender(&self, sender: IpAddr) -> Option<Refusal> {
        let open = self.allow.is_empty() || contains(&self.allow, sender);
        (!open).then(|| Refusal {
            status: StatusCode::FORBIDDEN,
            code: "address_not_allowed",
            message: "Your address may not send to this inbox.".into(),
            hint: "Its owner can allow the network you send from.".into(),
            header: None,
        })
    }

    /// What a request is refused with for want of a password.
    pub fn refuses_credentials(&self, headers: &HeaderMap) -> Option<Refusal> {
        let basic = self.basic.as_ref()?;
        let given = headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, credentials) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then(|| BASE64.decode(credentials.trim()).ok())?
        });
        // Digests are compared, so the time it takes says nothing of the password.
        let let_in = given.is_some_and(|given| hex::encode(Sha256::digest(&given)).eq_ignore_ascii_case(basic));
        (!let_in).then(|| Refusal {
            status: StatusCode::UNAUTHORIZED,
            code: "password_wanted",
            message: "This inbox wants a name and a password.".into(),
            hint: "Send them by HTTP Basic authentication.".into(),
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
    fn networks_are_read_and_held_to() {
        let gate = Gate::new(networks(&["192.0.2.0/24".into(), "2001:db8::1".into()]).expect("they read"), None);
        for (address, inside) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.3.7", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            let refused = gate.refuses_sender(address.parse().expect("an address"));
            assert_eq!(refused.is_none(), inside, "{address}");
        }
        assert!(networks(&["example.com".into()]).is_err());
        assert!(Gate::default().refuses_sender(IpAddr::from([1, 2, 3, 4])).is_none());
    }

    #[test]
    fn only_the_right_password_opens() {
        let gate = Gate::new(Vec::new(), Some(digest("me", "pass:word")));
        let ask = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a value"));
            gate.refuses_credentials(&headers).is_none()
        };
        assert!(ask(&format!("basic {}", BASE64.encode("me:pass:word"))));
        for wrong in ["me:pass", "me:pass:word2", "", ":"] {
            assert!(!ask(&format!("Basic {}", BASE64.encode(wrong))), "{wrong}");
        }
        assert!(!ask("Basic !!"));
        assert!(!ask("Bearer abc"));
        assert!(gate.refuses_credentials(&HeaderMap::new()).is_some());
        assert!(Gate::default().refuses_credentials(&HeaderMap::new()).is_none());
    }

    #[test]
    fn a_target_has_the_name_where_the_token_was() {
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
