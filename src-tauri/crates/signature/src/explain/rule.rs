//! Variants of the scheme that the sender may use: key, digest, encoding, content.

use super::{
    Finding,
    change::{Apply, Change, Kind, finding},
};
use crate::{
    algorithm::Algorithm,
    digest,
    encoding::Encoding,
    key::KeyForm,
    message::{Message, ParsedMessage},
    scheme::Digest,
    timestamp::Unit,
};

const SCHEME_ADVICE: &str = "Compare the sender's signature scheme with the scheme of this inbox.";

pub(super) fn rules(scheme: &Digest, all: &mut Vec<Change<'_>>) {
    let mut add = |kind, cost, rule: Digest, finding| {
        if rule != *scheme {
            all.push(Change { kind, cost, finding, apply: Apply::Rule(Box::new(rule)) });
        }
    };
    let keys = [
        (KeyForm::Text, 1, "the sender used the secret as text"),
        (KeyForm::Base64, 2, "the sender decoded the secret as base64 first"),
        (KeyForm::Prefixed, 2, "the sender removed whsec_ from the secret and decoded the rest as base64"),
        (KeyForm::Hex, 2, "the sender decoded the secret as hexadecimal first"),
    ];
    let hmac = matches!(
        scheme.algorithm,
        Algorithm::HmacMd5
            | Algorithm::HmacSha1
            | Algorithm::HmacSha256
            | Algorithm::HmacSha384
            | Algorithm::HmacSha512
    );
    if hmac {
        for (key, cost, what) in keys {
            add(Kind::Key, cost, Digest { key, ..scheme.clone() }, finding("key_form", what, SCHEME_ADVICE));
        }
        for (algorithm, cost, name) in [
            (Algorithm::HmacSha1, 2, "SHA-1"),
            (Algorithm::HmacSha256, 1, "SHA-256"),
            (Algorithm::HmacSha512, 2, "SHA-512"),
            (Algorithm::HmacSha384, 4, "SHA-384"),
            (Algorithm::HmacMd5, 5, "MD5"),
        ] {
            let rule = Digest { algorithm, ..scheme.clone() };
            add(
                Kind::Algorithm,
                cost,
                rule,
                finding("algorithm", format!("the sender used HMAC with {name}"), SCHEME_ADVICE),
            );
        }
    }
    if scheme.algorithm != Algorithm::Token {
        for (encoding, cost, name) in [
            (Encoding::Hex, 1, "hexadecimal"),
            (Encoding::Base64, 1, "base64"),
            (Encoding::Base64url, 3, "base64url"),
            (Encoding::Base64OfHex, 4, "base64 of the hexadecimal text"),
        ] {
            let rule = Digest { encoding, ..scheme.clone() };
            add(
                Kind::Encoding,
                cost,
                rule,
                finding("encoding", format!("the sender encoded the signature as {name}"), SCHEME_ADVICE),
            );
        }
    }
    if !scheme.prefix.is_empty() {
        for prefix in ["", "sha256=", "sha1=", "v0=", "v1=", "v1,", "v1:"] {
            let what = match prefix {
                "" => format!("the signature arrived without the prefix {:?}", scheme.prefix),
                other => format!("the signature arrived with the prefix {other:?} instead of {:?}", scheme.prefix),
            };
            let rule = Digest { prefix: prefix.into(), ..scheme.clone() };
            add(
                Kind::Header,
                1 + u32::from(!prefix.is_empty()),
                rule,
                finding("signature_prefix", what, SCHEME_ADVICE),
            );
        }
    }
    contents(scheme, &mut add);
}

fn contents(scheme: &Digest, add: &mut impl FnMut(Kind, u32, Digest, Finding)) {
    let text = scheme.content.to_string();
    let mut content = |cost, text: String, finding| {
        if let Ok(content) = text.parse() {
            add(Kind::Content, cost, Digest { content, ..scheme.clone() }, finding);
        }
    };
    if text != "{body}" && text.contains("{body}") {
        content(
            1,
            "{body}".into(),
            finding(
                "content_body_only",
                "the sender signed only the body, without the other parts of this scheme",
                SCHEME_ADVICE,
            ),
        );
        for (one, other) in [(".", ":"), (":", "."), (".", ""), (":", ""), (".", "\n")] {
            if text.contains(&format!("}}{one}{{")) {
                let joined = text.replace(&format!("}}{one}{{"), &format!("}}{other}{{"));
                let shown = if other.is_empty() { "nothing".to_owned() } else { format!("{other:?}") };
                content(
                    4,
                    joined,
                    finding(
                        "content_separator",
                        format!("the sender joined the signed parts with {shown} instead of {one:?}"),
                        SCHEME_ADVICE,
                    ),
                );
            }
        }
    } else if text == "{body}" {
        for header in ["webhook-timestamp", "x-timestamp", "x-signature-timestamp", "x-webhook-timestamp"] {
            content(
                4,
                format!("{{header:{header}}}.{{body}}"),
                finding("content_timestamp", "the sender signed the timestamp together with the body", SCHEME_ADVICE),
            );
        }
    }
    if let Some(rule) = &scheme.timestamp {
        // A timestamp is signed as text, so the signature matches in any unit. Only the parsed time differs.
        for unit in [Unit::S, Unit::Ms, Unit::Iso] {
            let mut rule = rule.clone();
            rule.unit = unit;
            let words = digest::unit_words(unit);
            let changed = Digest { timestamp: Some(rule), ..scheme.clone() };
            add(
                Kind::Content,
                3,
                changed,
                finding("timestamp_unit", format!("the sender wrote its timestamp as {words}"), SCHEME_ADVICE),
            );
        }
    }
}

/// Adds changes for a sender that signs the timestamp in one unit and sends it in another.
pub(super) fn signed_times(scheme: &Digest, message: &Message<'_>, all: &mut Vec<Change<'_>>) {
    let Some(rule) = &scheme.timestamp else { return };
    let reading = ParsedMessage::new(message);
    let candidates = digest::candidates(scheme, &reading).unwrap_or_default();
    let Some(written) = candidates.first().and_then(|candidate| candidate.timestamp(rule, &reading)) else { return };
    let Ok(number) = written.parse::<i64>() else { return };
    let content = scheme.content.to_string();
    let units = [(number.checked_mul(1_000), "1000 times"), (number.checked_div(1_000), "1/1000 of")];
    for (signed, what) in units {
        let literal = signed.map(|signed| content.replace(&format!("{{{}}}", rule.from), &signed.to_string()));
        let Some(Ok(content)) = literal.filter(|literal| *literal != content).map(|literal| literal.parse()) else {
            continue;
        };
        let what =
            format!("the sender signed {what} the timestamp it sent, so one is in seconds and one in milliseconds");
        all.push(Change {
            kind: Kind::Content,
            cost: 3,
            finding: finding("timestamp_unit", what, "At the sender, sign and send the same timestamp text."),
            apply: Apply::Rule(Box::new(Digest { content, ..scheme.clone() })),
        });
    }
}
