//! Checks of a certificate entered as the secret: dates, name and chain.

use p256::pkcs8::DecodePublicKey as _;
use rsa::pkcs8::DecodePublicKey as _;
use x509_cert::{
    Certificate,
    der::{Decode as _, DecodePem as _, Encode as _, oid::ObjectIdentifier},
    ext::pkix::{SubjectAltName, name::GeneralName},
};

use crate::{
    algorithm::Algorithm,
    fault::Fault,
    key::{Key, pem},
    message::ParsedMessage,
    scheme::CertificateRule,
    template::capital,
};

/// Maximum number of certificates parsed from one chain. Public chains have three.
const CHAIN_MAX: usize = 8;

/// Object identifiers of names in a subject (RFC 4519 §2.3) and in an extension (RFC 5280 §4.2.1.6).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const SHA1_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const SHA256_WITH_ECDSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

fn wrong(why: impl Into<String>) -> Fault {
    Fault::Secret { why: why.into() }
}

/// Checks that the certificate URL in a message is an HTTPS URL on one of the vendor's hosts.
pub(crate) fn url_is_allowed(rule: &CertificateRule, reading: &ParsedMessage<'_>) -> Result<(), Fault> {
    let place = capital(&rule.url.shown());
    let url = rule.url.value(reading).ok_or_else(|| Fault::Missing { what: place.clone() })?;
    let host = url.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#', ':']).next().unwrap_or_default());
    let allowed = |host: &str| {
        rule.hosts.iter().any(|own| match own.strip_prefix('.') {
            Some(_) => host.len() > own.len() && host.ends_with(own.as_str()),
            None => host == own,
        })
    };
    match host.map(str::to_ascii_lowercase).is_some_and(|host| allowed(&host)) {
        true => Ok(()),
        false => Err(Fault::Requirement {
            what: place,
            wanted: rule
                .hosts
                .iter()
                .map(|host| format!("https://{}", host.replacen('.', "*.", usize::from(host.starts_with('.')))))
                .collect::<Vec<_>>()
                .join(" or "),
        }),
    }
}

/// Checks a secret that is a certificate or a certificate chain: each certificate must be valid at `now_ms` and signed
/// by the next, and the first must be issued for one of `names`. A secret without a certificate always passes.
pub(crate) fn check(secret: &str, names: &[String], now_ms: i64) -> Result<(), Fault> {
    let chain = chain(secret)?;
    let Some(first) = chain.first() else { return Ok(()) };
    let seconds = u64::try_from(now_ms.div_euclid(1_000)).unwrap_or_default();
    for certificate in &chain {
        let validity = certificate.tbs_certificate().validity();
        let (begins, ends) =
            (validity.not_before.to_unix_duration().as_secs(), validity.not_after.to_unix_duration().as_secs());
        let of = if std::ptr::eq(certificate, first) { "the certificate" } else { "a certificate in the chain" };
        if seconds < begins {
            return Err(wrong(format!("{of} is not yet valid: its validity begins at {}", validity.not_before)));
        }
        if seconds > ends {
            return Err(wrong(format!("{of} expired at {}", validity.not_after)));
        }
    }
    let own = names_of(first);
    if !names.is_empty() && !own.iter().any(|own| names.iter().any(|name| matches(own, name))) {
        return Err(wrong(format!("the certificate must be issued for {} (got {})", names.join(" or "), listed(&own))));
    }
    for pair in chain.windows(2) {
        if !is_signed_by(&pair[0], &pair[1]) {
            return Err(wrong("a certificate in the chain is not signed by the next certificate"));
        }
    }
    Ok(())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no name".into() } else { names.join(", ") }
}

/// Returns true if a certificate name matches the wanted name. One `*` in the wanted name matches any text.
fn matches(own: &str, wanted: &str) -> bool {
    let own = own.to_ascii_lowercase();
    match wanted.split_once('*') {
        Some((start, end)) => own.len() >= start.len() + end.len() && own.starts_with(start) && own.ends_with(end),
        None => own == wanted,
    }
}

/// Parses the certificates of a secret in PEM. Returns an empty list if the secret has no certificate.
fn chain(secret: &str) -> Result<Vec<Certificate>, Fault> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let blocks = secret.split(BEGIN).skip(1).take(CHAIN_MAX);
    blocks
        .map(|block| {
            Certificate::from_pem(pem(&format!("{BEGIN}{block}")))
                .map_err(|e| wrong(format!("the certificate cannot be parsed: {e}")))
        })
        .collect()
}

fn names_of(certificate: &Certificate) -> Vec<String> {
    let tbs = certificate.tbs_certificate();
    let mut names: Vec<String> = Vec::new();
    for attribute in tbs.subject().iter().filter(|attribute| attribute.oid == COMMON_NAME) {
        names.push(String::from_utf8_lossy(attribute.value.value()).into_owned());
    }
    let extensions = tbs.extensions().into_iter().flatten().filter(|extension| extension.extn_id == ALTERNATIVE_NAMES);
    for extension in extensions {
        if let Ok(SubjectAltName(alternatives)) = SubjectAltName::from_der(extension.extn_value.as_bytes()) {
            names.extend(alternatives.iter().filter_map(|name| match name {
                GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
                _ => None,
            }));
        }
    }
    names.dedup();
    names
}

fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let (Ok(content), Ok(key)) =
        (certificate.tbs_certificate().to_der(), issuer.tbs_certificate().subject_public_key_info().to_der())
    else {
        return false;
    };
    if certificate.tbs_certificate().issuer() != issuer.tbs_certificate().subject() {
        return false;
    }
    let rsa = || rsa::RsaPublicKey::from_public_key_der(&key).ok().map(Key::Rsa);
    let (algorithm, key) = match certificate.signature_algorithm().oid {
        SHA256_WITH_RSA => (Algorithm::RsaSha256, rsa()),
        SHA512_WITH_RSA => (Algorithm::RsaSha512, rsa()),
        SHA1_WITH_RSA => (Algorithm::RsaSha1, rsa()),
        SHA256_WITH_ECDSA => {
            (Algorithm::EcdsaSha256, p256::ecdsa::VerifyingKey::from_public_key_der(&key).ok().map(Key::P256))
        }
        _ => return false,
    };
    let feed = |sink: &mut dyn FnMut(&[u8])| {
        sink(&content);
        Ok(())
    };
    key.is_some_and(|key| algorithm.holds(&key, certificate.signature().raw_bytes(), feed).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test certificates created with OpenSSL: a certificate for `messageverificationcerts.paypal.com`, the authority
    /// that signed the certificate, and another authority of the same name. All are valid from 2026-11-29 to
    /// 2036-11-26.
    const LEAF: &str = "-----BEGIN CERTIFICATE-----
MIIBOTCB4QIUC2dFzYGH/tGGQ2QIirUiEG/tnVswCgYIKoZIzj0EAwIwEjEQMA4G
A1UEAwwHVGVzdCBDQTAeFw0yNjExMjkxOTQxNTlaFw0zNjExMjYxOTQxNTlaMC4x
LDAqBgNVBAMMI21lc3NhZ2V2ZXJpZmljYXRpb25jZXJ0cy5wYXlwYWwuY29tMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEr1mJWZeiWnJyhCNivYMjZ3j0Qehvdr+O
oYRy8uapO4fonzG0F+sbk7oYCvqZCPMAZdMz4ATVRX+fVwgd40pA2TAKBggqhkjO
PQQDAgNHADBEAiAiG9z8NDtWbxm7TdmL71aQXWjnwHVYxRd2JHy3iDZfvQIgHjee
8TzuIPvmlmooa15URup2Tmys6sQA1lcgayb5k0k=
-----END CERTIFICATE-----";
    const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBejCCAR+gAwIBAgIUG8/2YdzF6L7AMkyfqR/u9jtnp5AwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAeFw0yNjExMjkxOTQxNTlaFw0zNjExMjYxOTQx
NTlaMBIxEDAOBgNVBAMMB1Rlc3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQ5acDqFIsm8QTaSri+G5lE4FoMWqlWqi2jRZaYVDOpLWOIUVIepNdxCWylQ0hY
LIkUeFa/GV8p/6cn4y4kuQ6ko1MwUTAdBgNVHQ4EFgQUaups80sdWl1ZNo/gu+K3
Tvtj1U8wHwYDVR0jBBgwFoAUaups80sdWl1ZNo/gu+K3Tvtj1U8wDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA+VhM+pofQajOaBeu/rh/MM0JWza3
VEke9LMeiZN71XcCIQDYEwTTRzUwc77QTEt8lWe1Xz4Ryr5UTkHWsYXYEopDUw==
-----END CERTIFICATE-----";
    const OTHER: &str = "-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIUU6BPXx4HsQyhfVJ6gAetxBnit40wCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAeFw0yNjExMjkxOTQxNTlaFw0zNjExMjYxOTQx
NTlaMBIxEDAOBgNVBAMMB1Rlc3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AARtWi4+kSxhuIE+as3hxNX1oEt+9HPoEtFpw2ZB4jGZKM/CD5YO+BFQpWbbYH8f
2SCsZgPQY6OMHnrh43d3oRS4o1MwUTAdBgNVHQ4EFgQUnFvsRBXIQKKTRLvOn0Vy
rbfyyqcwHwYDVR0jBBgwFoAUnFvsRBXIQKKTRLvOn0VyrbfyyqcwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiA7tOOFkpfWTLZ+24gkfp5m/SpTl2hv
KS3sVyBw+vv1uAIgR8YMZUXrdEwQimrgUGlQMzYlXHhISGfKgJcJM6PHgeY=
-----END CERTIFICATE-----";

    /// 2030-01-01, in milliseconds.
    const NOW: i64 = 1_893_456_000_000;
    const YEAR: i64 = 365 * 86_400_000;

    fn result_of(secret: &str, name: &str, now_ms: i64) -> String {
        match check(secret, &[name.to_owned()], now_ms) {
            Ok(()) => "right".into(),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn checks_dates_names_and_chain() {
        let paypal = "messageverificationcerts*.paypal.com";
        let chained = format!("{LEAF}\n{AUTHORITY}\n");
        let bare = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        for (secret, name, now_ms, expected) in [
            (LEAF, paypal, NOW, "right"),
            (chained.as_str(), paypal, NOW, "right"),
            (bare, paypal, NOW, "right"),
            (LEAF, paypal, NOW - 5 * YEAR, "not yet valid"),
            (LEAF, paypal, NOW + 9 * YEAR, "expired at"),
            (
                LEAF,
                "api.example.com",
                NOW,
                "must be issued for api.example.com (got messageverificationcerts.paypal.com)",
            ),
            (&format!("{LEAF}\n{OTHER}"), paypal, NOW, "is not signed by the next certificate"),
            (
                &format!("{AUTHORITY}\n{LEAF}"),
                "Test CA".to_lowercase().as_str(),
                NOW,
                "is not signed by the next certificate",
            ),
            (&LEAF.replace("MII", "MIX"), paypal, NOW, "cannot be parsed"),
            ("-----BEGIN CERTIFICATE-----\n", paypal, NOW, "cannot be parsed"),
        ] {
            let error = result_of(secret, name, now_ms);
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
