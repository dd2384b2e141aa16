//! Device keys, and requests signed with them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

const DEVICE: &str = "hookbench-device";
const TIME: &str = "hookbench-time";
const NONCE: &str = "hookbench-nonce";
const SIGNATURE: &str = "hookbench-signature";

/// Bytes of a device id, which is the beginning of the SHA-256 of the public key.
const ID_BYTES: usize = 16;

/// Returns random bytes from the operating system.
///
/// # Panics
/// Panics if the operating system provides no random bytes, because no secret could be generated.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system provides random bytes");
    bytes
}

/// Returns the id of the device with a public key.
pub fn device_of(key: &[u8; 32]) -> String {
    hex::encode(&Sha256::digest(key)[..ID_BYTES])
}

/// An Ed25519 key that identifies a device.
#[derive(Clone)]
pub struct DeviceKey(SigningKey);

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceKey({})", self.id())
    }
}

impl DeviceKey {
    /// Generates a key.
    pub fn generate() -> Self {
        Self(SigningKey::from_bytes(&random()))
    }

    /// Restores a key from its [`secret`](Self::secret).
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// Returns the secret key, for storage.
    pub fn secret(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Returns the public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Returns the id of the device.
    pub fn id(&self) -> String {
        device_of(&self.public())
    }
}

/// Signs requests to one relay.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Key of the device.
    pub key: DeviceKey,
    /// Id of the relay. A signature for one relay is invalid at other relays.
    pub relay: String,
}

impl Signer {
    /// Returns the headers that sign a request at time `unix_s` (seconds since the Unix epoch).
    pub fn sign(&self, method: &str, target: &str, body: &[u8], unix_s: i64) -> Vec<(&'static str, String)> {
        let nonce = BASE64.encode(random::<16>());
        let text = text(&self.relay, method, target, unix_s, &nonce, body);
        let signature = self.key.0.sign(text.as_bytes());
        vec![
            (DEVICE, self.key.id()),
            (TIME, unix_s.to_string()),
            (NONCE, nonce),
            (SIGNATURE, BASE64.encode(signature.to_bytes())),
        ]
    }
}

fn text(relay: &str, method: &str, target: &str, unix_s: i64, nonce: &str, body: &[u8]) -> String {
    format!("hookbench/1\n{relay}\n{method}\n{target}\n{unix_s}\n{nonce}\n{}\n", hex::encode(Sha256::digest(body)))
}

/// Signature headers of a request. They must be checked with [`verify`](Self::verify) before use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Id of the device.
    pub device: String,
    /// Time of the signature, in seconds since the Unix epoch.
    pub unix_s: i64,
    /// Random value that makes the request valid only once.
    pub nonce: String,
    signature: Signature,
}

/// An error in the signature of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// A signature header is missing or cannot be parsed.
    #[error("The request has no valid signature headers")]
    Missing,
    /// The request was signed with another key, or changed after signing.
    #[error("The signature is invalid")]
    Wrong,
}

/// Maximum length of a nonce, in characters.
const NONCE_MAX: usize = 64;

impl Signed {
    /// Parses the signature headers.
    ///
    /// # Errors
    /// Returns [`NotSigned::Missing`] if a header is missing or cannot be parsed.
    pub fn read(headers: &HeaderMap) -> Result<Self, NotSigned> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).ok_or(NotSigned::Missing);
        let signature = BASE64.decode(text(SIGNATURE)?).map_err(|_| NotSigned::Missing)?;
        let nonce = text(NONCE)?.to_owned();
        if nonce.len() < 16 || nonce.len() > NONCE_MAX {
            return Err(NotSigned::Missing);
        }
        Ok(Self {
            device: text(DEVICE)?.to_owned(),
            unix_s: text(TIME)?.parse().map_err(|_| NotSigned::Missing)?,
            nonce,
            signature: Signature::from_slice(&signature).map_err(|_| NotSigned::Missing)?,
        })
    }

    /// Checks that the device with this public key signed this request for this relay.
    ///
    /// # Errors
    /// Returns [`NotSigned::Wrong`] if the signature is invalid.
    pub fn verify(
        &self,
        key: &[u8; 32],
        relay: &str,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Result<(), NotSigned> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| NotSigned::Wrong)?;
        let text = text(relay, method, target, self.unix_s, &self.nonce, body);
        key.verify_strict(text.as_bytes(), &self.signature).map_err(|_| NotSigned::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_valid_only_for_the_signed_request() {
        let signer = Signer { key: DeviceKey::generate(), relay: "r".into() };
        let mut headers = HeaderMap::new();
        for (name, value) in signer.sign("PUT", "/a?b=1", b"body", 1_000) {
            headers.insert(name, value.parse().expect("build a header value"));
        }
        let signed = Signed::read(&headers).expect("parse the headers");
        let key = signer.key.public();
        assert_eq!(signed.device, device_of(&key));
        assert_eq!(signed.verify(&key, "r", "PUT", "/a?b=1", b"body"), Ok(()));
        for (relay, method, target, body) in [
            ("s", "PUT", "/a?b=1", "body"),
            ("r", "GET", "/a?b=1", "body"),
            ("r", "PUT", "/a", "body"),
            ("r", "PUT", "/a?b=1", ""),
        ] {
            assert_eq!(signed.verify(&key, relay, method, target, body.as_bytes()), Err(NotSigned::Wrong));
        }
        let other = DeviceKey::generate();
        assert_eq!(signed.verify(&other.public(), "r", "PUT", "/a?b=1", b"body"), Err(NotSigned::Wrong));
        for (name, value) in [(TIME, "1001"), (NONCE, "AAAAAAAAAAAAAAAAAAAAAA")] {
            let mut changed = headers.clone();
            changed.insert(name, value.parse().expect("build a header value"));
            let signed = Signed::read(&changed).expect("parse the headers");
            assert_eq!(signed.verify(&key, "r", "PUT", "/a?b=1", b"body"), Err(NotSigned::Wrong), "{name}");
        }
        headers.remove(NONCE);
        assert_eq!(Signed::read(&headers), Err(NotSigned::Missing));
    }
}
