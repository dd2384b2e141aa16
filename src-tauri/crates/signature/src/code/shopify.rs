//! Shopify app proxy (shopify.dev, "Authenticate app proxies"): all query parameters except the signature as
//! `name=value`, sorted and concatenated without a separator. Values of the same name are joined by commas.

use std::collections::BTreeMap;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, fault::Fault, key::Keys, message::ParsedMessage, signed::Signed};

const SIGNATURE: &str = "signature";

fn content(reading: &ParsedMessage<'_>) -> Vec<u8> {
    let query = reading.message.target.split_once('?').map_or("", |(_, query)| query);
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != SIGNATURE) {
        values.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let mut pairs: Vec<String> =
        values.into_iter().map(|(name, values)| format!("{name}={}", values.join(","))).collect();
    pairs.sort();
    pairs.concat().into_bytes()
}

pub(super) fn parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let found = reading.message.query(SIGNATURE).ok_or_else(|| not_signed(Code::ShopifyAppProxy))?;
    let signature = hex::decode(found).map_err(|_| badly_written(Code::ShopifyAppProxy, "hexadecimal"))?;
    Ok(vec![Parts { contents: vec![content(reading)], signatures: vec![signature], algorithm: Algorithm::HmacSha256 }])
}

/// Signs the query. The signature is added as a query parameter.
pub(super) fn sign(reading: &ParsedMessage<'_>, keys: &Keys, _: &str, _: i64) -> Result<Signed, Fault> {
    let digest = Code::ShopifyAppProxy.digest(Algorithm::HmacSha256, keys, &content(reading))?;
    Ok(Signed { headers: Vec::new(), outside_headers: vec![("query:signature".into(), hex::encode(digest))] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Scheme, State, verify};

    /// Example from "Authenticate app proxies" on shopify.dev.
    #[test]
    fn verifies_the_vendors_example() {
        let query = "extra=1&extra=2&shop=shop-name.myshopify.com&logged_in_customer_id=1&path_prefix=%2Fapps%2Fawesome_reviews&timestamp=1317327555";
        let target = format!("/p?{query}&signature=4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb");
        let message = Message { method: "GET", target: &target, url: None, headers: &[], body: b"" };
        let keys = Keys::of("hush");
        assert_eq!(verify(&Scheme::Code(Code::ShopifyAppProxy), &message, &keys, 0).state, State::Valid);
        let other = Message { target: &target.replace("extra=2", "extra=3"), ..message };
        assert_eq!(verify(&Scheme::Code(Code::ShopifyAppProxy), &other, &keys, 0).state, State::Invalid);
    }
}
