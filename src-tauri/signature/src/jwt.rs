//! JSON Web Tokens that carry a digest of the body (RFC 7515, RFC 7519).

use base64::Engine as _;
use p256::{ecdsa::signature::hazmat::PrehashVerifier, pkcs8::DecodePublicKey as _};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::{
    algorithm::Algorithm,
    encoding::BASE64URL,
    fault::{Fault, Verdict},
    key::{Key, KeyForm, Keys},
    message::Reading,
    scheme::{BodyClaim, Jwt},
};

struct Token {
    algorithm: String,
    claims: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

fn refused(why: impl Into<String>) -> Fault {
    Fault::Token { why: why.into() }
}

fn token(scheme: &Jwt, reading: &Reading<'_>) -> Result<Token, Fault> {
    let value = scheme.token.value(reading).ok_or_else(|| Fault::NoSignature { place: scheme.token.shown() })?;
    let text = value
        .strip_prefix(&scheme.prefix)
        .ok_or_else(|| Fault::NoItem { place: scheme.token.shown(), prefix: scheme.prefix.clone() })?;
    read(text)
}

fn read(text: &str) -> Result<Token, Fault> {
    let parts: Vec<&str> = text.trim().split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err(refused("it has not the three parts of a token"));
    };
    let decoded = |part: &str| BASE64URL.decode(part).map_err(|_| refused("it is not base64url"));
    let object = |part: &str| {
        serde_json::from_slice::<Map<String, Value>>(&decoded(part)?)
            .map_err(|_| refused("a part of it is no JSON object"))
    };
    let head = object(header)?;
    Ok(Token {
        algorithm: head.get("alg").and_then(Value::as_str).unwrap_or_default().to_owned(),
        claims: object(claims)?,
        signed: format!("{header}.{claims}"),
        signature: decoded(signature)?,
    })
}

pub(crate) fn signed_content(scheme: &Jwt, reading: &Reading<'_>) -> Result<Vec<u8>, Fault> {
    token(scheme, reading).map(|token| token.signed.into_bytes())
}

/// Algorithms of RFC 7518 that vendors use, and what they are here.
const SYMMETRIC: &[(&str, Algorithm)] =
    &[("HS256", Algorithm::HmacSha256), ("HS384", Algorithm::HmacSha384), ("HS512", Algorithm::HmacSha512)];
const RSA: &[(&str, Algorithm)] = &[("RS256", Algorithm::RsaSha256), ("RS512", Algorithm::RsaSha512)];

fn holds(token: &Token, secret: &str) -> Result<bool, Fault> {
    let feed = |sink: &mut dyn FnMut(&[u8])| {
        sink(token.signed.as_bytes());
        Ok(())
    };
    let named = |table: &[(&str, Algorithm)]| table.iter().find(|(name, _)| *name == token.algorithm).map(|(_, a)| *a);
    if let Some(algorithm) = named(SYMMETRIC) {
        return algorithm.holds(&Key::Bytes(secret.as_bytes().to_vec()), &token.signature, feed);
    }
    if let Some(algorithm) = named(RSA) {
        return algorithm.holds(&KeyForm::Pem.verifying(algorithm, secret)?, &token.signature, feed);
    }
    match (token.algorithm.as_str(), elliptic(secret)?) {
        ("ES256", Key::P256(key)) => {
            let Ok(signature) = p256::ecdsa::Signature::from_slice(&token.signature) else { return Ok(false) };
            Ok(key.verify_prehash(&Sha256::digest(&token.signed), &signature).is_ok())
        }
        ("ES512", Key::P521(key)) => {
            let Ok(signature) = p521::ecdsa::Signature::from_slice(&token.signature) else { return Ok(false) };
            Ok(key.verify_prehash(&Sha512::digest(&token.signed), &signature).is_ok())
        }
        (other, _) => Err(refused(format!("its algorithm {other:?} does not go with this key"))),
    }
}

/// An elliptic key in PEM or as a JWK (RFC 7517).
fn elliptic(secret: &str) -> Result<Key, Fault> {
    let wrong = || Fault::Secret { why: "it is no public key in PEM or JWK".into() };
    if secret.contains("PUBLIC KEY") {
        return p256::ecdsa::VerifyingKey::from_public_key_pem(secret)
            .map(Key::P256)
            .or_else(|_| p521::ecdsa::VerifyingKey::from_public_key_pem(secret).map(Key::P521))
            .map_err(|_| wrong());
    }
    let jwk: Map<String, Value> = serde_json::from_str(secret).map_err(|_| wrong())?;
    let coordinate = |name: &str| {
        jwk.get(name).and_then(Value::as_str).and_then(|text| BASE64URL.decode(text).ok()).ok_or_else(wrong)
    };
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    match jwk.get("crv").and_then(Value::as_str) {
        Some("P-256") => p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).map(Key::P256).map_err(|_| wrong()),
        Some("P-521") => p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).map(Key::P521).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

pub(crate) fn verify(scheme: &Jwt, reading: &Reading<'_>, keys: &Keys, now_ms: i64) -> Verdict {
    match judged(scheme, reading, keys, now_ms) {
        Ok((secret, at)) => Verdict::valid(secret, at),
        Err(fault) => Verdict::invalid(fault),
    }
}

fn judged(scheme: &Jwt, reading: &Reading<'_>, keys: &Keys, now_ms: i64) -> Result<(usize, Option<i64>), Fault> {
    let token = token(scheme, reading)?;
    if !scheme.algorithms.contains(&token.algorithm) {
        // "none" above all, and a public key taken for a secret (RFC 8725 §3.1).
        let taken = scheme.algorithms.join(", ");
        return Err(refused(format!("its algorithm is {:?}; this scheme takes {taken}", token.algorithm)));
    }
    if keys.secrets.iter().all(String::is_empty) {
        return Err(Fault::NoSecret);
    }
    let mut secret = Err(Fault::Mismatch);
    for (number, candidate) in keys.secrets.iter().enumerate().filter(|(_, secret)| !secret.is_empty()) {
        match holds(&token, candidate) {
            Ok(true) => {
                secret = Ok(number);
                break;
            }
            Ok(false) => {}
            Err(fault) => secret = Err(fault),
        }
    }
    let secret = secret?;
    if let Some(claim) = &scheme.body {
        carries(&token, claim, reading.message.body, "body")?;
    }
    if let Some(claim) = &scheme.url {
        carries(&token, claim, reading.message.signed_url().as_bytes(), "URL")?;
    }
    if let Some(issuer) = &scheme.issuer {
        let wanted = match issuer.strip_prefix("{param:").and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => keys.params.get(name).cloned(),
            None => Some(issuer.clone()),
        };
        let found = token.claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        if let Some(wanted) = wanted.filter(|wanted| wanted != found) {
            return Err(refused(format!("its issuer is {found:?}, not {wanted:?}")));
        }
    }
    times(scheme, &token, now_ms).map(|at| (secret, at))
}

fn carries(token: &Token, claim: &BodyClaim, bytes: &[u8], what: &str) -> Result<(), Fault> {
    let found = token.claims.get(&claim.claim).and_then(Value::as_str);
    let found = found.ok_or_else(|| refused(format!("it has no claim {:?} for the {what}", claim.claim)))?;
    let holds = match claim.sha256 {
        None => found.as_bytes().ct_eq(bytes).into(),
        Some(encoding) => encoding.read(found).is_some_and(|digest| digest.ct_eq(&Sha256::digest(bytes)).into()),
    };
    if holds { Ok(()) } else { Err(refused(format!("its claim {:?} is not that of this {what}", claim.claim))) }
}

fn times(scheme: &Jwt, token: &Token, now_ms: i64) -> Result<Option<i64>, Fault> {
    let claim = |name: &str| token.claims.get(name).and_then(Value::as_f64).map(|s| (s * 1_000.0) as i64);
    let leeway = i64::from(scheme.leeway_s) * 1_000;
    let issued = claim("iat");
    if let Some(expires) = claim("exp")
        && now_ms > expires.saturating_add(leeway)
    {
        return Err(Fault::Stale { by_ms: now_ms - expires, allowed_ms: leeway });
    }
    if let Some(begins) = claim("nbf")
        && now_ms < begins.saturating_sub(leeway)
    {
        return Err(Fault::Future { by_ms: begins - now_ms, allowed_ms: leeway });
    }
    if let (Some(issued), Some(most)) = (issued, scheme.max_age_s) {
        let allowed_ms = i64::from(most) * 1_000;
        if now_ms - issued > allowed_ms {
            return Err(Fault::Stale { by_ms: now_ms - issued, allowed_ms });
        }
    }
    Ok(issued)
}

/// A token as a sender would make it.
pub(crate) fn sign(scheme: &Jwt, reading: &Reading<'_>, keys: &Keys, id: &str, now_ms: i64) -> Result<String, Fault> {
    let name = scheme.algorithms.first().map(String::as_str).unwrap_or_default();
    let algorithm = SYMMETRIC.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm);
    let algorithm = algorithm.ok_or_else(|| refused(format!("{name} is made with the sender's private key")))?;
    let secret = keys.secrets.iter().find(|secret| !secret.is_empty()).ok_or(Fault::NoSecret)?;
    let mut claims = Map::new();
    let mut put = |claim: &BodyClaim, bytes: &[u8]| {
        let text = match claim.sha256 {
            Some(encoding) => encoding.write(&Sha256::digest(bytes)),
            None => String::from_utf8_lossy(bytes).into_owned(),
        };
        claims.insert(claim.claim.clone(), text.into());
    };
    if let Some(claim) = &scheme.body {
        put(claim, reading.message.body);
    }
    if let Some(claim) = &scheme.url {
        put(claim, reading.message.signed_url().as_bytes());
    }
    if let Some(issuer) = &scheme.issuer {
        let issuer = match issuer.strip_prefix("{param:").and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => {
                keys.params.get(name).cloned().ok_or_else(|| Fault::Missing { what: format!("The setting {name}") })?
            }
            None => issuer.clone(),
        };
        claims.insert("iss".into(), issuer.into());
    }
    let now = now_ms.div_euclid(1_000);
    claims.extend([
        ("iat".into(), now.into()),
        ("nbf".into(), now.into()),
        ("exp".into(), (now + 300).into()),
        ("jti".into(), id.into()),
    ]);
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    let signed =
        format!("{}.{}", part(&serde_json::json!({ "alg": name, "typ": "JWT" })), part(&Value::Object(claims)));
    let digest = algorithm.digest(secret.as_bytes(), |sink: &mut dyn FnMut(&[u8])| {
        sink(signed.as_bytes());
        Ok(())
    })?;
    Ok(format!("{signed}.{}", BASE64URL.encode(digest)))
}
