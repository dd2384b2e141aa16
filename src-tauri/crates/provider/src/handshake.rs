//! What a vendor has to be answered: its question at registration, or each of its deliveries.

use std::collections::BTreeMap;

use hookbench_signature::{
    Algorithm, Digest, Encoding, KeyForm, Keys, Message, Place, Reading, Scheme, Source, State, Template, sign,
};
use serde::{Deserialize, Serialize};

use crate::Provider;

/// Longest question that is answered with the inbox's key, in characters.
const QUESTION_MAX: usize = 200;

/// Largest answer, in bytes: an echo is no way to make this machine send much.
const ANSWER_MAX: usize = 8 * 1024;

/// One thing a vendor has to be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// What a person calls it, such as `URL verification`.
    pub name: String,
    /// The method it comes with; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What the request has, all of it: `query:challenge` (is there) or `json:type=ping`.
    #[serde(default)]
    pub when: Vec<String>,
    /// Places that must hold what a setting says, by the setting's name; 403 where they do not. A
    /// setting nobody made restricts nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub matches: BTreeMap<String, Source>,
    /// Whether the signature decides: 401 unless it holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed: bool,
    /// Where the vendor tells the secret, kept by an inbox that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Source>,
    /// What shows that the inbox knows the secret; `{param:proof}` in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Whether each delivery gets this answer, where the inbox has none of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub every: bool,
    /// The answer; the inbox's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Reply>,
}

/// A digest of the vendor's question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// What is digested. Whatever of it comes from the request has to look like a question.
    pub content: Template,
    /// How.
    pub algorithm: Algorithm,
    /// How the digest is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// How the secret becomes the key.
    #[serde(default)]
    pub key: KeyForm,
    /// What a question looks like.
    #[serde(default)]
    pub question: Question,
}

/// What a question looks like. The same key signs the vendor's events, so what could be an event
/// must never be signed as a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Letters, digits and `._~+/-`, padded like base64: no JSON, no form and no dated content.
    #[default]
    Token,
    /// A UUID.
    Uuid,
    /// 20 to 32 hexadecimal digits (Braintree's own rule).
    ShortHex,
}

/// An answer as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    /// Status.
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

/// What is to be done about a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// The handshake's name.
    pub name: String,
    /// The answer; the inbox's own if none.
    pub answer: Option<Filled>,
    /// A secret the vendor told.
    pub secret: Option<String>,
    /// Whether it is the same for every request, as nothing of the request is in it.
    pub fixed: bool,
}

/// An answer filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body.
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
                    // A number, true and null are JSON too.
                    && serde_json::from_str::<serde_json::Value>(text).is_err()
            }
            Self::Uuid => text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'),
            Self::ShortHex => (20..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()),
        }
    }
}

impl Proof {
    /// The digest; none where the request asks for something that is no question, or there is no
    /// secret.
    fn made(&self, message: &Message<'_>, keys: &Keys) -> Option<String> {
        let reading = Reading::new(message);
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
        // A hash holds what it needs in its content.
        let secret = first.or_else(|| hash.then(|| "-".to_owned()))?;
        let keys = Keys { secrets: vec![secret], params: keys.params.clone() };
        let signed = sign(&Scheme::Digest(digest), message, &keys, "", 0).ok()?;
        signed.headers.into_iter().find(|(name, _)| name == "proof").map(|(_, value)| value)
    }
}

/// Whether a text can be a secret a vendor told: what every vendor's is made of, and no mask.
fn is_told(secret: &str) -> bool {
    (8..=512).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Handshake {
    fn meets(&self, reading: &Reading<'_>, keys: &Keys) -> bool {
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

    fn answered(&self, reading: &Reading<'_>, keys: &Keys, holds: impl FnOnce() -> State) -> Option<Answered> {
        let message = reading.message();
        let refused = |status| {
            Some(Answered {
                name: self.name.clone(),
                answer: Filled::refused(status),
                fixed: true,
                ..Answered::default()
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
            // What cannot be proved is not answered; the inbox's own answer says nothing.
            Some(proof) => Some(proof.made(&message, keys)?),
        };
        let secret = self.secret.as_ref().and_then(|place| place.value(reading)).filter(|secret| is_told(secret));
        let named = |name: &str| match name {
            "proof" => proof.clone(),
            setting => keys.params.get(setting).cloned(),
        };
        let answer = match &self.answer {
            None => None,
            Some(reply) => Some(reply.filled(reading, &named)?),
        };
        let fixed = self.answer.as_ref().is_none_or(Reply::is_fixed);
        Some(Answered { name: self.name.clone(), answer, secret, fixed })
    }
}

impl Reply {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        self.headers.values().chain(&self.body)
    }

    fn is_fixed(&self) -> bool {
        self.templates().all(|template| template.sources().is_empty() && template.params().is_empty())
    }

    fn filled(&self, reading: &Reading<'_>, named: &dyn Fn(&str) -> Option<String>) -> Option<Filled> {
        let mut headers = Vec::new();
        if let Some(kind) = &self.content_type {
            headers.push(("Content-Type".to_owned(), kind.clone()));
            // An echo is text whatever it says.
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
        (size <= ANSWER_MAX).then_some(Filled { status: self.status, headers, body })
    }
}

impl Provider {
    /// What the vendor has to be answered, if this request asks for anything. `own` says that the
    /// inbox has an answer of its own, `holds` judges the signature. The message's URL is the one
    /// registered, without what a request adds to it.
    pub fn answer(
        &self,
        message: &Message<'_>,
        keys: &Keys,
        own: bool,
        holds: impl FnOnce() -> State,
    ) -> Option<Answered> {
        let reading = Reading::new(message);
        let handshake =
            self.handshakes.iter().find(|handshake| !(own && handshake.every) && handshake.meets(&reading, keys))?;
        handshake.answered(&reading, keys, holds)
    }

    /// Settings its handshakes need.
    pub fn handshake_params(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for handshake in &self.handshakes {
            names.extend(handshake.matches.keys().cloned());
            names.extend(handshake.when.iter().filter_map(|one| one.strip_prefix("param:")).map(str::to_owned));
            let templates = handshake.answer.iter().flat_map(Reply::templates);
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
