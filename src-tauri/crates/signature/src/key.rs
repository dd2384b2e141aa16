//! Secrets as entered by the user, and the keys derived from them.

use std::collections::BTreeMap;

use base64::Engine as _;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use p256::pkcs8::DecodePublicKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use unicode_normalization::UnicodeNormalization;

use crate::{
    algorithm::Algorithm,
    encoding::{BASE64, BASE64URL},
    fault::Fault,
};

/// Conversion from a secret, as the vendor shows it, to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyForm {
    /// The UTF-8 bytes of the secret.
    #[default]
    Text,
    /// Base64.
    Base64,
    /// Base64 after the prefix `whsec_`, `whsk_` or `whpk_`. The prefix is removed if present.
    Prefixed,
    /// Hexadecimal.
    Hex,
    /// The UTF-8 bytes of the secret after NFKD normalization (EasyPost).
    Nfkd,
    /// SHA-1 of the bytes of the secret (Braintree).
    Sha1,
    /// URL-safe base64.
    Base64url,
    /// Base64 if the secret begins with `whsec_`, else the UTF-8 bytes of the secret (OpenAI).
    PrefixedOrText,
    /// The text after the last colon (Ably).
    AfterColon,
    /// A DER key in base64, without PEM header and footer lines.
    Spki,
    /// A key or certificate in PEM.
    Pem,
}

/// The secrets and settings of one inbox or endpoint.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Secrets as entered. More than one during a rotation.
    pub secrets: Vec<String>,
    /// Settings of the scheme by name, such as `public_key`.
    pub params: BTreeMap<String, String>,
}

impl Keys {
    /// Creates keys with one secret and no settings.
    pub fn of(secret: impl Into<String>) -> Self {
        Self { secrets: vec![secret.into()], params: BTreeMap::new() }
    }

    /// Replaces each JWK Set (RFC 7517 §5) by the keys in the set. Returns the expanded keys and, for each key, the
    /// index of the secret it comes from. Returns `None` if no secret is a JWK Set.
    pub(crate) fn expanded(&self) -> Option<(Self, Vec<usize>)> {
        let sets: Vec<Option<Vec<String>>> = self.secrets.iter().map(|secret| jwk_set(secret)).collect();
        if sets.iter().all(Option::is_none) {
            return None;
        }
        let (mut secrets, mut origins) = (Vec::new(), Vec::new());
        for (number, (secret, set)) in self.secrets.iter().zip(sets).enumerate() {
            let keys = set.unwrap_or_else(|| vec![secret.clone()]);
            origins.extend(std::iter::repeat_n(number, keys.len()));
            secrets.extend(keys);
        }
        Some((Self { secrets, params: self.params.clone() }, origins))
    }

    pub(crate) fn param(&self) -> impl Fn(&str) -> Option<String> {
        |name| self.params.get(name).cloned()
    }
}

/// Parsed key that verifies or signs.
pub(crate) enum Key {
    Bytes(Vec<u8>),
    Ed25519(ed25519_dalek::VerifyingKey),
    Ed25519Private(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::VerifyingKey),
    P256Private(p256::ecdsa::SigningKey),
    P521(p521::ecdsa::VerifyingKey),
    Rsa(rsa::RsaPublicKey),
    RsaPrivate(Box<rsa::RsaPrivateKey>),
}

/// Returns the keys of a JWK Set as separate JWKs, or `None` if the text is not a JWK Set.
fn jwk_set(text: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Map<String, serde_json::Value>>,
    }
    let text = text.trim();
    if !text.starts_with('{') || !text.contains("\"keys\"") {
        return None;
    }
    let set: Set = serde_json::from_str(text).ok().filter(|set: &Set| !set.keys.is_empty())?;
    Some(set.keys.into_iter().map(|key| serde_json::Value::Object(key).to_string()).collect())
}

fn wrong(why: impl Into<String>) -> Fault {
    Fault::Secret { why: why.into() }
}

impl KeyForm {
    /// Returns `Pem` if the text has a PEM header, else `Spki`.
    pub(crate) fn of_pem_or_base64(secret: &str) -> Self {
        if secret.contains("-----BEGIN") { Self::Pem } else { Self::Spki }
    }

    /// Decodes a secret to the bytes of its key.
    pub(crate) fn bytes(self, secret: &str) -> Result<Vec<u8>, Fault> {
        let base64 =
            |text: &str| BASE64.decode(text).or_else(|_| BASE64URL.decode(text)).map_err(|_| wrong("it is not base64"));
        match self {
            Self::Text | Self::Pem => Ok(secret.as_bytes().to_vec()),
            Self::PrefixedOrText if secret.starts_with("whsec_") => Self::Prefixed.bytes(secret),
            Self::PrefixedOrText => Ok(secret.as_bytes().to_vec()),
            Self::AfterColon => Ok(secret.rsplit(':').next().unwrap_or(secret).as_bytes().to_vec()),
            Self::Nfkd => Ok(secret.nfkd().collect::<String>().into_bytes()),
            Self::Sha1 => Ok(Sha1::digest(secret).to_vec()),
            Self::Hex => hex::decode(secret).map_err(|_| wrong("it is not hexadecimal")),
            Self::Base64 | Self::Base64url | Self::Spki => base64(secret),
            Self::Prefixed => {
                let bare = ["whsec_", "whsk_", "whpk_"].iter().find_map(|prefix| secret.strip_prefix(prefix));
                base64(bare.unwrap_or(secret))
            }
        }
    }

    /// Parses a secret as the key that verifies signatures.
    pub(crate) fn verifying(self, algorithm: Algorithm, secret: &str) -> Result<Key, Fault> {
        if secret.is_empty() {
            return Err(Fault::NoSecret);
        }
        let is_jwk = secret.trim_start().starts_with('{');
        match algorithm {
            Algorithm::Ed25519 | Algorithm::EcdsaSha256 | Algorithm::EcdsaSha1 if is_jwk => crate::jose::curve(secret),
            Algorithm::Ed25519 => ed25519(self, secret).map(Key::Ed25519),
            Algorithm::EcdsaSha256 | Algorithm::EcdsaSha1 => {
                let key = match Self::of_pem_or_base64(secret) {
                    Self::Pem => {
                        p256::ecdsa::VerifyingKey::from_public_key_pem(&pem(secret)).map_err(|e| e.to_string())
                    }
                    _ => {
                        p256::ecdsa::VerifyingKey::from_public_key_der(&self.bytes(secret)?).map_err(|e| e.to_string())
                    }
                };
                key.map(Key::P256).map_err(|e| wrong(format!("it is not a P-256 public key: {e}")))
            }
            Algorithm::RsaSha1 | Algorithm::RsaSha256 | Algorithm::RsaSha512 | Algorithm::RsaPssSha512 => {
                rsa_public(secret).map(Key::Rsa)
            }
            _ => self.bytes(secret).map(Key::Bytes),
        }
    }

    /// Parses a secret as the key that signs.
    pub(crate) fn signing(self, algorithm: Algorithm, secret: &str) -> Result<Key, Fault> {
        if secret.is_empty() {
            return Err(Fault::NoSecret);
        }
        let whole = if secret.contains("-----BEGIN") { pem(secret) } else { secret.to_owned() };
        let secret = if algorithm.is_symmetric() { secret } else { &whole };
        match algorithm {
            Algorithm::Ed25519 => {
                if secret.contains("PRIVATE KEY") {
                    return ed25519_dalek::SigningKey::from_pkcs8_pem(secret)
                        .map(Key::Ed25519Private)
                        .map_err(|e| wrong(format!("it is not an Ed25519 private key: {e}")));
                }
                let bytes = self.bytes(secret)?;
                // Svix concatenates seed and public key. Only the seed is the private key.
                let seed: [u8; 32] = bytes
                    .get(..32)
                    .filter(|_| matches!(bytes.len(), 32 | 64))
                    .and_then(|seed| seed.try_into().ok())
                    .ok_or_else(|| {
                        wrong(format!("an Ed25519 private key must have 32 or 64 bytes (got {})", bytes.len()))
                    })?;
                Ok(Key::Ed25519Private(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
            Algorithm::EcdsaSha256 | Algorithm::EcdsaSha1 => {
                let key = p256::SecretKey::from_pkcs8_pem(secret)
                    .map_err(|e| e.to_string())
                    .or_else(|_| p256::SecretKey::from_sec1_pem(secret).map_err(|e| e.to_string()));
                key.map(|key| Key::P256Private(key.into()))
                    .map_err(|e| wrong(format!("it is not a P-256 private key in PEM: {e}")))
            }
            Algorithm::RsaSha1 | Algorithm::RsaSha256 | Algorithm::RsaSha512 | Algorithm::RsaPssSha512 => {
                use rsa::pkcs1::DecodeRsaPrivateKey as _;
                rsa::RsaPrivateKey::from_pkcs8_pem(secret)
                    .or_else(|_| rsa::RsaPrivateKey::from_pkcs1_pem(secret).map_err(Into::into))
                    .map(|key| Key::RsaPrivate(Box::new(key)))
                    .map_err(|e: rsa::pkcs8::Error| wrong(format!("it is not an RSA private key in PEM: {e}")))
            }
            _ => self.bytes(secret).map(Key::Bytes),
        }
    }
}

fn ed25519(form: KeyForm, secret: &str) -> Result<ed25519_dalek::VerifyingKey, Fault> {
    use ed25519_dalek::pkcs8::DecodePublicKey as _;
    if secret.contains("PUBLIC KEY") {
        return ed25519_dalek::VerifyingKey::from_public_key_pem(&pem(secret))
            .map_err(|e| wrong(format!("it is not an Ed25519 public key: {e}")));
    }
    let bytes = form.bytes(secret)?;
    let bytes: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| wrong(format!("an Ed25519 public key must have 32 bytes (got {})", bytes.len())))?;
    ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| wrong("it is not a point on the Ed25519 curve"))
}

/// Restores the line breaks of a PEM text. They are lost when a user pastes the text from JSON or as one line.
pub(crate) fn pem(secret: &str) -> String {
    let text = secret.trim().replace("\\r", "").replace("\\n", "\n");
    let Some((label, rest)) = text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----")) else {
        return text;
    };
    let Some((inside, _)) = rest.split_once("-----END") else { return text };
    let inside: Vec<char> = inside.chars().filter(|c| !c.is_whitespace()).collect();
    let lines: Vec<String> = inside.chunks(64).map(|line| line.iter().collect()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Parses an RSA public key from PEM, base64 DER, a JWK, or a certificate.
pub(crate) fn rsa_public(secret: &str) -> Result<rsa::RsaPublicKey, Fault> {
    use rsa::pkcs1::DecodeRsaPublicKey as _;
    let text = &pem(secret);
    if text.contains("PRIVATE KEY-----") {
        return Err(wrong("it is a private key: enter the vendor's public key"));
    }
    let found = if text.contains("BEGIN CERTIFICATE") {
        certificate_key(text).and_then(|der| rsa::RsaPublicKey::from_public_key_der(&der).map_err(|e| e.to_string()))
    } else if text.starts_with("-----BEGIN") {
        rsa::RsaPublicKey::from_public_key_pem(text)
            .map_err(|e| e.to_string())
            .or_else(|_| rsa::RsaPublicKey::from_pkcs1_pem(text).map_err(|e| e.to_string()))
    } else if text.starts_with('{') {
        rsa_jwk(text)
    } else {
        let bare: String = text.split_whitespace().collect();
        let der = BASE64.decode(bare).map_err(|_| wrong("it is not an RSA public key in PEM or base64"))?;
        rsa::RsaPublicKey::from_public_key_der(&der).map_err(|e| e.to_string())
    };
    found.map_err(|e| wrong(format!("it is not an RSA public key: {e}")))
}

/// Parses an RSA public key from a JWK (RFC 7518 §6.3).
fn rsa_jwk(text: &str) -> Result<rsa::RsaPublicKey, String> {
    let jwk: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let number = |name: &str| {
        let text =
            jwk.get(name).and_then(serde_json::Value::as_str).ok_or_else(|| format!("the JWK has no {name:?}"))?;
        BASE64URL.decode(text).map(|bytes| rsa::BigUint::from_bytes_be(&bytes)).map_err(|e| e.to_string())
    };
    rsa::RsaPublicKey::new(number("n")?, number("e")?).map_err(|e| e.to_string())
}

/// Returns the public key of a certificate (RFC 5280) as DER.
fn certificate_key(pem: &str) -> Result<Vec<u8>, String> {
    use x509_cert::der::{DecodePem as _, Encode as _};
    let certificate = x509_cert::Certificate::from_pem(pem).map_err(|e| e.to_string())?;
    certificate.tbs_certificate().subject_public_key_info().to_der().map_err(|e| e.to_string())
}
