//! JSON Web Tokens that contain a digest of the body (RFC 7515, RFC 7519).

use base64::Engine as _;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    encoding::BASE64URL,
    fault::{Fault, Verification},
    jose,
    key::Keys,
    message::ParsedMessage,
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

fn token(scheme: &Jwt, reading: &ParsedMessage<'_>) -> Result<Token, Fault> {
    let value = scheme.token.value(reading).ok_or_else(|| Fault::NoSignature { place: scheme.token.shown() })?;
    let text = value
        .strip_prefix(&scheme.prefix)
        .ok_or_else(|| Fault::NoItem { place: scheme.token.shown(), prefix: scheme.prefix.clone() })?;
    read(text)
}

fn read(text: &str) -> Result<Token, Fault> {
    let parts: Vec<&str> = text.trim().split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err(refused("a token must have three parts separated by dots"));
    };
    let decoded = |part: &str| BASE64URL.decode(part).map_err(|_| refused("it is not base64url"));
    let object = |part: &str| {
        serde_json::from_slice::<Map<String, Value>>(&decoded(part)?)
            .map_err(|_| refused("its header or payload is not a JSON object"))
    };
    let head = object(header)?;
    Ok(Token {
        algorithm: head.get("alg").and_then(Value::as_str).unwrap_or_default().to_owned(),
        claims: object(claims)?,
        signed: format!("{header}.{claims}"),
        signature: decoded(signature)?,
    })
}

pub(crate) fn signed_content(scheme: &Jwt, reading: &ParsedMessage<'_>) -> Result<Vec<u8>, Fault> {
    token(scheme, reading).map(|token| token.signed.into_bytes())
}

pub(crate) fn verify(scheme: &Jwt, reading: &ParsedMessage<'_>, keys: &Keys, now_ms: i64) -> Verification {
    match verified(scheme, reading, keys, now_ms) {
        Ok((secret, at)) => Verification::valid(secret, at),
        Err(fault) => Verification::invalid(fault),
    }
}

fn verified(
    scheme: &Jwt,
    reading: &ParsedMessage<'_>,
    keys: &Keys,
    now_ms: i64,
) -> Result<(usize, Option<i64>), Fault> {
    let token = token(scheme, reading)?;
    if !scheme.algorithms.contains(&token.algorithm) {
        // This check rejects the algorithm "none" and tokens that use a public key as HMAC secret (RFC 8725 §3.1).
        let taken = scheme.algorithms.join(", ");
        return Err(refused(format!("its algorithm is {:?} (this scheme allows {taken})", token.algorithm)));
    }
    if keys.secrets.iter().all(String::is_empty) {
        return Err(Fault::NoSecret);
    }
    let mut secret = Err(Fault::Mismatch);
    for (number, candidate) in keys.secrets.iter().enumerate().filter(|(_, secret)| !secret.is_empty()) {
        match jose::holds(&token.algorithm, token.signed.as_bytes(), &token.signature, candidate) {
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
            return Err(refused(format!("its issuer must be {wanted:?} (got {found:?})")));
        }
    }
    times(scheme, &token, now_ms).map(|at| (secret, at))
}

fn carries(token: &Token, claim: &BodyClaim, bytes: &[u8], what: &str) -> Result<(), Fault> {
    let found = token.claims.get(&claim.claim).and_then(Value::as_str);
    if found.is_none() && (claim.optional || claim.absent_when_empty && bytes.is_empty()) {
        return Ok(());
    }
    let found = found.ok_or_else(|| refused(format!("its claim {:?} with the {what} is missing", claim.claim)))?;
    let holds = match claim.sha256 {
        None => found.as_bytes().ct_eq(bytes).into(),
        Some(encoding) => encoding.read(found).is_some_and(|digest| digest.ct_eq(&Sha256::digest(bytes)).into()),
    };
    if holds {
        Ok(())
    } else {
        Err(refused(format!("its claim {:?} does not match the {what} of this message", claim.claim)))
    }
}

fn times(scheme: &Jwt, token: &Token, now_ms: i64) -> Result<Option<i64>, Fault> {
    let claim = |name: &str| token.claims.get(name).and_then(Value::as_f64).map(|s| (s * 1_000.0) as i64);
    let leeway = i64::from(scheme.leeway_s) * 1_000;
    let issued = claim("iat");
    if let Some(expires) = claim("exp")
        && now_ms > expires.saturating_add(leeway)
    {
        return Err(Fault::Expired { by_ms: now_ms.saturating_sub(expires), allowed_ms: leeway });
    }
    if let Some(begins) = claim("nbf")
        && now_ms < begins.saturating_sub(leeway)
    {
        return Err(Fault::NotYetValid { by_ms: begins.saturating_sub(now_ms), allowed_ms: leeway });
    }
    if let (Some(issued), Some(most)) = (issued, scheme.max_age_s) {
        let allowed_ms = i64::from(most) * 1_000;
        let by_ms = now_ms.saturating_sub(issued);
        if by_ms > allowed_ms {
            return Err(Fault::Expired { by_ms, allowed_ms });
        }
    }
    Ok(issued)
}

/// Returns the token that a sender sets for this message. The token expires 300 seconds after `now_ms`.
pub(crate) fn sign(
    scheme: &Jwt,
    reading: &ParsedMessage<'_>,
    keys: &Keys,
    id: &str,
    now_ms: i64,
) -> Result<String, Fault> {
    let name = scheme.algorithms.first().map(String::as_str).unwrap_or_default();
    let secret = keys.secrets.iter().find(|secret| !secret.is_empty()).ok_or(Fault::NoSecret)?;
    let mut claims = Map::new();
    let mut put = |claim: &BodyClaim, bytes: &[u8]| {
        let text = match claim.sha256 {
            Some(encoding) => encoding.write(&Sha256::digest(bytes)),
            None => String::from_utf8_lossy(bytes).into_owned(),
        };
        claims.insert(claim.claim.clone(), text.into());
    };
    let body = reading.message.body;
    if let Some(claim) = scheme.body.as_ref().filter(|claim| !claim.absent_when_empty || !body.is_empty()) {
        put(claim, body);
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
    let digest = jose::sign(name, signed.as_bytes(), secret)?;
    Ok(format!("{signed}.{}", BASE64URL.encode(digest)))
}
