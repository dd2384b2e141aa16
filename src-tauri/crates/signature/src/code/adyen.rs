//! Adyen payments (adyen-node-api-library `hmacValidator`): each notification item contains a signature over eight of
//! its fields.

use base64::Engine as _;
use serde_json::Value;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, encoding::BASE64, fault::Fault, key::Keys, message::ParsedMessage, signed::Signed};

const FIELDS: &[&str] = &[
    "/pspReference",
    "/originalReference",
    "/merchantAccountCode",
    "/merchantReference",
    "/amount/value",
    "/amount/currency",
    "/eventCode",
    "/success",
];

/// Returns the items of a notification, each with the path step to its fields.
fn items<'r>(reading: &'r ParsedMessage<'_>) -> Result<Vec<(&'static str, &'r Value)>, Fault> {
    const INNER: &str = "NotificationRequestItem";
    let items = reading.body_json().and_then(|body| body.get("notificationItems")).and_then(Value::as_array);
    let items = items.filter(|items| !items.is_empty()).ok_or_else(|| not_signed(Code::AdyenPayments))?;
    Ok(items.iter().map(|item| item.get(INNER).map_or(("", item), |inner| (INNER, inner))).collect())
}

fn content(item: &Value) -> Vec<u8> {
    let text = |pointer: &str| match item.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    FIELDS.iter().map(|field| text(field)).collect::<Vec<_>>().join(":").into_bytes()
}

/// Signs each item. The signatures are part of the body.
pub(super) fn sign(reading: &ParsedMessage<'_>, keys: &Keys, _: &str, _: i64) -> Result<Signed, Fault> {
    let mut signed = Signed::default();
    for (number, (inner, item)) in items(reading)?.into_iter().enumerate() {
        let digest = Code::AdyenPayments.digest(Algorithm::HmacSha256, keys, &content(item))?;
        let step = if inner.is_empty() { String::new() } else { format!("{inner}.") };
        let place = format!("json:notificationItems.{number}.{step}additionalData.hmacSignature");
        signed.outside_headers.push((place, BASE64.encode(digest)));
    }
    Ok(signed)
}

pub(super) fn parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    items(reading)?
        .into_iter()
        .map(|(_, item)| {
            let found = item.pointer("/additionalData/hmacSignature").and_then(Value::as_str);
            let found = found.ok_or_else(|| not_signed(Code::AdyenPayments))?;
            let signature = BASE64.decode(found).map_err(|_| badly_written(Code::AdyenPayments, "base64"))?;
            Ok(Parts { contents: vec![content(item)], signatures: vec![signature], algorithm: Algorithm::HmacSha256 })
        })
        .collect()
}
