//! Adyen's payments (adyen-node-api-library `hmacValidator`): each item carries its own signature
//! over eight of its fields.

use base64::Engine as _;
use serde_json::Value;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, encoding::BASE64, fault::Fault, key::Keys, message::Reading};

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

pub(super) fn parts(reading: &Reading<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let items = reading.body_json().and_then(|body| body.get("notificationItems")).and_then(Value::as_array);
    let items = items.filter(|items| !items.is_empty()).ok_or_else(|| not_signed(Code::AdyenPayments))?;
    items
        .iter()
        .map(|item| {
            let item = item.get("NotificationRequestItem").unwrap_or(item);
            let text = |pointer: &str| match item.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            };
            let found = item.pointer("/additionalData/hmacSignature").and_then(Value::as_str);
            let found = found.ok_or_else(|| not_signed(Code::AdyenPayments))?;
            let signature = BASE64.decode(found).map_err(|_| badly_written(Code::AdyenPayments, "base64"))?;
            let content = FIELDS.iter().map(|field| text(field)).collect::<Vec<_>>().join(":").into_bytes();
            Ok(Parts { contents: vec![content], signatures: vec![signature], algorithm: Algorithm::HmacSha256 })
        })
        .collect()
}
