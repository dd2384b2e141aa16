//! The verdict on a message.

use crate::{
    digest,
    fault::{Fault, MASKED, Verdict},
    jws, jwt,
    key::Keys,
    message::{Message, Reading},
    scheme::Scheme,
    source::{Place, Source},
    template::capital,
};

/// Judges a message by a scheme, at `now_ms` since the Unix epoch. Digests are compared in
/// constant time.
///
/// A JWK Set may stand wherever a public key is expected: each of its keys is tried.
pub fn verify(scheme: &Scheme, message: &Message<'_>, keys: &Keys, now_ms: i64) -> Verdict {
    let reading = Reading::new(message);
    if let Some(place) = masked(scheme, &reading) {
        return Verdict::invalid(Fault::Masked { place });
    }
    match keys.expanded() {
        None => by(scheme, &reading, keys, now_ms),
        Some((keys, origins)) => {
            let verdict = by(scheme, &reading, &keys, now_ms);
            Verdict { secret: verdict.secret.and_then(|number| origins.get(number).copied()), ..verdict }
        }
    }
}

/// Where a copy of a message has a mask in the place of a signature, if it has.
fn masked(scheme: &Scheme, reading: &Reading<'_>) -> Option<String> {
    // A mask is not ASCII, and hardly any header or signature is anything else.
    let plain = reading.message.headers.iter().all(|(_, value)| value.is_ascii());
    if plain && !scheme.places().iter().any(|place| place.place != Place::Header) {
        return None;
    }
    let is_masked = |place: &Source| place.values(reading).iter().any(|value| value.contains(MASKED));
    scheme.places().iter().find(|place| is_masked(place)).map(|place| capital(&place.shown()))
}

fn by(scheme: &Scheme, reading: &Reading<'_>, keys: &Keys, now_ms: i64) -> Verdict {
    match scheme {
        Scheme::Digest(digest) => digest::verify(digest, reading, keys, now_ms),
        Scheme::Jwt(jwt) => jwt::verify(jwt, reading, keys, now_ms),
        Scheme::Jws(jws) => jws::verify(jws, reading, keys, now_ms),
        Scheme::Code(code) => code.verify(reading, keys, now_ms),
    }
}

/// Whether a message meets a condition: `header:Name` is there, or `header:Name=value` is that.
///
/// # Errors
/// Where the condition names no place of a message.
pub fn meets(condition: &str, message: &Message<'_>) -> Result<bool, String> {
    let (place, wanted) = match condition.split_once('=') {
        Some((place, wanted)) => (place, Some(wanted)),
        None => (condition, None),
    };
    let values = place.parse::<Source>()?.values(&Reading::new(message));
    Ok(values.iter().any(|value| wanted.is_none_or(|wanted| wanted == value)))
}

/// The bytes that were signed, as far as the message tells; with the first secret where the
/// secret itself is part of them.
pub fn signed_content(scheme: &Scheme, message: &Message<'_>, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let reading = Reading::new(message);
    match scheme {
        Scheme::Digest(scheme) => {
            let candidates = digest::candidates(scheme, &reading)?;
            let secret = keys.secrets.first().map(String::as_str).unwrap_or_default();
            let param = keys.param();
            scheme.content.whole(&candidates[0].filling(&reading, secret.as_bytes(), &param))
        }
        Scheme::Jwt(scheme) => jwt::signed_content(scheme, &reading),
        Scheme::Jws(scheme) => jws::signed_content(scheme, &reading, keys),
        Scheme::Code(code) => code.signed_content(&reading, keys),
    }
}
