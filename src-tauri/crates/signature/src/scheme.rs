//! A signature scheme as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    algorithm::Algorithm, code::Code, encoding::Encoding, key::KeyForm, source::Source, template::Template,
    timestamp::TimestampRule,
};

/// How a vendor signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// A digest over parts of the message.
    Digest(Digest),
    /// A JSON Web Token in a header that carries a digest of the body.
    Jwt(Jwt),
    /// A detached JSON Web Signature in a header, over a payload built from the message.
    Jws(Jws),
    /// A rule that data cannot say.
    Code(Code),
}

/// A digest over parts of the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// Where signatures stand; any that holds is enough.
    pub signature: Vec<Source>,
    /// Characters that part the value into items; one item if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub split: String,
    /// How an item with a signature begins; any other `key=value` item can be part of the content.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// What is signed.
    pub content: Template,
    /// What makes the digest.
    pub algorithm: Algorithm,
    /// How the digest is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// How the secret becomes the key.
    #[serde(default)]
    pub key: KeyForm,
    /// When it was signed, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampRule>,
    /// What must hold besides, as `header:Name` (is there), `header:Name=value` or
    /// `header:Name={param:name}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What a certificate must be that is given in the secret's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateRule>,
}

/// What a certificate must be, and from where a message may say it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRule {
    /// Where the message names the certificate's URL.
    pub url: Source,
    /// Hosts that URL may have: itself, or any host in the domain that begins with a full stop.
    pub hosts: Vec<String>,
    /// Names the certificate may be for.
    pub names: Vec<String>,
}

/// A JSON Web Token (RFC 7519) in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Where the token stands.
    pub token: Source,
    /// What stands before it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Values of `alg` that are taken, such as `HS256`.
    pub algorithms: Vec<String>,
    /// The claim that carries a digest of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyClaim>,
    /// The claim that carries the URL, or a digest of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<BodyClaim>,
    /// What `iss` must be; `{param:name}` is a setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Seconds by which `exp` and `nbf` may be missed.
    #[serde(default)]
    pub leeway_s: u32,
    /// Seconds since `iat` that are allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<u32>,
}

/// A detached JSON Web Signature (RFC 7515, appendix F) in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jws {
    /// Where it stands.
    pub token: Source,
    /// Values of `alg` that are taken, such as `RS512`.
    pub algorithms: Vec<String>,
    /// The payload; `{signature:headers}` are the lines of the signed headers.
    pub content: Template,
    /// The parameter of its head that lists signed headers, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<String>,
    /// Whether the path may have a slash more or less at its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub either_slash: bool,
    /// Parameters its head has beside `alg` when signing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub head: BTreeMap<String, String>,
    /// When it was signed, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampRule>,
}

/// A claim with a digest in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyClaim {
    /// Its name.
    pub claim: String,
    /// How the SHA-256 digest is written; the text itself if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Encoding>,
    /// Whether a token without the claim is accepted: not all of the vendor's carry it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether a token of a request without a body has no such claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent_when_empty: bool,
}

impl Scheme {
    /// What is wrong with it though it reads, in the middle of a sentence.
    pub fn check(&self) -> Result<(), String> {
        let Self::Digest(digest) = self else { return Ok(()) };
        if digest.signature.is_empty() {
            return Err("it says no place of the signature".into());
        }
        for rule in &digest.requires {
            let place = rule.split_once('=').map_or(rule.as_str(), |(place, _)| place);
            place.parse::<Source>()?;
        }
        Ok(())
    }

    /// Whether the URL as registered has to be known.
    pub fn signs_url(&self) -> bool {
        match self {
            Self::Digest(digest) => digest.content.signs_url(),
            Self::Jwt(jwt) => jwt.url.is_some(),
            Self::Jws(jws) => jws.content.signs_url(),
            Self::Code(code) => code.signs_url(),
        }
    }

    /// Whether a message can carry a signature by each of several secrets.
    pub fn takes_several(&self) -> bool {
        match self {
            Self::Digest(digest) => {
                !digest.split.is_empty() || digest.signature.iter().any(|place| place.secret.is_some())
            }
            Self::Code(_) | Self::Jwt(_) | Self::Jws(_) => false,
        }
    }

    /// Where signatures stand.
    pub fn places(&self) -> Vec<Source> {
        match self {
            Self::Digest(digest) => digest.signature.clone(),
            Self::Jwt(jwt) => vec![jwt.token.clone()],
            Self::Jws(jws) => vec![jws.token.clone()],
            Self::Code(code) => vec![code.place()],
        }
    }

    /// Whether the body is covered by the signature.
    pub fn signs_body(&self) -> bool {
        match self {
            Self::Digest(digest) => digest.content.signs_body(),
            Self::Jwt(jwt) => jwt.body.is_some(),
            Self::Jws(jws) => jws.content.signs_body(),
            Self::Code(code) => code.signs_body(),
        }
    }

    /// The settings it needs beside the secret.
    pub fn params(&self) -> Vec<String> {
        fn named(text: &str) -> Option<String> {
            let (_, rest) = text.split_once("{param:")?;
            Some(rest.split('}').next()?.to_owned())
        }
        match self {
            Self::Digest(digest) => {
                let mut names: Vec<String> = digest.content.params().into_iter().map(str::to_owned).collect();
                names.extend(digest.requires.iter().filter_map(|one| named(one)));
                names
            }
            Self::Code(code) => code.params().iter().map(|name| (*name).to_owned()).collect(),
            Self::Jwt(jwt) => jwt.issuer.iter().filter_map(|issuer| named(issuer)).collect(),
            Self::Jws(jws) => jws.content.params().into_iter().map(str::to_owned).collect(),
        }
    }
}
