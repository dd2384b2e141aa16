//! Dropbox Sign (`hellosign` SDKs, `EventCallbackHelper`): the form's part `json` carries a digest
//! of its own time and type.

use serde_json::Value;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, fault::Fault, key::Keys, message::Reading};

pub(super) fn parts(reading: &Reading<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let json = reading.field("json").ok_or_else(|| not_signed(Code::DropboxSign))?;
    let body: Value = serde_json::from_str(&json).map_err(|_| not_signed(Code::DropboxSign))?;
    let text = |name: &str| match body.pointer(&format!("/event/{name}")) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(Fault::Missing { what: format!("The event's {name}") }),
    };
    let signature = hex::decode(text("event_hash")?).map_err(|_| badly_written(Code::DropboxSign, "hexadecimal"))?;
    let content = (text("event_time")? + &text("event_type")?).into_bytes();
    Ok(vec![Parts { contents: vec![content], signatures: vec![signature], algorithm: Algorithm::HmacSha256 }])
}
