//! The lab: a message, a scheme and secrets are verified, signed or explained; nothing is stored.
//! The window's Signature tab and Lab, the API and the command line all say what is said here.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::Engine as _;
use hookline_provider::Catalogue;
use hookline_signature::{
    Explanation, Fault, Finding, Keys, Known, Message, Scheme, State, explain as explained, sign as signed,
    verify as verified,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::request::MASK;

/// Most of the signed content that is shown, in bytes.
const CONTENT_MAX: usize = 64 * 1024;

/// Longest search for an explanation.
const SEARCH: Duration = Duration::from_millis(1_800);

/// Most headers of a pasted message.
const HEADERS_MAX: usize = 256;

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

/// A raw HTTP message taken apart.
#[derive(Debug)]
pub struct Raw<'a> {
    method: &'a str,
    target: &'a str,
    url: Option<&'a str>,
    headers: Vec<(&'a str, &'a [u8])>,
    body: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Reads a message. Lines may end in LF alone, the target may be a whole URL, and everything
    /// behind the blank line is body.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LabError> {
        let mut slots = vec![httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut slots);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => {
                return fail(
                    "The message has no blank line behind its headers; a request line, headers and a blank line are expected.",
                );
            }
            Err(error) => return fail(format!("This is no HTTP request: {error}.")),
        };
        let target = request.path.unwrap_or("/");
        let (url, path) = match target.split_once("://") {
            Some((_, rest)) => (Some(target), rest.find('/').map_or("/", |at| &rest[at..])),
            None => (None, target),
        };
        Ok(Self {
            method: request.method.unwrap_or("POST"),
            target: path,
            url,
            headers: request.headers.iter().map(|header| (header.name, header.value)).collect(),
            body: &bytes[head..],
        })
    }

    /// The message, with the URL as registered where it is given.
    pub fn message<'m>(&'m self, url: Option<&'m str>) -> Message<'m> {
        Message {
            method: self.method,
            target: self.target,
            url: url.or(self.url),
            headers: &self.headers,
            body: self.body,
        }
    }
}

/// A question made ready.
struct Ready {
    scheme: Scheme,
    keys: Keys,
    bytes: Vec<u8>,
    now_ms: i64,
}

/// The scheme that is meant: a vendor's by its name, or one of its own.
pub(crate) fn scheme_of(
    catalogue: &Catalogue,
    provider: Option<&str>,
    scheme: Option<&Value>,
) -> Result<Scheme, LabError> {
    Ok(match (provider, scheme) {
        (_, Some(scheme @ Value::Object(_))) => {
            serde_json::from_value(scheme.clone()).map_err(|e| LabError(format!("The scheme does not read: {e}.")))?
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
    let secrets = question.secret.iter().chain(&question.secrets).cloned().collect();
    let keys = Keys { secrets, params: question.params.clone() };
    let now_ms = question.now.map_or(now_ms, |seconds| seconds.saturating_mul(1_000));
    Ok(Ready { scheme, keys, bytes, now_ms })
}

fn decoded(request: &str) -> Result<Vec<u8>, LabError> {
    base64::engine::general_purpose::STANDARD
        .decode(request.trim())
        .map_err(|e| LabError(format!("The request is not base64: {e}.")))
}

/// Judges a message.
pub fn verify(catalogue: &Catalogue, question: &Question, now_ms: i64) -> Result<VerdictShown, LabError> {
    let ready = ready(catalogue, question, now_ms)?;
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

/// Explains a verdict on a message. It may search for two seconds.
pub fn explain(catalogue: &Catalogue, question: &Question, now_ms: i64) -> Result<ExplanationShown, LabError> {
    let ready = ready(catalogue, question, now_ms)?;
    let raw = Raw::parse(&ready.bytes)?;
    let known = Known { other_schemes: other_schemes(catalogue), ..Known::default() };
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
    let secrets = question.secret.iter().chain(&question.secrets).cloned().collect();
    let keys = Keys { secrets, params: question.params.clone() };
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

/// The usual scheme of every vendor, to be tried in another's place.
pub(crate) fn other_schemes(catalogue: &Catalogue) -> Vec<(String, &Scheme)> {
    catalogue
        .providers()
        .flat_map(|provider| provider.schemes.iter().map(|record| (provider.name.clone(), &record.scheme)))
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
        content: escaped(&masked(content, keys)),
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

/// Where a scheme signs the secret itself, it does not show.
fn masked(mut content: Vec<u8>, keys: &Keys) -> Vec<u8> {
    content.truncate(CONTENT_MAX);
    for secret in keys.secrets.iter().filter(|secret| secret.len() >= 4) {
        while let Some(at) = memchr::memmem::find(&content, secret.as_bytes()) {
            content.splice(at..at + secret.len(), MASK.bytes());
        }
    }
    content
}

/// Bytes as a person can read them: printable text as it is, anything else escaped.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
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
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_message_may_be_written_by_hand() {
        let raw = Raw::parse(b"POST https://a.example/x?y=1 HTTP/1.1\nX-A: 1\n\nbody\n\nmore").expect("it reads");
        assert_eq!((raw.method, raw.target, raw.url), ("POST", "/x?y=1", Some("https://a.example/x?y=1")));
        assert_eq!(raw.body, b"body\n\nmore");
        for bad in [&b"POST / HTTP/1.1\nX: 1"[..], b"nonsense", b"", b"\xff\xfe\n\n"] {
            assert!(Raw::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn secrets_and_control_characters_do_not_show() {
        let content = masked(b"s3cret-value\x1b[31m{\"a\":1}\r\n\xff".to_vec(), &Keys::of("s3cret-value"));
        assert_eq!(escaped(&content), "••••••••\\u{1b}[31m{\"a\":1}\\r\\n\\xff");
    }
}
