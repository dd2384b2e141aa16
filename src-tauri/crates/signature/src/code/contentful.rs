//! Contentful (`@contentful/node-apps-toolkit`): method, path, listed headers and body, each on its own line.

use super::{Code, Parts, badly_written, not_signed};
use crate::{
    algorithm::Algorithm,
    fault::Fault,
    key::Keys,
    message::{Message, ParsedMessage},
    signed::Signed,
};
use percent_encoding::utf8_percent_encode;

/// Maximum age of a request, in milliseconds: the default of the toolkit.
const PAST_MS: i64 = 30_000;

const SIGNATURE: &str = "X-Contentful-Signature";
const USER: &str = "X-Contentful-Signed-Headers";
const TIME: &str = "X-Contentful-Timestamp";

fn header(reading: &ParsedMessage<'_>, name: &str) -> Result<String, Fault> {
    let value = reading.message.header(name).ok_or_else(|| Fault::Missing { what: format!("The header {name}") })?;
    Ok(String::from_utf8_lossy(value).trim().to_owned())
}

pub(super) fn parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let message = &reading.message;
    let found = message.header(SIGNATURE).ok_or_else(|| not_signed(Code::Contentful))?;
    let signature = hex::decode(found).map_err(|_| badly_written(Code::Contentful, "hexadecimal"))?;
    let listed = header(reading, USER)?;
    Ok(vec![Parts {
        contents: vec![content(reading, &listed)?],
        signatures: vec![signature],
        algorithm: Algorithm::HmacSha256,
    }])
}

/// Returns the signed content: method, path, listed headers and body.
fn content(reading: &ParsedMessage<'_>, listed: &str) -> Result<Vec<u8>, Fault> {
    let message = &reading.message;
    let mut names: Vec<String> = listed.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    names.sort();
    let mut headers = Vec::new();
    for name in names {
        headers.push(format!("{name}:{}", header(reading, &name)?));
    }
    let head = format!("{}\n{}\n{}\n", message.method, path(message.signed_path()), headers.join(";"));
    Ok([head.as_bytes(), message.body].concat())
}

/// Signs with the default header list of the toolkit: the list itself and the timestamp.
pub(super) fn sign(reading: &ParsedMessage<'_>, keys: &Keys, _: &str, now_ms: i64) -> Result<Signed, Fault> {
    let listed = format!("{},{}", USER.to_ascii_lowercase(), TIME.to_ascii_lowercase());
    let now = now_ms.to_string();
    let own = [(USER, listed.as_bytes()), (TIME, now.as_bytes())];
    let kept =
        reading.message.headers.iter().filter(|(name, _)| !own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)));
    let headers: Vec<(&str, &[u8])> = kept.copied().chain(own).collect();
    let content = content(&ParsedMessage::new(&Message { headers: &headers, ..reading.message }), &listed)?;
    let digest = Code::Contentful.digest(Algorithm::HmacSha256, keys, &content)?;
    let headers = vec![(USER.into(), listed), (TIME.into(), now), (SIGNATURE.into(), hex::encode(digest))];
    Ok(Signed { headers, outside_headers: Vec::new() })
}

/// Escapes a path as the toolkit does: the query with `querystring.escape`, then path and query with `encodeURI`, which
/// escapes percent signs a second time.
fn path(sent: &str) -> String {
    let whole = match sent.split_once('?') {
        None => sent.to_owned(),
        Some((path, "")) => path.to_owned(),
        Some((path, query)) => format!("{path}?{}", utf8_percent_encode(query, super::URI_COMPONENT)),
    };
    utf8_percent_encode(&whole, super::URI).to_string()
}

pub(super) fn in_time(reading: &ParsedMessage<'_>, now_ms: i64) -> Result<i64, Fault> {
    let text = header(reading, TIME)?;
    let at: i64 =
        text.parse().map_err(|_| Fault::Timestamp { text, unit: "a Unix time in whole milliseconds".into() })?;
    let by_ms = now_ms.saturating_sub(at);
    if by_ms > PAST_MS { Err(Fault::Expired { by_ms, allowed_ms: PAST_MS }) } else { Ok(at) }
}
