//! eBay (`event-notification-nodejs-sdk`): a header with base64-encoded JSON that contains the signature and names the
//! key.

use base64::Engine as _;
use serde_json::Value;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, encoding::BASE64, fault::Fault, key::Keys, message::ParsedMessage};

pub(super) fn parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let message = &reading.message;
    let found = message.header("x-ebay-signature").ok_or_else(|| not_signed(Code::Ebay))?;
    let bad = || badly_written(Code::Ebay, "JSON in base64");
    let head: Value = serde_json::from_slice(&BASE64.decode(found).map_err(|_| bad())?).map_err(|_| bad())?;
    let text = head.get("signature").and_then(Value::as_str).ok_or_else(bad)?;
    let signature = BASE64.decode(text).map_err(|_| bad())?;
    let contents = vec![message.body.to_vec()];
    Ok(vec![Parts { contents, signatures: vec![signature], algorithm: Algorithm::EcdsaSha1 }])
}
