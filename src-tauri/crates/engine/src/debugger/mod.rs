//! The signature debugger, which verifies, signs and explains a message with a scheme and secrets. Stores nothing.
//!
//! The Signature tab, the signature debugger of the window, the API and the command line all show these results.

mod raw;

use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::Engine as _;
use hookbench_diff::{DiffTextPart, text_parts};
use hookbench_model::{MASK, SignatureStatus, text_by};
use hookbench_provider::{Catalog, Provider, SchemeRecord, Verified};
use hookbench_query::body;
use hookbench_signature::{
    Explanation, Fault, Finding, Keys, Message, ParsedMessage, Scheme, SearchContext, Signed, State, Verification,
    explain as explained, sign as signed, signed_content, verify as verified,
};
use jiff::Timestamp;
use raw::unfolded;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::verification::{SECRETS_MAX, TEXT_MAX};

pub use raw::Raw;

/// Maximum size of the signed content that is shown, in bytes.
const CONTENT_MAX: usize = 64 * 1024;

/// Maximum duration of a search for an explanation.
const SEARCH: Duration = Duration::from_millis(1_800);

/// Maximum size of a decoded body in an explanation, in bytes.
const DECODED_MAX: u64 = 16 * 1024 * 1024;

/// A message to verify, sign or explain.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SignatureInput {
    /// ID of the provider.
    pub provider: Option<String>,
    /// Name of one of the provider's schemes, or a custom signature scheme as an object.
    #[schema(value_type = Option<Object>)]
    pub scheme: Option<Value>,
    /// Signing secret.
    pub secret: Option<String>,
    /// Further secrets, for example during secret rotation.
    pub secrets: Vec<String>,
    /// Settings that the scheme requires, by name.
    pub params: BTreeMap<String, String>,
    /// URL as registered with the provider.
    pub url: Option<String>,
    /// Time of verification, in seconds since the Unix epoch. Default: the current time.
    pub now: Option<i64>,
    /// Raw HTTP message, base64-encoded.
    pub request: String,
}

/// Result of a signature verification.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignatureResult {
    /// Signature status: `valid`, `invalid`, `expired` or `unsigned`.
    pub status: SignatureStatus,
    /// Stable code of the reason why the signature is not valid.
    pub reason: Option<String>,
    /// The result in one or two sentences.
    pub sentence: String,
    /// Name of the provider's scheme that determined the result, if all schemes were tried.
    pub scheme: Option<String>,
    /// Time of signing according to the message.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signed_at: Option<Timestamp>,
    /// Index of the secret that matched, counted from 0.
    pub secret: Option<usize>,
}

/// Headers and values that sign a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignatureValues {
    /// Headers to set, as `[name, value]`.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Values outside the headers, as `[place, value]`.
    #[schema(value_type = Vec<Vec<String>>)]
    pub outside_headers: Vec<(String, String)>,
}

/// A mistake that explains an invalid signature.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignatureFinding {
    /// Stable code of the mistake.
    pub code: String,
    /// Description of the mistake.
    pub what: String,
    /// Advice on how to fix the mistake.
    pub advice: String,
}

/// Explanation of a signature verification.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignatureExplanation {
    /// Result of the verification.
    #[serde(flatten)]
    pub verification: SignatureResult,
    /// Advice on what to do next.
    pub advice: String,
    /// Mistakes that together reproduce the received signature.
    pub findings: Vec<SignatureFinding>,
    /// Signed payload, with secrets masked and non-printable bytes escaped. Limited to 64 KiB.
    pub content: String,
    /// Size of the full signed payload, in bytes.
    pub content_bytes: usize,
    /// Signature computed with the secret.
    pub expected: Option<String>,
    /// Signature received with the message.
    pub found: Option<String>,
    /// Signature computed after the mistakes are undone. Null if no mistake was found.
    pub fixed: Option<String>,
    /// Differences from the payload that the sender signed to the payload that was received. Empty if they are equal or
    /// if no mistake was found. Secrets are masked, and non-printable bytes are escaped.
    pub difference: Vec<DiffTextPart>,
    /// Places of the signature in the message, such as `the header Stripe-Signature`.
    pub places: Vec<String>,
    /// Signature scheme in a few words.
    pub summary: String,
    /// Secrets that the message was verified with, masked: the prefix up to `_` and the last four characters.
    pub masked_secrets: Vec<String>,
    /// Maximum age of the signature, in seconds. Null if the scheme has none.
    pub tolerance_s: Option<u32>,
    /// Number of common mistakes tested.
    pub tried: usize,
    /// True if all common mistakes were tested within the time limit.
    pub complete: bool,
}

/// Error of the signature debugger: a message for the user.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct DebuggerError(pub String);

fn fail<T>(why: impl Into<String>) -> Result<T, DebuggerError> {
    Err(DebuggerError(why.into()))
}

/// Schemes that a message is verified with.
#[derive(Debug, Clone)]
pub enum Rule<'c> {
    /// A single scheme of a provider, or a custom scheme.
    One(Box<Scheme>),
    /// All schemes of a provider, with the default scheme.
    Vendor(&'c Provider, &'c SchemeRecord),
}

impl Rule<'_> {
    /// Verifies a message. Returns the scheme that determined the result, the name of that scheme, the result, and a
    /// note for the user.
    fn verify(
        &self,
        message: &Message<'_>,
        keys: &Keys,
        now_ms: i64,
    ) -> (Scheme, Option<String>, Verification, Option<String>) {
        match self {
            Self::Vendor(provider, usual) => {
                let found = provider.verify(None, message, keys, now_ms);
                let found = found.unwrap_or_else(|| Verified {
                    record: usual,
                    verification: verified(&usual.scheme, message, keys, now_ms),
                });
                let note = found.note(provider);
                (found.record.scheme.clone(), Some(found.record.id.clone()), found.verification, note)
            }
            Self::One(scheme) => (Scheme::clone(scheme), None, verified(scheme, message, keys, now_ms), None),
        }
    }
}

/// A parsed [`SignatureInput`].
struct ParsedInput<'c> {
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
            return fail(format!("`secret` and `secrets` can have at most {SECRETS_MAX} secrets."));
        }
        if secrets.iter().chain(self.params.values()).any(|text| text.len() > TEXT_MAX) {
            return fail(format!("A secret or setting must be at most {TEXT_MAX} bytes."));
        }
        Ok(Keys { secrets, params: self.params.clone() })
    }
}

/// Parses a custom signature scheme.
///
/// # Errors
/// Returns an error if the object cannot be parsed, or if the scheme is not usable.
pub fn custom_scheme(scheme: &Value) -> Result<Scheme, DebuggerError> {
    let scheme: Scheme = serde_json::from_value(scheme.clone())
        .map_err(|e| DebuggerError(format!("The scheme cannot be parsed: {e}.")))?;
    scheme.check().map_err(|why| DebuggerError(format!("The scheme cannot be used: {why}.")))?;
    Ok(scheme)
}

/// Returns the schemes that a provider and a scheme select: all schemes of the provider, one of them by name, or a
/// custom scheme.
///
/// # Errors
/// Returns an error if the provider or the scheme is unknown, if the scheme is invalid, or if both are missing.
pub fn rule_of<'c>(
    catalog: &'c Catalog,
    provider: Option<&str>,
    scheme: Option<&Value>,
) -> Result<(Rule<'c>, Option<&'c Provider>), DebuggerError> {
    let vendor = provider.map(|id| catalog.get(id).ok_or_else(|| DebuggerError(catalog.missing(id)))).transpose()?;
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
                    true => format!("{} does not sign its requests.", provider.name),
                    false => format!("{} has no such scheme. Allowed: {}.", provider.name, known.join(", ")),
                })
            })?;
            if named.is_some() { Rule::One(Box::new(record.scheme.clone())) } else { Rule::Vendor(provider, record) }
        }
        (None, _) => return fail("No provider and no scheme. Pass one of them."),
    };
    Ok((rule, vendor))
}

fn parse_input<'c>(
    catalog: &'c Catalog,
    input: &SignatureInput,
    now_ms: i64,
) -> Result<ParsedInput<'c>, DebuggerError> {
    let (rule, provider) = rule_of(catalog, input.provider.as_deref(), input.scheme.as_ref())?;
    let bytes = decoded(&input.request)?;
    let keys = input.keys()?;
    let now_ms = input.now.map_or(now_ms, |seconds| seconds.saturating_mul(1_000));
    Ok(ParsedInput { rule, provider, keys, bytes, now_ms })
}

fn decoded(request: &str) -> Result<Vec<u8>, DebuggerError> {
    base64::engine::general_purpose::STANDARD
        .decode(request.trim())
        .map(unfolded)
        .map_err(|e| DebuggerError(format!("The request is not valid base64: {e}.")))
}

/// Verifies a message.
///
/// # Errors
/// Returns an error if the input cannot be parsed.
pub fn verify(catalog: &Catalog, input: &SignatureInput, now_ms: i64) -> Result<SignatureResult, DebuggerError> {
    let parsed = parse_input(catalog, input, now_ms)?;
    let raw = Raw::parse(&parsed.bytes)?;
    let message = raw.message(input.url.as_deref());
    let (_, scheme, verification, note) = parsed.rule.verify(&message, &parsed.keys, parsed.now_ms);
    let sentence = verification.fault.as_ref().map_or("The signature is valid.".into(), ToString::to_string);
    Ok(shown(&verification, sentences(sentence, note), scheme))
}

fn sentences(first: String, second: Option<String>) -> String {
    second.map_or(first.clone(), |second| format!("{first} {second}"))
}

/// Signs a message with the named scheme, or with the provider's default scheme.
///
/// # Errors
/// Returns an error if the input cannot be parsed, or if the message cannot be signed so that the result verifies.
pub fn sign(catalog: &Catalog, input: &SignatureInput, now_ms: i64) -> Result<SignatureValues, DebuggerError> {
    let parsed = parse_input(catalog, input, now_ms)?;
    let raw = Raw::parse(&parsed.bytes)?;
    let scheme = match &parsed.rule {
        Rule::One(scheme) => scheme.as_ref(),
        Rule::Vendor(_, usual) => &usual.scheme,
    };
    let id = uuid::Uuid::now_v7().to_string();
    let message = raw.message(input.url.as_deref());
    let signed =
        signed(scheme, &message, &parsed.keys, &id, parsed.now_ms).map_err(|e| DebuggerError(e.to_string()))?;
    if let Some(fault) = unverified(scheme, &message, &signed, &parsed.keys, parsed.now_ms) {
        return fail(format!("The message cannot be signed with a valid signature. {fault}"));
    }
    Ok(SignatureValues { headers: signed.headers, outside_headers: signed.outside_headers })
}

/// Returns the reason why a message with these headers would not verify. Returns `None` if it verifies, if the key is
/// asymmetric, or if a part of the signature is outside the headers.
fn unverified(scheme: &Scheme, message: &Message<'_>, signed: &Signed, keys: &Keys, now_ms: i64) -> Option<Fault> {
    let symmetric = match scheme {
        Scheme::Digest(digest) => digest.algorithm.is_symmetric(),
        Scheme::Jwt(jwt) => jwt.algorithms.iter().all(|name| name.starts_with("HS")),
        Scheme::Jws(_) | Scheme::Code(_) => false,
    };
    if !symmetric || !signed.outside_headers.is_empty() {
        return None;
    }
    let replaced = |name: &str| signed.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let kept = message.headers.iter().filter(|(name, _)| !replaced(name)).copied();
    let headers: Vec<(&str, &[u8])> =
        kept.chain(signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))).collect();
    verified(scheme, &Message { headers: &headers, ..*message }, keys, now_ms).fault
}

/// Explains the signature status of a message. Searches for up to 1.8 seconds. `other_secrets` are pairs of an owner,
/// such as `the inbox shop`, and one of the owner's secrets.
///
/// # Errors
/// Returns an error if the input cannot be parsed.
pub fn explain(
    catalog: &Catalog,
    input: &SignatureInput,
    other_secrets: Vec<(String, String)>,
    now_ms: i64,
) -> Result<SignatureExplanation, DebuggerError> {
    explain_within(catalog, input, other_secrets, now_ms, &elapsed())
}

/// Same as [`explain`], with a function that returns the time since the call began.
fn explain_within(
    catalog: &Catalog,
    input: &SignatureInput,
    other_secrets: Vec<(String, String)>,
    now_ms: i64,
    elapsed: &dyn Fn() -> Duration,
) -> Result<SignatureExplanation, DebuggerError> {
    let parsed = parse_input(catalog, input, now_ms)?;
    let raw = Raw::parse(&parsed.bytes)?;
    let message = raw.message(input.url.as_deref());
    let decoded = decoded_body(&message);
    let subject = Explained { rule: &parsed.rule, provider: parsed.provider, keys: &parsed.keys, other_secrets };
    Ok(subject.searched(catalog, &message, decoded.as_deref(), parsed.now_ms, elapsed))
}

/// Returns a function that returns the time since this call.
pub fn elapsed() -> impl Fn() -> Duration {
    let began = Instant::now();
    move || began.elapsed()
}

/// Returns the body without its content codings. Returns `None` if there are none.
fn decoded_body(message: &Message<'_>) -> Option<Vec<u8>> {
    let content =
        hookbench_content::body_content(message.headers.iter().map(|(name, value)| (name.as_bytes(), *value)));
    if content.codings.is_empty() {
        return None;
    }
    body::decode(message.body, &content.codings, DECODED_MAX).ok().map(|decoded| decoded.bytes)
}

/// A scheme that accepts the signature of a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignatureMatch {
    /// ID of the provider. Null for a common scheme that belongs to no provider.
    pub provider: Option<String>,
    /// Name of the provider.
    pub name: Option<String>,
    /// Name of the provider's scheme.
    pub scheme: Option<String>,
    /// Definition of the scheme.
    #[schema(value_type = Object)]
    pub rule: Value,
}

/// List of the schemes that accept the signature of a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignatureMatchList {
    /// Matching schemes of providers, or common schemes if no provider matches.
    pub items: Vec<SignatureMatch>,
    /// True if all schemes were tested within the time limit.
    pub complete: bool,
}

/// Finds the schemes that accept the signature of a pasted message.
///
/// # Errors
/// Returns an error if the input cannot be parsed.
pub fn find(catalog: &Catalog, input: &SignatureInput) -> Result<SignatureMatchList, DebuggerError> {
    let bytes = decoded(&input.request)?;
    let raw = Raw::parse(&bytes)?;
    let keys = input.keys()?;
    Ok(found(catalog, &raw.message(input.url.as_deref()), &keys))
}

/// Tests the schemes of every provider. Tests common schemes if none of them matches.
pub fn found(catalog: &Catalog, message: &Message<'_>, keys: &Keys) -> SignatureMatchList {
    let began = Instant::now();
    let mut items = Vec::new();
    for provider in catalog.providers() {
        for record in &provider.schemes {
            // The age of the message does not matter here. At time 0, no signature has expired.
            let verification = verified(&record.scheme, message, keys, 0);
            let held = verification.state == State::Valid
                || matches!(verification.fault, Some(Fault::NotYetValid { .. } | Fault::Expired { .. }));
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

/// Providers that are named first if several providers sign in the same way: their schemes are copied or used most.
const NAMED_FIRST: &[&str] = &["standard-webhooks", "svix", "github", "stripe", "shopify", "slack", "gitlab"];

/// Returns the schemes of all providers, to be tested instead of the selected one. The schemes of the recognized
/// provider are first.
fn other_schemes<'c>(catalog: &'c Catalog, recognized: Option<&'c Provider>) -> Vec<(String, &'c Scheme)> {
    let known = |id: &str| recognized.is_some_and(|provider| provider.id == id);
    let first = NAMED_FIRST.iter().filter_map(|id| catalog.get(id)).filter(|provider| !known(&provider.id));
    let rest =
        catalog.providers().filter(|provider| !NAMED_FIRST.contains(&provider.id.as_str()) && !known(&provider.id));
    recognized
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

/// Scheme and secrets that a signature status is explained with.
pub struct Explained<'e> {
    /// Schemes to verify with.
    pub rule: &'e Rule<'e>,
    /// Selected provider, if any.
    pub provider: Option<&'e Provider>,
    /// Secrets and settings.
    pub keys: &'e Keys,
    /// Secrets of other inboxes and endpoints, as pairs of owner and secret.
    pub other_secrets: Vec<(String, String)>,
}

impl Explained<'_> {
    /// Explains the signature status within the time limit of a call. `elapsed` returns the time since the call began.
    pub fn searched(
        self,
        catalog: &Catalog,
        message: &Message<'_>,
        decoded_body: Option<&[u8]>,
        now_ms: i64,
        elapsed: &dyn Fn() -> Duration,
    ) -> SignatureExplanation {
        let (scheme, scheme_id, _, note) = self.rule.verify(message, self.keys, now_ms);
        let recognized = catalog.recognize(&ParsedMessage::lenient(message));
        let known = SearchContext {
            decoded_body,
            other_secrets: self.other_secrets,
            other_schemes: other_schemes(catalog, recognized),
            vendor: self.provider.map(Provider::vendor),
            recognized: recognized.map(|provider| provider.name.as_str()),
            mask: MASK,
        };
        // The search stops if another trial as long as the longest one so far could exceed the time limit.
        let (last, longest) = (Cell::new(elapsed()), Cell::new(Duration::ZERO));
        let cancel = || {
            let now = elapsed();
            longest.set(longest.get().max(now.saturating_sub(last.get())));
            last.set(now);
            now + longest.get() > SEARCH
        };
        let explanation = explained(&scheme, message, self.keys, &known, now_ms, &cancel);
        let Explanation {
            verification,
            sentence,
            advice,
            findings,
            content,
            expected,
            found,
            fixed,
            as_signed,
            tried,
            complete,
        } = explanation;
        let content_bytes = content.len();
        let received = escaped(&shown_content(&scheme, message, self.keys));
        let signed = as_signed.map(|content| escaped(&limited(without_secrets(content, self.keys))));
        let difference = signed.filter(|signed| *signed != received).map(|signed| text_parts(&signed, &received));
        let note = note.filter(|_| verification.state == State::Valid);
        SignatureExplanation {
            verification: shown(&verification, sentences(sentence, note), scheme_id),
            advice,
            findings: findings
                .into_iter()
                .map(|Finding { code, what, advice }| SignatureFinding { code: code.into(), what, advice })
                .collect(),
            content: received,
            content_bytes,
            expected,
            found,
            fixed,
            difference: difference.unwrap_or_default(),
            places: scheme.places().iter().map(hookbench_signature::Source::shown).collect(),
            summary: scheme.summary(),
            masked_secrets: self.keys.secrets.iter().map(|secret| masked_secret(secret)).collect(),
            tolerance_s: scheme.timestamp().and_then(|rule| rule.past_s),
            tried,
            complete,
        }
    }
}

fn shown(verification: &Verification, sentence: String, scheme: Option<String>) -> SignatureResult {
    SignatureResult {
        status: crate::verification::status_of(verification),
        reason: verification.fault.as_ref().map(|fault| fault.code().into()),
        sentence,
        scheme,
        signed_at: verification.signed_at_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        secret: verification.secret,
    }
}

/// Returns the signed content for display. The secret is masked, both where the scheme inserts it and where the message
/// contains it.
fn shown_content(scheme: &Scheme, message: &Message<'_>, keys: &Keys) -> Vec<u8> {
    let hidden = Keys { secrets: vec![MASK.to_owned()], params: keys.params.clone() };
    limited(without_secrets(signed_content(scheme, message, &hidden).unwrap_or_default(), keys))
}

/// Masks the secrets in a content.
fn without_secrets(mut content: Vec<u8>, keys: &Keys) -> Vec<u8> {
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
    content
}

/// Truncates a content to the size that is shown.
fn limited(mut content: Vec<u8>) -> Vec<u8> {
    content.truncate(CONTENT_MAX);
    content
}

/// Minimum length of a secret whose end is shown, in characters.
const RECOGNIZABLE_MIN: usize = 16;

/// Returns a secret so that a person recognizes it: the prefix up to the first `_` and the last four characters. A
/// short secret, and a key in PEM form, is masked as a whole.
pub fn masked_secret(secret: &str) -> String {
    let plain = secret.chars().count() >= RECOGNIZABLE_MIN && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain {
        return MASK.to_owned();
    }
    let prefix = secret.split_inclusive('_').next().filter(|prefix| prefix.ends_with('_') && prefix.len() <= 8);
    format!("{}{MASK}{}", prefix.unwrap_or_default(), &secret[secret.len() - 4..])
}

/// Returns bytes as text, with everything but printable characters escaped.
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
