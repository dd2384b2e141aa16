{# Rust with the crates of RustCrypto and dalek.
   The first part is the code of one part of the message. It returns `None` if the part is absent, or is an `Option` if
   `optional`. #}
{% if part is defined %}
{%   set type = part.type %}
{%   if type == "header" %}header(&[{{ part.names|map("literal")|join(", ") }}]){% if not optional %}?{% endif %}
{%   elif type == "item" %}field({{ part.name|literal }})?
{%   elif type == "position" %}items.get({{ part.index }})?
{%   elif type == "json" %}{% set pointer %}{% for step in part.steps %}/{{ step|string|replace("~", "~0")|replace("/", "~1") }}{% endfor %}{% endset %}json.pointer({{ pointer|literal }}).and_then(|found| found.as_str().map(str::to_owned).or_else(|| found.is_number().then(|| found.to_string()))){% if not optional %}?{% endif %}
{%   elif type == "param" %}params.get({{ part.name|literal }})?
{%   elif type == "text" %}{{ part.text|literal }}.as_bytes()
{%   elif type == "body_sha256_hex" %}hex::encode(sha2::Sha256::digest(body)).as_bytes()
{%   elif type == "secret_base64" %}STANDARD.encode(secret).as_bytes()
{%   elif type == "value" %}{{ part.value|code }}.as_bytes()
{%   elif type == "time_s" %}{{ part.value|code }}.parse::<i64>().ok()?.checked_mul(1_000)?
{%   elif type == "time_ms" %}{{ part.value|code }}.parse().ok()?
{%   elif type == "time_iso" %}{ let text = {{ part.value|code }}; text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}Z").parse()).ok()?.as_millisecond() }
{%   elif type == "key_text" %}secret.as_bytes().to_vec()
{%   elif type == "key_base64" %}STANDARD.decode(secret).ok()?
{%   elif type == "key_prefixed" %}STANDARD.decode(["whsec_", "whpk_"].iter().find_map(|prefix| secret.strip_prefix(prefix)).unwrap_or(secret)).ok()?
{%   elif type == "key_hex" %}hex::decode(secret).ok()?
{%   elif type == "key_pem" %}STANDARD.decode(secret.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect::<String>()).ok()?
{%   elif type == "signature_text" %}Some(signature.as_bytes().to_vec())
{%   elif type == "signature_hex" %}hex::decode(signature).ok()
{%   elif type == "signature_base64" %}STANDARD.decode(signature).ok()
{%   elif type == "signature_base64url" %}URL_SAFE_NO_PAD.decode(signature).ok()
{%   elif type == "signature_base64_of_hex" %}STANDARD.decode(signature).ok().and_then(|text| hex::decode(text).ok())
{%   elif type in ["body", "url", "path", "method", "secret"] %}{{ type }}
{%   endif %}
{% else %}
{% set digest = {"md5": "md5::Md5", "sha1": "sha1::Sha1", "sha256": "sha2::Sha256", "sha384": "sha2::Sha384", "sha512": "sha2::Sha512"}[hash] %}
{% set standard = uses("key_base64", "key_prefixed", "key_pem", "secret_base64", "signature_base64", "signature_base64_of_hex") %}
{% set crates %}
{% if standard or uses("signature_base64url") %}
use base64::{Engine as _, engine::general_purpose::
{%-   if standard and uses("signature_base64url") %}{STANDARD, URL_SAFE_NO_PAD}
{%-   elif standard %}STANDARD
{%-   else %}URL_SAFE_NO_PAD
{%-   endif %}};
{% endif %}
{% if kind == "hmac" %}
use hmac::{Hmac, KeyInit as _, Mac as _};
{% endif %}
{% if kind == "hash" or uses("body_sha256_hex") %}
use sha2::Digest as _;
{% endif %}
{% if kind == "rsa" %}
use rsa::{pkcs8::DecodePublicKey as _, signature::Verifier as _};
{% elif kind == "ecdsa" %}
use p256::{ecdsa::signature::Verifier as _, pkcs8::DecodePublicKey as _};
{% endif %}
{% if not asymmetric %}
use subtle::ConstantTimeEq as _;
{% endif %}
{% endset %}
use std::collections::HashMap;
{% if crates %}

{{ crates|trim }}
{% endif %}

/// Verifies a webhook from {{ vendor|comment }}. The names in `headers` must be in lower case. `body` must be
/// the exact bytes received, before any parsing.{% if uses("url") %} `url` is the full URL as registered with
/// the sender.{% endif %}{% if timestamp %} `now_ms` is the current time in milliseconds since 1970.{% endif +%}
{% if spki %}
/// `secret` is the vendor's public key, in PEM or base64.
{% endif %}
pub fn verify(headers: &HashMap<String, String>, body: &[u8], secret: &str{% for name in arguments %}, {{ name }}: {% if name == "params" %}&HashMap<String, String>{% else %}&str{% endif %}{% endfor %}{% if timestamp %}, now_ms: i64{% endif %}) -> bool {
{% if uses("header") %}
    let header = |names: &[&str]| names.iter().find_map(|name| headers.get(*name)).map(|text| text.trim().to_owned());
{% endif %}
{% if uses("json") %}
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
{% endif %}
    let values: Vec<Option<String>> = vec![{{ places|map("optional")|join(", ") }}];
    values.into_iter().flatten().any(|value| {
        let holds = || -> Option<bool> {
{% if split %}
            let items: Vec<&str> = value.split(|c| {{ split|literal }}.contains(c)).map(str::trim).filter(|item| !item.is_empty()).collect();
            let signatures = items.iter().filter_map(|item| item.strip_prefix({{ prefix|literal }}));
{% if uses("item") %}
            let field = |name: &str| items.iter().filter_map(|item| item.split_once('=')).find(|(key, _)| *key == name).map(|(_, text)| text.to_owned());
{% endif %}
{% else %}
            let signatures = value.strip_prefix({{ prefix|literal }}).into_iter();
{% endif %}
{% if timestamp %}
            let signed_at_ms: i64 = {{ timestamp|code }};
{% if timestamp.past_s %}
            if now_ms - signed_at_ms > {{ timestamp.past_s * 1000 }} {
                return None;
            }
{% endif %}
{% if timestamp.future_s %}
            if signed_at_ms - now_ms > {{ timestamp.future_s * 1000 }} {
                return None;
            }
{% endif %}
{% endif %}
            let mut content: Vec<u8> = Vec::new();
{% for part in content %}
            content.extend_from_slice({{ part|code }});
{% endfor %}
{% if spki %}
            let key: Vec<u8> = {{ key|code }};
{% if kind == "rsa" %}
            let key = rsa::pkcs1v15::VerifyingKey::<rsa::{{ digest }}>::new(rsa::RsaPublicKey::from_public_key_der(&key).ok()?);
            let mut found = signatures.filter_map(|signature| {{ signature|code }}).filter_map(|found| rsa::pkcs1v15::Signature::try_from(found.as_slice()).ok());
{% else %}
            let key = p256::ecdsa::VerifyingKey::from_public_key_der(&key).ok()?;
            let mut found = signatures.filter_map(|signature| {{ signature|code }}).filter_map(|found| p256::ecdsa::Signature::from_der(&found).ok());
{% endif %}
            Some(found.any(|found| key.verify(&content, &found).is_ok()))
{% elif kind == "ed25519" %}
            let key: Vec<u8> = {{ key|code }};
            let key = ed25519_dalek::VerifyingKey::try_from(key.as_slice()).ok()?;
            let mut found = signatures.filter_map(|signature| {{ signature|code }}).filter_map(|found| ed25519_dalek::Signature::from_slice(&found).ok());
            Some(found.any(|found| key.verify_strict(&content, &found).is_ok()))
{% else %}
{% if kind == "token" %}
            let expected = content;
{% elif kind == "hash" %}
            let expected = {{ digest }}::digest(&content).to_vec();
{% else %}
            let key: Vec<u8> = {{ key|code }};
            let mut mac = Hmac::<{{ digest }}>::new_from_slice(&key).ok()?;
            mac.update(&content);
            let expected = mac.finalize().into_bytes().to_vec();
{% endif %}
            Some(signatures.filter_map(|signature| {{ signature|code }}).any(|found| found.ct_eq(&expected).into()))
{% endif %}
        };
        holds().unwrap_or(false)
    })
}
{% endif %}
