//! Language-independent plan of the code that verifies a signature scheme.

use std::collections::BTreeSet;

use hookbench_signature::{Algorithm, Place, Scheme, TimestampRule, Unit};
use minijinja::{context, value::Rest};
use serde::Serialize;

use super::{
    language::Language,
    part::{Content, Key, Signature, Timestamp, Value, type_of},
};

/// Plan of the code that verifies a signature scheme. The templates use the field names.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    kind: Kind,
    /// Hash of the digest, or `None` for tokens and Ed25519.
    hash: Option<Hash>,
    /// Places that contain signatures.
    places: Vec<Value>,
    /// Characters that separate the items of a place. If empty, a place is one item.
    split: String,
    /// Prefix of an item with a signature.
    prefix: String,
    /// Signing time, if it is compared with the current time.
    timestamp: Option<Timestamp>,
    /// Signed content.
    content: Vec<Content>,
    /// Decoding of the secret into the key.
    key: Key,
    /// Decoding of the signature into bytes.
    signature: Signature,
}

/// Kind of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Hmac,
    Hash,
    Token,
    /// RFC 8032.
    Ed25519,
    /// PKCS#1 v1.5 (RFC 8017).
    Rsa,
    /// P-256, with the signature in DER (RFC 3279).
    Ecdsa,
}

/// Hash function of a signature.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Plan {
    /// Returns the plan, or `None` for JWT, RSA-PSS and vendor-specific schemes.
    pub(crate) fn new(scheme: &Scheme) -> Option<Self> {
        let Scheme::Digest(digest) = scheme else { return None };
        // A signature cannot be read from itself.
        if digest.signature.iter().any(|source| source.place == Place::Signature) {
            return None;
        }
        let (kind, hash) = algorithm(digest.algorithm)?;
        let plan = Self {
            kind,
            hash,
            places: digest.signature.iter().map(Value::new).collect::<Option<_>>()?,
            split: digest.split.clone(),
            prefix: digest.prefix.clone(),
            timestamp: match digest.timestamp.as_ref().filter(|rule| is_compared(rule)) {
                Some(rule) => Some(Timestamp::new(rule)?),
                None => None,
            },
            content: digest.content.parts().iter().map(Content::new).collect::<Option<_>>()?,
            key: Key::new(digest.key)?,
            signature: if kind == Kind::Token { Signature::Text } else { Signature::new(digest.encoding)? },
        };
        // A provider file of the user can contain any text.
        let is_plain = plan.texts().all(is_plain);
        is_plain.then_some(plan)
    }

    /// Returns the code in a language, or `None` if the language does not support a part. `imports` are additional
    /// imports for code that follows, because a Go file has only one list of imports.
    pub(crate) fn code(&self, vendor: &str, language: &Language, imports: &[&str]) -> Option<String> {
        let types = self.types();
        let context = context! {
            vendor,
            imports,
            needed => self.needed(),
            arguments => self.arguments(),
            // True if only the vendor can sign. The secret is then a public key.
            asymmetric => matches!(self.kind, Kind::Ed25519 | Kind::Rsa | Kind::Ecdsa),
            // True if the public key is a SubjectPublicKeyInfo (RFC 5280 §4.1).
            spki => matches!(self.kind, Kind::Rsa | Kind::Ecdsa),
            // Returns true if the code contains a part with one of the given tags.
            uses => minijinja::Value::from_function(move |tags: Rest<String>| tags.iter().any(|tag| types.contains(tag))),
            ..minijinja::Value::from_serialize(self)
        };
        // The tests render every part in every language, so an error means that the language lacks a part.
        language.template.render(context).ok()
    }

    /// Returns the arguments of `verify` other than headers, body, secret and time, in order.
    pub(crate) fn arguments(&self) -> Vec<&'static str> {
        let types = self.types();
        let all = [("url", "url"), ("path", "path"), ("method", "method"), ("param", "params")];
        all.into_iter().filter_map(|(tag, name)| types.contains(tag).then_some(name)).collect()
    }

    /// Returns true if `verify` compares a timestamp with the current time.
    pub(crate) fn has_timestamp(&self) -> bool {
        self.timestamp.is_some()
    }

    /// Returns all values that the code reads.
    fn values(&self) -> impl Iterator<Item = &Value> {
        let signed = self.content.iter().filter_map(Content::value);
        signed.chain(self.timestamp.iter().map(|timestamp| &timestamp.value)).chain(&self.places)
    }

    /// Returns the values other than the signature that must be present, each once.
    fn needed(&self) -> Vec<&Value> {
        let mut needed: Vec<&Value> = Vec::new();
        for value in self.values() {
            if value.may_be_absent() && !self.places.contains(value) && !needed.contains(&value) {
                needed.push(value);
            }
        }
        needed
    }

    /// Returns the tags of all parts that the code contains.
    fn types(&self) -> BTreeSet<String> {
        // A plain hash and a token have no key.
        let key = (!matches!(self.kind, Kind::Hash | Kind::Token)).then_some(&self.key);
        let mut types: BTreeSet<String> = self.values().map(type_of).collect();
        types.extend(self.content.iter().map(type_of));
        types.extend(self.timestamp.iter().map(type_of));
        types.extend(key.map(type_of));
        types.insert(type_of(&self.signature));
        types
    }

    /// Returns the texts that the code contains as literals.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let signed = self.content.iter().filter_map(Content::text);
        signed.chain(self.values().flat_map(Value::texts)).chain([self.split.as_str(), &self.prefix])
    }
}

fn algorithm(algorithm: Algorithm) -> Option<(Kind, Option<Hash>)> {
    Some(match algorithm {
        Algorithm::HmacMd5 => (Kind::Hmac, Some(Hash::Md5)),
        Algorithm::HmacSha1 => (Kind::Hmac, Some(Hash::Sha1)),
        Algorithm::HmacSha256 => (Kind::Hmac, Some(Hash::Sha256)),
        Algorithm::HmacSha384 => (Kind::Hmac, Some(Hash::Sha384)),
        Algorithm::HmacSha512 => (Kind::Hmac, Some(Hash::Sha512)),
        Algorithm::HashSha1 => (Kind::Hash, Some(Hash::Sha1)),
        Algorithm::HashSha256 => (Kind::Hash, Some(Hash::Sha256)),
        Algorithm::Token => (Kind::Token, None),
        Algorithm::Ed25519 => (Kind::Ed25519, None),
        Algorithm::RsaSha256 => (Kind::Rsa, Some(Hash::Sha256)),
        Algorithm::RsaSha512 => (Kind::Rsa, Some(Hash::Sha512)),
        Algorithm::EcdsaSha256 => (Kind::Ecdsa, Some(Hash::Sha256)),
        Algorithm::EcdsaSha1 | Algorithm::RsaSha1 | Algorithm::RsaPssSha512 => return None,
    })
}

/// Returns true if a timestamp is compared with the current time, and is not only part of the content.
fn is_compared(rule: &TimestampRule) -> bool {
    rule.unit != Unit::Raw && (rule.past_s.is_some() || rule.future_s.is_some())
}

/// Returns true if code can contain a text, which must be ASCII, because languages count the length of a prefix in
/// bytes, UTF-16 units or characters.
pub(crate) fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic() || c == ' ' || c == '\n')
}
