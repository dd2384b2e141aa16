//! Why a signature does not hold: the usual faults are tried, and the one that reproduces the
//! signature is named.

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
    fault::{Fault, State, Verdict},
    key::Keys,
    message::{Message, Reading},
    scheme::{Digest, Scheme},
    timestamp::Unit,
    verify::{signed_content, verify},
};

pub use visible::Vendor;

/// Fewer characters than these agree by chance too often to call a signature cut short.
const TRUNCATED_MIN: usize = 8;

/// Says when to stop looking, as this crate has no clock: asked before each trial.
pub type Cancel<'a> = dyn Fn() -> bool + 'a;

/// What a search may draw on beside the message.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    /// The body with its content codings undone, where it has any.
    pub decoded_body: Option<&'a [u8]>,
    /// Secrets of other inboxes and endpoints, each with whose it is.
    pub other_secrets: Vec<(String, String)>,
    /// Schemes of other providers, each with the provider's name.
    pub other_schemes: Vec<(String, &'a Scheme)>,
    /// The provider whose scheme it is, where it is one's.
    pub vendor: Option<Vendor<'a>>,
    /// Name of the provider the message looks like; it comes first in `other_schemes`.
    pub recognised: Option<&'a str>,
}

/// A fault that reproduces the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name for programs, such as `secret_whitespace`.
    pub code: &'static str,
    /// What is wrong, as the middle of a sentence.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// What a search came to.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The verdict that is explained.
    pub verdict: Verdict,
    /// It in one sentence.
    pub sentence: String,
    /// What to do.
    pub advice: String,
    /// The faults that together reproduce the signature; none where it holds or nothing was found.
    pub findings: Vec<Finding>,
    /// The bytes the scheme signs, of the message as it arrived.
    #[serde(skip)]
    pub content: Vec<u8>,
    /// The digest that content and secret make, written as the scheme writes it; none where only
    /// the sender can make one.
    pub expected: Option<String>,
    /// The signature that arrived.
    pub found: Option<String>,
    /// Trials made.
    pub tried: usize,
    /// Whether everything there is to try was tried.
    pub complete: bool,
}

/// Explains a verdict. A signature that holds costs nothing more than [`verify`].
pub fn explain(
    scheme: &Scheme,
    message: &Message<'_>,
    keys: &Keys,
    known: &Known<'_>,
    now_ms: i64,
    cancel: &Cancel<'_>,
) -> Explanation {
    let verdict = verify(scheme, message, keys, now_ms);
    let content = signed_content(scheme, message, keys).unwrap_or_default();
    let (expected, found) = match scheme {
        Scheme::Digest(scheme) => digests(scheme, message, keys),
        Scheme::Jwt(_) | Scheme::Jws(_) | Scheme::Code(_) => (None, None),
    };
    let mut explanation = Explanation {
        sentence: plain(&verdict),
        advice: advice(&verdict, known),
        verdict,
        findings: Vec::new(),
        content,
        expected,
        found,
        tried: 0,
        complete: true,
    };
    let searched = matches!(
        explanation.verdict.fault,
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
    if matches!(explanation.verdict.fault, Some(Fault::Mismatch | Fault::Token { .. }))
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
            format!("The signature was cut short: {arrived} of {whole} characters arrived, and they are right.");
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

/// Whether the signature is right and only its time is not, so that no other fault is looked for.
fn timed(scheme: &Scheme, message: &Message<'_>, keys: &Keys, now_ms: i64, explanation: &mut Explanation) -> bool {
    let outside =
        matches!(explanation.verdict.fault, Some(Fault::Timestamp { .. } | Fault::Stale { .. } | Fault::Future { .. }));
    let Scheme::Digest(digest) = scheme else { return false };
    let Some(rule) = digest.timestamp.as_ref().filter(|_| outside) else { return false };
    if !Trial::new(scheme, message, keys).holds() {
        return false;
    }
    let reading = Reading::new(message);
    let text = digest::candidates(digest, &reading).ok().and_then(|all| all.first()?.timestamp(rule, &reading));
    let text = text.unwrap_or_default();
    // In another unit, would it be of this day?
    let units = [Unit::S, Unit::Ms, Unit::Iso].into_iter().filter(|unit| *unit != rule.unit);
    let near = |unit: &Unit| unit.read(&text).is_some_and(|at| now_ms.saturating_sub(at).saturating_abs() < DAY_MS);
    let (what, advice) = match units.into_iter().find(near) {
        Some(unit) => (
            format!("the sender wrote its timestamp as {}", digest::unit_words(unit)),
            format!("This scheme has it as {}: correct the sender.", digest::unit_words(rule.unit)),
        ),
        None if matches!(explanation.verdict.fault, Some(Fault::Timestamp { .. })) => (
            format!("the signature is right, but its timestamp {text:?} is not {}", digest::unit_words(rule.unit)),
            "Correct how the sender writes it.".into(),
        ),
        // Late or early: the verdict says by how much.
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

/// A timestamp that is this near in another unit is written in that unit.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

fn search(
    scheme: &Scheme,
    message: &Message<'_>,
    keys: &Keys,
    known: &Known<'_>,
    now_ms: i64,
    cancel: &Cancel<'_>,
    explanation: &mut Explanation,
) {
    let base = Trial::new(scheme, message, keys);
    let changes = changes(scheme, message, keys, known);
    // A rewrite that does nothing to the body alone does nothing beside another, but inside a wrapping.
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
            return named(explanation, &[change], &trial, now_ms);
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
            named(explanation, &[change], &trial, now_ms);
            explanation.findings.push(truncated());
            return worded(explanation);
        }
    }
    // Likeliest pairs first: the less two faults cost together, the sooner they are tried.
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
            return named(explanation, &[one, other], &trial, now_ms);
        }
    }
    not_found(explanation, &changes, scheme, message, keys, known);
}

/// How much less likely a fault is beside another than alone: who takes a vendor for another seldom changes the body, too.
fn far(change: &Change<'_>) -> u32 {
    match change.kind {
        Kind::Scheme => 4,
        Kind::Url => 1,
        _ => 0,
    }
}

/// How many characters of how many arrived, where a signature is the start of the one expected.
fn cut(digests: (Option<String>, Option<String>)) -> Option<(usize, usize)> {
    let (expected, found) = (digests.0?, digests.1?);
    let short = found.len() >= TRUNCATED_MIN && found.len() < expected.len() && expected.starts_with(found.as_str());
    short.then_some((found.len(), expected.len()))
}

/// Whether what looks cut short is there, elsewhere in the headers.
fn folded(scheme: &Scheme, message: &Message<'_>, keys: &Keys, known: &Known<'_>) -> bool {
    let base = Trial::new(scheme, message, keys);
    let changes = changes(scheme, message, keys, known);
    let mut headers = changes.iter().filter(|change| change.kind == Kind::Header);
    headers.any(|change| base.with(change).is_some_and(|trial| trial.holds()))
}

fn truncated() -> Finding {
    Finding {
        code: "header_truncated",
        what: "the signature was cut short".into(),
        advice: "Check what stands between the sender and here: it cuts header values.".into(),
    }
}

fn named(explanation: &mut Explanation, changes: &[&Change<'_>], trial: &Trial<'_>, now_ms: i64) {
    explanation.findings = changes.iter().map(|change| change.finding.clone()).collect();
    // A signature that would hold may be late as well.
    if let Some(fault) = trial.late(now_ms) {
        explanation.findings.push(Finding {
            code: fault.code(),
            what: fault.outside().unwrap_or_default(),
            advice: "Check the clocks, or whether an old request was sent again.".into(),
        });
    }
    worded(explanation);
}

/// How a fault of a body's way begins.
const CHANGED: &str = "the body was changed after signing: ";

/// Says in words what was found.
fn worded(explanation: &mut Explanation) {
    let mut sentence = String::new();
    let mut advice: Vec<&str> = Vec::new();
    for finding in &explanation.findings {
        // Of a body changed twice, that it was changed is said once.
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
    known: &Known<'_>,
) {
    if matches!(explanation.verdict.fault, Some(Fault::NoSignature { .. }))
        && let Some(name) = signed_elsewhere(scheme, message, known)
    {
        explanation.findings = vec![name];
        return worded(explanation);
    }
    if !matches!(explanation.verdict.fault, Some(Fault::Mismatch)) {
        return;
    }
    let mut about: Vec<&str> = tried.iter().map(|change| about(change.kind)).collect();
    about.sort_unstable();
    about.dedup();
    let how = if explanation.complete {
        "none of the common mistakes accounts for it"
    } else {
        "the search was ended before one was found"
    };
    let what = if about.is_empty() { String::new() } else { format!(": {}", about.join(", ")) };
    let pairs = if explanation.tried > tried.len() { ", alone and two at a time" } else { "" };
    explanation.sentence =
        format!("The signature does not match, and {how} ({} tested{what}{pairs}).", explanation.tried);
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
            format!("the signed content includes {names}, whose value may be wrong"),
            format!("Compare the setting {names} with the vendor's page: test and live have one each."),
        )];
        explanation.sentence = format!(
            "The signature does not match. The signed content includes the setting {names}, whose value may be wrong."
        );
        advice.insert(0, explanation.findings[0].advice.clone());
    }
    if signs.is_empty() {
        advice.push(
            "If the secret is right, the body or URL was changed in transit, in a way that is not tested.".into(),
        );
    } else {
        explanation.findings = signs;
    }
    explanation.advice = advice.join(" ");
}

/// The vendor in whose place a signature is, where the one that is expected has none: one of the same family first.
fn signed_elsewhere(scheme: &Scheme, message: &Message<'_>, known: &Known<'_>) -> Option<Finding> {
    let reading = Reading::new(message);
    let own: Vec<String> = scheme.places().iter().map(ToString::to_string).collect();
    // A header that many vendors use says nothing, and so does Authorization.
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
        format!("the message is not signed as expected, but has {place}, where {name} puts its signature"),
        format!("Set the inbox to {name}, and enter the secret or key of that product."),
    ))
}

/// Nothing shorter can be a signature.
const SIGNATURE_MIN: usize = 16;

fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => "the secret as entered, and other secrets known here",
        Kind::Key | Kind::Encoding | Kind::Algorithm | Kind::Content => "other rules for key, digest and content",
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
        | Kind::Charset => "the body written in other ways",
    }
}

fn plain(verdict: &Verdict) -> String {
    match (&verdict.state, &verdict.fault) {
        (State::Valid, _) => "The signature holds.".into(),
        (_, Some(fault)) => capital(&fault.to_string()),
        _ => "The message is not signed.".into(),
    }
}

fn advice(verdict: &Verdict, known: &Known<'_>) -> String {
    let vendor = || known.vendor.unwrap_or_default().advice();
    match &verdict.fault {
        None => "",
        Some(Fault::NoSignature { .. }) => {
            "Check that signing is enabled at the sender, and that no proxy removes the header."
        }
        Some(Fault::NoItem { .. } | Fault::Encoding { .. }) => {
            "Check that the inbox is set to the provider that sends."
        }
        Some(Fault::Missing { .. } | Fault::Requirement { .. }) => {
            "Check that no proxy removes headers, and that every setting of the scheme is made."
        }
        Some(Fault::Timestamp { .. }) => "Check that the inbox is set to the provider that sends.",
        Some(Fault::Stale { .. }) => {
            "A stored request that is sent again has an old timestamp: re-sign it. Otherwise compare the clocks."
        }
        Some(Fault::Future { .. }) => "Compare the clocks of the sender and of this machine.",
        Some(Fault::Masked { .. }) => "Copy the message again with its secrets revealed.",
        Some(Fault::NoSecret) => "Enter the secret the vendor shows for this webhook.",
        Some(Fault::Token { .. }) => "Check the secret, and that the URL is entered as it is registered.",
        Some(Fault::Secret { .. } | Fault::Mismatch) => return vendor(),
    }
    .to_owned()
}

/// The digest expected and the one found, as the scheme writes them.
fn digests(scheme: &Digest, message: &Message<'_>, keys: &Keys) -> (Option<String>, Option<String>) {
    let reading = Reading::new(message);
    let Ok(candidates) = digest::candidates(scheme, &reading) else { return (None, None) };
    let candidate = &candidates[0];
    // A token is the secret itself, and is never shown.
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
