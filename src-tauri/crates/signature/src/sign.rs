//! Signing as a vendor does.

use serde::Serialize;

use crate::{
    algorithm::Algorithm,
    fault::Fault,
    jws, jwt,
    key::Keys,
    message::{Message, Reading},
    scheme::{Digest, Jws, Scheme},
    signed::Signed,
    source::{Place, Source},
    template::Filling,
    timestamp::TimestampRule,
};

/// Why a message cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
pub enum SignError {
    /// Secret or message are not what the scheme needs.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Signs a message as its sender would at `now_ms`. `id` is the message's own, where the scheme
/// signs one. Every secret makes a signature where the scheme takes several.
pub fn sign(scheme: &Scheme, message: &Message<'_>, keys: &Keys, id: &str, now_ms: i64) -> Result<Signed, SignError> {
    let signed = match scheme {
        Scheme::Digest(digest) => by_digest(digest, message, keys, id, now_ms)?,
        Scheme::Code(code) => code.sign(&Reading::new(message), keys, id, now_ms)?,
        Scheme::Jws(scheme) => by_jws(scheme, message, keys, now_ms)?,
        Scheme::Jwt(scheme) => {
            let token = jwt::sign(scheme, &Reading::new(message), keys, id, now_ms)?;
            let mut signed = Signed::default();
            signed.put(&scheme.token, format!("{}{token}", scheme.prefix));
            signed
        }
    };
    match signed.headers.iter().find(|(_, value)| value.chars().any(char::is_control)) {
        Some((name, _)) => {
            Err(Fault::Secret { why: format!("{name} would hold a character no header may have") }.into())
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
    let token = jws::sign(scheme, &Reading::new(&Message { headers: &headers, ..*message }), keys)?;
    signed.put(&scheme.token, token);
    Ok(signed)
}

/// When a message is signed: the rule of the timestamp, and the time as the rule writes it.
type Now<'s> = (&'s TimestampRule, String);

/// Puts the other headers and values that the scheme signs or requires: what the message has stays.
fn put_required(
    signed: &mut Signed,
    scheme: &Digest,
    message: &Message<'_>,
    keys: &Keys,
    id: &str,
    now_ms: i64,
    now: Option<&Now<'_>>,
) {
    // Other headers that are signed: what the message has stays, an id it lacks is given.
    for source in scheme.content.sources().into_iter().filter(|source| source.place == Place::Header) {
        let known = now.is_some_and(|(rule, _)| rule.from == *source);
        if !known && source.value(&Reading::new(message)).is_none() {
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
            && source.value(&Reading::new(message)).is_none()
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

/// The items of the signed content, by name.
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
        return Err(Fault::Timestamp { text: now_ms.to_string(), unit: "an instant a date can name".into() });
    }
    if let Some((rule, now)) = &now
        && rule.from.place != Place::Signature
        && rule.from.place != Place::Json
    {
        signed.put(&rule.from, now.clone());
    }
    put_required(&mut signed, scheme, message, keys, id, now_ms, now.as_ref());
    let headers = signed.headers_over(message);
    let reading = Reading::new(&Message { headers: &headers, ..*message });

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
        // Items known by their place have no name of their own.
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
