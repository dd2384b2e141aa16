//! Braintree (braintree_node `WebhookNotificationGateway`): `bt_signature` contains pairs of a public key and a digest
//! of `bt_payload`. A form parser may have removed the final newline of `bt_payload`.

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, fault::Fault, key::Keys, message::ParsedMessage, signed::Signed};

fn payload(reading: &ParsedMessage<'_>) -> Result<String, Fault> {
    reading.field("bt_payload").ok_or_else(|| Fault::Missing { what: "The form field bt_payload".into() })
}

/// Signs the payload. The signature is the form field `bt_signature`.
pub(super) fn sign(reading: &ParsedMessage<'_>, keys: &Keys, _: &str, _: i64) -> Result<Signed, Fault> {
    let public = keys.params.get("public_key").filter(|key| !key.is_empty());
    let public = public.ok_or_else(|| Fault::Missing { what: "The setting public_key".into() })?;
    let digest = Code::Braintree.digest(Algorithm::HmacSha1, keys, payload(reading)?.as_bytes())?;
    let value = format!("{public}|{}", hex::encode(digest));
    Ok(Signed { headers: Vec::new(), outside_headers: vec![("form:bt_signature".into(), value)] })
}

pub(super) fn parts(reading: &ParsedMessage<'_>, keys: &Keys) -> Result<Vec<Parts>, Fault> {
    let pairs = reading.field("bt_signature").ok_or_else(|| not_signed(Code::Braintree))?;
    let payload = payload(reading)?;
    let wanted = keys.params.get("public_key");
    let signatures: Vec<Vec<u8>> = pairs
        .split('&')
        .filter_map(|pair| pair.split_once('|'))
        .filter(|(public, _)| wanted.is_none_or(|wanted| wanted == public))
        .map(|(_, digest)| hex::decode(digest).map_err(|_| badly_written(Code::Braintree, "hexadecimal")))
        .collect::<Result<_, _>>()?;
    if signatures.is_empty() {
        let wanted = wanted.cloned().unwrap_or_default();
        return Err(Fault::Requirement { what: "The public key in bt_signature".into(), wanted });
    }
    let contents = vec![payload.clone().into_bytes(), format!("{payload}\n").into_bytes()];
    Ok(vec![Parts { contents, signatures, algorithm: Algorithm::HmacSha1 }])
}
