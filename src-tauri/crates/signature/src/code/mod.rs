//! The schemes that data cannot say: each a small function that a provider's file names.

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
    fault::{Fault, Verdict},
    key::{Key, KeyForm, Keys},
    message::Reading,
    signed::Signed,
    source::{Place, Source},
};

/// A scheme written as code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Adyen's payments: a signature inside each item of the body.
    AdyenPayments,
    /// Amazon SNS: chosen fields of the body, and a certificate.
    AwsSns,
    /// Braintree: two form fields and two keys.
    Braintree,
    /// Contentful: a canonical request with a list of signed headers.
    Contentful,
    /// Dropbox Sign: two fields of a JSON text in a form.
    DropboxSign,
    /// eBay: a header of JSON in base64.
    Ebay,
    /// Paddle Classic: the form as PHP serializes it.
    PaddleClassic,
    /// Plivo, version 2: the URL without its query, and a nonce.
    PlivoV2,
    /// Plivo, version 3: the URL, sorted query and form, and a nonce.
    PlivoV3,
    /// Shopify's app proxy: the sorted query.
    ShopifyAppProxy,
    /// Twilio: the URL and the sorted form.
    Twilio,
    /// Twilio with a shared key.
    TwilioSharedKey,
}

type PartsFn = fn(&Reading<'_>, &Keys) -> Result<Vec<Parts>, Fault>;
type KeyFn = fn(&str) -> Result<Key, Fault>;
/// Signs at an instant in ms, with the id a message without one of its own gets.
type SignFn = fn(&Reading<'_>, &Keys, &str, i64) -> Result<Signed, Fault>;
/// When it was signed, in ms, or the fault of that time.
type TimeFn = fn(&Reading<'_>, i64) -> Result<i64, Fault>;

struct Rule {
    code: Code,
    place: &'static str,
    signs_url: bool,
    signs_body: bool,
    params: &'static [&'static str],
    /// The content that is signed and the digest that stands in the message.
    parts: PartsFn,
    key: KeyFn,
    time: Option<TimeFn>,
    sign: Option<SignFn>,
}

impl Rule {
    /// One that signs some of the body by its secret as text.
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

/// Characters that JavaScript's `encodeURIComponent` and Node's `querystring` encode.
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

/// Characters that JavaScript's `encodeURI` encodes.
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

/// One thing that is signed.
struct Parts {
    /// The contents of which one has to match: vendors retry with small changes.
    contents: Vec<Vec<u8>>,
    /// The signatures of which one has to be of it.
    signatures: Vec<Vec<u8>>,
    algorithm: Algorithm,
}

/// Every code scheme, and what is to be known of it.
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

    pub(crate) fn signed_content(self, reading: &Reading<'_>, keys: &Keys) -> Result<Vec<u8>, Fault> {
        let parts = (self.rule().parts)(reading, keys)?;
        Ok(parts.into_iter().next().and_then(|part| part.contents.into_iter().next()).unwrap_or_default())
    }

    pub(crate) fn verify(self, reading: &Reading<'_>, keys: &Keys, now_ms: i64) -> Verdict {
        match self.judged(reading, keys, now_ms) {
            Ok((secret, at)) => Verdict::valid(secret, at),
            Err(fault) => Verdict::invalid(fault),
        }
    }

    fn judged(self, reading: &Reading<'_>, keys: &Keys, now_ms: i64) -> Result<(usize, Option<i64>), Fault> {
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

    pub(crate) fn sign(self, reading: &Reading<'_>, keys: &Keys, id: &str, now_ms: i64) -> Result<Signed, Fault> {
        match self.rule().sign {
            Some(sign) => sign(reading, keys, id, now_ms),
            None => Err(Fault::Secret { why: "only the vendor has the private key that signs these messages".into() }),
        }
    }

    /// The digest of a content with the first secret there is.
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
