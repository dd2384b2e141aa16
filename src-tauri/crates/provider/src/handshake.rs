//! Handshakes: required responses to a vendor's verification request or to each of its deliveries.

use std::collections::BTreeMap;

use hookbench_signature::{
    Algorithm, Digest, Encoding, KeyForm, Keys, Message, ParsedMessage, Place, Scheme, Source, State, Template, sign,
};
use serde::{Deserialize, Serialize};

use crate::Provider;

/// Maximum length of a challenge that is signed with the key of the inbox, in characters.
const QUESTION_MAX: usize = 200;

/// Maximum size of a response, in bytes. The limit prevents attackers from requesting large echoes.
const RESPONSE_MAX: usize = 8 * 1024;

/// Request of a vendor that requires a specific response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// Display name, such as `URL verification`.
    pub name: String,
    /// Request method. Any method if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Conditions that the request must meet, such as `query:challenge` (present) or `json:type=ping` (equal).
    #[serde(default)]
    pub when: Vec<String>,
    /// Locations that must equal a setting, by the name of the setting. The response is 403 if they differ. A setting
    /// without a value imposes no restriction.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub matches: BTreeMap<String, Source>,
    /// True if the request must have a valid signature. The response is 401 otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed: bool,
    /// Location of a secret that the vendor sends. An inbox without a secret stores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Source>,
    /// Proof that the inbox has the secret, available as `{param:proof}` in the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// True if each delivery gets this response, unless the inbox has a custom response.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub every: bool,
    /// Response. The response of the inbox if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "answer")]
    pub response: Option<Reply>,
}

/// Digest of the vendor's challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Content of the digest. Values from the request must have the format of a challenge.
    pub content: Template,
    /// Algorithm of the digest.
    pub algorithm: Algorithm,
    /// Encoding of the digest. Defaults to `hex`.
    #[serde(default)]
    pub encoding: Encoding,
    /// Conversion from secret to key. Defaults to `text`.
    #[serde(default)]
    pub key: KeyForm,
    /// Format of a challenge.
    #[serde(default)]
    pub question: Question,
}

/// Format of a challenge. The same key signs the vendor's events, so a text that may be an event must not be signed as
/// a challenge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Letters, digits and `._~+/-`, with optional base64 padding. Excludes JSON, forms and content with a timestamp.
    #[default]
    Token,
    /// A UUID.
    Uuid,
    /// 20 to 32 hexadecimal digits (rule of Braintree).
    ShortHex,
}

/// Response template in a provider file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    /// Status code. Defaults to 200.
    pub status: u16,
    /// Content type of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Headers, filled from the request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// Body, filled from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Template>,
}

impl Default for Reply {
    fn default() -> Self {
        Self { status: 200, content_type: None, headers: BTreeMap::new(), body: None }
    }
}

/// Result of a handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandshakeResponse {
    /// Name of the handshake.
    pub name: String,
    /// Response. The response of the inbox if `None`.
    pub response: Option<Filled>,
    /// Secret that the vendor sent.
    pub secret: Option<String>,
    /// True if the response contains no part of the request and is the same for every request.
    pub fixed: bool,
}

/// Response with all templates filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Status code.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body text.
    pub body: String,
}

impl Filled {
    fn refused(status: u16) -> Option<Self> {
        Some(Self { status, ..Self::default() })
    }
}

impl Question {
    fn allows(self, text: &str) -> bool {
        match self {
            Self::Token => {
                let bare = text.trim_end_matches('=');
                (1..=QUESTION_MAX).contains(&bare.len())
                    && text.len() <= bare.len() + 2
                    && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~+/-".contains(&b))
                    // Numbers, booleans and null are JSON as well.
                    && serde_json::from_str::<serde_json::Value>(text).is_err()
            }
            Self::Uuid => text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'),
            Self::ShortHex => (20..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()),
        }
    }
}

impl Proof {
    /// Returns the digest, or `None` if a value from the request is not a challenge or no secret is set.
    fn made(&self, message: &Message<'_>, keys: &Keys) -> Option<String> {
        let reading = ParsedMessage::new(message);
        if !self
            .content
            .sources()
            .iter()
            .all(|place| place.value(&reading).is_some_and(|text| self.question.allows(&text)))
        {
            return None;
        }
        let hash = matches!(self.algorithm, Algorithm::HashSha1 | Algorithm::HashSha256);
        let place = Source { place: Place::Header, name: "proof".into(), secret: None };
        let digest = Digest {
            signature: vec![place],
            split: String::new(),
            prefix: String::new(),
            content: self.content.clone(),
            algorithm: self.algorithm,
            encoding: self.encoding,
            key: self.key,
            timestamp: None,
            requires: Vec::new(),
            certificate: None,
        };
        let first = keys.secrets.iter().find(|secret| !secret.is_empty()).cloned();
        // A hash needs no key, because its content includes all inputs.
        let secret = first.or_else(|| hash.then(|| "-".to_owned()))?;
        let keys = Keys { secrets: vec![secret], params: keys.params.clone() };
        let signed = sign(&Scheme::Digest(digest), message, &keys, "", 0).ok()?;
        signed.headers.into_iter().find(|(name, _)| name == "proof").map(|(_, value)| value)
    }
}

/// Returns true if a text can be a secret that a vendor sent: 8 to 512 visible ASCII characters. A mask is not ASCII.
fn is_secret(secret: &str) -> bool {
    (8..=512).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Handshake {
    fn meets(&self, reading: &ParsedMessage<'_>, keys: &Keys) -> bool {
        let message = reading.message();
        let method = self.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(message.method));
        method
            && self.when.iter().all(|condition| {
                let (place, wanted) =
                    condition.split_once('=').map_or((condition.as_str(), None), |(place, value)| (place, Some(value)));
                if let Some(setting) = place.strip_prefix("param:") {
                    return keys.params.get(setting).is_some_and(|value| !value.is_empty());
                }
                let Ok(source) = place.parse::<Source>() else { return false };
                match wanted {
                    None => source.is_in(reading),
                    Some(wanted) => source.value(reading).is_some_and(|value| value == wanted),
                }
            })
    }

    fn responded(
        &self,
        reading: &ParsedMessage<'_>,
        keys: &Keys,
        holds: impl FnOnce() -> State,
    ) -> Option<HandshakeResponse> {
        let message = reading.message();
        let refused = |status| {
            Some(HandshakeResponse {
                name: self.name.clone(),
                response: Filled::refused(status),
                fixed: true,
                ..HandshakeResponse::default()
            })
        };
        let differs = self.matches.iter().any(|(setting, place)| {
            let wanted = keys.params.get(setting).filter(|wanted| !wanted.is_empty());
            wanted.is_some_and(|wanted| place.value(reading).as_ref() != Some(wanted))
        });
        if differs {
            return refused(403);
        }
        if self.signed && holds() != State::Valid {
            return refused(401);
        }
        let proof = match &self.proof {
            None => None,
            // Without a proof, the request gets the response of the inbox.
            Some(proof) => Some(proof.made(&message, keys)?),
        };
        let secret = self.secret.as_ref().and_then(|place| place.value(reading)).filter(|secret| is_secret(secret));
        let named = |name: &str| match name {
            "proof" => proof.clone(),
            setting => keys.params.get(setting).cloned(),
        };
        let response = match &self.response {
            None => None,
            Some(reply) => Some(reply.filled(reading, &named)?),
        };
        let fixed = self.response.as_ref().is_none_or(Reply::is_fixed);
        Some(HandshakeResponse { name: self.name.clone(), response, secret, fixed })
    }
}

impl Reply {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        self.headers.values().chain(&self.body)
    }

    fn is_fixed(&self) -> bool {
        self.templates().all(|template| template.sources().is_empty() && template.params().is_empty())
    }

    fn filled(&self, reading: &ParsedMessage<'_>, named: &dyn Fn(&str) -> Option<String>) -> Option<Filled> {
        let mut headers = Vec::new();
        if let Some(kind) = &self.content_type {
            headers.push(("Content-Type".to_owned(), kind.clone()));
            // Browsers must not interpret an echo as HTML.
            headers.push(("X-Content-Type-Options".to_owned(), "nosniff".to_owned()));
        }
        for (name, template) in &self.headers {
            let value = template.fill(reading, named).ok()?;
            if value.bytes().any(|b| b.is_ascii_control()) {
                return None;
            }
            headers.push((name.clone(), value));
        }
        let body = self.body.as_ref().map(|template| template.fill(reading, named)).transpose().ok()?;
        let body = body.unwrap_or_default();
        let size = body.len() + headers.iter().map(|(_, value)| value.len()).sum::<usize>();
        (size <= RESPONSE_MAX).then_some(Filled { status: self.status, headers, body })
    }
}

impl Provider {
    /// Returns the result of the first handshake whose conditions the request meets, or `None`. `own` is true if the
    /// inbox has a custom response, and `holds` verifies the signature. The URL of the message must be the registered
    /// URL, without the query of the request.
    pub fn response(
        &self,
        message: &Message<'_>,
        keys: &Keys,
        own: bool,
        holds: impl FnOnce() -> State,
    ) -> Option<HandshakeResponse> {
        let reading = ParsedMessage::new(message);
        let handshake =
            self.handshakes.iter().find(|handshake| !(own && handshake.every) && handshake.meets(&reading, keys))?;
        handshake.responded(&reading, keys, holds)
    }

    /// Returns the names of the settings that the handshakes need.
    pub fn handshake_params(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for handshake in &self.handshakes {
            names.extend(handshake.matches.keys().cloned());
            names.extend(handshake.when.iter().filter_map(|one| one.strip_prefix("param:")).map(str::to_owned));
            let templates = handshake.response.iter().flat_map(Reply::templates);
            let templates = templates.chain(handshake.proof.iter().map(|proof| &proof.content));
            names.extend(templates.flat_map(Template::params).map(str::to_owned));
        }
        names.retain(|name| name != "proof");
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests;
