use std::collections::HashMap;
{%- if imports %}

{{ imports|join("\n") }}
{%- endif %}

/// Verifies a webhook of {{ vendor }}. `headers` has its names in lower case; `body` is the exact
/// bytes that arrived, before any parser.
{%- if url %} `url` is the whole URL as it is registered with
/// the sender.{% endif %}
{%- if check %} `now_ms` is now in milliseconds since 1970.{% endif %}
{%- if public %}
/// `secret` is the vendor's public key, in PEM or base64.{% endif %}
pub fn verify(headers: &HashMap<String, String>, body: &[u8], secret: &str{% if url %}, url: &str{% endif %}{% if path %}, path: &str{% endif %}{% if method %}, method: &str{% endif %}{% if params %}, params: &HashMap<String, String>{% endif %}{% if check %}, now_ms: i64{% endif %}) -> bool {
{%- if header %}
    let header = |names: &[&str]| names.iter().find_map(|name| headers.get(*name)).map(|text| text.trim().to_owned());
{%- endif %}
{%- if json %}
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
{%- endif %}
    let values: Vec<Option<String>> = vec![{{ places|join(", ") }}];
    values.into_iter().flatten().any(|value| {
        let holds = || -> Option<bool> {
{%- if split %}
            let items: Vec<&str> = value.split(|c| {{ split_text|literal }}.contains(c)).map(str::trim).filter(|item| !item.is_empty()).collect();
            let signatures = items.iter().filter_map(|item| item.strip_prefix({{ prefix|literal }}));
{%- if item %}
            let field = |name: &str| items.iter().filter_map(|item| item.split_once('=')).find(|(key, _)| *key == name).map(|(_, text)| text.to_owned());
{%- endif %}
{%- else %}
            let signatures = value.strip_prefix({{ prefix|literal }}).into_iter();
{%- endif %}
{%- if check %}
            let signed_at_ms: i64 = {{ check.expression }};
{%- if check.past_ms %}
            if now_ms - signed_at_ms > {{ check.past_ms }} {
                return None;
            }
{%- endif %}
{%- if check.future_ms %}
            if signed_at_ms - now_ms > {{ check.future_ms }} {
                return None;
            }
{%- endif %}
{%- endif %}
            let mut content: Vec<u8> = Vec::new();
{%- for part in pieces %}
            content.extend_from_slice({{ part }});
{%- endfor %}
{%- if public %}
            let key: Vec<u8> = {{ key }};
{%- if kind == "rsa" %}
            let key = rsa::pkcs1v15::VerifyingKey::<rsa::{{ hash }}>::new(rsa::RsaPublicKey::from_public_key_der(&key).ok()?);
            let mut found = signatures.filter_map(|signature| {{ found }}).filter_map(|found| rsa::pkcs1v15::Signature::try_from(found.as_slice()).ok());
{%- else %}
            let key = p256::ecdsa::VerifyingKey::from_public_key_der(&key).ok()?;
            let mut found = signatures.filter_map(|signature| {{ found }}).filter_map(|found| p256::ecdsa::Signature::from_der(&found).ok());
{%- endif %}
            Some(found.any(|found| key.verify(&content, &found).is_ok()))
{%- elif kind == "ed25519" %}
            let key: Vec<u8> = {{ key }};
            let key = ed25519_dalek::VerifyingKey::try_from(key.as_slice()).ok()?;
            let mut found = signatures.filter_map(|signature| {{ found }}).filter_map(|found| ed25519_dalek::Signature::from_slice(&found).ok());
            Some(found.any(|found| key.verify_strict(&content, &found).is_ok()))
{%- else %}
{%- if kind == "token" %}
            let expected = content;
{%- elif kind == "hash" %}
            let expected = {{ hash }}::digest(&content).to_vec();
{%- else %}
            let key: Vec<u8> = {{ key }};
            let mut mac = Hmac::<{{ hash }}>::new_from_slice(&key).ok()?;
            mac.update(&content);
            let expected = mac.finalize().into_bytes().to_vec();
{%- endif %}
            Some(signatures.filter_map(|signature| {{ found }}).any(|found| found.ct_eq(&expected).into()))
{%- endif %}
        };
        holds().unwrap_or(false)
    })
}
