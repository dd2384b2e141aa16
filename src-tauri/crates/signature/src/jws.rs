//! Detached JSON Web Signatures (RFC 7515, appendix F). The payload is not part of the token: verifier and signer build
//! the payload from the message.

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::{
    encoding::BASE64URL,
    fault::{Fault, Verification},
    jose,
    key::Keys,
    message::{Message, ParsedMessage},
    scheme::Jws,
    template::Filling,
    timestamp::Unit,
};

/// Name of the template item that is replaced by the lines of the signed headers.
const HEADER_LINES: &str = "headers";

struct Token {
    head: Map<String, Value>,
    head_text: String,
    signature: Vec<u8>,
}

fn refused(why: impl Into<String>) -> Fault {
    Fault::Token { why: why.into() }
}

fn token(scheme: &Jws, reading: &ParsedMessage<'_>) -> Result<Token, Fault> {
    let value = scheme.token.value(reading).ok_or_else(|| Fault::NoSignature { place: scheme.token.shown() })?;
    let parts: Vec<&str> = value.trim().split('.').collect();
    let [head_text, _, signature] = parts[..] else {
        return Err(refused("a signature must have three parts separated by dots"));
    };
    let decoded = |part: &str| BASE64URL.decode(part).map_err(|_| refused("it is not base64url"));
    let head = serde_json::from_slice(&decoded(head_text)?).map_err(|_| refused("its header is not a JSON object"))?;
    Ok(Token { head, head_text: head_text.to_owned(), signature: decoded(signature)? })
}

impl Token {
    fn text(&self, name: &str) -> &str {
        self.head.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Returns one line for each listed header, in the order and spelling of the list.
fn lines(listed: &str, message: &Message<'_>) -> String {
    let names = listed.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.filter_map(|name| Some(format!("{name}: {}\n", String::from_utf8_lossy(message.header(name)?)))).collect()
}

fn payload(scheme: &Jws, listed: &str, reading: &ParsedMessage<'_>, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let items = [(HEADER_LINES.to_owned(), lines(listed, &reading.message))];
    let param = keys.param();
    scheme.content.whole(&Filling { reading, items: &items, secret: b"", param: &param })
}

/// Adds a trailing slash to the path, or removes the trailing slash if the path has one.
fn other_slash(target: &str) -> String {
    let (path, query) = target.find('?').map_or((target, ""), |at| target.split_at(at));
    match path.strip_suffix('/') {
        Some(bare) => format!("{bare}{query}"),
        None => format!("{path}/{query}"),
    }
}

pub(crate) fn signed_content(scheme: &Jws, reading: &ParsedMessage<'_>, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let token = token(scheme, reading)?;
    let listed = scheme.headers.as_deref().map_or("", |name| token.text(name));
    payload(scheme, listed, reading, keys)
}

pub(crate) fn verify(scheme: &Jws, reading: &ParsedMessage<'_>, keys: &Keys, now_ms: i64) -> Verification {
    match verified(scheme, reading, keys, now_ms) {
        Ok((secret, at)) => Verification::valid(secret, at),
        Err(fault) => Verification::invalid(fault),
    }
}

fn verified(
    scheme: &Jws,
    reading: &ParsedMessage<'_>,
    keys: &Keys,
    now_ms: i64,
) -> Result<(usize, Option<i64>), Fault> {
    let token = token(scheme, reading)?;
    let algorithm = token.text("alg");
    if !scheme.algorithms.iter().any(|taken| taken == algorithm) {
        let taken = scheme.algorithms.join(", ");
        return Err(refused(format!("its algorithm is {algorithm:?} (this scheme allows {taken})")));
    }
    if keys.secrets.iter().all(String::is_empty) {
        return Err(Fault::NoSecret);
    }
    let listed = scheme.headers.as_deref().map_or("", |name| token.text(name));
    let mut payloads = vec![payload(scheme, listed, reading, keys)?];
    if scheme.either_slash {
        let target = other_slash(reading.message.signed_path());
        let other = Message { target: &target, url: None, ..reading.message };
        payloads.push(payload(scheme, listed, &ParsedMessage::new(&other), keys)?);
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

/// Returns the token that a sender sets for this message.
pub(crate) fn sign(scheme: &Jws, reading: &ParsedMessage<'_>, keys: &Keys) -> Result<String, Fault> {
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
        jws.as_object_mut().expect("JSON object").extend(more.as_object().expect("JSON object").clone());
        serde_json::from_value(serde_json::json!({ "jws": jws })).expect("valid scheme")
    }

    fn verified(scheme: &Scheme, token: &str, target: &str, body: &[u8], key: &str) -> Verification {
        let headers = [("Tl-Signature", token.as_bytes())];
        let message = Message { method: "POST", target, url: None, headers: &headers, body };
        crate::verify(scheme, &message, &Keys::of(key), 0)
    }

    #[test]
    fn verifies_with_the_matching_public_key_only() {
        let pair = || {
            let key = p521::SecretKey::generate();
            let private = key.to_pkcs8_pem(LineEnding::LF).expect("PEM encoding").to_string();
            (private, key.public_key().to_public_key_pem(LineEnding::LF).expect("PEM encoding"))
        };
        let ((private, public), (_, other)) = (pair(), pair());
        let scheme = scheme(serde_json::json!({ "head": { "tl_version": "2" } }));
        let message = Message { method: "POST", target: "/hook", url: None, headers: &[], body: b"{}" };
        let Signed { headers, .. } =
            crate::sign(&scheme, &message, &Keys::of(private), "id", 0).expect("signing succeeds");
        let token = headers[0].1.as_str();
        assert_eq!(verified(&scheme, token, "/hook", b"{}", &public).state, State::Valid);
        assert_eq!(verified(&scheme, token, "/hook/", b"{}", &public).state, State::Valid);
        for (target, body, key) in
            [("/hooks", &b"{}"[..], &public), ("/hook", b"{ }", &public), ("/hook", b"{}", &other)]
        {
            assert_eq!(verified(&scheme, token, target, body, key).fault, Some(Fault::Mismatch));
        }
    }

    #[test]
    fn rejects_malformed_tokens_with_a_reason() {
        let scheme = scheme(serde_json::json!({}));
        let none = BASE64URL.encode(br#"{"alg":"none"}"#);
        for token in ["", "..", "a.b", "a..b", &format!("{none}.."), &format!("{none}..AAAA")] {
            let verification = verified(&scheme, token, "/", b"", "secret");
            assert!(matches!(verification.fault, Some(Fault::Token { .. })), "{token:?}: {verification:?}");
        }
    }
}
