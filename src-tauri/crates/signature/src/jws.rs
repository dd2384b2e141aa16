//! Detached JSON Web Signatures (RFC 7515, appendix F): the payload is not in the token but built
//! from the message.

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::{
    encoding::BASE64URL,
    fault::{Fault, Verdict},
    jose,
    key::Keys,
    message::{Message, Reading},
    scheme::Jws,
    template::Filling,
    timestamp::Unit,
};

/// The item that stands for the lines of the signed headers.
const HEADER_LINES: &str = "headers";

struct Token {
    head: Map<String, Value>,
    head_text: String,
    signature: Vec<u8>,
}

fn refused(why: impl Into<String>) -> Fault {
    Fault::Token { why: why.into() }
}

fn token(scheme: &Jws, reading: &Reading<'_>) -> Result<Token, Fault> {
    let value = scheme.token.value(reading).ok_or_else(|| Fault::NoSignature { place: scheme.token.shown() })?;
    let parts: Vec<&str> = value.trim().split('.').collect();
    let [head_text, _, signature] = parts[..] else {
        return Err(refused("it has not the three parts of a signature"));
    };
    let decoded = |part: &str| BASE64URL.decode(part).map_err(|_| refused("it is not base64url"));
    let head = serde_json::from_slice(&decoded(head_text)?).map_err(|_| refused("its head is no JSON object"))?;
    Ok(Token { head, head_text: head_text.to_owned(), signature: decoded(signature)? })
}

impl Token {
    fn text(&self, name: &str) -> &str {
        self.head.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The lines of the headers a list names, in its order and spelling.
fn lines(listed: &str, message: &Message<'_>) -> String {
    let names = listed.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.filter_map(|name| Some(format!("{name}: {}\n", String::from_utf8_lossy(message.header(name)?)))).collect()
}

fn payload(scheme: &Jws, listed: &str, reading: &Reading<'_>, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let items = [(HEADER_LINES.to_owned(), lines(listed, &reading.message))];
    let param = keys.param();
    scheme.content.whole(&Filling { reading, items: &items, secret: b"", param: &param })
}

/// The path with the slash at its end that it has not, or without the one it has.
fn other_slash(target: &str) -> String {
    let (path, query) = target.find('?').map_or((target, ""), |at| target.split_at(at));
    match path.strip_suffix('/') {
        Some(bare) => format!("{bare}{query}"),
        None => format!("{path}/{query}"),
    }
}

pub(crate) fn signed_content(scheme: &Jws, reading: &Reading<'_>, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let token = token(scheme, reading)?;
    let listed = scheme.headers.as_deref().map_or("", |name| token.text(name));
    payload(scheme, listed, reading, keys)
}

pub(crate) fn verify(scheme: &Jws, reading: &Reading<'_>, keys: &Keys, now_ms: i64) -> Verdict {
    match judged(scheme, reading, keys, now_ms) {
        Ok((secret, at)) => Verdict::valid(secret, at),
        Err(fault) => Verdict::invalid(fault),
    }
}

fn judged(scheme: &Jws, reading: &Reading<'_>, keys: &Keys, now_ms: i64) -> Result<(usize, Option<i64>), Fault> {
    let token = token(scheme, reading)?;
    let algorithm = token.text("alg");
    if !scheme.algorithms.iter().any(|taken| taken == algorithm) {
        let taken = scheme.algorithms.join(", ");
        return Err(refused(format!("its algorithm is {algorithm:?}; this scheme takes {taken}")));
    }
    if keys.secrets.iter().all(String::is_empty) {
        return Err(Fault::NoSecret);
    }
    let listed = scheme.headers.as_deref().map_or("", |name| token.text(name));
    let mut payloads = vec![payload(scheme, listed, reading, keys)?];
    if scheme.either_slash {
        let target = other_slash(reading.message.signed_path());
        let other = Message { target: &target, url: None, ..reading.message };
        payloads.push(payload(scheme, listed, &Reading::new(&other), keys)?);
    }
    let at = match &scheme.timestamp {
        None => None,
        Some(rule) => {
            let text = rule
                .from
                .value(reading)
                .ok_or_else(|| Fault::Missing { what: format!("The timestamp ({})", rule.from.shown()) })?;
            match rule.unit.read(&text) {
                None if rule.unit != Unit::Raw => {
                    return Err(Fault::Timestamp { text, unit: crate::digest::unit_words(rule.unit).into() });
                }
                at => at.map(|at| (at, rule)),
            }
        }
    };
    let mut fault = Fault::Mismatch;
    for (number, secret) in keys.secrets.iter().enumerate().filter(|(_, secret)| !secret.is_empty()) {
        for payload in &payloads {
            let signed = format!("{}.{}", token.head_text, BASE64URL.encode(payload));
            match jose::holds(algorithm, signed.as_bytes(), &token.signature, secret) {
                Ok(true) => {
                    if let Some((at, rule)) = at {
                        crate::digest::in_time(at, rule, now_ms)?;
                    }
                    return Ok((number, at.map(|(at, _)| at)));
                }
                Ok(false) => fault = Fault::Mismatch,
                Err(other) => fault = other,
            }
        }
    }
    Err(fault)
}

/// The token a sender would set.
pub(crate) fn sign(scheme: &Jws, reading: &Reading<'_>, keys: &Keys) -> Result<String, Fault> {
    let algorithm = scheme.algorithms.first().map(String::as_str).unwrap_or_default();
    let secret = keys.secrets.iter().find(|secret| !secret.is_empty()).ok_or(Fault::NoSecret)?;
    let mut head = Map::from_iter([("alg".to_owned(), Value::from(algorithm))]);
    head.extend(scheme.head.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
    let head = BASE64URL.encode(Value::Object(head).to_string());
    let payload = payload(scheme, "", reading, keys)?;
    let signed = format!("{head}.{}", BASE64URL.encode(payload));
    Ok(format!("{head}..{}", BASE64URL.encode(jose::sign(algorithm, signed.as_bytes(), secret)?)))
}

#[cfg(test)]
mod tests {
    use p521::elliptic_curve::Generate as _;
    use p521::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};

    use super::*;
    use crate::{Scheme, Signed, State};

    fn scheme(more: serde_json::Value) -> Scheme {
        let mut jws = serde_json::json!({
            "token": "header:Tl-Signature", "algorithms": ["ES512"],
            "content": "{method} {path}\n{signature:headers}{body}", "headers": "tl_headers", "either_slash": true,
        });
        jws.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::from_value(serde_json::json!({ "jws": jws })).expect("a scheme")
    }

    fn judged(scheme: &Scheme, token: &str, target: &str, body: &[u8], key: &str) -> Verdict {
        let headers = [("Tl-Signature", token.as_bytes())];
        let message = Message { method: "POST", target, url: None, headers: &headers, body };
        crate::verify(scheme, &message, &Keys::of(key), 0)
    }

    #[test]
    fn what_is_signed_holds_by_the_public_key_and_by_no_other() {
        let pair = || {
            let key = p521::SecretKey::generate();
            let private = key.to_pkcs8_pem(LineEnding::LF).expect("PEM").to_string();
            (private, key.public_key().to_public_key_pem(LineEnding::LF).expect("PEM"))
        };
        let ((private, public), (_, other)) = (pair(), pair());
        let scheme = scheme(serde_json::json!({ "head": { "tl_version": "2" } }));
        let message = Message { method: "POST", target: "/hook", url: None, headers: &[], body: b"{}" };
        let Signed { headers, .. } = crate::sign(&scheme, &message, &Keys::of(private), "id", 0).expect("it signs");
        let token = headers[0].1.as_str();
        assert_eq!(judged(&scheme, token, "/hook", b"{}", &public).state, State::Valid);
        assert_eq!(judged(&scheme, token, "/hook/", b"{}", &public).state, State::Valid);
        for (target, body, key) in
            [("/hooks", &b"{}"[..], &public), ("/hook", b"{ }", &public), ("/hook", b"{}", &other)]
        {
            assert_eq!(judged(&scheme, token, target, body, key).fault, Some(Fault::Mismatch));
        }
    }

    #[test]
    fn what_is_no_signature_is_refused_with_a_reason() {
        let scheme = scheme(serde_json::json!({}));
        let none = BASE64URL.encode(br#"{"alg":"none"}"#);
        for token in ["", "..", "a.b", "a..b", &format!("{none}.."), &format!("{none}..AAAA")] {
            let verdict = judged(&scheme, token, "/", b"", "secret");
            assert!(matches!(verdict.fault, Some(Fault::Token { .. })), "{token:?}: {verdict:?}");
        }
    }
}
