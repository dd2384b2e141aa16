//! A laptop's key, and requests signed with it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

const DEVICE: &str = "hookbench-device";
const TIME: &str = "hookbench-time";
const NONCE: &str = "hookbench-nonce";
const SIGNATURE: &str = "hookbench-signature";

/// Bytes of a device's id: the beginning of its key's SHA-256.
const ID_BYTES: usize = 16;

/// Random bytes of the system.
///
/// # Panics
/// Where the system has none: nothing that is secret could be made.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// The id of the device that has a public key.
pub fn device_of(key: &[u8; 32]) -> String {
    hex::encode(&Sha256::digest(key)[..ID_BYTES])
}

/// A laptop's key.
#[derive(Clone)]
pub struct DeviceKey(SigningKey);

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceKey({})", self.id())
    }
}

impl DeviceKey {
    /// A new one.
    pub fn generate() -> Self {
        Self(SigningKey::from_bytes(&random()))
    }

    /// The one that was kept as [`secret`](Self::secret).
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// What is to be kept, and never to be shown.
    pub fn secret(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The half that others may know.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The device's id.
    pub fn id(&self) -> String {
        device_of(&self.public())
    }
}

/// Signs requests to one relay.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The laptop's key.
    pub key: DeviceKey,
    /// The relay's id: a signature for one relay is of no use at another.
    pub relay: String,
}

impl Signer {
    /// The headers that sign a request at a moment.
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

/// What a signed request says of itself; to be believed after [`verify`](Self::verify).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Id of the device.
    pub device: String,
    /// When it was signed, seconds since the Unix epoch.
    pub unix_s: i64,
    /// What makes it good only once.
    pub nonce: String,
    signature: Signature,
}

/// Why a request is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// A header is missing or does not read.
    #[error("the request carries no signature of a device")]
    Missing,
    /// It was signed with another key, or changed since.
    #[error("the signature does not hold")]
    Wrong,
}

/// Longest nonce that is looked at.
const NONCE_MAX: usize = 64;

impl Signed {
    /// Reads the headers.
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

    /// Whether the device with this public key signed this request for this relay.
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
    fn a_signature_holds_for_what_was_signed_and_for_nothing_else() {
        let signer = Signer { key: DeviceKey::generate(), relay: "r".into() };
        let mut headers = HeaderMap::new();
        for (name, value) in signer.sign("PUT", "/a?b=1", b"body", 1_000) {
            headers.insert(name, value.parse().expect("a value"));
        }
        let signed = Signed::read(&headers).expect("it reads");
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
            changed.insert(name, value.parse().expect("a value"));
            let signed = Signed::read(&changed).expect("it reads");
            assert_eq!(signed.verify(&key, "r", "PUT", "/a?b=1", b"body"), Err(NotSigned::Wrong), "{name}");
        }
        headers.remove(NONCE);
        assert_eq!(Signed::read(&headers), Err(NotSigned::Missing));
    }
}
