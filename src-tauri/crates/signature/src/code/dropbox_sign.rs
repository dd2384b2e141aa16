//! Dropbox Sign (`hellosign` SDKs, `EventCallbackHelper`): the form field `json` contains a digest of the time and type
//! of its event.

use serde_json::Value;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, fault::Fault, key::Keys, message::ParsedMessage, signed::Signed};

fn event(reading: &ParsedMessage<'_>) -> Result<Value, Fault> {
    let json = reading.field("json").ok_or_else(|| not_signed(Code::DropboxSign))?;
    serde_json::from_str(&json).map_err(|_| not_signed(Code::DropboxSign))
}

fn text(event: &Value, name: &str) -> Result<String, Fault> {
    match event.pointer(&format!("/event/{name}")) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(Fault::Missing { what: format!("The field {name} of the event") }),
    }
}

fn content(event: &Value) -> Result<Vec<u8>, Fault> {
    Ok((text(event, "event_time")? + &text(event, "event_type")?).into_bytes())
}

/// Signs the time and type of the event. The digest is part of the event.
pub(super) fn sign(reading: &ParsedMessage<'_>, keys: &Keys, _: &str, _: i64) -> Result<Signed, Fault> {
    let digest = Code::DropboxSign.digest(Algorithm::HmacSha256, keys, &content(&event(reading)?)?)?;
    Ok(Signed {
        headers: Vec::new(),
        outside_headers: vec![("form-json:json.event.event_hash".into(), hex::encode(digest))],
    })
}

pub(super) fn parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let event = event(reading)?;
    let found = text(&event, "event_hash").map_err(|_| not_signed(Code::DropboxSign))?;
    let signature = hex::decode(found).map_err(|_| badly_written(Code::DropboxSign, "hexadecimal"))?;
    let content = content(&event)?;
    Ok(vec![Parts { contents: vec![content], signatures: vec![signature], algorithm: Algorithm::HmacSha256 }])
}
