//! The signature debugger: a message, a scheme and secrets are verified, signed or explained; nothing is stored.
//! The window's Signature tab and Lab, the API and the command line all say what is said here.

mod raw;

use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::Engine as _;
use hookbench_model::{MASK, text_by};
use hookbench_provider::{Catalogue, Provider, SchemeRecord, Verified};
use hookbench_query::body;
use hookbench_signature::{
    Explanation, Fault, Finding, Keys, Known, Message, Reading, Scheme, Signed, State, Verdict, explain as explained,
    sign as signed, signed_content, verify as verified,
};
use jiff::Timestamp;
use raw::unfolded;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::verification::{SECRETS_MAX, TEXT_MAX};

pub use raw::Raw;

/// Most of the signed content that is shown, in bytes.
const CONTENT_MAX: usize = 64 * 1024;

/// Longest search for an explanation.
const SEARCH: Duration = Duration::from_millis(1_800);

/// Largest body that is decoded to be explained, in bytes.
const DECODED_MAX: u64 = 16 * 1024 * 1024;

/// A message to verify, sign or explain.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SignatureInput {
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
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignatureResult {
    /// `valid`, `invalid` or `unsigned`.
    pub state: String,
    /// A stable code.
    pub reason: Option<String>,
    /// It in one sentence or two.
    pub sentence: String,
    /// The vendor's scheme that decided, where all of them were tried.
    pub scheme: Option<String>,
    /// When the message says it was signed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signed_at: Option<Timestamp>,
    /// Which of the secrets made it, from 0.
    pub secret: Option<usize>,
}

/// What signing adds to a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignatureValues {
    /// Headers to set, as `[name, value]`.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Values that stand elsewhere, each with its place.
    #[schema(value_type = Vec<Vec<String>>)]
    pub elsewhere: Vec<(String, String)>,
}

/// One fault that accounts for a signature.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignatureFinding {
    /// A stable code.
    pub code: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// A verdict with everything behind it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignatureExplanation {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: SignatureResult,
    /// What to do.
    pub advice: String,
    /// The faults that together reproduce the signature.
    pub findings: Vec<SignatureFinding>,
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

/// Why the debugger has no result.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct DebuggerError(pub String);

fn fail<T>(why: impl Into<String>) -> Result<T, DebuggerError> {
    Err(DebuggerError(why.into()))
}

/// What a message is verified by.
#[derive(Debug, Clone)]
pub enum Rule<'c> {
    /// One scheme, of a vendor's or custom.
    One(Box<Scheme>),
    /// All schemes of a vendor, and the usual one of them.
    Vendor(&'c Provider, &'c SchemeRecord),
}

impl Rule<'_> {
    /// Verifies a message: the scheme that decided, the verdict, and what is to be said beside it.
    fn verify(
        &self,
        message: &Message<'_>,
        keys: &Keys,
        now_ms: i64,
    ) -> (Scheme, Option<String>, Verdict, Option<String>) {
        match self {
            Self::Vendor(provider, usual) => {
                let found = provider.verify(None, message, keys, now_ms);
                let found = found.unwrap_or_else(|| Verified {
                    record: usual,
                    verdict: verified(&usual.scheme, message, keys, now_ms),
                });
                let note = found.note(provider);
                (found.record.scheme.clone(), Some(found.record.id.clone()), found.verdict, note)
            }
            Self::One(scheme) => (Scheme::clone(scheme), None, verified(scheme, message, keys, now_ms), None),
        }
    }
}

/// A question made ready.
struct Ready<'c> {
    rule: Rule<'c>,
    provider: Option<&'c Provider>,
    keys: Keys,
    bytes: Vec<u8>,
    now_ms: i64,
}

impl SignatureInput {
    fn keys(&self) -> Result<Keys, DebuggerError> {
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

/// A scheme given as an object.
pub fn custom_scheme(scheme: &Value) -> Result<Scheme, DebuggerError> {
    let scheme: Scheme = serde_json::from_value(scheme.clone())
        .map_err(|e| DebuggerError(format!("The scheme cannot be parsed: {e}.")))?;
    scheme.check().map_err(|why| DebuggerError(format!("The scheme cannot be used: {why}.")))?;
    Ok(scheme)
}

/// What is meant: all schemes of a vendor, one of them by its name, or a custom one.
pub fn rule_of<'c>(
    catalogue: &'c Catalogue,
    provider: Option<&str>,
    scheme: Option<&Value>,
) -> Result<(Rule<'c>, Option<&'c Provider>), DebuggerError> {
    let vendor = provider
        .map(|id| {
            catalogue
                .get(id)
                .ok_or_else(|| DebuggerError(format!("There is no provider {id:?}; `hookbench providers` lists them.")))
        })
        .transpose()?;
    let rule = match (vendor, scheme) {
        (_, Some(scheme @ Value::Object(_))) => Rule::One(Box::new(custom_scheme(scheme)?)),
        (Some(provider), named) => {
            let named = match named {
                None => None,
                Some(Value::String(name)) => Some(name.as_str()),
                Some(_) => return fail("The scheme must be a name or an object."),
            };
            let record = provider.scheme(named).ok_or_else(|| {
                let known: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
                DebuggerError(match known.is_empty() {
                    true => format!("{} does not sign.", provider.name),
                    false => format!("{} has no such scheme; it has {}.", provider.name, known.join(", ")),
                })
            })?;
            if named.is_some() { Rule::One(Box::new(record.scheme.clone())) } else { Rule::Vendor(provider, record) }
        }
        (None, _) => return fail("Name a provider, or give a scheme."),
    };
    Ok((rule, vendor))
}

fn ready<'c>(catalogue: &'c Catalogue, question: &SignatureInput, now_ms: i64) -> Result<Ready<'c>, DebuggerError> {
    let (rule, provider) = rule_of(catalogue, question.provider.as_deref(), question.scheme.as_ref())?;
    let bytes = decoded(&question.request)?;
    let keys = question.keys()?;
    let now_ms = question.now.map_or(now_ms, |seconds| seconds.saturating_mul(1_000));
    Ok(Ready { rule, provider, keys, bytes, now_ms })
}

fn decoded(request: &str) -> Result<Vec<u8>, DebuggerError> {
    base64::engine::general_purpose::STANDARD
        .decode(request.trim())
        .map(unfolded)
        .map_err(|e| DebuggerError(format!("The request is not base64: {e}.")))
}

/// Verifies a message.
pub fn verify(catalogue: &Catalogue, question: &SignatureInput, now_ms: i64) -> Result<SignatureResult, DebuggerError> {
    let ready = ready(catalogue, question, now_ms)?;
    let raw = Raw::parse(&ready.bytes)?;
    let message = raw.message(question.url.as_deref());
    let (_, scheme, verdict, note) = ready.rule.verify(&message, &ready.keys, ready.now_ms);
    let sentence = verdict.fault.as_ref().map_or("The signature holds.".into(), ToString::to_string);
    Ok(shown(&verdict, sentences(sentence, note), scheme))
}

fn sentences(first: String, second: Option<String>) -> String {
    second.map_or(first.clone(), |second| format!("{first} {second}"))
}

/// Signs a message by the scheme that is named, or the vendor's usual one.
pub fn sign(catalogue: &Catalogue, question: &SignatureInput, now_ms: i64) -> Result<SignatureValues, DebuggerError> {
    let ready = ready(catalogue, question, now_ms)?;
    let raw = Raw::parse(&ready.bytes)?;
    let scheme = match &ready.rule {
        Rule::One(scheme) => scheme.as_ref(),
        Rule::Vendor(_, usual) => &usual.scheme,
    };
    let id = uuid::Uuid::now_v7().to_string();
    let message = raw.message(question.url.as_deref());
    let signed = signed(scheme, &message, &ready.keys, &id, ready.now_ms).map_err(|e| DebuggerError(e.to_string()))?;
    if let Some(fault) = unverified(scheme, &message, &signed, &ready.keys, ready.now_ms) {
        return fail(format!("The message cannot be signed so that it verifies. {fault}"));
    }
    Ok(SignatureValues { headers: signed.headers, elsewhere: signed.elsewhere })
}

/// Why a message with these headers would not verify, where the one who signs could also verify and every part of the
/// signature is in the headers.
fn unverified(scheme: &Scheme, message: &Message<'_>, signed: &Signed, keys: &Keys, now_ms: i64) -> Option<Fault> {
    let symmetric = match scheme {
        Scheme::Digest(digest) => digest.algorithm.is_symmetric(),
        Scheme::Jwt(jwt) => jwt.algorithms.iter().all(|name| name.starts_with("HS")),
        Scheme::Jws(_) | Scheme::Code(_) => false,
    };
    if !symmetric || !signed.elsewhere.is_empty() {
        return None;
    }
    let replaced = |name: &str| signed.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let kept = message.headers.iter().filter(|(name, _)| !replaced(name)).copied();
    let headers: Vec<(&str, &[u8])> =
        kept.chain(signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))).collect();
    verified(scheme, &Message { headers: &headers, ..*message }, keys, now_ms).fault
}

/// Explains the verdict on a message. It may search for two seconds. `other_secrets` are those that are known here, each
/// with whose it is.
pub fn explain(
    catalogue: &Catalogue,
    question: &SignatureInput,
    other_secrets: Vec<(String, String)>,
    now_ms: i64,
) -> Result<SignatureExplanation, DebuggerError> {
    explain_within(catalogue, question, other_secrets, now_ms, &elapsed())
}

/// As [`explain`], with a clock that says how long the call has taken so far.
fn explain_within(
    catalogue: &Catalogue,
    question: &SignatureInput,
    other_secrets: Vec<(String, String)>,
    now_ms: i64,
    elapsed: &dyn Fn() -> Duration,
) -> Result<SignatureExplanation, DebuggerError> {
    let ready = ready(catalogue, question, now_ms)?;
    let raw = Raw::parse(&ready.bytes)?;
    let message = raw.message(question.url.as_deref());
    let decoded = decoded_body(&message);
    let subject = Explained { rule: &ready.rule, provider: ready.provider, keys: &ready.keys, other_secrets };
    Ok(subject.searched(catalogue, &message, decoded.as_deref(), ready.now_ms, elapsed))
}

/// The clock of a call that begins now.
pub fn elapsed() -> impl Fn() -> Duration {
    let began = Instant::now();
    move || began.elapsed()
}

/// A message's body with its content codings undone, where it has any.
fn decoded_body(message: &Message<'_>) -> Option<Vec<u8>> {
    let content =
        hookbench_content::body_content(message.headers.iter().map(|(name, value)| (name.as_bytes(), *value)));
    if content.codings.is_empty() {
        return None;
    }
    body::decode(message.body, &content.codings, DECODED_MAX).ok().map(|decoded| decoded.bytes)
}

/// A scheme by which a message's signature holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignatureMatch {
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
pub struct SignatureMatchList {
    /// Those of vendors first.
    pub items: Vec<SignatureMatch>,
    /// Whether everything there is to try was tried.
    pub complete: bool,
}

/// Finds the schemes by which a pasted message's signature holds.
pub fn find(catalogue: &Catalogue, question: &SignatureInput) -> Result<SignatureMatchList, DebuggerError> {
    let bytes = decoded(&question.request)?;
    let raw = Raw::parse(&bytes)?;
    let keys = question.keys()?;
    Ok(found(catalogue, &raw.message(question.url.as_deref()), &keys))
}

/// Tries every vendor's schemes, and then the usual ways to sign.
pub fn found(catalogue: &Catalogue, message: &Message<'_>, keys: &Keys) -> SignatureMatchList {
    let began = Instant::now();
    let mut items = Vec::new();
    for provider in catalogue.providers() {
        for record in &provider.schemes {
            // Whether it is late is another question; 0 is before everything, so nothing is stale.
            let verdict = verified(&record.scheme, message, keys, 0);
            let held = verdict.state == State::Valid
                || matches!(verdict.fault, Some(Fault::Future { .. } | Fault::Stale { .. }));
            if held {
                items.push(SignatureMatch {
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
        let usual = hookbench_signature::find(message, keys, &|| began.elapsed() > SEARCH);
        complete = began.elapsed() <= SEARCH;
        items.extend(usual.map(|digest| SignatureMatch {
            provider: None,
            name: None,
            scheme: None,
            rule: serde_json::to_value(Scheme::Digest(digest)).unwrap_or_default(),
        }));
    }
    SignatureMatchList { items, complete }
}

/// Whose way to sign others have taken over, and who is asked about most: where several vendors sign
/// alike, one of these is named.
const NAMED_FIRST: &[&str] = &["standard-webhooks", "svix", "github", "stripe", "shopify", "slack", "gitlab"];

/// Every scheme of every vendor, to be tried in another's place: those of the vendor a message looks like first.
fn other_schemes<'c>(catalogue: &'c Catalogue, recognised: Option<&'c Provider>) -> Vec<(String, &'c Scheme)> {
    let known = |id: &str| recognised.is_some_and(|provider| provider.id == id);
    let first = NAMED_FIRST.iter().filter_map(|id| catalogue.get(id)).filter(|provider| !known(&provider.id));
    let rest =
        catalogue.providers().filter(|provider| !NAMED_FIRST.contains(&provider.id.as_str()) && !known(&provider.id));
    recognised
        .into_iter()
        .chain(first)
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

/// What a message's verdict is explained by.
pub struct Explained<'e> {
    /// The scheme.
    pub rule: &'e Rule<'e>,
    /// The vendor, where there is one.
    pub provider: Option<&'e Provider>,
    /// The secrets and settings.
    pub keys: &'e Keys,
    /// Secrets of other inboxes and endpoints, each with whose it is.
    pub other_secrets: Vec<(String, String)>,
}

impl Explained<'_> {
    /// Explains within the time a call may take; `elapsed` says how long it has taken so far.
    pub fn searched(
        self,
        catalogue: &Catalogue,
        message: &Message<'_>,
        decoded_body: Option<&[u8]>,
        now_ms: i64,
        elapsed: &dyn Fn() -> Duration,
    ) -> SignatureExplanation {
        let (scheme, scheme_id, _, note) = self.rule.verify(message, self.keys, now_ms);
        let recognised = catalogue.recognise(&Reading::lenient(message));
        let known = Known {
            decoded_body,
            other_secrets: self.other_secrets,
            other_schemes: other_schemes(catalogue, recognised),
            vendor: self.provider.map(Provider::vendor),
            recognised: recognised.map(|provider| provider.name.as_str()),
        };
        // The search ends where one more trial as long as the longest so far might last past its time.
        let (last, longest) = (Cell::new(elapsed()), Cell::new(Duration::ZERO));
        let cancel = || {
            let now = elapsed();
            longest.set(longest.get().max(now.saturating_sub(last.get())));
            last.set(now);
            now + longest.get() > SEARCH
        };
        let explanation = explained(&scheme, message, self.keys, &known, now_ms, &cancel);
        let Explanation { verdict, sentence, advice, findings, content, expected, found, tried, complete } =
            explanation;
        let content_bytes = content.len();
        let note = note.filter(|_| verdict.state == State::Valid);
        SignatureExplanation {
            verdict: shown(&verdict, sentences(sentence, note), scheme_id),
            advice,
            findings: findings
                .into_iter()
                .map(|Finding { code, what, advice }| SignatureFinding { code: code.into(), what, advice })
                .collect(),
            content: escaped(&shown_content(&scheme, message, self.keys)),
            content_bytes,
            expected,
            found,
            tried,
            complete,
        }
    }
}

fn shown(verdict: &Verdict, sentence: String, scheme: Option<String>) -> SignatureResult {
    let state = match verdict.state {
        State::Valid => "valid",
        State::Invalid => "invalid",
        State::Unsigned => "unsigned",
    };
    SignatureResult {
        state: state.into(),
        reason: verdict.fault.as_ref().map(|fault| fault.code().into()),
        sentence,
        scheme,
        signed_at: verdict.signed_at_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        secret: verdict.secret,
    }
}

/// The signed content as it may be shown: where the scheme puts the secret into it there is a mask,
/// and a message that holds the secret shows it no more than the rest of Hookbench does.
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
mod tests;
