//! Tests of the signature debugger.

use super::*;

#[test]
fn masks_secrets_and_escapes_control_characters() {
    let scheme = serde_json::from_value(serde_json::json!({ "digest": { "signature": ["header:X"],
        "content": "{secret}{base64(secret)}{body}", "algorithm": "hash-sha256" } }));
    let body = b"s3cret-value\x1b[31m{\"a\":1}\r\n\xff";
    let headers = [("X", &b"00"[..])];
    let message = Message { method: "POST", target: "/", url: None, headers: &headers, body };
    let scheme = scheme.expect("a scheme");
    for secret in ["s3cret-value", "a", "••", MASK] {
        let shown = escaped(&shown_content(&scheme, &message, &Keys::of(secret)));
        assert!(shown.starts_with("••••••••4oCi"), "{shown}");
    }
    let content = shown_content(&scheme, &message, &Keys::of("s3cret-value"));
    let content = content[MASK.len() + 32..].to_vec();
    assert_eq!(escaped(&content), "••••••••\\u{1b}[31m{\"a\":1}\\r\\n\\xff");
}

/// Time of signing in all tests, in seconds since the Unix epoch.
const NOW: i64 = 1_795_966_522;

const JSON: &str = r#"{"id":"evt_1","name":"Zoë <a@b> & 5%","url":"https://shop.test/a","n":1.50,"o":{}}"#;

/// A message of a provider whose signature is computed over `signed` and whose body is `arrived`.
struct Sent<'a> {
    provider: &'a str,
    scheme: Option<&'a str>,
    /// Secret of the sender. `entered` is the secret that is verified with.
    secret: &'a str,
    entered: &'a str,
    signed: &'a str,
    arrived: &'a str,
    content_type: &'a str,
}

impl Sent<'_> {
    fn input(&self) -> SignatureInput {
        let (catalog, _) = Catalog::load([]);
        let message = |body: &str, more: &str| {
            format!(
                "POST /hook HTTP/1.1\r\nHost: example.test\r\nContent-Type: {}\r\n{more}\r\n{body}",
                self.content_type
            )
        };
        let base64 = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
        let input = |secret: &str, request: String| SignatureInput {
            provider: Some(self.provider.into()),
            scheme: self.scheme.map(Value::from),
            secret: Some(secret.into()),
            now: Some(NOW),
            request,
            ..SignatureInput::default()
        };
        let signed = sign(&catalog, &input(self.secret, base64(message(self.signed, ""))), 0).expect("a signature");
        let headers: String = signed.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        SignatureInput { scheme: None, ..input(self.entered, base64(message(self.arrived, &headers))) }
    }

    fn explained(&self) -> SignatureExplanation {
        explain(&Catalog::load([]).0, &self.input(), Vec::new(), 0).expect("an explanation")
    }
}

const GITHUB: Sent<'_> = Sent {
    provider: "github",
    scheme: None,
    secret: "top-secret&value",
    entered: "top-secret&value",
    signed: JSON,
    arrived: JSON,
    content_type: "application/json",
};

#[test]
fn names_the_cause_of_an_invalid_signature() {
    let whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let (coded, quoted) = (base64(JSON), serde_json::to_string(JSON).expect("JSON"));
    let secret64 = base64(GITHUB.secret);
    let plain = JSON.replace('ë', "e");
    let chunked = format!("{:x}\r\n{JSON}\r\n0\r\n\r\n", JSON.len());
    let form = "token=xyz&text=hello+world+%2A+%27a%27&user=zo%C3%AB";
    let slack = Sent { provider: "slack", signed: form, content_type: "application/x-www-form-urlencoded", ..GITHUB };
    let svix = Sent { provider: "standard-webhooks", secret: whsec, entered: whsec, ..GITHUB };
    let supabase = format!("v1,{whsec}");
    let events = r#"[{"email":"a@b"},{"email":"c@d"}]"#;
    for (case, sent, words) in [
        ("base64 body", Sent { arrived: &coded, ..GITHUB }, "base64"),
        ("double JSON", Sent { arrived: &quoted, ..GITHUB }, "JSON string"),
        ("chunk framing", Sent { arrived: &chunked, ..GITHUB }, "chunked framing"),
        ("PHP", Sent { arrived: &JSON.replace('ë', "\\u00eb").replace('/', "\\/"), ..GITHUB }, "PHP"),
        ("PHP, the sender", Sent { signed: &JSON.replace('ë', "\\u00eb").replace('/', "\\/"), ..GITHUB }, "PHP"),
        ("PHP's empty object", Sent { arrived: &JSON.replace("{}", "[]"), ..GITHUB }, "empty object"),
        (
            ".NET",
            Sent { arrived: &plain.replace('&', "\\u0026").replace('<', "\\u003C"), signed: &plain, ..GITHUB },
            "\\u escapes",
        ),
        (
            "Gson, the sender",
            Sent {
                signed: &plain.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"),
                arrived: &plain,
                ..GITHUB
            },
            "\\u escapes",
        ),
        (
            "Meta, the sender",
            Sent {
                provider: "meta",
                signed: &JSON
                    .replace('ë', "\\u00eb")
                    .replace('/', "\\/")
                    .replace('@', "\\u0040")
                    .replace('%', "\\u0025")
                    .replace('<', "\\u003C"),
                ..GITHUB
            },
            "Meta",
        ),
        ("sorted keys", Sent { signed: r#"{"a":1,"b":2}"#, arrived: r#"{"b":2,"a":1}"#, ..GITHUB }, "keys sorted"),
        (
            "events",
            Sent { signed: &events.replace("},{", "},\r\n{").replace("}]", "}]\r\n"), arrived: events, ..GITHUB },
            "after each event",
        ),
        (
            "payload=",
            Sent {
                signed: &format!("payload={}", form_urlencoded::byte_serialize(JSON.as_bytes()).collect::<String>()),
                ..GITHUB
            },
            "payload=",
        ),
        ("form", Sent { arrived: "token=xyz&text=hello%20world%20*%20'a'&user=zo%C3%AB", ..slack }, "encoded again"),
        (
            "form as JSON",
            Sent { arrived: r#"{"token":"xyz","text":"hello world * 'a'","user":"zoë"}"#, ..slack },
            "arrived as JSON",
        ),
        ("single quotes", Sent { entered: "'top-secret&value'", ..GITHUB }, "single quotes"),
        ("a line of .env", Sent { entered: "WEBHOOK_SECRET=top-secret&value", ..GITHUB }, "WEBHOOK_SECRET="),
        ("HTML", Sent { secret: "top-secret&amp;value", ..GITHUB }, "&amp;"),
        ("base64 of the secret", Sent { secret: &secret64, ..GITHUB }, "base64 text of the secret"),
        ("the text of base64", Sent { entered: &secret64, ..GITHUB }, "entered as base64"),
        ("v1,", Sent { entered: &supabase, ..svix }, "v1,"),
        (
            "an API key",
            Sent { provider: "stripe", entered: "sk_test_4eC39HqLyjWDarjtT1zdp7dc", ..svix },
            "secret API key",
        ),
        ("a verification token", Sent { entered: "xyz", arrived: form, ..slack }, "verification token"),
        ("[object Object]", Sent { arrived: "[object Object]", ..GITHUB }, "[object Object]"),
        ("U+FFFD", Sent { arrived: &JSON.replace('ë', "\u{fffd}"), ..GITHUB }, "U+FFFD"),
        (
            "question marks",
            Sent { arrived: &JSON.replace("Zoë <a@b>", "Zo? <a@b>").replace("Zo?", "Zo?e"), ..GITHUB },
            "question marks",
        ),
        (
            "a rounded number",
            Sent { signed: r#"{"id":12345678901234567890}"#, arrived: r#"{"id":12345678901234567000}"#, ..GITHUB },
            "2^53",
        ),
    ] {
        let explanation = sent.explained();
        assert_eq!(explanation.verification.status.as_str(), "invalid", "{case}");
        assert!(explanation.verification.sentence.contains(words), "{case}: {}", explanation.verification.sentence);
        assert!(case == "sorted keys" || !explanation.verification.sentence.contains("keys sorted"), "{case}");
    }
}

#[test]
fn reports_a_truncated_body_without_a_search() {
    let mut input = GITHUB.input();
    let message = base64::engine::general_purpose::STANDARD.decode(&input.request).expect("base64");
    let message = String::from_utf8(message).expect("text").replace("Host:", "Content-Length: 184901\r\nHost:");
    input.request = base64::engine::general_purpose::STANDARD.encode(message.replace("evt_1", "evt_2"));
    let explanation = explain(&Catalog::load([]).0, &input, Vec::new(), 0).expect("an explanation");
    assert!(explanation.verification.sentence.contains("of 184901 bytes"), "{}", explanation.verification.sentence);
    assert_eq!(explanation.tried, 0);
}

#[test]
fn detects_a_masked_secret() {
    let message = format!("POST / HTTP/1.1\r\nX-Gitlab-Event: Push Hook\r\nX-Gitlab-Token: {MASK}\r\n\r\n{{}}");
    let input = SignatureInput {
        provider: Some("gitlab".into()),
        secret: Some("tok123".into()),
        request: base64::engine::general_purpose::STANDARD.encode(message),
        ..SignatureInput::default()
    };
    let verification = verify(&Catalog::load([]).0, &input, 0).expect("a result");
    assert_eq!((verification.status.as_str(), verification.reason.as_deref()), ("invalid", Some("masked")));
}

#[test]
fn tests_secrets_of_other_inboxes() {
    let other = Sent { entered: "another one", ..GITHUB };
    let known = vec![("the inbox shop".to_owned(), GITHUB.secret.to_owned())];
    let explanation = explain(&Catalog::load([]).0, &other.input(), known, 0).expect("an explanation");
    assert!(
        explanation.verification.sentence.contains("the secret of the inbox shop"),
        "{}",
        explanation.verification.sentence
    );
}

#[test]
fn finds_two_mistakes_in_a_large_body_after_few_trials() {
    let item =
        |n: usize| format!("{{\n    \"id\": {n},\n    \"name\": \"Zoë\",\n    \"text\": \"{}\"\n  }}", "x".repeat(900));
    let pretty = format!("[\n  {}\n]", (0..1_100).map(item).collect::<Vec<_>>().join(",\n  "));
    let value: Value = serde_json::from_str(&pretty).expect("JSON");
    let spaced = serde_json::to_string(&value)
        .expect("JSON")
        .replace("\":", "\": ")
        .replace(",\"", ", \"")
        .replace("},{", "}, {")
        .replace('ë', "\\u00eb");
    let sent = Sent { signed: &pretty, arrived: &spaced, ..GITHUB };
    let stopped = || Duration::ZERO;
    let explanation =
        explain_within(&Catalog::load([]).0, &sent.input(), Vec::new(), 0, &stopped).expect("an explanation");
    assert!(
        explanation.verification.sentence.contains("indented by two spaces"),
        "{}",
        explanation.verification.sentence
    );
    // Each trial computes a digest of the body. 700 digests of this size take a second in a development build.
    assert!(explanation.tried <= 700, "{} trials of a body of {} bytes", explanation.tried, spaced.len());
}

/// For every symmetric scheme of every provider, a signed message verifies without naming the scheme.
#[test]
fn verifies_signed_messages_without_a_scheme_name() {
    let (catalog, _) = Catalog::load([]);
    let mut signed_by = 0;
    for provider in catalog.providers() {
        for record in &provider.schemes {
            let secret = match &record.scheme {
                Scheme::Digest(digest) if digest.algorithm.is_symmetric() => {
                    match serde_json::to_value(digest.key).expect("JSON").as_str() {
                        Some("hex") => "5ec2e75ec2e75ec2e75ec2e75ec2e7ab",
                        Some("prefixed" | "base64" | "base64url" | "prefixed-or-text") => {
                            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
                        }
                        _ => "a-secret-of-some-length",
                    }
                }
                Scheme::Digest(_) | Scheme::Jws(_) | Scheme::Jwt(_) | Scheme::Code(_) => continue,
            };
            let body = r#"{"id":"evt_1","type":"x","signature":{"timestamp":"1795966522","token":"t"},"webhookTimestamp":1795966522000}"#;
            let message = format!(
                "POST /hook?a=1 HTTP/1.1\r\nHost: example.test\r\nContent-Type: application/json\r\n\r\n{body}"
            );
            let secret = if secret.starts_with("whsec_")
                && !matches!(&record.scheme, Scheme::Digest(d) if serde_json::to_value(d.key).expect("JSON") == "prefixed" || serde_json::to_value(d.key).expect("JSON") == "prefixed-or-text")
            {
                "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            } else {
                secret
            };
            let mut input = SignatureInput {
                provider: Some(provider.id.clone()),
                scheme: Some(record.id.clone().into()),
                secret: Some(secret.into()),
                now: Some(NOW),
                url: Some("https://example.test/hook?a=1".into()),
                params: record.scheme.params().into_iter().map(|name| (name, "value".to_owned())).collect(),
                request: base64::engine::general_purpose::STANDARD.encode(&message),
                ..SignatureInput::default()
            };
            // Signatures inside a form or JSON body are not inserted by `sign`.
            let Ok(signed) = sign(&catalog, &input, 0) else { continue };
            if !signed.outside_headers.is_empty() {
                continue;
            }
            let headers: String = signed.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let (head, body) = message.split_once("\r\n\r\n").expect("a blank line");
            input.request = base64::engine::general_purpose::STANDARD.encode(format!("{head}\r\n{headers}\r\n{body}"));
            input.scheme = None;
            let verification = verify(&catalog, &input, 0).expect("a result");
            assert_eq!(
                verification.status.as_str(),
                "valid",
                "{} {}: {}",
                provider.id,
                record.id,
                verification.sentence
            );
            signed_by += 1;
        }
    }
    assert!(signed_by > 120, "{signed_by}");
}
