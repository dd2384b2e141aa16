//! What a sample does to verify a scheme's signatures, in no language.

use std::collections::BTreeSet;

use hookbench_signature::{Algorithm, Place, Scheme, TimestampRule, Unit};
use minijinja::{context, value::Rest};
use serde::Serialize;

use super::{
    language::Language,
    part::{Content, Key, Signature, Timestamp, Value, type_of},
};

/// What a sample does to verify a scheme's signatures. The fields have the names that the templates use.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    kind: Kind,
    /// The hash of the digest; none for tokens and Ed25519.
    hash: Option<Hash>,
    /// Where signatures are read from.
    places: Vec<Value>,
    /// Characters that separate the items of such a place; a place is one item if empty.
    split: String,
    /// What an item with a signature starts with.
    prefix: String,
    /// When the message was signed, if that is compared with the current time.
    timestamp: Option<Timestamp>,
    /// What is signed.
    content: Vec<Content>,
    /// How the secret becomes the key.
    key: Key,
    /// How the signature becomes bytes.
    signature: Signature,
}

/// How a signature is made.
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
    /// On P-256 with the signature in DER (RFC 3279).
    Ecdsa,
}

/// The hash inside a signature.
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
    /// Returns the plan; none for JWT, for RSA-PSS, and for schemes with a rule of their own.
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
        // A user's own file may contain any text.
        let is_plain = plan.texts().all(is_plain);
        is_plain.then_some(plan)
    }

    /// Returns the code in a language; none if the language lacks what the plan needs. `imports` are imported beside
    /// what the code itself needs, for what is appended to it: only a Go file has one list of imports.
    pub(crate) fn code(&self, vendor: &str, language: &Language, imports: &[&str]) -> Option<String> {
        let types = self.types();
        let context = context! {
            vendor,
            imports,
            needed => self.needed(),
            arguments => self.arguments(),
            // Only the vendor can sign, and the secret is its public key.
            asymmetric => matches!(self.kind, Kind::Ed25519 | Kind::Rsa | Kind::Ecdsa),
            // That key is a SubjectPublicKeyInfo (RFC 5280 §4.1).
            spki => matches!(self.kind, Kind::Rsa | Kind::Ecdsa),
            // Whether the code contains a part with one of these tags.
            uses => minijinja::Value::from_function(move |tags: Rest<String>| tags.iter().any(|tag| types.contains(tag))),
            ..minijinja::Value::from_serialize(self)
        };
        // The tests render every part in every language, so an error says that the language lacks a part.
        language.template.render(context).ok()
    }

    /// What `verify` takes beside headers, body, secret and time, in this order.
    pub(crate) fn arguments(&self) -> Vec<&'static str> {
        let types = self.types();
        let all = [("url", "url"), ("path", "path"), ("method", "method"), ("param", "params")];
        all.into_iter().filter_map(|(tag, name)| types.contains(tag).then_some(name)).collect()
    }

    /// Whether `verify` compares a timestamp with the current time.
    pub(crate) fn has_timestamp(&self) -> bool {
        self.timestamp.is_some()
    }

    /// Values that are read, wherever they are used.
    fn values(&self) -> impl Iterator<Item = &Value> {
        let signed = self.content.iter().filter_map(Content::value);
        signed.chain(self.timestamp.iter().map(|timestamp| &timestamp.value)).chain(&self.places)
    }

    /// Values that must be present beside the signature, each once.
    fn needed(&self) -> Vec<&Value> {
        let mut needed: Vec<&Value> = Vec::new();
        for value in self.values() {
            if value.may_be_absent() && !self.places.contains(value) && !needed.contains(&value) {
                needed.push(value);
            }
        }
        needed
    }

    /// The tags of all parts that the code contains.
    fn types(&self) -> BTreeSet<String> {
        // A plain hash has no key, and a token is compared as it is.
        let key = (!matches!(self.kind, Kind::Hash | Kind::Token)).then_some(&self.key);
        let mut types: BTreeSet<String> = self.values().map(type_of).collect();
        types.extend(self.content.iter().map(type_of));
        types.extend(self.timestamp.iter().map(type_of));
        types.extend(key.map(type_of));
        types.insert(type_of(&self.signature));
        types
    }

    /// Texts that the code contains as literals.
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

/// Whether a timestamp is compared with the current time; one that is not is only part of the content.
fn is_compared(rule: &TimestampRule) -> bool {
    rule.unit != Unit::Raw && (rule.past_s.is_some() || rule.future_s.is_some())
}

/// Whether a text is one that code can contain. A character other than ASCII is not, because the languages count the
/// length of a prefix in bytes, in UTF-16 or in characters.
pub(crate) fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic() || c == ' ' || c == '\n')
}
