//! Amazon SNS (developer guide, "Verifying the signatures of Amazon SNS messages"): name and value
//! of fixed fields, each on a line, signed with the key of a certificate. It is pasted: the URL in
//! the message is the sender's word, and is not followed.

use base64::Engine as _;
use serde_json::Value;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, encoding::BASE64, fault::Fault, key::Keys, message::Reading};

const NOTIFICATION: &[&str] = &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION: &[&str] = &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

pub(super) fn parts(reading: &Reading<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let text = |name: &str| reading.body_json().and_then(|body| body.get(name)).and_then(Value::as_str);
    let found = text("Signature").ok_or_else(|| not_signed(Code::AwsSns))?;
    let signature = BASE64.decode(found).map_err(|_| badly_written(Code::AwsSns, "base64"))?;
    let fields = if text("Type") == Some("Notification") { NOTIFICATION } else { CONFIRMATION };
    let mut content = String::new();
    for field in fields {
        match text(field) {
            Some(value) => content.push_str(&format!("{field}\n{value}\n")),
            None if *field == "Subject" => {}
            None => return Err(Fault::Missing { what: format!("The body's {field}") }),
        }
    }
    let algorithm = match text("SignatureVersion") {
        Some("2") => Algorithm::RsaSha256,
        _ => Algorithm::RsaSha1,
    };
    Ok(vec![Parts { contents: vec![content.into_bytes()], signatures: vec![signature], algorithm }])
}
