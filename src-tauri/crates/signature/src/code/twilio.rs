//! Twilio (twilio-node `validateRequest`): the URL, followed by the sorted names and values of the form.

use percent_encoding::utf8_percent_encode;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, encoding::BASE64, fault::Fault, key::Keys, message::ParsedMessage, signed::Signed};

pub(super) fn parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    signed_by(reading, Algorithm::HmacSha1)
}

/// Returns the signed parts for a shared key instead of the auth token. The digest is SHA-256 (twilio-python).
pub(super) fn shared_key_parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    signed_by(reading, Algorithm::HmacSha256)
}

fn signed_by(reading: &ParsedMessage<'_>, algorithm: Algorithm) -> Result<Vec<Parts>, Fault> {
    let message = &reading.message;
    let found = message.header("X-Twilio-Signature").ok_or_else(|| not_signed(Code::Twilio))?;
    let signature = BASE64.decode(found).map_err(|_| badly_written(Code::Twilio, "base64"))?;
    let url = message.signed_url();
    let is_form = is_form(reading);
    // The parameter is part of the registered URL or of the received target.
    let hash = query_of(&url, "bodySHA256").or_else(|| message.query("bodySHA256"));
    let rest = match hash {
        // A body that is not a form is covered by its digest in the query.
        Some(hash) if !hash.eq_ignore_ascii_case(&hex::encode(Sha256::digest(message.body))) => {
            return Err(Fault::Mismatch);
        }
        Some(_) => String::new(),
        None if is_form || message.body.is_empty() => fields(reading),
        None => return Err(Fault::Missing { what: "The query parameter bodySHA256".into() }),
    };
    let contents = spellings(&url).into_iter().map(|url| (url + &rest).into_bytes()).collect();
    Ok(vec![Parts { contents, signatures: vec![signature], algorithm }])
}

/// Returns the variants of the URL that Twilio's verifier accepts (twilio-node `validateRequest`): with and without the
/// port, with both spellings of a single quote, and with the query as Node's `querystring` writes it.
fn spellings(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    if let Some((bare, query)) = url.split_once('?') {
        for query in [query.replace('\'', "%27"), query.replace("%27", "'"), legacy(query)] {
            all.push(format!("{bare}?{query}"));
        }
    }
    let ports: Vec<String> = all.iter().filter_map(|url| other_port(url)).collect();
    all.extend(ports);
    all.dedup();
    all
}

/// Parses a query and serializes it as Node's `querystring` module does.
fn legacy(query: &str) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, super::URI_COMPONENT).to_string();
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs.map(|(name, value)| format!("{}={}", escaped(&name), escaped(&value))).collect::<Vec<_>>().join("&")
}

fn query_of(url: &str, wanted: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

fn is_form(reading: &ParsedMessage<'_>) -> bool {
    let kind = reading.message.header("content-type");
    kind.is_some_and(|value| value.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded"))
}

fn fields(reading: &ParsedMessage<'_>) -> String {
    if !is_form(reading) {
        return String::new();
    }
    let mut fields: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in reading.form() {
        fields.entry(name).or_default().insert(value);
    }
    fields.iter().flat_map(|(name, values)| values.iter().map(move |value| format!("{name}{value}"))).collect()
}

/// Returns the URL without its port, or with the standard port if it has none. Twilio's verifiers accept both.
fn other_port(url: &str) -> Option<String> {
    let (protocol, rest) = url.split_once("://")?;
    let (host, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let host = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|b| b.is_ascii_digit()) => bare.to_owned(),
        _ => format!("{host}:{}", if protocol == "https" { 443 } else { 80 }),
    };
    Some(format!("{protocol}://{host}{path}"))
}

fn signed(reading: &ParsedMessage<'_>, keys: &Keys, algorithm: Algorithm) -> Result<String, Fault> {
    let secret = keys.secrets.iter().find(|secret| !secret.is_empty()).ok_or(Fault::NoSecret)?;
    let content = reading.message.signed_url() + &fields(reading);
    let digest = algorithm.digest(secret.as_bytes(), |sink: &mut dyn FnMut(&[u8])| {
        sink(content.as_bytes());
        Ok(())
    })?;
    Ok(BASE64.encode(digest))
}

pub(super) fn sign(reading: &ParsedMessage<'_>, keys: &Keys, _: &str, _: i64) -> Result<Signed, Fault> {
    let headers = vec![("X-Twilio-Signature".into(), signed(reading, keys, Algorithm::HmacSha1)?)];
    Ok(Signed { headers, outside_headers: Vec::new() })
}

pub(super) fn sign_shared_key(reading: &ParsedMessage<'_>, keys: &Keys, _: &str, _: i64) -> Result<Signed, Fault> {
    let key = keys.params.get("key_id").map(String::as_str).unwrap_or_default();
    let headers = vec![
        ("X-Twilio-Webhooks-Signature-Settings".into(), format!("key={key},algorithm=HMAC_SHA256")),
        ("X-Twilio-Signature".into(), signed(reading, keys, Algorithm::HmacSha256)?),
    ];
    Ok(Signed { headers, outside_headers: Vec::new() })
}
