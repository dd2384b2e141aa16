//! Tests of the catalog with built-in and custom providers.

use hookbench_signature::{Keys, Message, ParsedMessage, Scheme, SearchContext, State, explain, sign, verify};
use proptest::prelude::*;

use super::*;

fn all() -> Catalog {
    let (catalog, bad) = Catalog::load([]);
    assert_eq!(bad, []);
    catalog
}

#[test]
fn loads_all_built_in_providers() {
    let catalog = all();
    assert!(catalog.providers().count() >= 150, "{}", catalog.providers().count());
    for provider in catalog.providers() {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(provider.id.chars().all(kebab), "{}", provider.id);
    }
}

#[test]
fn symmetric_schemes_verify_only_their_own_signatures() {
    for provider in all().providers() {
        for record in &provider.schemes {
            let Scheme::Digest(digest) = &record.scheme else { continue };
            let in_headers = digest.signature.iter().all(|source| source.header_name().is_some());
            if !digest.algorithm.is_symmetric() || !in_headers {
                continue;
            }
            let mut keys = Keys::of("5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7abcdef0123");
            for name in record.scheme.params() {
                keys.params.insert(name, "setting".into());
            }
            let now = 1_800_000_000_000;
            let body = br#"{"type":"a","payloadId":"p","webhookTimestamp":1800000000000}"#;
            let url = Some("https://example.com/hook?a=1");
            let message = Message { method: "POST", target: "/hook?a=1", url, headers: &[], body };
            let signed = sign(&record.scheme, &message, &keys, "id_1", now)
                .unwrap_or_else(|e| panic!("{} {}: {e}", provider.id, record.id));
            let headers: Vec<(&str, &[u8])> =
                signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            let message = Message { headers: &headers, ..message };
            let verification = verify(&record.scheme, &message, &keys, now);
            assert_eq!(verification.state, State::Valid, "{} {}: {verification:?} {signed:?}", provider.id, record.id);
            let mut other = keys.clone();
            other.secrets = vec!["0123abcdef5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7".into()];
            assert_eq!(verify(&record.scheme, &message, &other, now).state, State::Invalid, "{}", provider.id);
            if record.scheme.signs_body() {
                let changed =
                    Message { body: br#"{"type":"b","payloadId":"p","webhookTimestamp":1800000000000}"#, ..message };
                assert_eq!(verify(&record.scheme, &changed, &keys, now).state, State::Invalid, "{}", provider.id);
            }
            let bare = Message { headers: &[], ..message };
            assert_eq!(verify(&record.scheme, &bare, &keys, now).state, State::Unsigned, "{}", provider.id);
        }
    }
}

#[test]
fn reports_an_invalid_file_and_loads_the_rest() {
    let file = "name = \"Mine\"\n\n[[schemes]]\nid = \"mine\"\nbased_on = \"sdk\"\n[schemes.digest]\nsignature = [\"header:X\"]\ncontent = \"{boddy}\"\nalgorithm = \"hmac-sha256\"\n";
    let (catalog, bad) =
        Catalog::load([("mine.toml".into(), file.into()), ("ours.toml".into(), "name = \"Ours\"\n".into())]);
    assert_eq!(bad.len(), 1);
    assert!(bad[0].reason.contains("line 8") && bad[0].reason.contains("not a part of a message"), "{}", bad[0]);
    assert!(catalog.get("ours").is_some() && catalog.get("github").is_some());
}

#[test]
fn recognizes_providers_events_and_ids() {
    let catalog = all();
    /// Headers and body, and the expected provider, event type and event id.
    type Case = (&'static [(&'static str, &'static str)], &'static str, [Option<&'static str>; 3]);
    let cases: &[Case] = &[
        (
            &[("X-GitHub-Event", "push"), ("X-GitHub-Delivery", "d-1")],
            "{}",
            [Some("github"), Some("push"), Some("d-1")],
        ),
        (
            &[("Stripe-Signature", "t=1,v1=a")],
            r#"{"type":"invoice.paid","id":"evt_1"}"#,
            [Some("stripe"), Some("invoice.paid"), Some("evt_1")],
        ),
        (
            &[("X-OWC-Event", "chat.closed"), ("X-OWC-Delivery", "7"), ("X-OWC-Signature", "a")],
            "{}",
            [Some("onwebchat"), Some("chat.closed"), Some("7")],
        ),
        (
            &[("webhook-id", "m"), ("webhook-signature", "v1,a")],
            r#"{"type":"a.b"}"#,
            [Some("standard-webhooks"), Some("a.b"), Some("m")],
        ),
        (
            &[("Linear-Delivery", "x"), ("Linear-Event", "Issue"), ("Linear-Signature", "a")],
            r#"{"type":"Issue","action":"create"}"#,
            [Some("linear"), Some("Issue.create"), Some("x")],
        ),
        (
            &[("X-Hub-Signature-256", "sha256=a")],
            r#"{"object":"page","entry":[{"id":"1","changes":[{"field":"feed"}]}]}"#,
            [Some("meta"), Some("feed"), None],
        ),
    ];
    for (headers, body, expected) in cases {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: body.as_bytes() };
        let reading = ParsedMessage::new(&message);
        let read = catalog.recognize(&reading).map(|provider| provider.read(&reading)).unwrap_or_default();
        let found = [read.provider.as_deref(), read.event_type.as_deref(), read.event_id.as_deref()];
        assert_eq!(found, *expected);
    }
}

/// Generates a header that a scheme reads, or another common header.
fn header() -> impl Strategy<Value = (String, Vec<u8>)> {
    let (catalog, _) = Catalog::load([]);
    let mut names: Vec<String> = catalog
        .providers()
        .flat_map(|provider| provider.schemes.iter().flat_map(|record| record.scheme.places()))
        .filter_map(|source| source.header_name())
        .collect();
    names.extend(["webhook-id", "webhook-timestamp", "X-Slack-Request-Timestamp", "content-type"].map(String::from));
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        "(t=[0-9]{0,22}[,; ])?(v[01]|h1|s|sha256|signature)?[=,]?[A-Za-z0-9+/=_-]{0,90}".prop_map(String::into_bytes),
        "[0-9]{0,25}|-1|1e9|[0-9]{4}-[0-9]{2}-[0-9]{2}T00:00:00Z?".prop_map(String::into_bytes),
        "eyJ[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}".prop_map(String::into_bytes),
    ];
    (prop::sample::select(names), value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn never_accepts_or_panics_on_arbitrary_requests(
        headers in prop::collection::vec(header(), 0..5),
        body in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), "[\\[{\"a-z:,0-9}\\]\\\\ ]{0,200}".prop_map(String::into_bytes)],
        target in "/[ -~]{0,60}",
        secret in "[ -~é]{1,60}",
        now in any::<i64>(),
    ) {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let message = Message { method: "POST", target: &target, url: None, headers: &headers, body: &body };
        let reading = ParsedMessage::new(&message);
        let catalog = all();
        catalog.recognize(&reading);
        for provider in catalog.providers() {
            provider.read(&reading);
            for record in &provider.schemes {
                let verification = verify(&record.scheme, &message, &Keys::of(secret.clone()), now);
                prop_assert_ne!(verification.state, State::Valid, "{}", provider.id);
                let _ = sign(&record.scheme, &message, &Keys::of(secret.clone()), "id", now);
            }
        }
        let github = &catalog.get("github").expect("built-in provider").schemes[0].scheme;
        explain(github, &message, &Keys::of(secret), &SearchContext::default(), now, &|| false);
    }
}

/// Provider id, number of event types, and whether the vendor documents signatures as enabled by default.
const FOUNDING: &[(&str, usize, bool)] = &[
    ("deway", 2, false),
    ("flow-session", 4, false),
    ("onwebchat", 9, true),
    ("vowchat", 8, true),
    ("sydx-ai", 5, true),
];

#[test]
fn founding_vendors_send_recognizable_events() {
    let catalog = all();
    let mut count = 0;
    for (id, events, signed) in FOUNDING {
        let provider = catalog.get(id).expect(id);
        let sending = provider.sending.as_ref().expect("events of the provider");
        assert_eq!((sending.events.len(), sending.signed), (*events, *signed), "{id}");
        for event in &sending.events {
            count += 1;
            let now_ms = 1_705_314_600_123;
            let seeds = crate::sample::Seeds { seed: 1, step: 0, event: &event.kind, id: "d_1", now_ms };
            let body = crate::sample::filled(&event.sample.value(), &seeds).to_string();
            assert!(!body.contains("{{"), "{id} {}: {body}", event.kind);
            let headers: Vec<(String, String)> = sending
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.replace("{event}", &event.kind).replace("{delivery}", "d_1")))
                .collect();
            let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
            let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: body.as_bytes() };
            // An inbox must recognize events that Hookbench sends as a vendor.
            let scheme = &provider.schemes[0].scheme;
            let signed = sign(scheme, &message, &Keys::of("5ec2e7"), "d_1", now_ms).expect("signing succeeds");
            let mut all_headers = headers.clone();
            if sending.signed {
                all_headers.extend(signed.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())));
            }
            let message = Message { headers: &all_headers, ..message };
            let reading = ParsedMessage::new(&message);
            let found = catalog.recognize(&reading).map(|provider| provider.read(&reading)).unwrap_or_default();
            assert_eq!(found.provider.as_deref(), Some(*id), "{}", event.kind);
            assert_eq!(found.event_type.as_deref(), Some(event.kind.as_str()), "{id}");
            assert!(found.subject.is_some(), "{id}: {} has no subject", event.kind);
        }
    }
    assert_eq!(count, 28);
}

#[test]
fn sending_vendors_have_schemes_and_valid_field_paths() {
    for provider in all().providers() {
        let Some(sending) = &provider.sending else { continue };
        assert!((sending.more_events || !sending.events.is_empty()) && !provider.schemes.is_empty(), "{}", provider.id);
        for event in &sending.events {
            for stated in event.stated.iter().filter(|path| *path != "*") {
                let pointer = format!("/{}", stated.replace('.', "/"));
                assert!(event.sample.value().pointer(&pointer).is_some(), "{} {}: {stated}", provider.id, event.kind);
            }
        }
    }
}
