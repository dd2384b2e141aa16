//! Contentful (`@contentful/node-apps-toolkit`): method, path, the listed headers and the body,
//! each on a line.

use super::{Code, Parts, badly_written, not_signed};
use crate::{
    algorithm::Algorithm,
    fault::Fault,
    key::Keys,
    message::{Message, Reading},
    signed::Signed,
};
use percent_encoding::utf8_percent_encode;

/// How old a request may be, in ms: the toolkit's default.
const PAST_MS: i64 = 30_000;

const SIGNATURE: &str = "X-Contentful-Signature";
const LISTED: &str = "X-Contentful-Signed-Headers";
const TIME: &str = "X-Contentful-Timestamp";

fn header(reading: &Reading<'_>, name: &str) -> Result<String, Fault> {
    let value = reading.message.header(name).ok_or_else(|| Fault::Missing { what: format!("The header {name}") })?;
    Ok(String::from_utf8_lossy(value).trim().to_owned())
}

pub(super) fn parts(reading: &Reading<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let message = &reading.message;
    let found = message.header(SIGNATURE).ok_or_else(|| not_signed(Code::Contentful))?;
    let signature = hex::decode(found).map_err(|_| badly_written(Code::Contentful, "hexadecimal"))?;
    let listed = header(reading, LISTED)?;
    Ok(vec![Parts {
        contents: vec![content(reading, &listed)?],
        signatures: vec![signature],
        algorithm: Algorithm::HmacSha256,
    }])
}

/// Method, path, the headers of a list and the body.
fn content(reading: &Reading<'_>, listed: &str) -> Result<Vec<u8>, Fault> {
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

/// Signs with the toolkit's own list of headers: the list itself and the time.
pub(super) fn sign(reading: &Reading<'_>, keys: &Keys, _: &str, now_ms: i64) -> Result<Signed, Fault> {
    let listed = format!("{},{}", LISTED.to_ascii_lowercase(), TIME.to_ascii_lowercase());
    let now = now_ms.to_string();
    let own = [(LISTED, listed.as_bytes()), (TIME, now.as_bytes())];
    let kept =
        reading.message.headers.iter().filter(|(name, _)| !own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)));
    let headers: Vec<(&str, &[u8])> = kept.copied().chain(own).collect();
    let content = content(&Reading::new(&Message { headers: &headers, ..reading.message }), &listed)?;
    let digest = Code::Contentful.digest(Algorithm::HmacSha256, keys, &content)?;
    let headers = vec![(LISTED.into(), listed), (TIME.into(), now), (SIGNATURE.into(), hex::encode(digest))];
    Ok(Signed { headers, elsewhere: Vec::new() })
}

/// The toolkit escapes the query by `querystring.escape`, and then all of it by `encodeURI`, which
/// escapes the percent signs once more.
fn path(sent: &str) -> String {
    let whole = match sent.split_once('?') {
        None => sent.to_owned(),
        Some((path, "")) => path.to_owned(),
        Some((path, query)) => format!("{path}?{}", utf8_percent_encode(query, super::URI_COMPONENT)),
    };
    utf8_percent_encode(&whole, super::URI).to_string()
}

pub(super) fn in_time(reading: &Reading<'_>, now_ms: i64) -> Result<i64, Fault> {
    let text = header(reading, TIME)?;
    let at: i64 = text
        .parse()
        .map_err(|_| Fault::Timestamp { text, unit: "a whole number of milliseconds since 1970".into() })?;
    let by_ms = now_ms.saturating_sub(at);
    if by_ms > PAST_MS { Err(Fault::Stale { by_ms, allowed_ms: PAST_MS }) } else { Ok(at) }
}
