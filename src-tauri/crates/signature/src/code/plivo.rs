//! Plivo (plivo-node `validateV3Signature` and `validateSignature`): the URL, the sorted query and form fields, and a
//! nonce.

use base64::Engine as _;

use super::{Code, Parts, badly_written, not_signed};
use crate::{
    algorithm::Algorithm,
    encoding::BASE64,
    fault::Fault,
    key::Keys,
    message::{Message, ParsedMessage},
    signed::Signed,
};

fn nonce(message: &Message<'_>, name: &str) -> Result<String, Fault> {
    let value = message.header(name).ok_or_else(|| Fault::Missing { what: format!("The header {name}") })?;
    Ok(String::from_utf8_lossy(value).into_owned())
}

/// Header with the signature by the token of the main account. Requests of a subaccount have both headers.
const MAIN_ACCOUNT: &str = "X-Plivo-Signature-MA-V3";

/// Returns the content with all signatures in the named headers. There are several while a token is rotated.
fn listed(code: Code, message: &Message<'_>, names: &[&str], content: &str) -> Result<Vec<Parts>, Fault> {
    let signatures: Vec<Vec<u8>> = names
        .iter()
        .filter_map(|name| message.header(name))
        .flat_map(|found| {
            String::from_utf8_lossy(found).split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>()
        })
        .map(|one| BASE64.decode(one).map_err(|_| badly_written(code, "base64")))
        .collect::<Result<_, _>>()?;
    if signatures.is_empty() {
        return Err(not_signed(code));
    }
    Ok(vec![Parts { contents: vec![content.as_bytes().to_vec()], signatures, algorithm: Algorithm::HmacSha256 }])
}

fn sorted(query: &str, between: &str, pairs: &str) -> String {
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    fields.sort();
    fields.iter().map(|(name, value)| format!("{name}{between}{value}")).collect::<Vec<_>>().join(pairs)
}

fn content_v3(message: &Message<'_>, nonce: &str) -> String {
    let url = message.signed_url();
    let (bare, query) = url.split_once('?').unwrap_or((&url, ""));
    let query = sorted(query, "=", "&");
    let form = match message.method {
        "GET" => String::new(),
        _ => sorted(&String::from_utf8_lossy(message.body), "", ""),
    };
    let mut content = bare.to_owned();
    if !query.is_empty() || !form.is_empty() {
        content.push('?');
        content.push_str(&query);
    }
    if !query.is_empty() && !form.is_empty() {
        content.push('.');
    }
    format!("{content}{form}.{nonce}")
}

fn content_v2(message: &Message<'_>, nonce: &str) -> String {
    let url = message.signed_url();
    format!("{}{nonce}", url.split('?').next().unwrap_or(&url))
}

pub(super) fn parts_v3(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let message = &reading.message;
    let own = Code::PlivoV3.place().name;
    message.header(&own).or_else(|| message.header(MAIN_ACCOUNT)).ok_or_else(|| not_signed(Code::PlivoV3))?;
    let nonce = nonce(message, "X-Plivo-Signature-V3-Nonce")?;
    listed(Code::PlivoV3, message, &[&own, MAIN_ACCOUNT], &content_v3(message, &nonce))
}

pub(super) fn parts_v2(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let message = &reading.message;
    let own = Code::PlivoV2.place().name;
    message.header(&own).ok_or_else(|| not_signed(Code::PlivoV2))?;
    let nonce = nonce(message, "X-Plivo-Signature-V2-Nonce")?;
    listed(Code::PlivoV2, message, &[&own], &content_v2(message, &nonce))
}

fn signed(name: &str, content: &str, keys: &Keys, nonce: &str) -> Result<Signed, Fault> {
    let mut digests = Vec::new();
    for secret in keys.secrets.iter().filter(|secret| !secret.is_empty()) {
        let digest = Algorithm::HmacSha256.digest(secret.as_bytes(), |sink: &mut dyn FnMut(&[u8])| {
            sink(content.as_bytes());
            Ok(())
        })?;
        digests.push(BASE64.encode(digest));
    }
    if digests.is_empty() {
        return Err(Fault::NoSecret);
    }
    let headers = vec![(format!("{name}-Nonce"), nonce.to_owned()), (name.to_owned(), digests.join(","))];
    Ok(Signed { headers, outside_headers: Vec::new() })
}

pub(super) fn sign_v3(reading: &ParsedMessage<'_>, keys: &Keys, id: &str, _: i64) -> Result<Signed, Fault> {
    signed("X-Plivo-Signature-V3", &content_v3(&reading.message, id), keys, id)
}

pub(super) fn sign_v2(reading: &ParsedMessage<'_>, keys: &Keys, id: &str, _: i64) -> Result<Signed, Fault> {
    signed("X-Plivo-Signature-V2", &content_v2(&reading.message, id), keys, id)
}
