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
    let mut names: Vec<String> = listed.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    names.sort();
    let mut headers = Vec::new();
    for name in names {
        headers.push(format!("{name}:{}", header(reading, &name)?));
    }
    let head = format!("{}\n{}\n{}\n", message.method, path(message.signed_path()), headers.join(";"));
    Ok(vec![Parts {
        contents: vec![[head.as_bytes(), message.body].concat()],
        signatures: vec![signature],
        algorithm: Algorithm::HmacSha256,
    }])
}

/// The toolkit escapes the query by `querystring.escape`, and then all of it by `encodeURI`, which
/// escapes the percent signs once more.
fn path(sent: &str) -> String {
    let (path, query) = sent.split_once('?').unwrap_or((sent, ""));
    let query = escape(query, "-_.!~*'()");
    let whole = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    escape(&whole, ";,/?:@&=+$-_.!~*'()#")
}

fn escape(text: &str, kept: &str) -> String {
    text.bytes().fold(String::new(), |escaped, byte| match byte {
        byte if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) => {
            escaped + char::from(byte).encode_utf8(&mut [0; 4])
        }
        byte => escaped + &format!("%{byte:02X}"),
    })
}

pub(super) fn in_time(reading: &Reading<'_>, now_ms: i64) -> Result<i64, Fault> {
    let text = header(reading, "X-Contentful-Timestamp")?;
    let at: i64 = text
        .parse()
        .map_err(|_| Fault::Timestamp { text, unit: "a whole number of milliseconds since 1970".into() })?;
    let by_ms = now_ms.saturating_sub(at);
    if by_ms > PAST_MS { Err(Fault::Stale { by_ms, allowed_ms: PAST_MS }) } else { Ok(at) }
}
