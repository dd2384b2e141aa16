//! Signature and digest algorithms.

use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use rsa::{Pkcs1v15Sign, rand_core::OsRng, traits::SignatureScheme};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use crate::{fault::Fault, key::Key};

/// Signature or digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with MD5.
    HmacMd5,
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
    /// SHA-1 of content that includes the secret.
    HashSha1,
    /// SHA-256 of content that includes the secret.
    HashSha256,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256 and a DER signature.
    EcdsaSha256,
    /// ECDSA on P-256 with SHA-1 and a DER signature (eBay).
    EcdsaSha1,
    /// RSA PKCS#1 v1.5 with SHA-1.
    RsaSha1,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RsaSha512,
    /// RSA-PSS with SHA-512.
    RsaPssSha512,
    /// No digest: the content is compared with the received value.
    Token,
}

/// Source of the signed content. Passes the content to a sink piece by piece, which avoids a copy of the body.
pub(crate) trait Feed: FnMut(&mut dyn FnMut(&[u8])) -> Result<(), Fault> {}
impl<F: FnMut(&mut dyn FnMut(&[u8])) -> Result<(), Fault>> Feed for F {}

fn hmac<M: Mac + KeyInit>(key: &[u8], feed: &mut impl Feed) -> Result<Vec<u8>, Fault> {
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|e| Fault::Secret { why: e.to_string() })?;
    feed(&mut |bytes| mac.update(bytes))?;
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hash<D: Digest>(feed: &mut impl Feed) -> Result<Vec<u8>, Fault> {
    let mut hash = D::new();
    feed(&mut |bytes| hash.update(bytes))?;
    Ok(hash.finalize().to_vec())
}

fn whole(feed: &mut impl Feed) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    feed(&mut |bytes| all.extend_from_slice(bytes))?;
    Ok(all)
}

/// DigestInfo prefixes of PKCS#1 v1.5 (RFC 8017 §9.2, note 1), without the hash.
const SHA1_INFO: &[u8] = &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
const SHA256_INFO: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
const SHA512_INFO: &[u8] =
    &[0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40];

fn pkcs1(info: &[u8], hash_len: usize) -> Pkcs1v15Sign {
    Pkcs1v15Sign { hash_len: Some(hash_len), prefix: info.into() }
}

impl Algorithm {
    /// Returns the usual name of the algorithm.
    pub fn label(self) -> &'static str {
        match self {
            Self::HmacMd5 => "HMAC-MD5",
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::HmacSha384 => "HMAC-SHA384",
            Self::HmacSha512 => "HMAC-SHA512",
            Self::HashSha1 => "SHA-1",
            Self::HashSha256 => "SHA-256",
            Self::Ed25519 => "Ed25519",
            Self::EcdsaSha256 => "ECDSA with SHA-256",
            Self::EcdsaSha1 => "ECDSA with SHA-1",
            Self::RsaSha1 => "RSA with SHA-1",
            Self::RsaSha256 => "RSA with SHA-256",
            Self::RsaSha512 => "RSA with SHA-512",
            Self::RsaPssSha512 => "RSA-PSS with SHA-512",
            Self::Token => "token",
        }
    }

    /// Returns true if the same secret verifies and signs.
    pub fn is_symmetric(self) -> bool {
        !matches!(
            self,
            Self::Ed25519
                | Self::EcdsaSha256
                | Self::EcdsaSha1
                | Self::RsaSha1
                | Self::RsaSha256
                | Self::RsaSha512
                | Self::RsaPssSha512
        )
    }

    /// Returns the digest of a symmetric algorithm.
    pub(crate) fn digest(self, key: &[u8], mut feed: impl Feed) -> Result<Vec<u8>, Fault> {
        let feed = &mut feed;
        match self {
            Self::HmacMd5 => hmac::<Hmac<Md5>>(key, feed),
            Self::HmacSha1 => hmac::<Hmac<Sha1>>(key, feed),
            Self::HmacSha256 => hmac::<Hmac<Sha256>>(key, feed),
            Self::HmacSha384 => hmac::<Hmac<Sha384>>(key, feed),
            Self::HmacSha512 => hmac::<Hmac<Sha512>>(key, feed),
            Self::HashSha1 => hash::<Sha1>(feed),
            Self::HashSha256 => hash::<Sha256>(feed),
            Self::Token => whole(feed),
            _ => Err(Fault::Secret { why: "only the sender's private key can create this signature".into() }),
        }
    }

    /// Returns true if `signature` is a valid signature of the content. Compares symmetric digests in constant time.
    pub(crate) fn holds(self, key: &Key, signature: &[u8], mut feed: impl Feed) -> Result<bool, Fault> {
        let wrong_key = || Fault::Secret { why: "its key type does not match this scheme".into() };
        Ok(match (self, key) {
            (Self::Ed25519, Key::Ed25519(key)) => {
                let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return Ok(false) };
                // Strict verification rejects keys of small order, which accept signatures of any content.
                key.verify_strict(&whole(&mut feed)?, &signature).is_ok()
            }
            (Self::EcdsaSha256, Key::P256(key)) => {
                let Ok(signature) = p256::ecdsa::Signature::from_der(signature) else { return Ok(false) };
                key.verify_prehash(&hash::<Sha256>(&mut feed)?, &signature).is_ok()
            }
            (Self::EcdsaSha1, Key::P256(key)) => {
                let Ok(signature) = p256::ecdsa::Signature::from_der(signature) else { return Ok(false) };
                key.verify_prehash(&hash::<Sha1>(&mut feed)?, &signature).is_ok()
            }
            (Self::RsaSha1, Key::Rsa(key)) => {
                pkcs1(SHA1_INFO, 20).verify(key, &hash::<Sha1>(&mut feed)?, signature).is_ok()
            }
            (Self::RsaSha256, Key::Rsa(key)) => {
                pkcs1(SHA256_INFO, 32).verify(key, &hash::<Sha256>(&mut feed)?, signature).is_ok()
            }
            (Self::RsaSha512, Key::Rsa(key)) => {
                pkcs1(SHA512_INFO, 64).verify(key, &hash::<Sha512>(&mut feed)?, signature).is_ok()
            }
            (Self::RsaPssSha512, Key::Rsa(key)) => {
                rsa::Pss::new::<rsa::sha2::Sha512>().verify(key, &hash::<Sha512>(&mut feed)?, signature).is_ok()
            }
            (symmetric, Key::Bytes(key)) if symmetric.is_symmetric() => {
                symmetric.digest(key, feed)?.ct_eq(signature).into()
            }
            _ => return Err(wrong_key()),
        })
    }

    /// Signs with a secret or a private key.
    ///
    /// RSA operations are blinded with random numbers to prevent timing attacks on the key (RUSTSEC-2023-0071). The
    /// signature does not depend on the random numbers.
    pub(crate) fn sign(self, key: &Key, mut feed: impl Feed) -> Result<Vec<u8>, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::Secret { why: e.to_string() };
        match (self, key) {
            (Self::Ed25519, Key::Ed25519Private(key)) => Ok(key.sign(&whole(&mut feed)?).to_bytes().to_vec()),
            (Self::EcdsaSha256, Key::P256Private(key)) => {
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(&hash::<Sha256>(&mut feed)?).map_err(|e| failed(&e))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            (Self::RsaSha1, Key::RsaPrivate(key)) => {
                key.sign_with_rng(&mut OsRng, pkcs1(SHA1_INFO, 20), &hash::<Sha1>(&mut feed)?).map_err(|e| failed(&e))
            }
            (Self::RsaSha256, Key::RsaPrivate(key)) => key
                .sign_with_rng(&mut OsRng, pkcs1(SHA256_INFO, 32), &hash::<Sha256>(&mut feed)?)
                .map_err(|e| failed(&e)),
            (Self::RsaSha512, Key::RsaPrivate(key)) => key
                .sign_with_rng(&mut OsRng, pkcs1(SHA512_INFO, 64), &hash::<Sha512>(&mut feed)?)
                .map_err(|e| failed(&e)),
            (Self::EcdsaSha1, Key::P256Private(key)) => {
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(&hash::<Sha1>(&mut feed)?).map_err(|e| failed(&e))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            (Self::RsaPssSha512, Key::RsaPrivate(key)) => {
                let digest = hash::<Sha512>(&mut feed)?;
                key.sign_with_rng(&mut OsRng, rsa::Pss::new::<rsa::sha2::Sha512>(), &digest).map_err(|e| failed(&e))
            }
            (symmetric, Key::Bytes(key)) if symmetric.is_symmetric() => symmetric.digest(key, feed),
            _ => Err(Fault::Secret { why: "signing requires the private key of this scheme".into() }),
        }
    }
}
