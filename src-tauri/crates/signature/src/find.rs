//! Finding the scheme of a message whose vendor nobody knows: the usual ways are tried, one by
//! one, with the secret that is known.

use crate::{
    algorithm::Algorithm,
    digest,
    encoding::Encoding,
    explain::Cancel,
    key::{KeyForm, Keys},
    message::{Message, Reading},
    scheme::Digest,
    source::{Place, Source},
    template::Template,
    timestamp::{TimestampRule, Unit},
};

/// Shortest text that is taken for a signature: 16 bytes in base64.
const SIGNATURE_MIN: usize = 22;

/// Longest, several signatures in one value included.
const SIGNATURE_MAX: usize = 1_024;

/// Headers that are no part of any signature.
const COMMON: &[&str] = &[
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "forwarded",
    "host",
    "traceparent",
    "transfer-encoding",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// Length of the digest in bytes, and what makes one of it.
const ALGORITHMS: &[(usize, Algorithm)] = &[
    (32, Algorithm::HmacSha256),
    (20, Algorithm::HmacSha1),
    (64, Algorithm::HmacSha512),
    (48, Algorithm::HmacSha384),
    (16, Algorithm::HmacMd5),
];

const KEYS: &[KeyForm] = &[KeyForm::Text, KeyForm::Prefixed, KeyForm::Hex];

/// What may stand between the parts of the content.
const SEPARATORS: &[&str] = &[".", "", ":", "\n", "|", ","];

/// Longest text before a signature that is the same in every message, such as `sha256=`.
const PREFIX_MAX: usize = 24;

/// A value that may hold a signature.
struct Candidate {
    source: Source,
    split: String,
    prefix: String,
    encoding: Encoding,
    bytes: usize,
    /// Names of the other items of the value.
    items: Vec<(String, String)>,
}

/// The scheme that makes a message's signature with one of the secrets; none if no usual one does.
/// It may be cancelled, as it tries some thousand.
pub fn find(message: &Message<'_>, keys: &Keys, cancel: &Cancel<'_>) -> Option<Digest> {
    let reading = Reading::new(message);
    let stamps = stamps(message);
    for candidate in candidates(message) {
        for (_, algorithm) in ALGORITHMS.iter().filter(|(bytes, _)| *bytes == candidate.bytes) {
            for (content, timestamp) in contents(&candidate, &stamps) {
                for key in KEYS {
                    if cancel() {
                        return None;
                    }
                    let scheme = candidate.scheme(*algorithm, *key, &content, timestamp.clone())?;
                    if keys.secrets.iter().any(|secret| digest::holds(&scheme, &reading, secret, keys)) {
                        return Some(scheme);
                    }
                }
            }
        }
    }
    None
}

impl Candidate {
    fn scheme(
        &self,
        algorithm: Algorithm,
        key: KeyForm,
        content: &str,
        timestamp: Option<TimestampRule>,
    ) -> Option<Digest> {
        Some(Digest {
            signature: vec![self.source.clone()],
            split: self.split.clone(),
            prefix: self.prefix.clone(),
            content: content.parse::<Template>().ok()?,
            algorithm,
            encoding: self.encoding,
            key,
            timestamp,
            requires: Vec::new(),
            certificate: None,
        })
    }
}

/// Bytes of a digest a text may be, and how it is written.
fn written(text: &str) -> Option<(Encoding, usize)> {
    if !(SIGNATURE_MIN..=SIGNATURE_MAX).contains(&text.len()) {
        return None;
    }
    let known = |bytes: usize| ALGORITHMS.iter().any(|(length, _)| *length == bytes).then_some(bytes);
    let read = |encoding: Encoding| encoding.read(text).and_then(|digest| known(digest.len()));
    if text.bytes().all(|b| b.is_ascii_hexdigit()) {
        let upper = text.bytes().any(|b| b.is_ascii_uppercase());
        return read(Encoding::Hex).map(|bytes| (if upper { Encoding::HexUpper } else { Encoding::Hex }, bytes));
    }
    read(Encoding::Base64)
        .map(|bytes| (Encoding::Base64, bytes))
        .or_else(|| read(Encoding::Base64url).map(|bytes| (Encoding::Base64url, bytes)))
}

fn candidates(message: &Message<'_>) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (name, value) in message.headers {
        let Ok(text) = std::str::from_utf8(value) else { continue };
        let text = text.trim();
        if COMMON.contains(&name.to_ascii_lowercase().as_str()) || text.len() > SIGNATURE_MAX {
            continue;
        }
        let source = Source { place: Place::Header, name: (*name).to_owned(), secret: None };
        let mut put = |split: &str, prefix: &str, digest: &str, items: Vec<(String, String)>| {
            // A longer text, or one that is a digest itself, differs in the next message.
            let fixed = prefix.len() <= PREFIX_MAX && written(prefix.trim_end_matches(['=', ',', ' ', ':'])).is_none();
            if let Some((encoding, bytes)) = written(digest).filter(|_| fixed) {
                let (source, split, prefix) = (source.clone(), split.to_owned(), prefix.to_owned());
                all.push(Candidate { source, split, prefix, encoding, bytes, items });
            }
        };
        put("", "", text, Vec::new());
        // `sha256=…`, `v1,…`, `HMAC …`
        for (at, mark) in text.char_indices().filter(|(_, c)| matches!(c, '=' | ',' | ' ' | ':')).take(2) {
            put("", &text[..at + mark.len_utf8()], &text[at + mark.len_utf8()..], Vec::new());
        }
        // `1/SHA256/…`
        if let Some((prefix, digest)) =
            text.rsplit_once('/').filter(|(_, digest)| digest.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            put("", &format!("{prefix}/"), digest, Vec::new());
        }
        // `t=…,v1=…`, also with `;` or a space between.
        for split in [",", ";", " "].into_iter().filter(|split| text.contains(split)) {
            let split =
                if text.contains(&format!("{split} ")) && split != " " { format!("{split} ") } else { split.into() };
            let items: Vec<&str> =
                text.split(|c| split.contains(c)).map(str::trim).filter(|item| !item.is_empty()).collect();
            for (at, item) in items.iter().enumerate() {
                // Several signatures in a list, each by another secret.
                put(&split, "", item, Vec::new());
                let Some((mark, _)) = item.char_indices().find(|(_, c)| matches!(c, '=' | ',')) else { continue };
                let others = items.iter().enumerate().filter(|(other, _)| *other != at);
                let others =
                    others.filter_map(|(_, other)| other.split_once('=')).filter(|(_, value)| unit(value).is_some());
                let others = others.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                put(&split, &item[..=mark], &item[mark + 1..], others);
            }
        }
    }
    all
}

/// How a text is a time; none where it is none.
fn unit(text: &str) -> Option<Unit> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match (digits, text.len()) {
        (true, 10) => Some(Unit::S),
        (true, 13) => Some(Unit::Ms),
        (false, 19..=35) => Unit::Iso.read(text).map(|_| Unit::Iso),
        _ => None,
    }
}

/// Headers that say when a message was sent, and those that may be its id.
struct Stamps {
    times: Vec<(String, Unit)>,
    ids: Vec<String>,
}

fn stamps(message: &Message<'_>) -> Stamps {
    let mut stamps = Stamps { times: Vec::new(), ids: Vec::new() };
    for (name, value) in message.headers {
        let Ok(text) = std::str::from_utf8(value) else { continue };
        let lower = name.to_ascii_lowercase();
        if COMMON.contains(&lower.as_str()) {
            continue;
        }
        if let Some(unit) = unit(text.trim()) {
            stamps.times.push(((*name).to_owned(), unit));
        } else if ["id", "delivery", "nonce", "uuid"].iter().any(|word| lower.ends_with(word)) {
            stamps.ids.push((*name).to_owned());
        }
    }
    stamps
}

/// Contents there may be, likeliest first, each with where its time stands.
fn contents(candidate: &Candidate, stamps: &Stamps) -> Vec<(String, Option<TimestampRule>)> {
    let mut all = vec![("{body}".to_owned(), None)];
    let own = candidate.items.iter().filter_map(|(key, value)| Some((format!("signature:{key}"), unit(value)?)));
    let times: Vec<(String, Unit)> =
        own.chain(stamps.times.iter().map(|(name, unit)| (format!("header:{name}"), *unit))).collect();
    for (place, unit) in &times {
        let rule =
            place.parse().ok().map(|from| TimestampRule { from, unit: *unit, past_s: Some(300), future_s: Some(300) });
        for separator in SEPARATORS {
            all.push((format!("{{{place}}}{separator}{{body}}"), rule.clone()));
            for id in &stamps.ids {
                all.push((format!("{{header:{id}}}{separator}{{{place}}}{separator}{{body}}"), rule.clone()));
            }
        }
        for version in ["v0", "v1"] {
            for separator in [":", "."] {
                all.push((format!("{version}{separator}{{{place}}}{separator}{{body}}"), rule.clone()));
            }
        }
        all.push((format!("{{body}}{{{place}}}"), rule));
    }
    for parts in ["{url}{body}", "{body}{url}", "{url}", "{method}{url}{body}", "{url}{params}", "{method}{body}"] {
        all.push((parts.to_owned(), None));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scheme, sign};

    const NOW: i64 = 1_800_000_000_000;
    const SECRET: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e7abcdef0123";

    fn found(scheme: serde_json::Value, secret: &str) -> Option<Digest> {
        let scheme: Scheme = serde_json::from_value(scheme).expect("a scheme");
        let body = br#"{"a":1}"#;
        let url = Some("https://example.com/hook");
        let message = Message { method: "POST", target: "/hook", url, headers: &[], body };
        let signed = sign(&scheme, &message, &Keys::of(secret), "msg_1", NOW).expect("it signs");
        let noise =
            [("Host", &b"example.com"[..]), ("User-Agent", b"x"), ("X-Trace", b"0123456789abcdef0123456789abcdef")];
        let own = signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let headers: Vec<(&str, &[u8])> = noise.into_iter().chain(own).collect();
        let arrived = Message { headers: &headers, ..message };
        let found = find(&arrived, &Keys::of(secret), &|| false)?;
        let verdict = crate::verify(&Scheme::Digest(found.clone()), &arrived, &Keys::of(secret), NOW);
        assert_eq!(verdict.state, crate::State::Valid, "{found:?}");
        Some(found)
    }

    #[test]
    fn the_usual_ways_to_sign_are_found() {
        let whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let header = |more: serde_json::Value| {
            let mut digest =
                serde_json::json!({ "signature": ["header:X-Sig"], "content": "{body}", "algorithm": "hmac-sha256" });
            digest.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::json!({ "digest": digest })
        };
        let timestamp = serde_json::json!({ "from": "header:X-Time", "unit": "s" });
        for (more, secret) in [
            (serde_json::json!({}), SECRET),
            (serde_json::json!({ "prefix": "sha1=", "algorithm": "hmac-sha1" }), SECRET),
            (serde_json::json!({ "encoding": "base64", "algorithm": "hmac-sha512" }), SECRET),
            (serde_json::json!({ "encoding": "hex-upper", "key": "hex" }), SECRET),
            (
                serde_json::json!({ "content": "v0:{header:X-Time}:{body}", "prefix": "v0=", "timestamp": timestamp }),
                SECRET,
            ),
            (serde_json::json!({ "content": "{url}{body}", "encoding": "base64" }), SECRET),
            (serde_json::json!({ "prefix": "1/SHA256/" }), SECRET),
            (serde_json::json!({ "content": "{method}{body}" }), SECRET),
            (
                serde_json::json!({ "split": ",", "prefix": "v1=", "content": "{signature:t}.{body}",
                "timestamp": { "from": "signature:t", "unit": "s" } }),
                SECRET,
            ),
            (
                serde_json::json!({ "split": " ", "prefix": "v1,", "encoding": "base64", "key": "prefixed",
                "content": "{header:X-Msg-Id}.{header:X-Time}.{body}", "timestamp": timestamp }),
                whsec,
            ),
        ] {
            assert!(found(header(more.clone()), secret).is_some(), "{more}");
        }
    }

    /// Two signatures in one header, as Cronofy lists them while a secret is replaced.
    #[test]
    fn a_rule_found_matches_the_next_message_too() {
        let signed = |body: &[u8]| {
            let digest = |secret: &[u8]| {
                Encoding::Base64.write(
                    &Algorithm::HmacSha256
                        .digest(secret, |sink: &mut dyn FnMut(&[u8])| {
                            sink(body);
                            Ok(())
                        })
                        .expect("a digest"),
                )
            };
            format!("{},{}", digest(b"an older secret"), digest(SECRET.as_bytes()))
        };
        let (first, second) = (&br#"{"a":1}"#[..], &br#"{"a":2}"#[..]);
        let (one, other) = (signed(first), signed(second));
        let headers = [("Cronofy-HMAC-SHA256", one.as_bytes())];
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: first };
        let found = find(&message, &Keys::of(SECRET), &|| false).expect("a rule");
        let headers = [("Cronofy-HMAC-SHA256", other.as_bytes())];
        let next = Message { headers: &headers, body: second, ..message };
        assert_eq!(crate::verify(&Scheme::Digest(found), &next, &Keys::of(SECRET), NOW).state, crate::State::Valid);
    }

    #[test]
    fn what_cannot_be_found_is_none_and_a_cancelled_search_ends() {
        let headers = [("X-Sig", &b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"[..])];
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: b"{}" };
        assert_eq!(find(&message, &Keys::of(SECRET), &|| false), None);
        assert_eq!(find(&message, &Keys::default(), &|| false), None);
        assert_eq!(find(&message, &Keys::of(SECRET), &|| true), None);
    }
}
