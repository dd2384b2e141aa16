//! JSON Web Signature algorithms (RFC 7518, RFC 8037), with keys in PEM or as a JWK (RFC 7517).

use base64::Engine as _;
use p256::{
    ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _},
    pkcs8::{DecodePrivateKey as _, DecodePublicKey as _},
};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha512};

use crate::{
    algorithm::{Algorithm, Feed},
    encoding::BASE64URL,
    fault::Fault,
    key::{Key, KeyForm, rsa_public},
};

const SYMMETRIC: &[(&str, Algorithm)] =
    &[("HS256", Algorithm::HmacSha256), ("HS384", Algorithm::HmacSha384), ("HS512", Algorithm::HmacSha512)];
const RSA: &[(&str, Algorithm)] = &[("RS256", Algorithm::RsaSha256), ("RS512", Algorithm::RsaSha512)];

fn named(table: &[(&str, Algorithm)], name: &str) -> Option<Algorithm> {
    table.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
}

fn whole(bytes: &[u8]) -> impl Feed {
    |sink: &mut dyn FnMut(&[u8])| {
        sink(bytes);
        Ok(())
    }
}

/// Returns true if `signature` is a valid signature of `signed`. The caller must check the algorithm name against the
/// scheme first, because the token itself names its algorithm (RFC 8725 §3.1).
pub(crate) fn holds(name: &str, signed: &[u8], signature: &[u8], secret: &str) -> Result<bool, Fault> {
    if let Some(algorithm) = named(SYMMETRIC, name) {
        return algorithm.holds(&Key::Bytes(secret.as_bytes().to_vec()), signature, whole(signed));
    }
    if let Some(algorithm) = named(RSA, name) {
        return algorithm.holds(&Key::Rsa(rsa_public(secret)?), signature, whole(signed));
    }
    match (name, curve(secret)?) {
        ("ES256", Key::P256(key)) => {
            let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else { return Ok(false) };
            Ok(key.verify_prehash(&Sha256::digest(signed), &signature).is_ok())
        }
        ("ES512", Key::P521(key)) => {
            let Ok(signature) = p521::ecdsa::Signature::from_slice(signature) else { return Ok(false) };
            Ok(key.verify_prehash(&Sha512::digest(signed), &signature).is_ok())
        }
        ("EdDSA", key @ Key::Ed25519(_)) => Algorithm::Ed25519.holds(&key, signature, whole(signed)),
        _ => Err(Fault::Token { why: format!("its algorithm {name:?} does not match the type of this key") }),
    }
}

/// Signs with a secret or with a private key in PEM.
pub(crate) fn sign(name: &str, signed: &[u8], secret: &str) -> Result<Vec<u8>, Fault> {
    let wrong = |kind: &str, why: &dyn std::fmt::Display| Fault::Secret {
        why: format!("signing requires the sender's {kind} private key in PEM: {why}"),
    };
    if let Some(algorithm) = named(SYMMETRIC, name) {
        return algorithm.digest(secret.as_bytes(), whole(signed));
    }
    if let Some(algorithm) = named(RSA, name) {
        return algorithm.sign(&KeyForm::Pem.signing(algorithm, secret)?, whole(signed));
    }
    match name {
        "ES256" => {
            let key = p256::ecdsa::SigningKey::from_pkcs8_pem(secret).map_err(|e| wrong("P-256", &e))?;
            let signature: p256::ecdsa::Signature =
                key.sign_prehash(&Sha256::digest(signed)).map_err(|e| wrong("P-256", &e))?;
            Ok(signature.to_bytes().to_vec())
        }
        "ES512" => {
            let key = p521::ecdsa::SigningKey::from_pkcs8_pem(secret).map_err(|e| wrong("P-521", &e))?;
            let signature: p521::ecdsa::Signature =
                key.sign_prehash(&Sha512::digest(signed)).map_err(|e| wrong("P-521", &e))?;
            Ok(signature.to_bytes().to_vec())
        }
        "EdDSA" => Algorithm::Ed25519.sign(&KeyForm::Base64url.signing(Algorithm::Ed25519, secret)?, whole(signed)),
        _ => Err(Fault::Token { why: format!("signing with the algorithm {name:?} is not supported") }),
    }
}

/// Parses an elliptic-curve public key from PEM or a JWK.
pub(crate) fn curve(secret: &str) -> Result<Key, Fault> {
    let wrong = || Fault::Secret { why: "it is not a public key in PEM or JWK format".into() };
    if secret.contains("PUBLIC KEY") {
        let secret = &crate::key::pem(secret);
        return p256::ecdsa::VerifyingKey::from_public_key_pem(secret)
            .map(Key::P256)
            .or_else(|_| p521::ecdsa::VerifyingKey::from_public_key_pem(secret).map(Key::P521))
            .or_else(|_| ed25519_dalek::VerifyingKey::from_public_key_pem(secret).map(Key::Ed25519))
            .map_err(|_| wrong());
    }
    let jwk: Map<String, Value> = serde_json::from_str(secret).map_err(|_| wrong())?;
    let coordinate = |name: &str| {
        jwk.get(name).and_then(Value::as_str).and_then(|text| BASE64URL.decode(text).ok()).ok_or_else(wrong)
    };
    // RFC 7518 §6.2.1.2 requires full-length coordinates, but some libraries omit leading zero octets.
    let padded = |name: &str, octets: usize| {
        let bytes = coordinate(name)?;
        Ok::<_, Fault>([vec![0; octets.saturating_sub(bytes.len())], bytes].concat())
    };
    let point = |octets| Ok::<_, Fault>([vec![4], padded("x", octets)?, padded("y", octets)?].concat());
    match jwk.get("crv").and_then(Value::as_str) {
        Some("P-256") => p256::ecdsa::VerifyingKey::from_sec1_bytes(&point(32)?).map(Key::P256).map_err(|_| wrong()),
        Some("P-521") => p521::ecdsa::VerifyingKey::from_sec1_bytes(&point(66)?).map(Key::P521).map_err(|_| wrong()),
        Some("Ed25519") => {
            let bytes: [u8; 32] = coordinate("x")?.try_into().map_err(|_| wrong())?;
            ed25519_dalek::VerifyingKey::from_bytes(&bytes).map(Key::Ed25519).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}
