//! Signing of a message by a scheme.

use serde::Serialize;

use crate::{
    algorithm::Algorithm,
    fault::Fault,
    jws, jwt,
    key::Keys,
    message::{Message, ParsedMessage},
    scheme::{Digest, Jws, Scheme},
    signed::Signed,
    source::{Place, Source},
    template::Filling,
    timestamp::TimestampRule,
};

/// Reason why a message cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
pub enum SignError {
    /// The secret or the message does not meet the requirements of the scheme.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Signs a message as its sender does at `now_ms`, in milliseconds since the Unix epoch.
///
/// `id` is the message id, used if the scheme signs one and the message has none. If the scheme allows several
/// signatures, each secret creates one.
///
/// # Errors
///
/// Returns a fault if no secret is set, if a secret or private key is unusable, if a part of the signed content is
/// missing, or if a header value would contain a control character.
pub fn sign(scheme: &Scheme, message: &Message<'_>, keys: &Keys, id: &str, now_ms: i64) -> Result<Signed, SignError> {
    let signed = match scheme {
        Scheme::Digest(digest) => by_digest(digest, message, keys, id, now_ms)?,
        Scheme::Code(code) => code.sign(&ParsedMessage::new(message), keys, id, now_ms)?,
        Scheme::Jws(scheme) => by_jws(scheme, message, keys, now_ms)?,
        Scheme::Jwt(scheme) => {
            let token = jwt::sign(scheme, &ParsedMessage::new(message), keys, id, now_ms)?;
            let mut signed = Signed::default();
            signed.put(&scheme.token, format!("{}{token}", scheme.prefix));
            signed
        }
    };
    match signed.headers.iter().find(|(_, value)| value.chars().any(char::is_control)) {
        Some((name, _)) => {
            Err(Fault::Secret { why: format!("the value of {name} would contain a control character") }.into())
        }
        None => Ok(signed),
    }
}

fn by_jws(scheme: &Jws, message: &Message<'_>, keys: &Keys, now_ms: i64) -> Result<Signed, SignError> {
    let mut signed = Signed::default();
    if let Some(rule) = &scheme.timestamp {
        signed.put(&rule.from, rule.unit.write(now_ms));
    }
    let headers = signed.headers_over(message);
    let token = jws::sign(scheme, &ParsedMessage::new(&Message { headers: &headers, ..*message }), keys)?;
    signed.put(&scheme.token, token);
    Ok(signed)
}

/// Timestamp rule and the current time, formatted by the rule.
type Now<'s> = (&'s TimestampRule, String);

/// Adds the other headers and values that the scheme signs or requires. Values that the message has are kept.
fn put_required(
    signed: &mut Signed,
    scheme: &Digest,
    message: &Message<'_>,
    keys: &Keys,
    id: &str,
    now_ms: i64,
    now: Option<&Now<'_>>,
) {
    // A signed header that is missing gets the current time if its name contains "timestamp", else the message id.
    for source in scheme.content.sources().into_iter().filter(|source| source.place == Place::Header) {
        let known = now.is_some_and(|(rule, _)| rule.from == *source);
        if !known && source.value(&ParsedMessage::new(message)).is_none() {
            let value = if source.name.to_ascii_lowercase().contains("timestamp") {
                now_ms.div_euclid(1_000).to_string()
            } else {
                id.to_owned()
            };
            signed.put(source, value);
        }
    }
    for rule in &scheme.requires {
        if let Some((place, value)) = rule.split_once('=')
            && let Ok(source) = place.parse::<Source>()
            && source.value(&ParsedMessage::new(message)).is_none()
        {
            let value = match value.strip_prefix("{param:").and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => match keys.params.get(name) {
                    Some(value) => value.clone(),
                    None => continue,
                },
                None => value.to_owned(),
            };
            signed.put(&source, value);
        }
    }
}

/// Returns the items of the signed content by name.
fn items_of(scheme: &Digest, keys: &Keys, now_ms: i64, now: Option<&Now<'_>>) -> Vec<(String, String)> {
    let mut items: Vec<(String, String)> = Vec::new();
    for item in scheme.content.items() {
        let value = match now {
            Some((rule, now)) if rule.from.name == item => now.clone(),
            _ => keys.params.get(item).cloned().unwrap_or_else(|| now_ms.to_string()),
        };
        items.push((item.to_owned(), value));
    }
    if let Some((rule, now)) = now
        && rule.from.place == Place::Signature
        && !items.iter().any(|(key, _)| *key == rule.from.name)
    {
        items.push((rule.from.name.clone(), now.clone()));
    }
    items
}

fn by_digest(scheme: &Digest, message: &Message<'_>, keys: &Keys, id: &str, now_ms: i64) -> Result<Signed, Fault> {
    let mut signed = Signed::default();
    let now = scheme.timestamp.as_ref().map(|rule| (rule, rule.unit.write(now_ms)));
    if let Some((_, text)) = &now
        && text.is_empty()
    {
        return Err(Fault::Timestamp { text: now_ms.to_string(), unit: "a time in the supported date range".into() });
    }
    if let Some((rule, now)) = &now
        && rule.from.place != Place::Signature
        && rule.from.place != Place::Json
    {
        signed.put(&rule.from, now.clone());
    }
    put_required(&mut signed, scheme, message, keys, id, now_ms, now.as_ref());
    let headers = signed.headers_over(message);
    let reading = ParsedMessage::new(&Message { headers: &headers, ..*message });

    let items = items_of(scheme, keys, now_ms, now.as_ref());
    let param = keys.param();
    let mut digests = Vec::new();
    for secret in keys.secrets.iter().filter(|secret| !secret.is_empty()) {
        let filling = Filling { reading: &reading, items: &items, secret: secret.as_bytes(), param: &param };
        let key = scheme.key.signing(scheme.algorithm, secret)?;
        let digest = scheme.algorithm.sign(&key, |sink: &mut dyn FnMut(&[u8])| scheme.content.feed(&filling, sink))?;
        digests.push(match scheme.algorithm {
            Algorithm::Token => String::from_utf8_lossy(&digest).into_owned(),
            _ => scheme.encoding.write(&digest),
        });
    }
    let first = digests.first().cloned().ok_or(Fault::NoSecret)?;
    let numbered = scheme.signature.iter().any(|source| source.secret.is_some());
    if numbered {
        for source in &scheme.signature {
            if let Some(digest) = digests.get(source.secret.unwrap_or(0)) {
                signed.put(source, format!("{}{digest}", scheme.prefix));
            }
        }
        return Ok(signed);
    }
    let Some(place) = scheme.signature.first() else { return Ok(signed) };
    let value = if scheme.split.is_empty() {
        format!("{}{first}", scheme.prefix)
    } else {
        let separator = scheme.split.chars().next().map(String::from).unwrap_or_default();
        // Items with a numeric name are identified by position, so only their value is written.
        let items = items.iter().map(|(key, value)| match key.parse::<usize>() {
            Ok(_) => value.clone(),
            Err(_) => format!("{key}={value}"),
        });
        items
            .chain(digests.iter().map(|digest| format!("{}{digest}", scheme.prefix)))
            .collect::<Vec<_>>()
            .join(&separator)
    };
    signed.put(place, value);
    Ok(signed)
}
