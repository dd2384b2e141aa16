//! The rule as the sender may have it: key, digest, encoding, content.

use super::{
    Finding,
    change::{Apply, Change, Kind, finding},
};
use crate::{
    algorithm::Algorithm,
    digest,
    encoding::Encoding,
    key::KeyForm,
    message::{Message, Reading},
    scheme::Digest,
    timestamp::Unit,
};

const SCHEME_ADVICE: &str = "Compare the sender's rule with this one.";

pub(super) fn rules(scheme: &Digest, all: &mut Vec<Change<'_>>) {
    let mut add = |kind, cost, rule: Digest, finding| {
        if rule != *scheme {
            all.push(Change { kind, cost, finding, apply: Apply::Rule(Box::new(rule)) });
        }
    };
    let keys = [
        (KeyForm::Text, 1, "the sender took the secret as text"),
        (KeyForm::Base64, 2, "the sender decoded the secret as base64 first"),
        (KeyForm::Prefixed, 2, "the sender took whsec_ off the secret and decoded the rest as base64"),
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
                finding("encoding", format!("the sender wrote the signature in {name}"), SCHEME_ADVICE),
            );
        }
    }
    if !scheme.prefix.is_empty() {
        for prefix in ["", "sha256=", "sha1=", "v0=", "v1=", "v1,", "v1:"] {
            let what = match prefix {
                "" => format!("the signature arrived without {:?} before it", scheme.prefix),
                other => format!("the signature arrived with {other:?} before it, not with {:?}", scheme.prefix),
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
                "the sender signed the body alone, without what this scheme puts beside it",
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
                        format!("the sender put {shown} between the parts it signs, not {one:?}"),
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
                finding("content_timestamp", "the sender signed its timestamp along with the body", SCHEME_ADVICE),
            );
        }
    }
    if let Some(rule) = &scheme.timestamp {
        // A timestamp that is signed as text holds in any unit; it only does not read.
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

/// The sender signed its time in one unit and wrote it in another.
pub(super) fn signed_times(scheme: &Digest, message: &Message<'_>, all: &mut Vec<Change<'_>>) {
    let Some(rule) = &scheme.timestamp else { return };
    let reading = Reading::new(message);
    let candidates = digest::candidates(scheme, &reading).unwrap_or_default();
    let Some(written) = candidates.first().and_then(|candidate| candidate.timestamp(rule, &reading)) else { return };
    let Ok(number) = written.parse::<i64>() else { return };
    let content = scheme.content.to_string();
    let units = [(number.checked_mul(1_000), "a thousandfold of"), (number.checked_div(1_000), "a thousandth of")];
    for (signed, what) in units {
        let literal = signed.map(|signed| content.replace(&format!("{{{}}}", rule.from), &signed.to_string()));
        let Some(Ok(content)) = literal.filter(|literal| *literal != content).map(|literal| literal.parse()) else {
            continue;
        };
        let what = format!("the sender signed {what} the timestamp it wrote, so one is in seconds and one in ms");
        all.push(Change {
            kind: Kind::Content,
            cost: 3,
            finding: finding("timestamp_unit", what, "Write and sign one and the same text at the sender."),
            apply: Apply::Rule(Box::new(Digest { content, ..scheme.clone() })),
        });
    }
}
