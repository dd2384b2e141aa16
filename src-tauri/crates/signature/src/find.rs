//! Detection of the scheme of a message from an unknown vendor. Common schemes are tested one by one with the known
//! secrets.

use crate::{
    algorithm::Algorithm,
    digest,
    encoding::Encoding,
    explain::Cancel,
    key::{KeyForm, Keys},
    message::{Message, ParsedMessage},
    scheme::Digest,
    source::{Place, Source},
    template::Template,
    timestamp::{TimestampRule, Unit},
};

/// Minimum length of a signature, in characters: 16 bytes in base64 without padding.
const SIGNATURE_MIN: usize = 22;

/// Maximum length of a value with one or more signatures, in bytes.
const SIGNATURE_MAX: usize = 1_024;

/// Headers that are never part of a signature.
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

/// Algorithms by the length of their digest in bytes.
const ALGORITHMS: &[(usize, Algorithm)] = &[
    (32, Algorithm::HmacSha256),
    (20, Algorithm::HmacSha1),
    (64, Algorithm::HmacSha512),
    (48, Algorithm::HmacSha384),
    (16, Algorithm::HmacMd5),
];

const KEYS: &[KeyForm] = &[KeyForm::Text, KeyForm::Prefixed, KeyForm::Hex];

/// Separators tested between the parts of the content.
const SEPARATORS: &[&str] = &[".", "", ":", "\n", "|", ","];

/// Maximum length of a fixed prefix such as `sha256=`, in bytes.
const PREFIX_MAX: usize = 24;

/// Value that may contain a signature.
struct Candidate {
    source: Source,
    split: String,
    prefix: String,
    encoding: Encoding,
    bytes: usize,
    /// Names and values of the other items of the value.
    items: Vec<(String, String)>,
}

/// Returns the first common scheme that verifies a message with one of the secrets, or `None`.
///
/// The search tests several thousand schemes, so `cancel` is called before each one. A canceled search returns `None`.
pub fn find(message: &Message<'_>, keys: &Keys, cancel: &Cancel<'_>) -> Option<Digest> {
    let reading = ParsedMessage::new(message);
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

/// Returns the encoding and the length in bytes of a text that may be a digest.
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
            // A longer text, or a text that may be a digest, is likely different in the next message.
            let fixed = prefix.len() <= PREFIX_MAX && written(prefix.trim_end_matches(['=', ',', ' ', ':'])).is_none();
            if let Some((encoding, bytes)) = written(digest).filter(|_| fixed) {
                let (source, split, prefix) = (source.clone(), split.to_owned(), prefix.to_owned());
                all.push(Candidate { source, split, prefix, encoding, bytes, items });
            }
        };
        put("", "", text, Vec::new());
        // A prefix can end with one of four characters: `sha256=…`, `v1,…`, `HMAC …`, `sha256:…`.
        for (at, mark) in text.char_indices().filter(|(_, c)| matches!(c, '=' | ',' | ' ' | ':')).take(2) {
            put("", &text[..at + mark.len_utf8()], &text[at + mark.len_utf8()..], Vec::new());
        }
        // A prefix can contain slashes: `1/SHA256/…`.
        if let Some((prefix, digest)) =
            text.rsplit_once('/').filter(|(_, digest)| digest.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            put("", &format!("{prefix}/"), digest, Vec::new());
        }
        // A value can be a list of items: `t=…,v1=…`, also separated by `;` or a space.
        for split in [",", ";", " "].into_iter().filter(|split| text.contains(split)) {
            let split =
                if text.contains(&format!("{split} ")) && split != " " { format!("{split} ") } else { split.into() };
            let items: Vec<&str> =
                text.split(|c| split.contains(c)).map(str::trim).filter(|item| !item.is_empty()).collect();
            for (at, item) in items.iter().enumerate() {
                // A list can contain several signatures, each created with a different secret.
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

/// Returns the format of a text that may be a timestamp, or `None`.
fn unit(text: &str) -> Option<Unit> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match (digits, text.len()) {
        (true, 10) => Some(Unit::S),
        (true, 13) => Some(Unit::Ms),
        (false, 19..=35) => Unit::Iso.read(text).map(|_| Unit::Iso),
        _ => None,
    }
}

/// Headers that may contain a timestamp, and headers that may contain a message id.
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

/// Returns possible signed contents, most likely first, each with the location of its timestamp.
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
        let scheme: Scheme = serde_json::from_value(scheme).expect("valid scheme");
        let body = br#"{"a":1}"#;
        let url = Some("https://example.com/hook");
        let message = Message { method: "POST", target: "/hook", url, headers: &[], body };
        let signed = sign(&scheme, &message, &Keys::of(secret), "msg_1", NOW).expect("signing succeeds");
        let noise =
            [("Host", &b"example.com"[..]), ("User-Agent", b"x"), ("X-Trace", b"0123456789abcdef0123456789abcdef")];
        let own = signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let headers: Vec<(&str, &[u8])> = noise.into_iter().chain(own).collect();
        let arrived = Message { headers: &headers, ..message };
        let found = find(&arrived, &Keys::of(secret), &|| false)?;
        let verification = crate::verify(&Scheme::Digest(found.clone()), &arrived, &Keys::of(secret), NOW);
        assert_eq!(verification.state, crate::State::Valid, "{found:?}");
        Some(found)
    }

    #[test]
    fn detects_common_schemes() {
        let whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let header = |more: serde_json::Value| {
            let mut digest =
                serde_json::json!({ "signature": ["header:X-Sig"], "content": "{body}", "algorithm": "hmac-sha256" });
            digest.as_object_mut().expect("JSON object").extend(more.as_object().expect("JSON object").clone());
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

    /// Cronofy sends two signatures in one header while a secret is rotated.
    #[test]
    fn detected_scheme_verifies_the_next_message() {
        let signed = |body: &[u8]| {
            let digest = |secret: &[u8]| {
                Encoding::Base64.write(
                    &Algorithm::HmacSha256
                        .digest(secret, |sink: &mut dyn FnMut(&[u8])| {
                            sink(body);
                            Ok(())
                        })
                        .expect("digest"),
                )
            };
            format!("{},{}", digest(b"an older secret"), digest(SECRET.as_bytes()))
        };
        let (first, second) = (&br#"{"a":1}"#[..], &br#"{"a":2}"#[..]);
        let (one, other) = (signed(first), signed(second));
        let headers = [("Cronofy-HMAC-SHA256", one.as_bytes())];
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: first };
        let found = find(&message, &Keys::of(SECRET), &|| false).expect("detected scheme");
        let headers = [("Cronofy-HMAC-SHA256", other.as_bytes())];
        let next = Message { headers: &headers, body: second, ..message };
        assert_eq!(crate::verify(&Scheme::Digest(found), &next, &Keys::of(SECRET), NOW).state, crate::State::Valid);
    }

    #[test]
    fn returns_none_for_unknown_schemes_and_when_canceled() {
        let headers = [("X-Sig", &b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"[..])];
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: b"{}" };
        assert_eq!(find(&message, &Keys::of(SECRET), &|| false), None);
        assert_eq!(find(&message, &Keys::default(), &|| false), None);
        assert_eq!(find(&message, &Keys::of(SECRET), &|| true), None);
    }
}
