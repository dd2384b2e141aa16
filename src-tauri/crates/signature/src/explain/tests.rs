//! Tests that plant each mistake and check that the explanation reports it.

use super::*;
use crate::sign::sign;

const NOW: i64 = 1_800_000_000_000;
const SECRET: &str = "a secret of some length";
const BODY: &str = "{\"event\":\"chat.closed\",\"data\":{\"name\":\"Zoë / Zo\",\"list\":[1,2.50,{}]}}";

fn scheme(json: serde_json::Value) -> Scheme {
    serde_json::from_value(json).expect("valid scheme")
}

fn body_scheme() -> Scheme {
    scheme(
        serde_json::json!({ "digest": { "signature": ["header:X-Sig"], "prefix": "sha256=", "content": "{body}", "algorithm": "hmac-sha256" } }),
    )
}

fn timed() -> Scheme {
    scheme(serde_json::json!({ "digest": {
        "signature": ["header:X-Sig"], "split": ",", "prefix": "v1=", "content": "{signature:t}.{body}", "algorithm": "hmac-sha256",
        "timestamp": { "from": "signature:t", "unit": "s", "past_s": 300 } } }))
}

fn url_scheme() -> Scheme {
    scheme(
        serde_json::json!({ "digest": { "signature": ["header:X-Sig"], "content": "{url}{body}", "algorithm": "hmac-sha256", "encoding": "base64" } }),
    )
}

/// Message as signed by the sender and as received, with a mistake between them.
struct Case {
    signing: Scheme,
    secret: &'static str,
    sent_body: Vec<u8>,
    sent_url: Option<&'static str>,
    verifying: Scheme,
    known_secret: &'static str,
    body: Vec<u8>,
    url: Option<&'static str>,
    header: fn(&str) -> String,
    name: &'static str,
}

impl Case {
    fn of(scheme: Scheme) -> Self {
        Self {
            signing: scheme.clone(),
            secret: SECRET,
            sent_body: BODY.into(),
            sent_url: None,
            verifying: scheme,
            known_secret: SECRET,
            body: BODY.into(),
            url: None,
            header: str::to_owned,
            name: "X-Sig",
        }
    }

    fn explained(&self, known: &SearchContext<'_>) -> Explanation {
        let message =
            Message { method: "POST", target: "/hook?a=1", url: self.sent_url, headers: &[], body: &self.sent_body };
        let signed =
            sign(&self.signing, &message, &Keys::of(self.secret), "id", NOW - 1_000).expect("signing succeeds");
        let value = (self.header)(&signed.headers[0].1);
        let headers = [("Host", &b"example.com"[..]), (self.name, value.as_bytes())];
        let message =
            Message { method: "POST", target: "/hook?a=1", url: self.url, headers: &headers, body: &self.body };
        explain(&self.verifying, &message, &Keys::of(self.known_secret), known, NOW, &|| false)
    }

    fn codes(&self) -> Vec<&'static str> {
        let explanation = self.explained(&SearchContext::default());
        assert_ne!(explanation.verification.state, State::Valid, "the planted mistake has no effect");
        explanation.findings.iter().map(|finding| finding.code).collect()
    }
}

#[test]
fn reports_a_wrongly_entered_secret() {
    for (known, signed, code) in [
        ("a secret of some length\n", SECRET, "secret_whitespace"),
        (" a secret of some length", SECRET, "secret_whitespace"),
        ("\"a secret of some length\"", SECRET, "secret_quotes"),
        (SECRET, "a secret of some length\n", "secret_newline"),
        ("whsec_abcdefgh", "abcdefgh", "secret_prefix_kept"),
        ("abcdefgh", "whsec_abcdefgh", "secret_prefix_missing"),
        ("ABCDEF0123", "abcdef0123", "secret_case"),
    ] {
        let case = Case { secret: signed, known_secret: known, ..Case::of(body_scheme()) };
        assert_eq!(case.codes(), [code], "{known:?}");
    }
}

#[test]
fn reports_the_owner_of_another_secret() {
    let case = Case { secret: "the other one", ..Case::of(body_scheme()) };
    let known = SearchContext {
        other_secrets: vec![("the inbox billing".into(), "the other one".into())],
        ..SearchContext::default()
    };
    let explanation = case.explained(&known);
    assert_eq!(explanation.sentence, "The message was signed with the secret of the inbox billing.");
}

#[test]
fn reports_a_different_scheme_at_the_sender() {
    let with = |change: fn(&mut Digest)| {
        let Scheme::Digest(mut digest) = body_scheme() else { panic!("expected a digest scheme") };
        change(&mut digest);
        Scheme::Digest(digest)
    };
    for (signing, code) in [
        (with(|d| d.algorithm = Algorithm::HmacSha1), "algorithm"),
        (with(|d| d.algorithm = Algorithm::HmacSha512), "algorithm"),
        (with(|d| d.encoding = crate::Encoding::Base64), "encoding"),
        (with(|d| d.key = crate::KeyForm::Hex), "key_form"),
        (with(|d| d.key = crate::KeyForm::Base64), "key_form"),
    ] {
        let case = Case { signing, secret: "abcdef012345", known_secret: "abcdef012345", ..Case::of(body_scheme()) };
        assert_eq!(case.codes(), [code]);
    }
    let Scheme::Digest(mut body_only) = timed() else { panic!("expected a digest scheme") };
    body_only.content = "{body}".parse().expect("valid template");
    assert_eq!(Case { signing: Scheme::Digest(body_only.clone()), ..Case::of(timed()) }.codes(), ["content_body_only"]);
    body_only.content = "{signature:t}:{body}".parse().expect("valid template");
    assert_eq!(Case { signing: Scheme::Digest(body_only), ..Case::of(timed()) }.codes(), ["content_separator"]);
}

#[test]
fn reports_a_body_changed_after_signing() {
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(BODY).expect("valid JSON"))
        .expect("valid JSON");
    let spaced = BODY.replace("\":", "\": ").replace(",\"", ", \"").replace("1,2", "1, 2").replace(",{", ", {");
    let cases: [(&str, Vec<u8>, Vec<u8>); 22] = [
        ("body_numbers", br#"{"a":2.5,"b":1,"c":"2.50"}"#.into(), br#"{"a":2.50,"b":1.0,"c":"2.50"}"#.into()),
        ("body_compact", r#"{"b":1,"a":[2,3]}"#.into(), "{\n \"b\": 1,\n \"a\": [2, 3]}".into()),
        ("body_spaced", spaced.into(), BODY.into()),
        ("body_pretty", b"{\n  \"b\": 1\n}".into(), b"{\"b\":1}".into()),
        ("body_sorted", br#"{"a":2,"b":1}"#.into(), br#"{"b":1,"a":2}"#.into()),
        ("body_unicode_escaped", BODY.replace('ë', "\\u00eb").into(), BODY.into()),
        ("body_unicode_plain", BODY.into(), BODY.replace('ë', "\\u00eb").into()),
        ("body_slashes_escaped", BODY.replace('/', "\\/").into(), BODY.into()),
        ("body_slashes_plain", r#"{"a":"x/y"}"#.into(), r#"{"a":"x\/y"}"#.into()),
        ("body_php", r#"{"a":"x\/y\u00eb"}"#.into(), r#"{"a":"x/yë"}"#.into()),
        ("body_crlf", b"a=1\r\nb=2\r\n".into(), b"a=1\nb=2\n".into()),
        ("body_lf", b"a=1\nb=2\n".into(), b"a=1\r\nb=2\r\n".into()),
        ("body_newline_lost", b"x\n".into(), b"x".into()),
        ("body_newline_added", b"x".into(), b"x\n".into()),
        ("body_bom_added", BODY.into(), [b"\xef\xbb\xbf", BODY.as_bytes()].concat()),
        ("body_bom_lost", [b"\xef\xbb\xbf", BODY.as_bytes()].concat(), BODY.into()),
        ("body_from_latin1", b"caf\xe9".into(), "café".into()),
        ("body_from_windows_1252", b"\x80 5".into(), "€ 5".into()),
        ("body_twice_utf8_windows_1252", "€ 5".into(), "â‚¬ 5".into()),
        ("body_from_utf16", "é5".encode_utf16().flat_map(u16::to_le_bytes).collect(), "é5".into()),
        ("body_markup_escaped", br#"{"a":"\u003cb\u003e \u0026"}"#.into(), br#"{"a":"<b> &"}"#.into()),
        ("body_markup_plain", br#"{"a":"<b> &"}"#.into(), br#"{"a":"\u003cb\u003E \u0026"}"#.into()),
    ];
    for (code, sent_body, body) in cases {
        let case = Case { sent_body, body, ..Case::of(body_scheme()) };
        assert_eq!(case.codes(), [code]);
    }
    let case = Case { sent_body: pretty.into(), body: BODY.into(), ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["body_numbers", "body_pretty"]);
}

#[test]
fn reports_a_body_signed_before_compression() {
    let case = Case { body: b"\x1f\x8b anything".into(), ..Case::of(body_scheme()) };
    let known = SearchContext { decoded_body: Some(BODY.as_bytes()), ..SearchContext::default() };
    assert_eq!(case.explained(&known).findings[0].code, "body_compressed");
}

#[test]
fn reports_an_unregistered_url() {
    for (signed, url, code) in [
        ("https://example.com/hook?a=1", None, "url_scheme"),
        ("https://example.com/hook?a=1", Some("http://example.com/hook?a=1"), "url_scheme"),
        ("https://example.com/hook", Some("https://example.com/hook/"), "url_slash"),
        ("https://example.com/hook", Some("https://example.com/hook?a=1"), "url_query"),
        ("https://example.com/hook", Some("https://example.com:8443/hook"), "url_port"),
        ("https://example.com:443/hook", Some("https://example.com/hook"), "url_port"),
        ("https://example.com/hook?a=1", Some("https://tunnel.example/hook?a=1"), "url_host"),
    ] {
        let case = Case { sent_url: Some(signed), url, ..Case::of(url_scheme()) };
        assert_eq!(case.codes(), [code], "{signed} {url:?}");
    }
}

#[test]
fn reports_a_header_changed_in_transit() {
    let case = Case { header: |value| format!("{} {}", &value[..20], &value[20..]), ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["header_folded"]);
    let case = Case { header: |value| format!("\"{value}\""), ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["header_quoted"]);
    let case = Case { name: "X-Proxy-Sig", ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["header_renamed"]);
    let case = Case { header: |value| value[..40].to_owned(), ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["header_truncated"]);
}

#[test]
fn reports_renamed_joined_and_truncated_headers() {
    let several = scheme(serde_json::json!({ "digest": { "signature": ["header:webhook-signature"], "split": " ",
        "prefix": "v1,", "content": "{header:webhook-id}.{header:webhook-timestamp}.{body}", "encoding": "base64",
        "algorithm": "hmac-sha256", "timestamp": { "from": "header:webhook-timestamp", "unit": "s", "past_s": 300 } } }));
    let message = Message { method: "POST", target: "/", url: None, headers: &[], body: BODY.as_bytes() };
    let signed = sign(&several, &message, &Keys::of(SECRET), "msg_1", NOW).expect("signing succeeds");
    let codes = |change: fn(&str, &str) -> (String, String)| {
        let changed: Vec<(String, String)> = signed.headers.iter().map(|(name, value)| change(name, value)).collect();
        let headers: Vec<(&str, &[u8])> =
            changed.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let message = Message { headers: &headers, ..message };
        let explanation = explain(&several, &message, &Keys::of(SECRET), &SearchContext::default(), NOW, &|| false);
        assert_ne!(explanation.verification.state, State::Valid, "the planted mistake has no effect");
        explanation.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(|name, value| (format!("x-proxied-{name}"), value.into())), ["header_renamed"]);
    assert_eq!(codes(|name, value| (name.replace("webhook-id", "x-id"), value.into())), ["header_renamed"]);
    let time = codes(|name, value| (name.replace("webhook-timestamp", "request-timestamp"), value.into()));
    assert_eq!(time, ["header_renamed"]);
    let folded = codes(|name, value| {
        let at = if name.ends_with("signature") { value.len() / 2 } else { 0 };
        (name.into(), format!("{}{}{}", &value[..at], if at > 0 { " " } else { "" }, &value[at..]))
    });
    assert_eq!(folded, ["header_folded"]);

    let case = Case { name: "X-Original-Sig", ..Case::of(timed()) };
    assert_eq!(case.codes(), ["header_renamed"]);

    let case = Case { header: |value| format!("sha256=0011, {value}"), ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["header_joined"]);
    let header = |value: &str| value[..40].to_owned();
    let case = Case { header, known_secret: "a secret of some length\n", ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["secret_whitespace", "header_truncated"]);
}

/// A token is the secret itself, so only the secret and the header can be wrong.
#[test]
fn explains_a_wrong_token() {
    let token = || {
        scheme(
            serde_json::json!({ "digest": { "signature": ["header:X-Token"], "content": "{secret}", "algorithm": "token" } }),
        )
    };
    let found = |name: &'static str, value: &str, secret: &str| {
        let headers = [(name, value.as_bytes())];
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: b"x" };
        let explanation = explain(&token(), &message, &Keys::of(secret), &SearchContext::default(), NOW, &|| false);
        explanation.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(found("X-Token", SECRET, "a secret of some length\n"), ["secret_whitespace"]);
    assert_eq!(found("X-Token", "\"abcdefghijklmnop\"", "abcdefghijklmnop"), ["header_quoted"]);
    assert_eq!(found("X-Proxied-Token", SECRET, SECRET), ["header_renamed"]);
}

#[test]
fn states_the_age_of_an_expired_signature() {
    let message = Message { method: "POST", target: "/", url: None, headers: &[], body: b"x" };
    let signed = sign(&timed(), &message, &Keys::of(SECRET), "id", NOW).expect("signing succeeds");
    let headers = [("X-Sig", signed.headers[0].1.as_bytes())];
    let message = Message { headers: &headers, ..message };
    let late = explain(&timed(), &message, &Keys::of(SECRET), &SearchContext::default(), NOW + 3_600_000, &|| false);
    assert_eq!(late.verification.fault.as_ref().map(Fault::code), Some("expired"));
    assert!(late.sentence.contains("60 minutes"), "{}", late.sentence);
}

#[test]
fn reports_a_timestamp_signed_in_another_unit() {
    for factor in ["", "000"] {
        let wanted = format!("{}{}", NOW / 1_000, if factor.is_empty() { "000" } else { "" });
        let written = format!("{}{factor}", NOW / 1_000);
        let content = format!("{wanted}.{BODY}");
        let message = Message { method: "POST", target: "/", url: None, headers: &[], body: content.as_bytes() };
        let signed = sign(&body_scheme(), &message, &Keys::of(SECRET), "id", NOW).expect("signing succeeds");
        let value = format!("t={written},v1={}", signed.headers[0].1.trim_start_matches("sha256="));
        let headers = [("X-Sig", value.as_bytes())];
        let arrived = Message { headers: &headers, body: BODY.as_bytes(), ..message };
        let explanation = explain(&timed(), &arrived, &Keys::of(SECRET), &SearchContext::default(), NOW, &|| false);
        assert_eq!(explanation.findings.first().map(|finding| finding.code), Some("timestamp_unit"), "{written}");
    }
}

#[test]
fn reports_two_mistakes_at_once() {
    let case = Case {
        known_secret: "a secret of some length\n",
        sent_body: b"x\n".into(),
        body: b"x".into(),
        ..Case::of(body_scheme())
    };
    let mut codes = case.codes();
    codes.sort_unstable();
    assert_eq!(codes, ["body_newline_lost", "secret_whitespace"]);
    let explanation = case.explained(&SearchContext::default());
    assert!(explanation.sentence.contains(", and "), "{}", explanation.sentence);
}

#[test]
fn reports_a_mistake_with_an_expired_timestamp() {
    let message = Message { method: "POST", target: "/", url: None, headers: &[], body: b"x\n" };
    let signed = sign(&timed(), &message, &Keys::of(SECRET), "id", NOW).expect("signing succeeds");
    let headers = [("X-Sig", signed.headers[0].1.as_bytes())];
    let message = Message { headers: &headers, body: b"x", ..message };
    let late = explain(&timed(), &message, &Keys::of(SECRET), &SearchContext::default(), NOW + 3_600_000, &|| false);
    let codes: Vec<_> = late.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["body_newline_lost", "expired"]);
}

#[test]
fn lists_tested_mistakes_and_reports_cancellation() {
    let case = Case { secret: "an unknown secret", ..Case::of(body_scheme()) };
    let explanation = case.explained(&SearchContext::default());
    assert!(explanation.complete && explanation.tried > 100, "{}", explanation.tried);
    assert!(explanation.sentence.contains("no common mistake explains it"), "{}", explanation.sentence);
    let message = Message { method: "POST", target: "/", url: None, headers: &[("X-Sig", b"sha256=00")], body: b"x" };
    let canceled = explain(&body_scheme(), &message, &Keys::of("x"), &SearchContext::default(), NOW, &|| true);
    assert_eq!((canceled.tried, canceled.complete), (0, false));
}

#[test]
fn explains_tokens_and_schemes_in_code() {
    let jwt = scheme(serde_json::json!({ "jwt": { "token": "header:X-Sig", "algorithms": ["HS256"],
        "body": { "claim": "payload_hash", "sha256": "hex" }, "url": { "claim": "url_hash", "sha256": "hex" } } }));
    let code = scheme(serde_json::json!({ "code": "plivo-v3" }));
    for (signing, body, url, code) in [
        (&jwt, BODY.replace(":", ": "), Some("https://example.com/hook?a=1"), "body_compact"),
        (&jwt, BODY.to_owned(), Some("http://example.com/hook?a=1"), "url_scheme"),
        (&code, String::new(), Some("http://example.com/hook?a=1"), "url_scheme"),
    ] {
        let sent = if body.is_empty() { "" } else { BODY };
        let registered = url.map(|url: &str| url.replace("http:", "https:"));
        let message = Message {
            method: "POST",
            target: "/hook?a=1",
            url: registered.as_deref(),
            headers: &[],
            body: sent.as_bytes(),
        };
        let signed = sign(signing, &message, &Keys::of(SECRET), "id", NOW).expect("signing succeeds");
        let headers: Vec<(&str, &[u8])> = std::iter::once(("Host", &b"example.com"[..]))
            .chain(signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
            .collect();
        let arrived = Message { url, headers: &headers, body: body.as_bytes(), ..message };
        let explanation = explain(signing, &arrived, &Keys::of(SECRET), &SearchContext::default(), NOW, &|| false);
        assert_eq!(explanation.verification.state, State::Invalid);
        let codes: Vec<_> = explanation.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{}", explanation.sentence);
    }
}

#[test]
fn reports_only_an_invalid_timestamp() {
    let sw = scheme(
        serde_json::json!({ "digest": { "signature": ["header:X-Sig"], "content": "{header:X-Time}.{body}",
        "algorithm": "hmac-sha256", "timestamp": { "from": "header:X-Time", "unit": "s", "past_s": 300, "future_s": 300 } } }),
    );
    for (time, code) in [
        ("1800000000000", "timestamp_unit"),
        ("2027-01-15T08:00:00Z", "timestamp_unit"),
        ("1800000000.5", "timestamp"),
        ("-5", "timestamp"),
        ("yesterday", "timestamp"),
    ] {
        let content = format!("{time}.{BODY}");
        let plain = body_scheme();
        let message = Message { method: "POST", target: "/", url: None, headers: &[], body: content.as_bytes() };
        let signed = sign(&plain, &message, &Keys::of(SECRET), "id", NOW).expect("signing succeeds");
        let digest = signed.headers[0].1.trim_start_matches("sha256=");
        let headers = [("X-Sig", digest.as_bytes()), ("X-Time", time.as_bytes())];
        let arrived = Message { headers: &headers, body: BODY.as_bytes(), ..message };
        let explanation = explain(&sw, &arrived, &Keys::of(SECRET), &SearchContext::default(), NOW, &|| false);
        let codes: Vec<_> = explanation.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{time}: {}", explanation.sentence);
    }
}

#[test]
fn reports_url_differences_and_a_missing_prefix() {
    for (sent, registered, codes) in [
        ("https://example.com/hook/?a=1", "http://example.com/hook?a=1", vec!["url_scheme"]),
        ("https://example.com:8443/hook?a=1", "https://example.com/hook?a=1", vec!["url_port"]),
        ("https://h.example/", "https://h.example", vec!["url_slash"]),
    ] {
        let case = Case { sent_url: Some(sent), url: Some(registered), ..Case::of(url_scheme()) };
        assert_eq!(case.codes(), codes, "{sent}");
    }
    let case = Case { header: |value| value.trim_start_matches("sha256=").to_owned(), ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["signature_prefix"]);
    let case = Case { sent_body: b"{\"a\":1}".into(), body: b"{\"a\":1}\n".into(), ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["body_newline_added"]);
    let case = Case { sent_body: b"{\"a\":1.5}".into(), body: b"{\"a\":1.50}".into(), ..Case::of(body_scheme()) };
    assert_eq!(case.codes(), ["body_numbers"]);
}

/// Hostile input must not cause high memory use or long run time.
#[test]
fn limits_cost_of_hostile_input() {
    let deep = vec![b'['; 300_000];
    let headers = [("X-Sig", &b"sha256=00000000000000000000000000000000"[..])];
    let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: &deep };
    let tried = std::cell::Cell::new(0);
    let limit = || {
        tried.set(tried.get() + 1);
        tried.get() > 200
    };
    let explanation = explain(&body_scheme(), &message, &Keys::of(SECRET), &SearchContext::default(), NOW, &limit);
    assert!(explanation.findings.is_empty());
    let jwt =
        scheme(serde_json::json!({ "jwt": { "token": "header:X-Sig", "algorithms": ["HS256"], "max_age_s": 5 } }));
    for claims in [r#"{"exp":-1e300}"#, r#"{"nbf":1e300}"#, r#"{"iat":-1e300}"#, r#"{"exp":1e309}"#] {
        use base64::Engine as _;
        let part = |text: &str| crate::encoding::BASE64URL.encode(text);
        let signed = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
        let digest = crate::jose::sign("HS256", signed.as_bytes(), SECRET).expect("signing succeeds");
        let token = format!("{signed}.{}", crate::encoding::BASE64URL.encode(digest));
        let headers = [("X-Sig", token.as_bytes())];
        for now in [i64::MIN, 0, NOW, i64::MAX] {
            let message = Message { headers: &headers, ..message };
            let _ = verify(&jwt, &message, &Keys::of(SECRET), now);
        }
    }
}
