//! The schemes that data cannot say: each a small function that a provider's file names.

mod adyen;
mod braintree;
mod contentful;
mod dropbox_sign;
mod sns;
mod twilio;

use serde::{Deserialize, Serialize};

use crate::{
    algorithm::Algorithm,
    fault::{Fault, Verdict},
    key::{Key, Keys},
    message::Reading,
    sign::Signed,
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
    /// Twilio: the URL and the sorted form.
    Twilio,
}

type SignFn = fn(&Reading<'_>, &Keys) -> Result<Signed, Fault>;

struct Rule {
    code: Code,
    place: &'static str,
    signs_url: bool,
    signs_body: bool,
    params: &'static [&'static str],
    /// The content that is signed and the digest that stands in the message.
    parts: fn(&Reading<'_>, &Keys) -> Result<Vec<Parts>, Fault>,
    sign: Option<SignFn>,
}

/// One thing that is signed.
struct Parts {
    /// The contents of which one has to match: vendors retry with small changes.
    contents: Vec<Vec<u8>>,
    signature: Vec<u8>,
    algorithm: Algorithm,
}

/// Every code scheme, and what is to be known of it.
const RULES: &[Rule] = &[
    Rule {
        code: Code::AdyenPayments,
        place: "json:notificationItems",
        signs_url: false,
        signs_body: false,
        params: &[],
        parts: adyen::parts,
        sign: None,
    },
    Rule {
        code: Code::AwsSns,
        place: "json:Signature",
        signs_url: false,
        signs_body: false,
        params: &[],
        parts: sns::parts,
        sign: None,
    },
    Rule {
        code: Code::Braintree,
        place: "form:bt_signature",
        signs_url: false,
        signs_body: false,
        params: &["public_key"],
        parts: braintree::parts,
        sign: None,
    },
    Rule {
        code: Code::Contentful,
        place: "header:X-Contentful-Signature",
        signs_url: true,
        signs_body: true,
        params: &[],
        parts: contentful::parts,
        sign: None,
    },
    Rule {
        code: Code::DropboxSign,
        place: "form:json",
        signs_url: false,
        signs_body: false,
        params: &[],
        parts: dropbox_sign::parts,
        sign: None,
    },
    Rule {
        code: Code::Twilio,
        place: "header:X-Twilio-Signature",
        signs_url: true,
        signs_body: true,
        params: &[],
        parts: twilio::parts,
        sign: Some(twilio::sign),
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
                    let at = match self {
                        Self::Contentful => Some(contentful::in_time(reading, now_ms)?),
                        _ => None,
                    };
                    return Ok((number, at));
                }
                Ok(false) => fault = Fault::Mismatch,
                Err(other) => fault = other,
            }
        }
        Err(fault)
    }

    fn holds(self, parts: &[Parts], secret: &str) -> Result<bool, Fault> {
        let key = match self {
            Self::AdyenPayments => Key::Bytes(crate::KeyForm::Hex.bytes(secret)?),
            Self::Braintree => Key::Bytes(crate::KeyForm::Sha1.bytes(secret)?),
            Self::AwsSns => Key::Rsa(crate::key::rsa_public(secret)?),
            _ => Key::Bytes(secret.as_bytes().to_vec()),
        };
        for part in parts {
            let mut held = false;
            for content in &part.contents {
                held |= part.algorithm.holds(&key, &part.signature, |sink: &mut dyn FnMut(&[u8])| {
                    sink(content);
                    Ok(())
                })?;
            }
            if !held {
                return Ok(false);
            }
        }
        Ok(!parts.is_empty())
    }

    pub(crate) fn sign(self, reading: &Reading<'_>, keys: &Keys) -> Result<Signed, Fault> {
        match self.rule().sign {
            Some(sign) => sign(reading, keys),
            None => Err(Fault::Secret {
                why: "this scheme puts its signature into the body, which is not changed here".into(),
            }),
        }
    }
}

fn not_signed(code: Code) -> Fault {
    Fault::NoSignature { place: code.place().shown() }
}

fn badly_written(code: Code, encoding: &str) -> Fault {
    Fault::Encoding { place: code.place().shown(), encoding: encoding.into() }
}
