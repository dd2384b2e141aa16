//! Verification by a digest scheme. Each signature in the message is tested with each secret it may belong to.

use crate::{
    algorithm::Algorithm,
    certificate,
    fault::{Fault, Verification},
    key::Keys,
    message::ParsedMessage,
    scheme::Digest,
    source::{Place, Source},
    template::Filling,
    timestamp::{TimestampRule, Unit},
};

/// Maximum number of signatures tested for one message. DocuSign sends up to 100, and each one costs a digest.
const CANDIDATES_MAX: usize = 100;

/// Signature found in a message.
pub(crate) struct Candidate<'s> {
    pub(crate) source: &'s Source,
    pub(crate) text: String,
    /// Other items of the value that contains the signature.
    pub(crate) items: Vec<(String, String)>,
}

/// Returns the signatures of a message, or the reason why there are none.
pub(crate) fn candidates<'s>(scheme: &'s Digest, reading: &ParsedMessage<'_>) -> Result<Vec<Candidate<'s>>, Fault> {
    let mut found = Vec::new();
    let mut present = None;
    for source in &scheme.signature {
        for value in source.values(reading) {
            present = Some(source);
            let items: Vec<&str> = if scheme.split.is_empty() {
                vec![value.as_str()]
            } else {
                value.split(|c| scheme.split.contains(c)).map(str::trim).filter(|item| !item.is_empty()).collect()
            };
            let pairs: Vec<(usize, String, String)> = items
                .iter()
                .enumerate()
                .filter(|(_, item)| scheme.prefix.is_empty() || !item.starts_with(&scheme.prefix))
                .map(|(at, item)| match item.split_once('=') {
                    Some((key, value)) => (at, key.trim().to_owned(), value.trim().to_owned()),
                    None => (at, at.to_string(), (*item).to_owned()),
                })
                .collect();
            for (at, item) in items.iter().enumerate() {
                let Some(text) = item.strip_prefix(&scheme.prefix) else { continue };
                // If a value contains several pairs of timestamp and signature (Persona), each signature uses the
                // timestamp before it.
                let (before, after): (Vec<_>, Vec<_>) = pairs.iter().partition(|(place, ..)| *place < at);
                let items = before.into_iter().rev().chain(after).map(|(_, k, v)| (k.clone(), v.clone())).collect();
                found.push(Candidate { source, text: text.to_owned(), items });
                if found.len() == CANDIDATES_MAX {
                    return Ok(found);
                }
            }
        }
    }
    match (found.is_empty(), present) {
        (false, _) => Ok(found),
        (true, Some(source)) => Err(Fault::NoItem { place: source.shown(), prefix: scheme.prefix.clone() }),
        (true, None) => {
            let places: Vec<_> = scheme.signature.iter().map(Source::shown).collect();
            Err(Fault::NoSignature { place: places.join(" or ") })
        }
    }
}

impl Candidate<'_> {
    pub(crate) fn filling<'a>(
        &'a self,
        reading: &'a ParsedMessage<'a>,
        secret: &'a [u8],
        param: &'a dyn Fn(&str) -> Option<String>,
    ) -> Filling<'a> {
        Filling { reading, items: &self.items, secret, param }
    }

    /// Returns the text of the timestamp that belongs to this signature.
    pub(crate) fn timestamp(&self, rule: &TimestampRule, reading: &ParsedMessage<'_>) -> Option<String> {
        match rule.from.place {
            Place::Signature => {
                self.items.iter().find(|(key, _)| *key == rule.from.name).map(|(_, value)| value.clone())
            }
            _ => rule.from.value(reading),
        }
    }
}

/// Verifies a message by a digest scheme.
pub(crate) fn verify(scheme: &Digest, reading: &ParsedMessage<'_>, keys: &Keys, now_ms: i64) -> Verification {
    let candidates = match candidates(scheme, reading) {
        Ok(candidates) => candidates,
        Err(fault) => return Verification::invalid(fault),
    };
    if keys.secrets.iter().all(String::is_empty) {
        return Verification::invalid(Fault::NoSecret);
    }
    if let Err(fault) = requirements(scheme, reading, keys) {
        return Verification::invalid(fault);
    }
    if let Some(rule) = &scheme.certificate
        && let Err(fault) = certificate::url_is_allowed(rule, reading)
    {
        return Verification::invalid(fault);
    }
    let mut worst: Option<(Fault, Option<i64>)> = None;
    for candidate in &candidates {
        match one(scheme, reading, keys, now_ms, candidate) {
            Ok(verification) => return verification,
            Err((fault, at)) => {
                if worst.as_ref().is_none_or(|(known, _)| fault.rank() > known.rank()) {
                    worst = Some((fault, at));
                }
            }
        }
    }
    let (fault, signed_at_ms) = worst.unwrap_or((Fault::Mismatch, None));
    Verification { signed_at_ms, ..Verification::invalid(fault) }
}

fn one(
    scheme: &Digest,
    reading: &ParsedMessage<'_>,
    keys: &Keys,
    now_ms: i64,
    candidate: &Candidate<'_>,
) -> Result<Verification, (Fault, Option<i64>)> {
    let none = |fault| (fault, None);
    let signature = match scheme.algorithm {
        Algorithm::Token => candidate.text.clone().into_bytes(),
        _ => scheme.encoding.read(&candidate.text).ok_or_else(|| {
            let encoding = format!("{:?}", scheme.encoding).to_lowercase();
            none(Fault::Encoding { place: candidate.source.shown(), encoding })
        })?,
    };
    let signed_at = match &scheme.timestamp {
        None => None,
        Some(rule) => {
            let text = candidate
                .timestamp(rule, reading)
                .ok_or_else(|| none(Fault::Missing { what: format!("The timestamp ({})", rule.from.shown()) }))?;
            match (rule.unit.read(&text), rule.unit) {
                (_, Unit::Raw) => None,
                (Some(at), _) => Some((at, rule)),
                (None, unit) => return Err(none(Fault::Timestamp { text, unit: unit_words(unit).into() })),
            }
        }
    };
    let at_ms = signed_at.map(|(at, _)| at);
    let param = keys.param();
    let mut fault = Fault::Mismatch;
    for (number, secret) in keys.secrets.iter().enumerate() {
        if secret.is_empty() || candidate.source.secret.is_some_and(|only| only != number) {
            continue;
        }
        let filling = candidate.filling(reading, secret.as_bytes(), &param);
        let held = scheme.key.verifying(scheme.algorithm, secret).and_then(|key| {
            scheme.algorithm.holds(&key, &signature, |sink: &mut dyn FnMut(&[u8])| scheme.content.feed(&filling, sink))
        });
        match held {
            Ok(true) => {
                if let Some(rule) = &scheme.certificate {
                    certificate::check(secret, &rule.names, now_ms).map_err(|fault| (fault, at_ms))?;
                }
                if let Some((at, rule)) = signed_at {
                    in_time(at, rule, now_ms).map_err(|fault| (fault, at_ms))?;
                }
                return Ok(Verification::valid(number, at_ms));
            }
            Ok(false) => fault = Fault::Mismatch,
            Err(other) => fault = other,
        }
    }
    Err((fault, at_ms))
}

/// Returns true if any signature of the message is valid with this secret. Timestamps are not checked.
pub(crate) fn holds(scheme: &Digest, reading: &ParsedMessage<'_>, secret: &str, keys: &Keys) -> bool {
    let Ok(candidates) = candidates(scheme, reading) else { return false };
    let Ok(key) = scheme.key.verifying(scheme.algorithm, secret) else { return false };
    let param = keys.param();
    candidates.iter().any(|candidate| {
        let signature = match scheme.algorithm {
            Algorithm::Token => Some(candidate.text.clone().into_bytes()),
            _ => scheme.encoding.read(&candidate.text),
        };
        let Some(signature) = signature else { return false };
        let filling = candidate.filling(reading, secret.as_bytes(), &param);
        let feed = |sink: &mut dyn FnMut(&[u8])| scheme.content.feed(&filling, sink);
        scheme.algorithm.holds(&key, &signature, feed).unwrap_or(false)
    })
}

pub(crate) fn unit_words(unit: Unit) -> &'static str {
    match unit {
        Unit::S => "a Unix time in whole seconds",
        Unit::Ms => "a Unix time in whole milliseconds",
        Unit::Iso => "an ISO 8601 date and time",
        Unit::Raw => "text",
    }
}

pub(crate) fn in_time(at_ms: i64, rule: &TimestampRule, now_ms: i64) -> Result<(), Fault> {
    let age = now_ms.saturating_sub(at_ms);
    let limit = |seconds: Option<u32>| seconds.map(|s| i64::from(s) * 1_000);
    // Vendors' libraries compare whole seconds, so a timestamp in seconds may be up to 999 ms older.
    let grain = if rule.unit == Unit::S { 999 } else { 0 };
    match (limit(rule.past_s), limit(rule.future_s)) {
        (Some(allowed_ms), _) if age > allowed_ms + grain => Err(Fault::Expired { by_ms: age, allowed_ms }),
        (_, Some(allowed_ms)) if age.saturating_neg() > allowed_ms => {
            Err(Fault::NotYetValid { by_ms: age.saturating_neg(), allowed_ms })
        }
        _ => Ok(()),
    }
}

fn requirements(scheme: &Digest, reading: &ParsedMessage<'_>, keys: &Keys) -> Result<(), Fault> {
    for rule in &scheme.requires {
        let (place, wanted) =
            rule.split_once('=').map_or((rule.as_str(), None), |(place, wanted)| (place, Some(wanted)));
        let Ok(source) = place.parse::<Source>() else { continue };
        let Some(found) = source.value(reading) else {
            return Err(Fault::Missing { what: source.shown() });
        };
        let wanted = match wanted.and_then(|w| w.strip_prefix("{param:")).and_then(|w| w.strip_suffix('}')) {
            // A setting without a value imposes no restriction.
            Some(name) => match keys.params.get(name) {
                Some(value) => Some(value.as_str()),
                None => continue,
            },
            None => wanted,
        };
        if let Some(wanted) = wanted
            && found != wanted
        {
            return Err(Fault::Requirement { what: source.shown(), wanted: wanted.to_owned() });
        }
    }
    Ok(())
}
