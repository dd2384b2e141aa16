//! Amazon SNS (developer guide, "Verifying the signatures of Amazon SNS messages"): names and values of fixed fields,
//! each on its own line, signed with the key of a certificate. The user enters the certificate. The certificate URL in
//! the message is not fetched, because an attacker can set it.

use base64::Engine as _;
use serde_json::Value;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, encoding::BASE64, fault::Fault, key::Keys, message::ParsedMessage};

const NOTIFICATION: &[&str] = &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION: &[&str] = &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

/// Returns true if the URL can be that of an SNS certificate (aws-js-sns-message-validator, `defaultHostPattern`).
fn is_of_sns(url: &str) -> bool {
    let Some((host, path)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else { return false };
    let bare = host.strip_suffix(".cn").unwrap_or(host);
    let region = bare.strip_prefix("sns.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let letters = |region: &str| region.len() >= 3 && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    region.is_some_and(letters) && path.ends_with(".pem")
}

pub(super) fn parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let text = |name: &str| reading.body_json().and_then(|body| body.get(name)).and_then(Value::as_str);
    let found = text("Signature").ok_or_else(|| not_signed(Code::AwsSns))?;
    let signature = BASE64.decode(found).map_err(|_| badly_written(Code::AwsSns, "base64"))?;
    // The vendor's validators apply the same check before they fetch the certificate.
    let url = text("SigningCertURL").or_else(|| text("SigningCertUrl"));
    let url = url.ok_or_else(|| Fault::Missing { what: "The body field SigningCertURL".into() })?;
    if !is_of_sns(url) {
        return Err(Fault::Requirement {
            what: "The body field SigningCertURL".into(),
            wanted: "https://sns.REGION.amazonaws.com/….pem".into(),
        });
    }
    let fields = if text("Type") == Some("Notification") { NOTIFICATION } else { CONFIRMATION };
    let mut content = String::new();
    for field in fields {
        match text(field) {
            Some(value) => content.push_str(&format!("{field}\n{value}\n")),
            None if *field == "Subject" => {}
            None => return Err(Fault::Missing { what: format!("The body field {field}") }),
        }
    }
    let algorithm = match text("SignatureVersion") {
        Some("1") => Algorithm::RsaSha1,
        Some("2") => Algorithm::RsaSha256,
        Some(_) => {
            return Err(Fault::Requirement { what: "The body field SignatureVersion".into(), wanted: "1 or 2".into() });
        }
        None => return Err(Fault::Missing { what: "The body field SignatureVersion".into() }),
    };
    Ok(vec![Parts { contents: vec![content.into_bytes()], signatures: vec![signature], algorithm }])
}
