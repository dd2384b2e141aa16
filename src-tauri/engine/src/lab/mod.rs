//! The lab: a message, a scheme and secrets are verified, signed or explained; nothing is stored.
//! The window's Signature tab and Lab, the API and the command line all say what is said here.

mod raw;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::Engine as _;
use hookline_provider::{Catalogue, SchemeRecord};
use hookline_signature::{
    Explanation, Fault, Finding, Keys, Known, Message, Scheme, State, explain as explained, sign as signed,
    signed_content, verify as verified,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    content::{self, Content},
    request::{MASK, text_by},
    verification::{SECRETS_MAX, TEXT_MAX},
};
pub use raw::Raw;
use raw::unfolded;

/// Most of the signed content that is shown, in bytes.
const CONTENT_MAX: usize = 64 * 1024;

/// Longest search for an explanation.
const SEARCH: Duration = Duration::from_millis(1_800);

/// Largest body that is decoded to be explained, in bytes.
const DECODED_MAX: u64 = 16 * 1024 * 1024;

/// What the lab is asked.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Question {
    /// Id of the vendor.
    pub provider: Option<String>,
    /// One of the vendor's schemes by its name, or a scheme of its own as an object.
    #[schema(value_type = Option<Object>)]
    pub scheme: Option<Value>,
    /// The secret.
    pub secret: Option<String>,
    /// Several secrets, while one replaces another.
    pub secrets: Vec<String>,
    /// Settings the scheme names.
    pub params: BTreeMap<String, String>,
    /// The URL as registered with the vendor.
    pub url: Option<String>,
    /// The instant to judge at, in seconds since the Unix epoch; now if absent.
    pub now: Option<i64>,
    /// The raw HTTP message, in base64.
    pub request: String,
}

/// Whether a signature holds, and why not.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VerdictShown {
    /// `valid`, `invalid` or `unsigned`.
    pub state: String,
    /// A stable code.
    pub reason: Option<String>,
    /// It in one sentence.
    pub sentence: String,
    /// When the message says it was signed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signed_at: Option<Timestamp>,
    /// Which of the secrets made it, from 0.
    pub secret: Option<usize>,
}

/// What signing adds to a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignedShown {
    /// Headers to set, as `[name, value]`.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Values that stand elsewhere, each with its place.
    #[schema(value_type = Vec<Vec<String>>)]
    pub elsewhere: Vec<(String, String)>,
}

/// One fault that accounts for a signature.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FindingShown {
    /// A stable code.
    pub code: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// A verdict with everything behind it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExplanationShown {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: VerdictShown,
    /// What to do.
    pub advice: String,
    /// The faults that together reproduce the signature.
    pub findings: Vec<FindingShown>,
    /// What was signed, with anything but printable text escaped and secrets masked.
    pub content: String,
    /// How many bytes that is, whole.
    pub content_bytes: usize,
    /// The signature this secret makes.
    pub expected: Option<String>,
    /// The signature that arrived.
    pub found: Option<String>,
    /// Faults tried.
    pub tried: usize,
    /// Whether all were.
    pub complete: bool,
}

/// Why the lab cannot answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct LabError(pub String);

fn fail<T>(why: impl Into<String>) -> Result<T, LabError> {
    Err(LabError(why.into()))
}

/// A question made ready.
struct Ready {
    scheme: Scheme,
    keys: Keys,
    bytes: Vec<u8>,
    now_ms: i64,
}

impl Question {
    fn keys(&self) -> Result<Keys, LabError> {
        let secrets: Vec<String> = self.secret.iter().chain(&self.secrets).cloned().collect();
        if secrets.len() > SECRETS_MAX {
            return fail(format!("At most {SECRETS_MAX} secrets are tried."));
        }
        if secrets.iter().chain(self.params.values()).any(|text| text.len() > TEXT_MAX) {
            return fail(format!("A secret or setting has at most {TEXT_MAX} bytes."));
        }
        Ok(Keys { secrets, params: self.params.clone() })
    }
}

/// The scheme that is meant: a vendor's by its name, or one of its own.
pub(crate) fn scheme_of(
    catalogue: &Catalogue,
    provider: Option<&str>,
    scheme: Option<&Value>,
) -> Result<Scheme, LabError> {
    Ok(match (provider, scheme) {
        (_, Some(scheme @ Value::Object(_))) => {
            let scheme: Scheme = serde_json::from_value(scheme.clone())
                .map_err(|e| LabError(format!("The scheme does not read: {e}.")))?;
            scheme.check().map_err(|why| LabError(format!("The scheme does not read: {why}.")))?;
            scheme
        }
        (Some(id), named) => {
            let provider = catalogue
                .get(id)
                .ok_or_else(|| LabError(format!("There is no provider {id:?}; `hookline providers` lists them.")))?;
            let named = match named {
                None => None,
                Some(Value::String(name)) => Some(name.as_str()),
                Some(_) => return fail("The scheme is a name or an object."),
            };
            let record = provider.scheme(named).ok_or_else(|| {
                let known: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
                LabError(match known.is_empty() {
                    true => format!("{} does not sign.", provider.name),
                    false => format!("{} has no such scheme; it has {}.", provider.name, known.join(", ")),
                })
            })?;
            record.scheme.clone()
        }
        (None, _) => return fail("Name a provider, or give a scheme."),
    })
}

fn ready(catalogue: &Catalogue, question: &Question, now_ms: i64) -> Result<Ready, LabError> {
    let scheme = scheme_of(catalogue, question.provider.as_deref(), question.scheme.as_ref())?;
    let bytes = decoded(&question.request)?;
    let keys = question.keys()?;
    let now_ms = question.now.map_or(now_ms, |seconds| seconds.saturating_mul(1_000));
    Ok(Ready { scheme, keys, bytes, now_ms })
}

fn decoded(request: &str) -> Result<Vec<u8>, LabError> {
    base64::engine::general_purpose::STANDARD
        .decode(request.trim())
        .map(unfolded)
        .map_err(|e| LabError(format!("The request is not base64: {e}.")))
}

/// Of a vendor with several schemes of which none is named, the one whose signature is there.
fn ready_for_message(catalogue: &Catalogue, question: &Question, now_ms: i64) -> Result<Ready, LabError> {
    let mut ready = ready(catalogue, question, now_ms)?;
    let provider = question.provider.as_deref().filter(|_| question.scheme.is_none()).and_then(|id| catalogue.get(id));
    let Some(provider) = provider else { return Ok(ready) };
    let raw = Raw::parse(&ready.bytes)?;
    let message = raw.message(question.url.as_deref());
    let signed =
        |record: &&SchemeRecord| verified(&record.scheme, &message, &ready.keys, ready.now_ms).state != State::Unsigned;
    if let Some(record) = provider.schemes.iter().find(signed) {
        ready.scheme = record.scheme.clone();
    }
    Ok(ready)
}

/// Judges a message.
pub fn verify(catalogue: &Catalogue, question: &Question, now_ms: i64) -> Result<VerdictShown, LabError> {
    let ready = ready_for_message(catalogue, question, now_ms)?;
    let raw = Raw::parse(&ready.bytes)?;
    let verdict = verified(&ready.scheme, &raw.message(question.url.as_deref()), &ready.keys, ready.now_ms);
    let sentence = verdict.fault.as_ref().map_or("The signature holds.".into(), ToString::to_string);
    Ok(shown(&verdict, sentence))
}

/// Signs a message.
pub fn sign(catalogue: &Catalogue, question: &Question, now_ms: i64) -> Result<SignedShown, LabError> {
    let ready = ready(catalogue, question, now_ms)?;
    let raw = Raw::parse(&ready.bytes)?;
    let id = uuid::Uuid::now_v7().to_string();
    let signed = signed(&ready.scheme, &raw.message(question.url.as_deref()), &ready.keys, &id, ready.now_ms)
        .map_err(|e| LabError(e.to_string()))?;
    Ok(SignedShown { headers: signed.headers, elsewhere: signed.elsewhere })
}

/// A pasted message's body with its content codings undone, where it has any.
pub async fn decoded_body(question: &Question) -> Option<Vec<u8>> {
    let bytes = decoded(&question.request).ok()?;
    let raw = Raw::parse(&bytes).ok()?;
    let message = raw.message(None);
    let block: Vec<u8> =
        message.headers.iter().flat_map(|(name, value)| [name.as_bytes(), b": ", value, b"\r\n"].concat()).collect();
    let content = Content::of(&block);
    if content.codings.is_empty() {
        return None;
    }
    content::decode(message.body.to_vec(), &content.codings, DECODED_MAX).await.ok()
}

/// Explains a verdict on a message. It may search for two seconds.
pub fn explain(
    catalogue: &Catalogue,
    question: &Question,
    decoded_body: Option<&[u8]>,
    now_ms: i64,
) -> Result<ExplanationShown, LabError> {
    let ready = ready_for_message(catalogue, question, now_ms)?;
    let raw = Raw::parse(&ready.bytes)?;
    let known = Known { decoded_body, other_schemes: other_schemes(catalogue), ..Known::default() };
    Ok(searched(&ready.scheme, &raw.message(question.url.as_deref()), &ready.keys, &known, ready.now_ms))
}

/// A scheme by which a message's signature holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SchemeFound {
    /// The vendor's id; none where it is no vendor's but a usual way to sign.
    pub provider: Option<String>,
    /// The vendor's name.
    pub name: Option<String>,
    /// The scheme's name among the vendor's.
    pub scheme: Option<String>,
    /// The rule itself.
    #[schema(value_type = Object)]
    pub rule: Value,
}

/// The schemes by which a message's signature holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FoundShown {
    /// Those of vendors first.
    pub items: Vec<SchemeFound>,
    /// Whether everything there is to try was tried.
    pub complete: bool,
}

/// Finds the schemes by which a pasted message's signature holds.
pub fn find(catalogue: &Catalogue, question: &Question) -> Result<FoundShown, LabError> {
    let bytes = decoded(&question.request)?;
    let raw = Raw::parse(&bytes)?;
    let keys = question.keys()?;
    Ok(found(catalogue, &raw.message(question.url.as_deref()), &keys))
}

/// Tries every vendor's schemes, and then the usual ways to sign.
pub(crate) fn found(catalogue: &Catalogue, message: &Message<'_>, keys: &Keys) -> FoundShown {
    let began = Instant::now();
    let mut items = Vec::new();
    for provider in catalogue.providers() {
        for record in &provider.schemes {
            // Whether it is late is another question; 0 is before everything, so nothing is stale.
            let verdict = verified(&record.scheme, message, keys, 0);
            let held = verdict.state == State::Valid
                || matches!(verdict.fault, Some(Fault::Future { .. } | Fault::Stale { .. }));
            if held {
                items.push(SchemeFound {
                    provider: Some(provider.id.clone()),
                    name: Some(provider.name.clone()),
                    scheme: Some(record.id.clone()),
                    rule: serde_json::to_value(&record.scheme).unwrap_or_default(),
                });
            }
        }
    }
    let mut complete = true;
    if items.is_empty() {
        let usual = hookline_signature::find(message, keys, &|| began.elapsed() > SEARCH);
        complete = began.elapsed() <= SEARCH;
        items.extend(usual.map(|digest| SchemeFound {
            provider: None,
            name: None,
            scheme: None,
            rule: serde_json::to_value(Scheme::Digest(digest)).unwrap_or_default(),
        }));
    }
    FoundShown { items, complete }
}

/// Whose way to sign others have taken over, and who is asked about most: where several vendors sign
/// alike, one of these is named.
const NAMED_FIRST: &[&str] = &["standard-webhooks", "svix", "github", "stripe", "shopify", "slack", "gitlab"];

/// Every scheme of every vendor, to be tried in another's place.
pub(crate) fn other_schemes(catalogue: &Catalogue) -> Vec<(String, &Scheme)> {
    let first = NAMED_FIRST.iter().filter_map(|id| catalogue.get(id));
    let rest = catalogue.providers().filter(|provider| !NAMED_FIRST.contains(&provider.id.as_str()));
    first
        .chain(rest)
        .flat_map(|provider| {
            provider.schemes.iter().map(|record| {
                let name = match provider.schemes.len() {
                    1 => provider.name.clone(),
                    _ => format!("{} (scheme {})", provider.name, record.id),
                };
                (name, &record.scheme)
            })
        })
        .collect()
}

/// Explains within the time a call may take.
pub(crate) fn searched(
    scheme: &Scheme,
    message: &Message<'_>,
    keys: &Keys,
    known: &Known<'_>,
    now_ms: i64,
) -> ExplanationShown {
    let began = Instant::now();
    let explanation = explained(scheme, message, keys, known, now_ms, &|| began.elapsed() > SEARCH);
    let Explanation { verdict, sentence, advice, findings, content, expected, found, tried, complete } = explanation;
    let content_bytes = content.len();
    ExplanationShown {
        verdict: shown(&verdict, sentence),
        advice,
        findings: findings
            .into_iter()
            .map(|Finding { code, what, advice }| FindingShown { code: code.into(), what, advice })
            .collect(),
        content: escaped(&shown_content(scheme, message, keys)),
        content_bytes,
        expected,
        found,
        tried,
        complete,
    }
}

fn shown(verdict: &hookline_signature::Verdict, sentence: String) -> VerdictShown {
    let state = match verdict.state {
        State::Valid => "valid",
        State::Invalid => "invalid",
        State::Unsigned => "unsigned",
    };
    VerdictShown {
        state: state.into(),
        reason: verdict.fault.as_ref().map(|fault| fault.code().into()),
        sentence,
        signed_at: verdict.signed_at_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        secret: verdict.secret,
    }
}

/// The signed content as it may be shown: where the scheme puts the secret into it there is a mask,
/// and a message that holds the secret shows it no more than the rest of Hookline does.
fn shown_content(scheme: &Scheme, message: &Message<'_>, keys: &Keys) -> Vec<u8> {
    let hidden = Keys { secrets: vec![MASK.to_owned()], params: keys.params.clone() };
    let mut content = signed_content(scheme, message, &hidden).unwrap_or_default();
    for secret in keys.secrets.iter().filter(|secret| secret.len() >= 4 && !MASK.contains(secret.as_str())) {
        let mut masked = Vec::with_capacity(content.len());
        let mut from = 0;
        for at in memchr::memmem::find_iter(&content, secret.as_bytes()) {
            masked.extend_from_slice(&content[from..at]);
            masked.extend_from_slice(MASK.as_bytes());
            from = at + secret.len();
        }
        masked.extend_from_slice(&content[from..]);
        content = masked;
    }
    content.truncate(CONTENT_MAX);
    content
}

/// Bytes as a person can read them: printable text as it is, anything else escaped.
fn escaped(bytes: &[u8]) -> String {
    text_by(bytes, |text, valid| {
        for c in valid.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{feff}' => {
                    text.extend(c.escape_unicode());
                }
                c => text.push(c),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_control_characters_do_not_show() {
        let scheme = serde_json::from_value(serde_json::json!({ "digest": { "signature": ["header:X"],
            "content": "{secret}{base64(secret)}{body}", "algorithm": "hash-sha256" } }));
        let body = b"s3cret-value\x1b[31m{\"a\":1}\r\n\xff";
        let headers = [("X", &b"00"[..])];
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body };
        let scheme = scheme.expect("a scheme");
        for secret in ["s3cret-value", "a", "••", MASK] {
            let shown = escaped(&shown_content(&scheme, &message, &Keys::of(secret)));
            assert!(shown.starts_with("••••••••4oCi"), "{shown}");
        }
        let content = shown_content(&scheme, &message, &Keys::of("s3cret-value"));
        let content = content[MASK.len() + 32..].to_vec();
        assert_eq!(escaped(&content), "••••••••\\u{1b}[31m{\"a\":1}\\r\\n\\xff");
    }
}
