//! Tests of handshakes with built-in providers.

use std::cell::Cell;

use super::*;
use crate::Catalog;

/// Request: provider, method, target, headers, body.
type Asked<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

fn keys() -> Keys {
    let settings = [
        ("verify_token", "meatyhamhock"),
        ("verification_token", "71745723-d031-455c-bfa5-f90d11b4f20a"),
        ("public_key", "pub"),
    ];
    let params = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Keys { secrets: vec!["5ec2e7".into()], params }
}

fn response(request: Asked<'_>, keys: &Keys, state: State, own: bool) -> Option<HandshakeResponse> {
    let (provider, method, target, headers, body) = request;
    let (catalog, bad) = Catalog::load([]);
    assert_eq!(bad, []);
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let url = Some("http://www.testendpoint.com/webhook");
    let message = Message { method, target, url, headers: &headers, body: body.as_bytes() };
    catalog.get(provider).expect(provider).response(&message, keys, own, || state)
}

fn filled(request: Asked<'_>) -> Filled {
    let responded =
        response(request, &keys(), State::Valid, false).unwrap_or_else(|| panic!("no handshake matches {request:?}"));
    responded.response.unwrap_or_else(|| panic!("the handshake of {request:?} has no response"))
}

#[test]
fn answers_all_documented_challenges() {
    let cases: &[(Asked<'_>, u16, &str)] = &[
        (
            ("slack", "POST", "/", &[], r#"{"type":"url_verification","token":"t","challenge":"3eZbrw1aB"}"#),
            200,
            "3eZbrw1aB",
        ),
        (("monday", "POST", "/", &[], r#"{"challenge":"a\"b"}"#), 200, r#"{"challenge":"a\"b"}"#),
        (
            (
                "twitch",
                "POST",
                "/",
                &[("Twitch-Eventsub-Message-Type", "webhook_callback_verification")],
                r#"{"challenge":"pogchamp"}"#,
            ),
            200,
            "pogchamp",
        ),
        (
            ("meta", "GET", "/?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock", &[], ""),
            200,
            "1158201444",
        ),
        (("meta", "GET", "/?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=other", &[], ""), 403, ""),
        (
            ("strava", "GET", "/?hub.mode=subscribe&hub.challenge=15f7&hub.verify_token=meatyhamhock", &[], ""),
            200,
            r#"{"hub.challenge":"15f7"}"#,
        ),
        (("dropbox", "GET", "/?challenge=abc", &[], ""), 200, "abc"),
        (("nylas", "GET", "/?challenge=abc", &[], ""), 200, "abc"),
        (
            ("oura", "GET", "/?challenge=abc&verification_token=71745723-d031-455c-bfa5-f90d11b4f20a", &[], ""),
            200,
            r#"{"challenge":"abc"}"#,
        ),
        (("oura", "GET", "/?challenge=abc&verification_token=x", &[], ""), 403, ""),
        (("ms-graph", "POST", "/?validationToken=Validation%3a+Testing", &[], ""), 200, "Validation: Testing"),
        (("sharepoint", "POST", "/?validationtoken=a%20b", &[], ""), 200, "a b"),
        (
            (
                "azure-event-grid",
                "POST",
                "/",
                &[],
                r#"[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6"}}]"#,
            ),
            200,
            r#"{"validationResponse":"512d38b6"}"#,
        ),
        (
            ("x-twitter", "GET", "/?crc_token=NGY4abc", &[], ""),
            200,
            r#"{"response_token":"sha256=MY6RlcazTxKiXZMltuUYsjC36F6kHzUx7VKKIdwOpjc="}"#,
        ),
        (
            (
                "zoom",
                "POST",
                "/",
                &[],
                r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#,
            ),
            200,
            r#"{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"bd19e8e2e53713917dc1dbe1f02cb47fde7f99647b2f153f82ec9e5151f70e08"}"#,
        ),
        (
            ("linkedin", "GET", "/?challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0", &[], ""),
            200,
            r#"{"challengeCode":"890e4665-4dfe-4ab1-b689-ed553bceeed0","challengeResponse":"532139a20c1e7096c4835952a1c204bdf701d8b4b8b6aed3118c0f613ab661b1"}"#,
        ),
        (
            ("smartcar", "POST", "/", &[], r#"{"data":{"challenge":"3a5c8f72-e6d9"}}"#),
            200,
            r#"{"challenge":"9852841507bb5de3f9c4acc615d3f85822ab691cb2f2634707d12f012e1c69af"}"#,
        ),
        // Example from eBay's documentation of "Marketplace account deletion".
        (
            ("ebay", "GET", "/?challenge_code=a8628072-3d33-45ee-9004-bee86830a22d", &[], ""),
            200,
            r#"{"challengeResponse":"ca527df75caa230092d7e90484071e8f05d63068f1317973d6a3a42593734bbb"}"#,
        ),
        (
            ("braintree", "GET", "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53", &[], ""),
            200,
            "pub|8282ceb6c618b734d66a4508f631077cca50fb2f",
        ),
        (("front", "POST", "/", &[("X-Front-Challenge", "abc")], "{}"), 200, "abc"),
        (("okta", "GET", "/", &[("X-Okta-Verification-Challenge", "abc")], ""), 200, r#"{"verification":"abc"}"#),
        (("worldline", "GET", "/", &[("X-GCS-Webhooks-Endpoint-Verification", "abc")], ""), 200, "abc"),
        (("notion", "POST", "/", &[], r#"{"verification_token":"secret_tMrlL1"}"#), 200, ""),
        (("discord", "POST", "/", &[], r#"{"type":1}"#), 200, r#"{"type":1}"#),
        (("discord", "POST", "/", &[], r#"{"type":0}"#), 204, ""),
        (("xero", "POST", "/", &[], r#"{"events":[]}"#), 200, ""),
        (("trello", "HEAD", "/", &[], ""), 200, ""),
        (("circle", "HEAD", "/", &[], ""), 200, ""),
        (("mailchimp", "GET", "/", &[], ""), 200, ""),
        (("adyen", "POST", "/", &[], r#"{"notificationItems":[]}"#), 200, "[accepted]"),
        (("dropbox-sign", "POST", "/", &[], ""), 200, "Hello API Event Received"),
        (("wechat-pay", "POST", "/", &[], "{}"), 200, r#"{"code":"SUCCESS","message":""}"#),
        (("tebex", "POST", "/", &[], r#"{"id":"29f1","type":"validation.webhook"}"#), 200, r#"{"id":"29f1"}"#),
    ];
    for (request, status, body) in cases {
        let found = filled(*request);
        assert_eq!((found.status, found.body.as_str()), (*status, *body), "{request:?}");
    }
}

#[test]
fn echoes_challenge_headers() {
    let cases: &[(Asked<'_>, &str, &str)] = &[
        (("asana", "POST", "/", &[("X-Hook-Secret", "b537207f20cb")], ""), "X-Hook-Secret", "b537207f20cb"),
        (("clio", "POST", "/", &[("X-Hook-Secret", "b537207f20cb")], ""), "X-Hook-Secret", "b537207f20cb"),
        (("ringcentral", "POST", "/", &[("Validation-Token", "t1")], ""), "Validation-Token", "t1"),
        (
            ("azure-event-grid", "OPTIONS", "/", &[("WebHook-Request-Origin", "eventgrid.azure.net")], ""),
            "WebHook-Allowed-Origin",
            "eventgrid.azure.net",
        ),
    ];
    for (request, name, value) in cases {
        let headers = filled(*request).headers;
        assert!(headers.contains(&((*name).to_owned(), (*value).to_owned())), "{headers:?}");
    }
    let stored =
        response(("asana", "POST", "/", &[("X-Hook-Secret", "b537207f20cb")], ""), &keys(), State::Unsigned, false);
    assert_eq!(stored.and_then(|stored| stored.secret).as_deref(), Some("b537207f20cb"));
    let stored =
        response(("notion", "POST", "/", &[], r#"{"verification_token":"secret_1"}"#), &keys(), State::Unsigned, false);
    assert_eq!(stored.and_then(|stored| stored.secret).as_deref(), Some("secret_1"));
}

#[test]
fn ignores_invalid_secrets() {
    for stored in ["", "••••••••", "short", "with a space in it"] {
        let responded =
            response(("asana", "POST", "/", &[("X-Hook-Secret", stored)], ""), &keys(), State::Unsigned, false);
        assert_eq!(responded.and_then(|responded| responded.secret), None, "{stored:?}");
    }
}

#[test]
fn ignores_requests_without_a_challenge() {
    let cases: &[Asked<'_>] = &[
        ("slack", "POST", "/", &[], r#"{"type":"event_callback"}"#),
        ("slack", "GET", "/", &[], ""),
        ("github", "POST", "/", &[("X-GitHub-Event", "ping")], "{}"),
        ("meta", "POST", "/", &[], r#"{"object":"page"}"#),
        ("vercel", "POST", "/", &[], "{}"),
    ];
    for request in cases {
        assert_eq!(response(*request, &keys(), State::Valid, false), None, "{request:?}");
    }
    assert_eq!(response(("adyen", "POST", "/", &[], r#"{"notificationItems":[]}"#), &keys(), State::Valid, true), None);
    let own = response(("discord", "POST", "/", &[], r#"{"type":2}"#), &keys(), State::Valid, false)
        .expect("signature check");
    assert_eq!(own.response, None);
}

#[test]
fn verifies_the_signature_only_if_required() {
    for state in [State::Invalid, State::Unsigned] {
        for request in [
            ("discord", "POST", "/", &[][..], r#"{"type":1}"#),
            ("discord", "POST", "/", &[][..], "{}"),
            ("xero", "POST", "/", &[][..], "{}"),
        ] {
            let responded = response(request, &keys(), state, false)
                .and_then(|responded| responded.response)
                .expect("401 response");
            assert_eq!((responded.status, responded.body.as_str()), (401, ""));
        }
    }
    let (catalog, _) = Catalog::load([]);
    let looked = Cell::new(0);
    let message = Message { method: "GET", target: "/?challenge=1", url: None, headers: &[], body: b"" };
    let _ = catalog.get("dropbox").expect("built-in provider").response(&message, &keys(), false, || {
        looked.set(looked.get() + 1);
        State::Valid
    });
    assert_eq!(looked.get(), 0);
}

/// The keys that sign challenges also sign events, so a caller must not be able to get an event signed.
#[test]
fn never_signs_event_content_as_a_challenge() {
    let long = format!("/?crc_token={}", "a".repeat(QUESTION_MAX + 1));
    let cases: &[Asked<'_>] = &[
        ("x-twitter", "GET", "/?crc_token=%7B%22a%22%3A1%7D", &[], ""),
        ("x-twitter", "GET", "/?crc_token=a%26b", &[], ""),
        ("x-twitter", "GET", "/?crc_token=", &[], ""),
        ("x-twitter", "GET", &long, &[], ""),
        (
            "zoom",
            "POST",
            "/",
            &[],
            r#"{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1700000000:{}"}}"#,
        ),
        ("linkedin", "GET", "/?challengeCode=hmacsha256%3D%7B%7D", &[], ""),
        ("linkedin", "GET", "/?challengeCode=hmacsha256%3Dtrue", &[], ""),
        ("x-twitter", "GET", "/?crc_token=true", &[], ""),
        ("x-twitter", "GET", "/?crc_token=12345678901", &[], ""),
        ("x-twitter", "GET", "/?crc_token=-1.5", &[], ""),
        ("x-twitter", "GET", "/?crc_token=a%3D1", &[], ""),
        ("smartcar", "POST", "/", &[], r#"{"data":{"challenge":"{\"a\":1}"}}"#),
        // Braintree signs base64 content, so only its short hexadecimal challenges are signed.
        ("braintree", "GET", "/?bt_challenge=PD94bWwgdmVyc2lvbj0iMS4wIj8", &[], ""),
        (
            "braintree",
            "GET",
            "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a5320f9f8ed05f77439fe955c977e4c8a53",
            &[],
            "",
        ),
    ];
    for request in cases {
        assert_eq!(response(*request, &keys(), State::Valid, false), None, "{request:?}");
    }
    let none = Keys::default();
    assert_eq!(response(("x-twitter", "GET", "/?crc_token=abc", &[], ""), &none, State::Valid, false), None);
}

#[test]
fn limits_size_and_content_type_of_an_echo() {
    let huge = format!("/?challenge={}", "a".repeat(RESPONSE_MAX + 1));
    assert_eq!(response(("dropbox", "GET", &huge, &[], ""), &keys(), State::Valid, false), None);
    let html = filled(("dropbox", "GET", "/?challenge=%3Cscript%3E", &[], ""));
    assert!(html.headers.contains(&("Content-Type".into(), "text/plain".into())));
    assert!(html.headers.contains(&("X-Content-Type-Options".into(), "nosniff".into())));
}
