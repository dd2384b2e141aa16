//! Braintree (braintree_node `WebhookNotificationGateway`): `bt_signature` holds pairs of a public
//! key and a digest of `bt_payload`, whose final newline a form parser may have taken.

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, fault::Fault, key::Keys, message::Reading};

pub(super) fn parts(reading: &Reading<'_>, keys: &Keys) -> Result<Vec<Parts>, Fault> {
    let field = |name: &str| reading.form().iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let pairs = field("bt_signature").ok_or_else(|| not_signed(Code::Braintree))?;
    let payload = field("bt_payload").ok_or_else(|| Fault::Missing { what: "The form field bt_payload".into() })?;
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
