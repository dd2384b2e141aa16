//! Contentful (`@contentful/node-apps-toolkit`): method, path, the listed headers and the body,
//! each on a line.

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, fault::Fault, key::Keys, message::Reading};

/// How old a request may be, in ms: the toolkit's default.
const PAST_MS: i64 = 30_000;

fn header(reading: &Reading<'_>, name: &str) -> Result<String, Fault> {
    let value = reading.message.header(name).ok_or_else(|| Fault::Missing { what: format!("The header {name}") })?;
    Ok(String::from_utf8_lossy(value).trim().to_owned())
}

pub(super) fn parts(reading: &Reading<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let message = &reading.message;
    let found = message.header("X-Contentful-Signature").ok_or_else(|| not_signed(Code::Contentful))?;
    let signature = hex::decode(found).map_err(|_| badly_written(Code::Contentful, "hexadecimal"))?;
    let listed = header(reading, "X-Contentful-Signed-Headers")?;
    let mut headers = Vec::new();
    for name in listed.split(',').map(|name| name.trim().to_ascii_lowercase()) {
        headers.push(format!("{name}:{}", header(reading, &name)?));
    }
    let head = format!("{}\n{}\n{}\n", message.method, message.signed_path(), headers.join(";"));
    Ok(vec![Parts {
        contents: vec![[head.as_bytes(), message.body].concat()],
        signature,
        algorithm: Algorithm::HmacSha256,
    }])
}

pub(super) fn in_time(reading: &Reading<'_>, now_ms: i64) -> Result<i64, Fault> {
    let text = header(reading, "X-Contentful-Timestamp")?;
    let at: i64 = text
        .parse()
        .map_err(|_| Fault::Timestamp { text, unit: "a whole number of milliseconds since 1970".into() })?;
    let by_ms = now_ms.saturating_sub(at);
    if by_ms > PAST_MS { Err(Fault::Stale { by_ms, allowed_ms: PAST_MS }) } else { Ok(at) }
}
