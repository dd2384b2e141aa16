//! Explanation of an invalid signature: common mistakes are tested, and the one that reproduces the signature is
//! reported.

mod body;
mod change;
mod changes;
mod escapes;
mod form;
mod header;
mod rule;
mod secret;
mod url;
mod visible;
mod wrapping;

use change::{Apply, Change, Kind, Trial, finding};
use changes::changes;
use serde::Serialize;

use crate::{
    algorithm::Algorithm,
    digest,
    fault::{Fault, State, Verification},
    key::Keys,
    message::{Message, ParsedMessage},
    scheme::{Digest, Scheme},
    timestamp::Unit,
    verify::{signed_content, verify},
};

pub use visible::Vendor;

/// Minimum length of a truncated signature, in characters. A shorter match is too likely a coincidence.
const TRUNCATED_MIN: usize = 8;

/// Callback that returns true to stop a search. Called before each trial, because this crate has no clock.
pub type Cancel<'a> = dyn Fn() -> bool + 'a;

/// Additional information for a search.
#[derive(Debug, Clone, Default)]
pub struct SearchContext<'a> {
    /// Body after content decoding, if the body has a content coding.
    pub decoded_body: Option<&'a [u8]>,
    /// Secrets of other inboxes and endpoints, each with the name of its owner.
    pub other_secrets: Vec<(String, String)>,
    /// Schemes of other providers, each with the name of the provider.
    pub other_schemes: Vec<(String, &'a Scheme)>,
    /// Vendor of the scheme, if the scheme belongs to one.
    pub vendor: Option<Vendor<'a>>,
    /// Name of the provider that the message was recognized as. This provider is first in `other_schemes`.
    pub recognized: Option<&'a str>,
    /// Text that replaces the secret in [`Explanation::as_signed`].
    pub mask: &'a str,
}

/// Mistake that reproduces the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code, such as `secret_whitespace`.
    pub code: &'static str,
    /// Description of the mistake, as a sentence fragment.
    pub what: String,
    /// Recommended action, as a sentence.
    pub advice: String,
}

/// Explanation of a verification result.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Verification result.
    pub verification: Verification,
    /// Explanation in one sentence.
    pub sentence: String,
    /// Recommended action.
    pub advice: String,
    /// Mistakes that together reproduce the signature. Empty if the signature is valid or no mistake was found.
    pub findings: Vec<Finding>,
    /// Signed bytes of the message as received.
    #[serde(skip)]
    pub content: Vec<u8>,
    /// Digest computed from content and secret, in the encoding of the scheme. `None` if only the sender can compute
    /// the signature.
    pub expected: Option<String>,
    /// Received signature.
    pub found: Option<String>,
    /// Digest computed after the mistakes are undone. `None` if no mistake was found.
    pub fixed: Option<String>,
    /// Signed bytes after the mistakes are undone, with [`SearchContext::mask`] as the secret.
    #[serde(skip)]
    pub as_signed: Option<Vec<u8>>,
    /// Number of mistakes and combinations tested.
    pub tried: usize,
    /// True if the search was not canceled.
    pub complete: bool,
}

/// Verifies a message and explains the result. For a valid signature, the cost is about that of [`verify`].
pub fn explain(
    scheme: &Scheme,
    message: &Message<'_>,
    keys: &Keys,
    known: &SearchContext<'_>,
    now_ms: i64,
    cancel: &Cancel<'_>,
) -> Explanation {
    let verification = verify(scheme, message, keys, now_ms);
    let content = signed_content(scheme, message, keys).unwrap_or_default();
    let (expected, found) = match scheme {
        Scheme::Digest(scheme) => digests(scheme, message, keys),
        Scheme::Jwt(_) | Scheme::Jws(_) | Scheme::Code(_) => (None, None),
    };
    let mut explanation = Explanation {
        sentence: plain(&verification),
        advice: advice(&verification, known),
        verification,
        findings: Vec::new(),
        content,
        expected,
        found,
        fixed: None,
        as_signed: None,
        tried: 0,
        complete: true,
    };
    let searched = matches!(
        explanation.verification.fault,
        Some(
            Fault::Mismatch
                | Fault::Encoding { .. }
                | Fault::NoItem { .. }
                | Fault::NoSignature { .. }
                | Fault::Missing { .. }
                | Fault::Timestamp { .. }
                | Fault::Secret { .. }
                | Fault::Token { .. }
        )
    );
    if matches!(explanation.verification.fault, Some(Fault::Mismatch | Fault::Token { .. }))
        && let Some(certain) = visible::certain(scheme, message)
    {
        explanation.findings = vec![certain];
        worded(&mut explanation);
        return explanation;
    }
    if let Some((arrived, whole)) = cut((explanation.expected.clone(), explanation.found.clone()))
        && !folded(scheme, message, keys, known)
    {
        explanation.findings = vec![truncated()];
        worded(&mut explanation);
        explanation.sentence =
            format!("The signature was truncated: {arrived} of {whole} characters arrived, and they match.");
        return explanation;
    }
    if timed(scheme, message, keys, now_ms, &mut explanation) {
        return explanation;
    }
    if searched && keys.secrets.iter().any(|secret| !secret.is_empty()) {
        search(scheme, message, keys, known, now_ms, cancel, &mut explanation);
    }
    explanation
}

/// Explains a matching signature whose timestamp is invalid. Returns true if the timestamp is the only problem.
fn timed(scheme: &Scheme, message: &Message<'_>, keys: &Keys, now_ms: i64, explanation: &mut Explanation) -> bool {
    let outside = matches!(
        explanation.verification.fault,
        Some(Fault::Timestamp { .. } | Fault::Expired { .. } | Fault::NotYetValid { .. })
    );
    let Scheme::Digest(digest) = scheme else { return false };
    let Some(rule) = digest.timestamp.as_ref().filter(|_| outside) else { return false };
    if !Trial::new(scheme, message, keys).holds() {
        return false;
    }
    let reading = ParsedMessage::new(message);
    let text = digest::candidates(digest, &reading).ok().and_then(|all| all.first()?.timestamp(rule, &reading));
    let text = text.unwrap_or_default();
    // A timestamp that is within a day of now in another unit was written in that unit.
    let units = [Unit::S, Unit::Ms, Unit::Iso].into_iter().filter(|unit| *unit != rule.unit);
    let near = |unit: &Unit| unit.read(&text).is_some_and(|at| now_ms.saturating_sub(at).saturating_abs() < DAY_MS);
    let (what, advice) = match units.into_iter().find(near) {
        Some(unit) => (
            format!("the sender wrote its timestamp as {}", digest::unit_words(unit)),
            format!("This scheme requires {}: fix the sender.", digest::unit_words(rule.unit)),
        ),
        None if matches!(explanation.verification.fault, Some(Fault::Timestamp { .. })) => (
            format!("the signature matches, but its timestamp {text:?} is not {}", digest::unit_words(rule.unit)),
            "Fix the format of the timestamp at the sender.".into(),
        ),
        // The sentence of an expired or future timestamp already states the difference.
        None => return true,
    };
    let code = if what.starts_with("the sender") { "timestamp_unit" } else { "timestamp" };
    explanation.sentence = capital(&format!("{what}."));
    explanation.advice.clone_from(&advice);
    explanation.findings = vec![Finding { code, what, advice }];
    true
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Maximum difference from now at which a timestamp in another unit is recognized, in milliseconds: one day.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

fn search(
    scheme: &Scheme,
    message: &Message<'_>,
    keys: &Keys,
    known: &SearchContext<'_>,
    now_ms: i64,
    cancel: &Cancel<'_>,
    explanation: &mut Explanation,
) {
    let base = Trial::new(scheme, message, keys);
    let changes = changes(scheme, message, keys, known);
    // A rewrite without effect on the body has no effect in combination either, except inside a wrapping.
    let mut idle = vec![false; changes.len()];
    let length = |digest: &Option<String>| digest.as_ref().map_or(0, String::len);
    let short = length(&explanation.found) < length(&explanation.expected);
    for (number, change) in changes.iter().enumerate() {
        if cancel() {
            explanation.complete = false;
            return not_found(explanation, &changes[..explanation.tried], scheme, message, keys, known);
        }
        explanation.tried += 1;
        let Some(trial) = base.with(change) else {
            idle[number] = matches!(change.apply, Apply::Rewrite(_) | Apply::Form(_));
            continue;
        };
        if trial.holds() {
            return named(explanation, &[change], &trial, known, now_ms);
        }
    }
    if let Some(wrong) = visible::wrong_kind(&keys.secrets, message, known.vendor.as_ref()) {
        explanation.findings = vec![wrong];
        return worded(explanation);
    }
    for change in changes.iter().filter(|change| short && change.kind != Kind::Header) {
        if !cancel()
            && let Some(trial) = base.with(change)
            && cut(trial.digests()).is_some()
        {
            named(explanation, &[change], &trial, known, now_ms);
            explanation.findings.push(truncated());
            return worded(explanation);
        }
    }
    // Pairs are tested in ascending order of their combined cost, so the most likely pairs come first.
    let mut pairs: Vec<(u32, usize, usize)> = Vec::new();
    for (first, one) in changes.iter().enumerate() {
        for (second, other) in changes.iter().enumerate().skip(first + 1) {
            let wrapped = one.kind == Kind::Wrapping || other.kind == Kind::Wrapping;
            if one.kind != other.kind && (wrapped || !idle[first] && !idle[second]) {
                pairs.push((one.cost + other.cost + far(one) + far(other), first, second));
            }
        }
    }
    pairs.sort_unstable();
    for (_, first, second) in pairs {
        if cancel() {
            explanation.complete = false;
            return not_found(explanation, &changes, scheme, message, keys, known);
        }
        explanation.tried += 1;
        let (mut one, mut other) = (&changes[first], &changes[second]);
        if one.kind > other.kind {
            std::mem::swap(&mut one, &mut other);
        }
        let Some(trial) = base.with(one).and_then(|trial| trial.with(other)) else { continue };
        if trial.holds() {
            return named(explanation, &[one, other], &trial, known, now_ms);
        }
    }
    not_found(explanation, &changes, scheme, message, keys, known);
}

/// Returns the extra cost of a change in combination with another. A wrong vendor together with a changed body is rare.
fn far(change: &Change<'_>) -> u32 {
    match change.kind {
        Kind::Scheme => 4,
        Kind::Url => 1,
        _ => 0,
    }
}

/// Returns the received and the expected length, if the received signature is a prefix of the expected one.
fn cut(digests: (Option<String>, Option<String>)) -> Option<(usize, usize)> {
    let (expected, found) = (digests.0?, digests.1?);
    let short = found.len() >= TRUNCATED_MIN && found.len() < expected.len() && expected.starts_with(found.as_str());
    short.then_some((found.len(), expected.len()))
}

/// Returns true if the rest of a signature that looks truncated is elsewhere in the headers.
fn folded(scheme: &Scheme, message: &Message<'_>, keys: &Keys, known: &SearchContext<'_>) -> bool {
    let base = Trial::new(scheme, message, keys);
    let changes = changes(scheme, message, keys, known);
    let mut headers = changes.iter().filter(|change| change.kind == Kind::Header);
    headers.any(|change| base.with(change).is_some_and(|trial| trial.holds()))
}

fn truncated() -> Finding {
    Finding {
        code: "header_truncated",
        what: "the signature was truncated".into(),
        advice: "Check the proxies between the sender and this server: one of them truncates header values.".into(),
    }
}

fn named(
    explanation: &mut Explanation,
    changes: &[&Change<'_>],
    trial: &Trial<'_>,
    known: &SearchContext<'_>,
    now_ms: i64,
) {
    explanation.fixed = trial.digests().0;
    explanation.as_signed = trial.signed_content(known.mask);
    explanation.findings = changes.iter().map(|change| change.finding.clone()).collect();
    // A signature that matches after the changes can also have an expired timestamp.
    if let Some(fault) = trial.late(now_ms) {
        explanation.findings.push(Finding {
            code: fault.code(),
            what: fault.outside().unwrap_or_default(),
            advice: "Compare the clocks, and check that no old request was resent.".into(),
        });
    }
    worded(explanation);
}

/// Beginning of the description of a body change.
const CHANGED: &str = "the body was changed after signing: ";

/// Writes sentence and advice from the findings.
fn worded(explanation: &mut Explanation) {
    let mut sentence = String::new();
    let mut advice: Vec<&str> = Vec::new();
    for finding in &explanation.findings {
        // The prefix is written only once for a body that was changed twice.
        let again = finding.what.strip_prefix(CHANGED).filter(|_| sentence.contains(CHANGED));
        sentence = match again {
            Some(what) => format!("{sentence}, and then {what}"),
            None if sentence.is_empty() => finding.what.clone(),
            None => format!("{sentence}, and {}", finding.what),
        };
        if !advice.contains(&finding.advice.as_str()) {
            advice.push(&finding.advice);
        }
    }
    explanation.sentence = capital(&format!("{sentence}."));
    explanation.advice = advice.join(" ");
}

fn not_found(
    explanation: &mut Explanation,
    tried: &[Change<'_>],
    scheme: &Scheme,
    message: &Message<'_>,
    keys: &Keys,
    known: &SearchContext<'_>,
) {
    if matches!(explanation.verification.fault, Some(Fault::NoSignature { .. }))
        && let Some(name) = signed_outside_headers(scheme, message, known)
    {
        explanation.findings = vec![name];
        return worded(explanation);
    }
    if !matches!(explanation.verification.fault, Some(Fault::Mismatch)) {
        return;
    }
    let mut about: Vec<&str> = tried.iter().map(|change| about(change.kind)).collect();
    about.sort_unstable();
    about.dedup();
    let how = if explanation.complete {
        "no common mistake explains it"
    } else {
        "the search was canceled before a cause was found"
    };
    let pairs = if explanation.tried > tried.len() { ", alone and in pairs" } else { "" };
    explanation.sentence = format!("The signature does not match, and {how}.");
    let vendor = known.vendor.unwrap_or_default();
    let mut advice = vec![vendor.advice()];
    let signs = visible::signs(scheme, message);
    if let Some(first) = signs.first() {
        explanation.sentence = format!("The signature does not match, and {}.", first.what);
        advice = vec![first.advice.clone(), vendor.advice()];
    }
    let settings: Vec<&str> =
        keys.params.keys().map(String::as_str).filter(|name| scheme.params().iter().any(|own| own == name)).collect();
    if !settings.is_empty() && signs.is_empty() {
        let names = settings.join(" and ");
        explanation.findings = vec![finding(
            "setting",
            format!("the signed content includes the setting {names}, whose value may be wrong"),
            format!("Compare the setting {names} with the vendor's page: test and live mode have different values."),
        )];
        explanation.sentence = format!(
            "The signature does not match. The signed content includes the setting {names}, whose value may be wrong."
        );
        advice.insert(0, explanation.findings[0].advice.clone());
    }
    if signs.is_empty() {
        advice.push(
            "If the secret is correct, the body or URL was changed in transit in a way that is not tested.".into(),
        );
        if !about.is_empty() {
            advice.push(format!("Tested: {}{pairs}.", about.join(", ")));
        }
    } else {
        explanation.findings = signs;
    }
    explanation.advice = advice.join(" ");
}

/// Returns a finding for a signature of another vendor, if the expected signature is missing. Prefers another product
/// of the same vendor.
fn signed_outside_headers(scheme: &Scheme, message: &Message<'_>, known: &SearchContext<'_>) -> Option<Finding> {
    let reading = ParsedMessage::new(message);
    let own: Vec<String> = scheme.places().iter().map(ToString::to_string).collect();
    // A header that several vendors use does not identify one, and neither does Authorization.
    let mut found: Vec<(&str, String)> = Vec::new();
    for (name, other) in &known.other_schemes {
        let place = other.places().into_iter().find(|place| {
            !own.contains(&place.to_string())
                && !place.name.eq_ignore_ascii_case("authorization")
                && place.value(&reading).is_some_and(|value| value.len() >= SIGNATURE_MIN)
        });
        found.extend(place.map(|place| (name.as_str(), place.shown())));
    }
    let family = known.vendor.and_then(|vendor| vendor.name.split_whitespace().next());
    let relative = found.iter().find(|(name, _)| family.is_some_and(|family| name.starts_with(family)));
    let only = || found.first().filter(|(first, _)| found.iter().all(|(name, _)| name == first));
    let (name, place) = relative.or_else(only)?;
    Some(finding(
        "another_vendor",
        format!("the expected signature is missing, but the message has {place}, which {name} uses for its signature"),
        format!("Set the provider of the inbox to {name}, and enter the secret or key of that product."),
    ))
}

/// Minimum length of a signature, in bytes.
const SIGNATURE_MIN: usize = 16;

fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => "variants of the secret, and secrets of other inboxes and endpoints",
        Kind::Key | Kind::Encoding | Kind::Algorithm | Kind::Content => {
            "other rules for key, digest and signed content"
        }
        Kind::Url => "the URL",
        Kind::Header => "the headers",
        Kind::Scheme => "other vendors' schemes",
        Kind::Wrapping
        | Kind::Coding
        | Kind::Order
        | Kind::Numbers
        | Kind::Layout
        | Kind::Escapes
        | Kind::Slashes
        | Kind::Markup
        | Kind::Lines
        | Kind::End
        | Kind::Mark
        | Kind::Charset => "other encodings of the body",
    }
}

fn plain(verification: &Verification) -> String {
    match (&verification.state, &verification.fault) {
        (State::Valid, _) => "The signature is valid.".into(),
        (_, Some(fault)) => capital(&fault.to_string()),
        _ => "The message is not signed.".into(),
    }
}

fn advice(verification: &Verification, known: &SearchContext<'_>) -> String {
    let vendor = || known.vendor.unwrap_or_default().advice();
    match &verification.fault {
        None => "",
        Some(Fault::NoSignature { .. }) => {
            "Check that the sender signs its requests, and that no proxy removes the header."
        }
        Some(Fault::NoItem { .. } | Fault::Encoding { .. }) => "Check that the provider of the inbox is the sender.",
        Some(Fault::Missing { .. } | Fault::Requirement { .. }) => {
            "Check that no proxy removes headers, and that all settings of the scheme have a value."
        }
        Some(Fault::Timestamp { .. }) => "Check that the provider of the inbox is the sender.",
        Some(Fault::Expired { .. }) => {
            "A stored request that is resent has an old timestamp: re-sign it. Otherwise compare the clocks."
        }
        Some(Fault::NotYetValid { .. }) => "Compare the clocks of the sender and of this computer.",
        Some(Fault::Masked { .. }) => "Copy the message again with secrets included.",
        Some(Fault::NoSecret) => "Enter the secret that the vendor shows for this webhook.",
        Some(Fault::Token { .. }) => {
            "Check the secret, and that the entered URL is the URL registered with the sender."
        }
        Some(Fault::Secret { .. } | Fault::Mismatch) => return vendor(),
    }
    .to_owned()
}

/// Returns the expected and the received digest in the encoding of the scheme.
fn digests(scheme: &Digest, message: &Message<'_>, keys: &Keys) -> (Option<String>, Option<String>) {
    let reading = ParsedMessage::new(message);
    let Ok(candidates) = digest::candidates(scheme, &reading) else { return (None, None) };
    let candidate = &candidates[0];
    // A token is the secret itself and is never shown.
    if scheme.algorithm == Algorithm::Token {
        return (None, None);
    }
    let secret = keys.secrets.get(candidate.source.secret.unwrap_or(0)).map(String::as_str).unwrap_or_default();
    let param = keys.param();
    let filling = candidate.filling(&reading, secret.as_bytes(), &param);
    let expected = scheme.algorithm.is_symmetric().then(|| {
        let key = scheme.key.bytes(secret).ok().filter(|_| !secret.is_empty())?;
        let feed = |sink: &mut dyn FnMut(&[u8])| scheme.content.feed(&filling, sink);
        scheme.algorithm.digest(&key, feed).ok().map(|digest| scheme.encoding.write(&digest))
    });
    (expected.flatten(), Some(candidate.text.clone()))
}

#[cfg(test)]
mod tests;
