//! Data model of a signature scheme.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    algorithm::Algorithm, code::Code, encoding::Encoding, key::KeyForm, source::Source, template::Template,
    timestamp::TimestampRule,
};

/// Signature scheme of a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// A digest over parts of the message.
    Digest(Digest),
    /// A JSON Web Token in a header that contains a digest of the body.
    Jwt(Jwt),
    /// A detached JSON Web Signature in a header, over a payload built from the message.
    Jws(Jws),
    /// A scheme implemented in code.
    Code(Code),
}

/// A digest over parts of the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// Locations of signatures. One valid signature is enough.
    pub signature: Vec<Source>,
    /// Characters that separate the items of the value. The whole value is one item if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub split: String,
    /// Prefix of an item that contains a signature. Other `key=value` items can be used in `content`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Signed payload.
    pub content: Template,
    /// Algorithm of the digest.
    pub algorithm: Algorithm,
    /// Encoding of the digest. Defaults to `hex`.
    #[serde(default)]
    pub encoding: Encoding,
    /// Conversion from secret to key. Defaults to `text`.
    #[serde(default)]
    pub key: KeyForm,
    /// Timestamp of the signature, if the scheme has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampRule>,
    /// Additional conditions: `header:Name` (present), `header:Name=value` or `header:Name={param:name}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Requirements for a certificate entered as the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateRule>,
}

/// Requirements for a certificate and for the URL from which a message says to fetch it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRule {
    /// Location of the certificate's URL in the message.
    pub url: Source,
    /// Allowed hosts of the URL. An entry that begins with a full stop allows all subdomains of that domain.
    pub hosts: Vec<String>,
    /// Allowed subject names of the certificate.
    pub names: Vec<String>,
}

/// A JSON Web Token (RFC 7519) in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Location of the token.
    pub token: Source,
    /// Text before the token, such as `Bearer `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Allowed values of `alg`, such as `HS256`.
    pub algorithms: Vec<String>,
    /// Claim that contains a digest of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyClaim>,
    /// Claim that contains the URL or a digest of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<BodyClaim>,
    /// Required value of `iss`. `{param:name}` refers to a setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Tolerance for `exp` and `nbf`, in seconds. Defaults to 0.
    #[serde(default)]
    pub leeway_s: u32,
    /// Maximum age since `iat`, in seconds. No limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<u32>,
}

/// A detached JSON Web Signature (RFC 7515, appendix F) in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jws {
    /// Location of the signature.
    pub token: Source,
    /// Allowed values of `alg`, such as `RS512`.
    pub algorithms: Vec<String>,
    /// Payload. `{signature:headers}` is replaced by the lines of the signed headers.
    pub content: Template,
    /// JOSE header parameter that lists the signed headers, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<String>,
    /// True if the path may have or lack a trailing slash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub either_slash: bool,
    /// JOSE header parameters to add when signing, besides `alg`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub head: BTreeMap<String, String>,
    /// Timestamp of the signature, if the scheme has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampRule>,
}

/// Claim that contains a value or its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyClaim {
    /// Name of the claim.
    pub claim: String,
    /// Encoding of the SHA-256 digest. If absent, the claim contains the text itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Encoding>,
    /// True if a token without the claim is accepted, because some of the vendor's tokens do not have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// True if the token of a request without a body does not have the claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent_when_empty: bool,
}

impl Scheme {
    /// Describes the scheme in a few words, such as `HMAC-SHA256 of {signature:t}.{body}, hex`.
    pub fn summary(&self) -> String {
        match self {
            Self::Digest(Digest { algorithm: Algorithm::Token, content, .. }) => format!("{content}, compared as text"),
            Self::Digest(digest) => {
                format!("{} of {}, {}", digest.algorithm.label(), digest.content, digest.encoding.label())
            }
            Self::Jwt(jwt) => format!("JSON Web Token, {}", jwt.algorithms.join(" or ")),
            Self::Jws(jws) => {
                format!("detached JSON Web Signature of {}, {}", jws.content, jws.algorithms.join(" or "))
            }
            Self::Code(_) => "the vendor's own algorithm".to_owned(),
        }
    }

    /// Returns the timestamp rule, if the scheme has one.
    pub fn timestamp(&self) -> Option<&TimestampRule> {
        match self {
            Self::Digest(digest) => digest.timestamp.as_ref(),
            Self::Jws(jws) => jws.timestamp.as_ref(),
            Self::Jwt(_) | Self::Code(_) => None,
        }
    }

    /// Checks the parts of a scheme that deserialization does not check.
    ///
    /// # Errors
    ///
    /// Returns a sentence fragment if a digest scheme has no signature location or an invalid condition.
    pub fn check(&self) -> Result<(), String> {
        let Self::Digest(digest) = self else { return Ok(()) };
        if digest.signature.is_empty() {
            return Err("`signature` must name at least one location".into());
        }
        for rule in &digest.requires {
            let place = rule.split_once('=').map_or(rule.as_str(), |(place, _)| place);
            place.parse::<Source>()?;
        }
        Ok(())
    }

    /// Returns true if verification needs the URL as registered with the sender.
    pub fn signs_url(&self) -> bool {
        match self {
            Self::Digest(digest) => digest.content.signs_url(),
            Self::Jwt(jwt) => jwt.url.is_some(),
            Self::Jws(jws) => jws.content.signs_url(),
            Self::Code(code) => code.signs_url(),
        }
    }

    /// Returns true if a message can contain one signature for each secret.
    pub fn takes_several(&self) -> bool {
        match self {
            Self::Digest(digest) => {
                !digest.split.is_empty() || digest.signature.iter().any(|place| place.secret.is_some())
            }
            Self::Code(_) | Self::Jwt(_) | Self::Jws(_) => false,
        }
    }

    /// Returns the locations of signatures.
    pub fn places(&self) -> Vec<Source> {
        match self {
            Self::Digest(digest) => digest.signature.clone(),
            Self::Jwt(jwt) => vec![jwt.token.clone()],
            Self::Jws(jws) => vec![jws.token.clone()],
            Self::Code(code) => vec![code.place()],
        }
    }

    /// Returns true if the signature covers the body.
    pub fn signs_body(&self) -> bool {
        match self {
            Self::Digest(digest) => digest.content.signs_body(),
            Self::Jwt(jwt) => jwt.body.is_some(),
            Self::Jws(jws) => jws.content.signs_body(),
            Self::Code(code) => code.signs_body(),
        }
    }

    /// Returns the names of the settings that the scheme needs besides the secret.
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
