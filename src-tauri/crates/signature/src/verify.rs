//! Verification of a message by a scheme.

use crate::{
    digest,
    fault::{Fault, MASKED, Verification},
    jws, jwt,
    key::Keys,
    message::{Message, ParsedMessage},
    scheme::Scheme,
    source::{Place, Source},
    template::capital,
};

/// Verifies a message by a scheme at `now_ms`, in milliseconds since the Unix epoch. Digests are compared in constant
/// time.
///
/// A secret can be a JWK Set instead of a public key: each key of the set is tried.
pub fn verify(scheme: &Scheme, message: &Message<'_>, keys: &Keys, now_ms: i64) -> Verification {
    let reading = ParsedMessage::new(message);
    if let Some(place) = masked(scheme, &reading) {
        return Verification::invalid(Fault::Masked { place });
    }
    match keys.expanded() {
        None => by(scheme, &reading, keys, now_ms),
        Some((keys, origins)) => {
            let verification = by(scheme, &reading, &keys, now_ms);
            Verification { secret: verification.secret.and_then(|number| origins.get(number).copied()), ..verification }
        }
    }
}

/// Returns the location of a masked signature, if a copy of a message has one.
fn masked(scheme: &Scheme, reading: &ParsedMessage<'_>) -> Option<String> {
    // A mask is not ASCII, so messages with ASCII headers only need no further check.
    let plain = reading.message.headers.iter().all(|(_, value)| value.is_ascii());
    if plain && !scheme.places().iter().any(|place| place.place != Place::Header) {
        return None;
    }
    let is_masked = |place: &Source| place.values(reading).iter().any(|value| value.contains(MASKED));
    scheme.places().iter().find(|place| is_masked(place)).map(|place| capital(&place.shown()))
}

fn by(scheme: &Scheme, reading: &ParsedMessage<'_>, keys: &Keys, now_ms: i64) -> Verification {
    match scheme {
        Scheme::Digest(digest) => digest::verify(digest, reading, keys, now_ms),
        Scheme::Jwt(jwt) => jwt::verify(jwt, reading, keys, now_ms),
        Scheme::Jws(jws) => jws::verify(jws, reading, keys, now_ms),
        Scheme::Code(code) => code.verify(reading, keys, now_ms),
    }
}

/// Returns true if a message meets a condition: `header:Name` (present) or `header:Name=value` (equal).
///
/// # Errors
///
/// Returns an error if the condition has no valid location.
pub fn meets(condition: &str, message: &Message<'_>) -> Result<bool, String> {
    let (place, wanted) = match condition.split_once('=') {
        Some((place, wanted)) => (place, Some(wanted)),
        None => (condition, None),
    };
    let values = place.parse::<Source>()?.values(&ParsedMessage::new(message));
    Ok(values.iter().any(|value| wanted.is_none_or(|wanted| wanted == value)))
}

/// Returns the signed bytes as derived from the message. Uses the first secret if the signed content includes the
/// secret.
///
/// # Errors
///
/// Returns a fault if the message lacks a signature or a part of the signed content.
pub fn signed_content(scheme: &Scheme, message: &Message<'_>, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let reading = ParsedMessage::new(message);
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
