//! The verdict on a message.

use crate::{
    digest,
    fault::{Fault, Verdict},
    jws, jwt,
    key::Keys,
    message::{Message, Reading},
    scheme::Scheme,
};

/// Judges a message by a scheme, at `now_ms` since the Unix epoch. Digests are compared in
/// constant time.
pub fn verify(scheme: &Scheme, message: &Message<'_>, keys: &Keys, now_ms: i64) -> Verdict {
    let reading = Reading::new(message);
    match scheme {
        Scheme::Digest(digest) => digest::verify(digest, &reading, keys, now_ms),
        Scheme::Jwt(jwt) => jwt::verify(jwt, &reading, keys, now_ms),
        Scheme::Jws(jws) => jws::verify(jws, &reading, keys, now_ms),
        Scheme::Code(code) => code.verify(&reading, keys, now_ms),
    }
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
