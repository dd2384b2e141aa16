//! Tests of the requests of each check, for every vendor that signs with a shared secret.

use hookbench_delivery::{new_secret, target_of};
use hookbench_provider::Catalog;
use hookbench_signature::{Message, State, verify};

use super::{case::Case, list::CHECKS, probe_request::ProbeRequest, subject::Subject, *};

const NOW_MS: i64 = 1_795_000_000_000;

/// Returns a subject for each vendor whose events can be signed with a shared secret.
fn subjects() -> Vec<Subject> {
    subjects_of(|_| true)
}

/// Returns the subject of one vendor.
pub(crate) fn subject(provider: &str) -> Subject {
    subjects_of(|id| id == provider).pop().expect("a provider")
}

fn subjects_of(is_wanted: impl Fn(&str) -> bool) -> Vec<Subject> {
    let (catalog, _) = Catalog::load([]);
    let (scenarios, _) = hookbench_provider::scenarios(&catalog, Vec::new());
    let scenarios: Vec<_> = scenarios.into_values().map(|(scenario, _)| scenario).collect();
    let signing = catalog.providers().filter(|provider| provider.scheme(None).is_some() && is_wanted(&provider.id));
    signing
        .filter_map(|provider| {
            let form = provider.sending.as_ref().map(|sending| sending.secret).unwrap_or_default();
            let settings = serde_json::json!({
                "url": "http://127.0.0.1:1/webhook", "provider": provider.id, "secret": new_secret(form).expect("a secret"),
            });
            let settings: CheckSettings = serde_json::from_value(settings).expect("settings");
            let subject = Subject::new(settings, None, &catalog, &scenarios, NOW_MS * 1_000);
            // Some vendors sign with a key pair or outside of headers. Their error explains this.
            let known = provider.sending.as_ref().is_some_and(|sending| !sending.events.is_empty());
            subject.map_err(|why| assert!(!known, "{}: {why}", provider.id)).ok()
        })
        .collect()
}

fn case(subject: &Subject, id: &str) -> Result<Case, String> {
    let check = CHECKS.iter().find(|check| check.id == id).expect("a check");
    (check.case)(subject, NOW_MS)
}

/// Returns true if the vendor's own scheme accepts the request.
fn holds(subject: &Subject, exchange: &ProbeRequest) -> bool {
    let headers: Vec<(&str, &[u8])> =
        exchange.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let target = target_of(&exchange.url);
    let message = Message {
        method: &exchange.method,
        target: &target,
        url: Some(&exchange.url),
        headers: &headers,
        body: &exchange.body,
    };
    verify(&subject.record.scheme, &message, &subject.keys, NOW_MS).state == State::Valid
}

#[test]
fn numbers_and_names_checks_uniquely() {
    for (place, check) in CHECKS.iter().enumerate() {
        assert_eq!(usize::from(check.number), place + 1);
        assert!(CHECKS.iter().filter(|other| other.id == check.id).count() == 1, "{}", check.id);
    }
    assert_eq!(CHECKS.len(), 52);
}

/// Each request is valid or invalid under the vendor's own scheme, as the check expects, for every vendor.
#[test]
fn builds_valid_and_invalid_requests_for_every_vendor() {
    const RIGHT: &[&str] = &[
        "accepts",
        "response-time",
        "timestamp-tolerance",
        "two-signatures",
        "header-case",
        "raw-body",
        "unicode",
        "duplicates",
        "concurrent-duplicates",
        "same-object",
        "out-of-order",
        "late-update",
        "unknown-type",
        "unknown-fields",
        "null-values",
        "id-types",
        "minimal",
        "broken-json",
        "empty-body",
        "slow-upload",
    ];
    const WRONG: &[&str] = &[
        "unsigned",
        "wrong-secret",
        "changed-body",
        "malformed-signatures",
        "expired-timestamp",
        "future-timestamp",
        "invalid-timestamps",
        "other-versions",
    ];
    let subjects = subjects();
    assert!(subjects.len() >= 100, "{}", subjects.len());
    let mut failed = String::new();
    // The other key of a key pair, with which a signature is verified, is not available here.
    for subject in subjects.iter().filter(|subject| subject.strange_keys().is_ok()) {
        for (ids, valid) in [(RIGHT, true), (WRONG, false)] {
            for id in ids {
                // Some vendors' own libraries accept timestamps in the future.
                let open = *id == "future-timestamp" && subject.timestamp().is_ok_and(|rule| rule.future_s.is_none());
                let Ok(case) = case(subject, id) else { continue };
                if open {
                    continue;
                }
                for (place, request) in case.steps.iter().flat_map(|step| &step.requests).enumerate() {
                    // In this check, the valid request follows the forged one.
                    let valid = valid || *id == "wrong-secret" && place == 1;
                    let (vendor, label) = (&subject.provider.id, &request.label);
                    if holds(subject, request) != valid {
                        failed += &format!("{vendor} {id}, {label}\n");
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

/// Checks that apply to every vendor run for every vendor.
#[test]
fn skips_checks_only_with_a_reason() {
    const ALWAYS: &[&str] =
        &["accepts", "response-time", "head-and-get", "unsigned", "duplicates", "unknown-type", "broken-json", "burst"];
    for subject in subjects() {
        // The large bodies are left out because generating them takes too long.
        for check in CHECKS.iter().filter(|check| check.id != "sizes") {
            match (check.case)(&subject, NOW_MS) {
                Ok(case) => assert!(check.looks_back() == (case.requests() == 0), "{}", check.id),
                Err(why) => {
                    let unsigned = why.starts_with("The event cannot be signed")
                        || why.contains("sends the timestamp in the body");
                    assert!(
                        why.ends_with('.') && (unsigned || !ALWAYS.contains(&check.id)),
                        "{} {}: {why}",
                        subject.provider.id,
                        check.id
                    );
                }
            }
        }
    }
}
