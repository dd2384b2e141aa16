use hookbench_delivery::{new_secret, target_of};
use hookbench_provider::Catalogue;
use hookbench_signature::{Message, State, verify};

use super::{case::Case, list::CHECKS, probe_request::ProbeRequest, subject::Subject, *};

const NOW_MS: i64 = 1_795_000_000_000;

/// Every vendor that can be played with a shared secret, in its own form.
fn subjects() -> Vec<Subject> {
    subjects_of(|_| true)
}

/// One of them.
pub(crate) fn subject(provider: &str) -> Subject {
    subjects_of(|id| id == provider).pop().expect("a provider")
}

fn subjects_of(is_wanted: impl Fn(&str) -> bool) -> Vec<Subject> {
    let (catalogue, _) = Catalogue::load([]);
    let (scenarios, _) = hookbench_provider::scenarios(&catalogue, Vec::new());
    let scenarios: Vec<_> = scenarios.into_values().map(|(scenario, _)| scenario).collect();
    let signing = catalogue.providers().filter(|provider| provider.scheme(None).is_some() && is_wanted(&provider.id));
    signing
        .filter_map(|provider| {
            let form = provider.sending.as_ref().map(|sending| sending.secret).unwrap_or_default();
            let settings = serde_json::json!({
                "url": "http://127.0.0.1:1/webhook", "provider": provider.id, "secret": new_secret(form).expect("a secret"),
            });
            let settings: CheckSettings = serde_json::from_value(settings).expect("settings");
            let subject = Subject::new(settings, None, &catalogue, &scenarios, NOW_MS * 1_000);
            // Some sign with a key pair, or where no header is: those say so.
            let known = provider.sending.as_ref().is_some_and(|sending| !sending.events.is_empty());
            subject.map_err(|why| assert!(!known, "{}: {why}", provider.id)).ok()
        })
        .collect()
}

fn case(subject: &Subject, id: &str) -> Result<Case, String> {
    let check = CHECKS.iter().find(|check| check.id == id).expect("a check");
    (check.case)(subject, NOW_MS)
}

/// Whether the vendor's own rule takes it.
fn holds(subject: &Subject, shot: &ProbeRequest) -> bool {
    let headers: Vec<(&str, &[u8])> =
        shot.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let target = target_of(&shot.url);
    let message =
        Message { method: &shot.method, target: &target, url: Some(&shot.url), headers: &headers, body: &shot.body };
    verify(&subject.record.scheme, &message, &subject.keys, NOW_MS).state == State::Valid
}

#[test]
fn each_check_has_its_own_number_and_name() {
    for (place, check) in CHECKS.iter().enumerate() {
        assert_eq!(usize::from(check.number), place + 1);
        assert!(CHECKS.iter().filter(|other| other.id == check.id).count() == 1, "{}", check.id);
    }
    assert_eq!(CHECKS.len(), 52);
}

/// What a check says of its requests is true by the vendor's own rule, for every vendor that can be played.
#[test]
fn requests_are_as_right_or_as_wrong_as_they_are_said_to_be() {
    const RIGHT: &[&str] = &[
        "accepts",
        "answer-time",
        "nearly-stale",
        "two-signatures",
        "header-case",
        "odd-json",
        "unicode",
        "thrice",
        "thrice-at-once",
        "same-object",
        "out-of-order",
        "late-update",
        "unknown-type",
        "more-fields",
        "fewer-values",
        "id-types",
        "minimal",
        "broken-json",
        "empty-body",
        "slow-upload",
    ];
    const WRONG: &[&str] =
        &["unsigned", "wrong-secret", "changed-body", "mangled", "stale", "early", "odd-timestamps", "other-versions"];
    let subjects = subjects();
    assert!(subjects.len() >= 100, "{}", subjects.len());
    let mut wrong = String::new();
    // Who signs with one half of a key pair verifies with the other, which is not here.
    for subject in subjects.iter().filter(|subject| subject.strange_keys().is_ok()) {
        for (ids, right) in [(RIGHT, true), (WRONG, false)] {
            for id in ids {
                // Some vendors' own libraries take what is signed ahead.
                let open = *id == "early" && subject.timestamp().is_ok_and(|rule| rule.future_s.is_none());
                let Ok(case) = case(subject, id) else { continue };
                if open {
                    continue;
                }
                for (place, shot) in case.rounds.iter().flat_map(|round| &round.shots).enumerate() {
                    // The right one comes behind the forged one.
                    let right = right || *id == "wrong-secret" && place == 1;
                    let (vendor, label) = (&subject.provider.id, &shot.label);
                    if holds(subject, shot) != right {
                        wrong += &format!("{vendor} {id}, {label}\n");
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The questions that every vendor can be asked are asked as each of them.
#[test]
fn no_question_is_left_out_without_a_reason() {
    const ALWAYS: &[&str] =
        &["accepts", "answer-time", "looked-at", "unsigned", "thrice", "unknown-type", "broken-json", "burst"];
    for subject in subjects() {
        // But for the large bodies, which take their time to be made.
        for check in CHECKS.iter().filter(|check| check.id != "sizes") {
            match (check.case)(&subject, NOW_MS) {
                Ok(case) => assert!(check.looks_back() == (case.requests() == 0), "{}", check.id),
                Err(why) => {
                    let unsigned =
                        why.starts_with("It cannot be signed") || why.contains("says in the body when it was signed");
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
