//! Dropbox Sign (`hellosign` SDKs, `EventCallbackHelper`): the form's part `json` carries a digest
//! of its own time and type.

use serde_json::Value;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, fault::Fault, key::Keys, message::Reading};

pub(super) fn parts(reading: &Reading<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let json = part(reading.message.body)
        .or_else(|| reading.message.form().find(|(name, _)| name == "json").map(|(_, value)| value.into_bytes()))
        .ok_or_else(|| not_signed(Code::DropboxSign))?;
    let body: Value = serde_json::from_slice(&json).map_err(|_| not_signed(Code::DropboxSign))?;
    let text = |name: &str| match body.pointer(&format!("/event/{name}")) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(Fault::Missing { what: format!("The event's {name}") }),
    };
    let signature = hex::decode(text("event_hash")?).map_err(|_| badly_written(Code::DropboxSign, "hexadecimal"))?;
    let content = (text("event_time")? + &text("event_type")?).into_bytes();
    Ok(vec![Parts { contents: vec![content], signatures: vec![signature], algorithm: Algorithm::HmacSha256 }])
}

/// The multipart part called `json` (RFC 7578): what stands between its head and the next boundary.
fn part(body: &[u8]) -> Option<Vec<u8>> {
    let boundary = body.split(|b| *b == b'\r' || *b == b'\n').next().filter(|line| line.starts_with(b"--"))?;
    let named = memchr::memmem::find(body, b"name=\"json\"")?;
    let rest = &body[named..];
    let start = memchr::memmem::find(rest, b"\r\n\r\n")? + 4;
    let end = memchr::memmem::find(&rest[start..], boundary)? + start;
    Some(rest[start..end].trim_ascii_end().to_vec())
}
