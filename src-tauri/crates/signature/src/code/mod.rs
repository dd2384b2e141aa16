//! Schemes that cannot be expressed as data. Provider files refer to these schemes by name.

mod adyen;
mod braintree;
mod contentful;
mod dropbox_sign;
mod ebay;
mod paddle_classic;
mod plivo;
mod shopify;
mod sns;
mod twilio;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde::{Deserialize, Serialize};

use crate::{
    algorithm::Algorithm,
    fault::{Fault, Verification},
    key::{Key, KeyForm, Keys},
    message::ParsedMessage,
    signed::Signed,
    source::{Place, Source},
};

/// Signature scheme implemented in code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Adyen payments: a signature inside each item of the body.
    AdyenPayments,
    /// Amazon SNS: selected fields of the body, and a certificate.
    AwsSns,
    /// Braintree: two form fields, a public key and a private key.
    Braintree,
    /// Contentful: a canonical request with a list of signed headers.
    Contentful,
    /// Dropbox Sign: two fields of the JSON in a form field.
    DropboxSign,
    /// eBay: a header with base64-encoded JSON.
    Ebay,
    /// Paddle Classic: the form in PHP's `serialize` format.
    PaddleClassic,
    /// Plivo version 2: the URL without query, and a nonce.
    PlivoV2,
    /// Plivo version 3: the URL, the sorted query and form, and a nonce.
    PlivoV3,
    /// Shopify app proxy: the sorted query.
    ShopifyAppProxy,
    /// Twilio: the URL and the sorted form.
    Twilio,
    /// Twilio with a shared key: the same content with SHA-256.
    TwilioSharedKey,
}

type PartsFn = fn(&ParsedMessage<'_>, &Keys) -> Result<Vec<Parts>, Fault>;
type KeyFn = fn(&str) -> Result<Key, Fault>;
/// Signs a reading with the keys, the id for a message without an id, and the time in milliseconds.
type SignFn = fn(&ParsedMessage<'_>, &Keys, &str, i64) -> Result<Signed, Fault>;
/// Returns the timestamp of the signature in milliseconds, or the fault of the timestamp.
type TimeFn = fn(&ParsedMessage<'_>, i64) -> Result<i64, Fault>;

struct Rule {
    code: Code,
    place: &'static str,
    signs_url: bool,
    signs_body: bool,
    params: &'static [&'static str],
    /// Returns the signed content and the received signatures.
    parts: PartsFn,
    key: KeyFn,
    time: Option<TimeFn>,
    sign: Option<SignFn>,
}

impl Rule {
    /// Defaults: a secret as text, no settings and no timestamp.
    const PLAIN: Self = Self {
        code: Code::Twilio,
        place: "",
        signs_url: false,
        signs_body: false,
        params: &[],
        parts: |_, _| Ok(Vec::new()),
        key: text,
        time: None,
        sign: None,
    };
}

/// Characters that `encodeURIComponent` in JavaScript and `querystring` in Node.js encode.
const URI_COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Characters that `encodeURI` in JavaScript encodes.
const URI: &AsciiSet = &URI_COMPONENT
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b'#');

fn text(secret: &str) -> Result<Key, Fault> {
    Ok(Key::Bytes(secret.as_bytes().to_vec()))
}

fn rsa(secret: &str) -> Result<Key, Fault> {
    crate::key::rsa_public(secret).map(Key::Rsa)
}

/// Signed content with its received signatures.
struct Parts {
    /// Variants of the content. One of them must match. Vendors' own verifiers accept small differences, such as a
    /// missing final newline.
    contents: Vec<Vec<u8>>,
    /// Received signatures. One of them must be valid.
    signatures: Vec<Vec<u8>>,
    algorithm: Algorithm,
}

/// Rules of all schemes implemented in code.
const RULES: &[Rule] = &[
    Rule {
        code: Code::AdyenPayments,
        place: "json:notificationItems",
        parts: adyen::parts,
        key: |secret| KeyForm::Hex.bytes(secret).map(Key::Bytes),
        sign: Some(adyen::sign),
        ..Rule::PLAIN
    },
    Rule { code: Code::AwsSns, place: "json:Signature", parts: sns::parts, key: rsa, ..Rule::PLAIN },
    Rule {
        code: Code::Braintree,
        place: "form:bt_signature",
        params: &["public_key"],
        parts: braintree::parts,
        key: |secret| KeyForm::Sha1.bytes(secret).map(Key::Bytes),
        sign: Some(braintree::sign),
        ..Rule::PLAIN
    },
    Rule {
        code: Code::Contentful,
        place: "header:X-Contentful-Signature",
        signs_url: true,
        signs_body: true,
        parts: contentful::parts,
        time: Some(contentful::in_time),
        sign: Some(contentful::sign),
        ..Rule::PLAIN
    },
    Rule {
        code: Code::DropboxSign,
        place: "form:json",
        parts: dropbox_sign::parts,
        sign: Some(dropbox_sign::sign),
        ..Rule::PLAIN
    },
    Rule {
        code: Code::Ebay,
        place: "header:x-ebay-signature",
        signs_body: true,
        parts: ebay::parts,
        key: |secret| KeyForm::of_pem_or_base64(secret).verifying(Algorithm::EcdsaSha1, secret),
        ..Rule::PLAIN
    },
    Rule {
        code: Code::PaddleClassic,
        place: "form:p_signature",
        signs_body: true,
        parts: paddle_classic::parts,
        key: rsa,
        ..Rule::PLAIN
    },
    Rule {
        code: Code::PlivoV2,
        place: "header:X-Plivo-Signature-V2",
        signs_url: true,
        parts: plivo::parts_v2,
        sign: Some(plivo::sign_v2),
        ..Rule::PLAIN
    },
    Rule {
        code: Code::PlivoV3,
        place: "header:X-Plivo-Signature-V3",
        signs_url: true,
        signs_body: true,
        parts: plivo::parts_v3,
        sign: Some(plivo::sign_v3),
        ..Rule::PLAIN
    },
    Rule {
        code: Code::ShopifyAppProxy,
        place: "query:signature",
        parts: shopify::parts,
        sign: Some(shopify::sign),
        ..Rule::PLAIN
    },
    Rule {
        code: Code::Twilio,
        place: "header:X-Twilio-Signature",
        signs_url: true,
        signs_body: true,
        parts: twilio::parts,
        sign: Some(twilio::sign),
        ..Rule::PLAIN
    },
    Rule {
        code: Code::TwilioSharedKey,
        place: "header:X-Twilio-Signature",
        signs_url: true,
        signs_body: true,
        params: &["key_id"],
        parts: twilio::shared_key_parts,
        sign: Some(twilio::sign_shared_key),
        ..Rule::PLAIN
    },
];

impl Code {
    fn rule(self) -> &'static Rule {
        RULES.iter().find(|rule| rule.code == self).unwrap_or(&RULES[0])
    }

    pub(crate) fn signs_url(self) -> bool {
        self.rule().signs_url
    }

    pub(crate) fn signs_body(self) -> bool {
        self.rule().signs_body
    }

    pub(crate) fn params(self) -> &'static [&'static str] {
        self.rule().params
    }

    pub(crate) fn place(self) -> Source {
        self.rule().place.parse().unwrap_or(Source { place: Place::Json, name: String::new(), secret: None })
    }

    pub(crate) fn signed_content(self, reading: &ParsedMessage<'_>, keys: &Keys) -> Result<Vec<u8>, Fault> {
        let parts = (self.rule().parts)(reading, keys)?;
        Ok(parts.into_iter().next().and_then(|part| part.contents.into_iter().next()).unwrap_or_default())
    }

    pub(crate) fn verify(self, reading: &ParsedMessage<'_>, keys: &Keys, now_ms: i64) -> Verification {
        match self.verified(reading, keys, now_ms) {
            Ok((secret, at)) => Verification::valid(secret, at),
            Err(fault) => Verification::invalid(fault),
        }
    }

    fn verified(self, reading: &ParsedMessage<'_>, keys: &Keys, now_ms: i64) -> Result<(usize, Option<i64>), Fault> {
        let parts = (self.rule().parts)(reading, keys)?;
        if keys.secrets.iter().all(String::is_empty) {
            return Err(Fault::NoSecret);
        }
        let mut fault = Fault::Mismatch;
        for (number, secret) in keys.secrets.iter().enumerate().filter(|(_, secret)| !secret.is_empty()) {
            match self.holds(&parts, secret) {
                Ok(true) => {
                    let at = self.rule().time.map(|time| time(reading, now_ms)).transpose()?;
                    return Ok((number, at));
                }
                Ok(false) => fault = Fault::Mismatch,
                Err(other) => fault = other,
            }
        }
        Err(fault)
    }

    fn holds(self, parts: &[Parts], secret: &str) -> Result<bool, Fault> {
        let key = (self.rule().key)(secret)?;
        for part in parts {
            let mut held = false;
            for content in &part.contents {
                for signature in &part.signatures {
                    held |= part.algorithm.holds(&key, signature, |sink: &mut dyn FnMut(&[u8])| {
                        sink(content);
                        Ok(())
                    })?;
                }
            }
            if !held {
                return Ok(false);
            }
        }
        Ok(!parts.is_empty())
    }

    pub(crate) fn sign(self, reading: &ParsedMessage<'_>, keys: &Keys, id: &str, now_ms: i64) -> Result<Signed, Fault> {
        match self.rule().sign {
            Some(sign) => sign(reading, keys, id, now_ms),
            None => Err(Fault::Secret {
                why: "these messages are signed with a private key that only the vendor has".into(),
            }),
        }
    }

    /// Computes the digest of the content with the first non-empty secret.
    fn digest(self, algorithm: Algorithm, keys: &Keys, content: &[u8]) -> Result<Vec<u8>, Fault> {
        let secret = keys.secrets.iter().find(|secret| !secret.is_empty()).ok_or(Fault::NoSecret)?;
        let Key::Bytes(key) = (self.rule().key)(secret)? else { return Err(Fault::NoSecret) };
        algorithm.digest(&key, |sink: &mut dyn FnMut(&[u8])| {
            sink(content);
            Ok(())
        })
    }
}

fn not_signed(code: Code) -> Fault {
    Fault::NoSignature { place: code.place().shown() }
}

fn badly_written(code: Code, encoding: &str) -> Fault {
    Fault::Encoding { place: code.place().shown(), encoding: encoding.into() }
}
