//! Tests of the assessments.

use CheckOutcome::{Error, Fail, Pass, Skipped, Unknown, Warn};
use hookbench_model::{AttemptError, AttemptPhase, AttemptTimings, CheckResponse};

use super::*;

type Assess = fn(&Evidence<'_>) -> CheckFinding;

/// Side effects that a probe counted during the case, and until the first response.
type Counted = Option<(i64, i64)>;

/// Function name, function, response statuses, side effects and expected outcome.
type Case = (&'static str, Assess, &'static [u16], Counted, CheckOutcome);

/// A POST request and its response. Status 0 makes a connection reset, status 1 a TLS error.
fn exchange(status: u16) -> CheckExchange {
    let error =
        |kind, message: &str| Some(AttemptError { kind, phase: AttemptPhase::Response, message: message.to_owned() });
    CheckExchange {
        label: String::new(),
        method: "POST".into(),
        url: "http://127.0.0.1:1/".into(),
        headers: Vec::new(),
        body: String::new(),
        body_bytes: 0,
        response: (status > 1).then(|| CheckResponse {
            status,
            headers: Vec::new(),
            body: String::new(),
            body_bytes: 0,
        }),
        error: match status {
            0 => error(AttemptErrorKind::Reset, "the connection was reset"),
            1 => error(AttemptErrorKind::Tls, "the certificate has expired"),
            _ => None,
        },
        disclosed: None,
        timings: AttemptTimings { first_byte_us: Some(2_000), connect_us: Some(100), ..AttemptTimings::default() },
    }
}

fn with(status: u16, change: impl FnOnce(&mut CheckExchange)) -> CheckExchange {
    let mut exchange = exchange(status);
    change(&mut exchange);
    exchange
}

fn with_header(status: u16, name: &str, value: &str) -> CheckExchange {
    with(status, |exchange| {
        let response = exchange.response.as_mut().expect("a response");
        response.headers.push((name.into(), value.into()));
    })
}

/// Returns the outcome of an assessment, with the given side-effect counts or without a probe.
fn outcome(assess: Assess, exchanges: &[CheckExchange], effects: Counted) -> CheckOutcome {
    let subject = crate::tests::subject("stripe");
    let effects = effects.map(|(whole, early)| (Effects::Count(whole), Effects::Count(early)));
    assess(&Evidence { subject: &subject, exchanges, all: exchanges, effects }).outcome
}

#[test]
fn assesses_statuses() {
    let cases: &[(&str, Assess, &[u16], CheckOutcome)] = &[
        ("accepts", accepts, &[200, 204], Pass),
        ("accepts", accepts, &[200, 400], Fail),
        ("accepts", accepts, &[301], Fail),
        ("accepts", accepts, &[0], Fail),
        ("refuses", refuses, &[400, 401, 422], Pass),
        ("refuses", refuses, &[200], Fail),
        ("refuses", refuses, &[500], Fail),
        ("refuses", refuses, &[0], Fail),
        ("stays_up", stays_up, &[200, 404], Pass),
        ("stays_up", stays_up, &[200, 500], Fail),
        ("stays_up", stays_up, &[0], Fail),
        ("refuses_forged", refuses_forged, &[401, 200], Pass),
        ("refuses_forged", refuses_forged, &[200, 200], Fail),
        ("refuses_forged", refuses_forged, &[401, 409], Fail),
        ("refuses_forged", refuses_forged, &[401], Error),
        ("keeps_working", keeps_working, &[405, 200, 200], Pass),
        ("keeps_working", keeps_working, &[405, 200, 0], Fail),
        ("keeps_working", keeps_working, &[], Error),
        ("refuses_or_takes", refuses_or_takes, &[400], Pass),
        ("refuses_or_takes", refuses_or_takes, &[200], Warn),
        ("refuses_or_takes", refuses_or_takes, &[503], Fail),
        ("method_refused", method_refused, &[405], Pass),
        ("method_refused", method_refused, &[200], Fail),
        ("method_refused", method_refused, &[500], Fail),
        ("redirects", redirects, &[200, 302], Fail),
        ("redirects", redirects, &[200, 404], Pass),
        ("redirects", redirects, &[0], Error),
        ("tls", tls, &[1], Fail),
        ("tls", tls, &[200], Pass),
        ("tls", tls, &[0], Unknown),
        ("tls", tls, &[], Error),
        ("slow", slow, &[200, 408, 411, 413], Pass),
        ("slow", slow, &[200, 400], Fail),
        ("sized", sized, &[200, 413, 200], Pass),
        ("sized", sized, &[200, 500, 200], Fail),
        ("sized", sized, &[413, 413], Fail),
        ("burst", burst, &[200, 429], Pass),
        ("burst", burst, &[200, 500], Fail),
        ("burst", burst, &[200, 400], Fail),
        ("unavailable", unavailable, &[503], Pass),
        ("unavailable", unavailable, &[500], Warn),
        ("unavailable", unavailable, &[429], Warn),
        ("unavailable", unavailable, &[0], Warn),
        ("unavailable", unavailable, &[400], Fail),
        ("unavailable", unavailable, &[200], Fail),
        ("gone", gone, &[200, 410], Fail),
        ("gone", gone, &[200, 404], Pass),
        ("gone", gone, &[0], Error),
        ("retry_after", retry_after, &[200, 503], Skipped),
        ("retry_after", retry_after, &[429], Fail),
        ("state_kept", state_kept, &[200, 200], Unknown),
        ("state_kept", state_kept, &[200, 409], Fail),
        ("connect_time", connect_time, &[200], Pass),
        ("connect_time", connect_time, &[], Error),
        ("response_time", response_time, &[200, 200], Pass),
        ("response_time", response_time, &[200, 400], Fail),
        ("response_time", response_time, &[200, 0], Fail),
        ("packed", packed, &[415], Pass),
        ("packed", packed, &[500], Fail),
        ("probed", probed, &[200], Skipped),
    ];
    for (name, assess, statuses, expected) in cases {
        let exchanges: Vec<CheckExchange> = statuses.iter().copied().map(exchange).collect();
        assert_eq!(outcome(*assess, &exchanges, None), *expected, "{name} {statuses:?}");
    }
}

#[test]
fn reports_unknown_side_effects_without_a_probe() {
    let cases: &[Case] = &[
        ("one_effect", one_effect, &[200, 200], None, Unknown),
        ("one_effect", one_effect, &[200, 200], Some((1, 1)), Pass),
        ("one_effect", one_effect, &[200, 409], Some((1, 1)), Fail),
        ("one_effect_at_once", one_effect_at_once, &[200, 409], None, Unknown),
        ("one_effect_at_once", one_effect_at_once, &[200, 409], Some((1, 1)), Pass),
        ("one_effect_at_once", one_effect_at_once, &[409, 409], Some((0, 0)), Fail),
        ("one_effect_at_once", one_effect_at_once, &[200, 500], Some((1, 1)), Fail),
        ("same_object", same_object, &[200, 200], None, Unknown),
        ("same_object", same_object, &[200, 200], Some((1, 1)), Pass),
        ("same_object", same_object, &[200, 200], Some((2, 1)), Warn),
        ("same_object", same_object, &[200, 500], Some((1, 1)), Fail),
        ("retried", retried, &[500, 200], None, Unknown),
        ("retried", retried, &[500, 200], Some((1, 0)), Pass),
        ("retried", retried, &[200, 200], Some((1, 0)), Fail),
        ("retried", retried, &[500, 500], Some((0, 0)), Fail),
        ("retried", retried, &[500], Some((0, 0)), Error),
        ("ignores_header", ignores_header, &[401], None, Pass),
        ("ignores_header", ignores_header, &[200], None, Unknown),
        ("ignores_header", ignores_header, &[200], Some((0, 0)), Pass),
        ("ignores_header", ignores_header, &[200], Some((1, 1)), Fail),
        ("ignores_header", ignores_header, &[500], Some((0, 0)), Fail),
        ("responds_first", responds_first, &[200], None, Skipped),
        ("responds_first", responds_first, &[200], Some((1, 0)), Pass),
        ("responds_first", responds_first, &[200], Some((1, 1)), Pass),
        ("responds_first", responds_first, &[200], Some((0, 0)), Fail),
        ("responds_first", responds_first, &[400], Some((0, 0)), Unknown),
        ("responds_first", responds_first, &[500], Some((0, 0)), Fail),
        // Stripe signs the timestamp, so a handler can detect an old captured request.
        ("replayed-later", captured, &[200, 400], None, Pass),
        ("replayed-later", captured, &[200, 200], None, Fail),
        ("replayed-later", captured, &[400, 400], None, Unknown),
        ("probed", probed, &[200], Some((1, 1)), Pass),
    ];
    for (name, assess, statuses, effects, expected) in cases {
        let exchanges: Vec<CheckExchange> = statuses.iter().copied().map(exchange).collect();
        assert_eq!(outcome(*assess, &exchanges, *effects), *expected, "{name} {statuses:?} {effects:?}");
    }
}

#[test]
fn finds_slow_responses_and_connections() {
    let slow = |us| with(200, |exchange| exchange.timings.first_byte_us = Some(us));
    assert_eq!(outcome(response_time, &[slow(4_900_000)], None), Pass);
    assert_eq!(outcome(response_time, &[slow(1_000), slow(5_100_000)], None), Warn);
    assert_eq!(outcome(burst, &[slow(4_900_000)], None), Pass);
    assert_eq!(outcome(burst, &[slow(5_100_000)], None), Fail);
    assert_eq!(outcome(responds_first, &[slow(900_000)], Some((1, 1))), Warn);
    assert_eq!(
        outcome(connect_time, &[with(200, |exchange| exchange.timings.connect_us = Some(1_200_000))], None),
        Fail
    );
}

#[test]
fn assesses_the_content_of_responses() {
    let echoed = with(200, |exchange| exchange.response.as_mut().expect("a response").body = "1158201444\n".into());
    assert_eq!(outcome(challenged, &[echoed.clone(), exchange(403)], None), Pass);
    assert_eq!(outcome(challenged, &[echoed, exchange(200)], None), Fail);
    assert_eq!(outcome(challenged, &[exchange(200), exchange(403)], None), Fail);

    assert_eq!(outcome(origin_allowed, &[with_header(200, "WebHook-Allowed-Origin", "*")], None), Pass);
    assert_eq!(outcome(origin_allowed, &[with_header(200, "webhook-allowed-origin", "other.example")], None), Fail);
    assert_eq!(outcome(origin_allowed, &[exchange(200)], None), Fail);

    for (value, expected) in
        [("120", Pass), ("Tue, 24 Nov 2026 10:00:00 GMT", Pass), ("soon", Fail), ("-1", Fail), ("", Fail)]
    {
        assert_eq!(outcome(retry_after, &[with_header(429, "Retry-After", value)], None), expected, "{value:?}");
    }

    let telling = with(200, |exchange| exchange.disclosed = Some("the secret".into()));
    assert_eq!(outcome(discloses_nothing, &[exchange(200), telling], None), Fail);
    let long = |method: &str| {
        with(200, |exchange| {
            exchange.method = method.into();
            exchange.response.as_mut().expect("a response").body_bytes = RESPONSE_MAX + 1;
        })
    };
    assert_eq!(outcome(discloses_nothing, &[long("POST")], None), Fail);
    assert_eq!(outcome(discloses_nothing, &[long("GET")], None), Pass);

    // A handler that has read enough may close the connection while a large body is still being sent.
    let cut = with(0, |exchange| exchange.body_bytes = 1_000_001);
    assert_eq!(outcome(sized, &[cut, exchange(200)], None), Pass);
    assert_eq!(outcome(sized, &[exchange(0), exchange(200)], None), Fail);
}

#[test]
fn fails_right_responses_with_wrong_side_effects() {
    let subject = crate::tests::subject("stripe");
    let exchanges = [exchange(200), exchange(200)];
    let settle = |finding: CheckFinding, due, effects: Option<Effects>| {
        let seen = Evidence {
            subject: &subject,
            exchanges: &exchanges,
            all: &exchanges,
            effects: effects.map(|all| (all, all)),
        };
        settled(finding, due, &seen).outcome
    };
    let pass = || CheckFinding::pass("Accepted.");
    assert_eq!(settle(pass(), ExpectedEffects::Exactly(1), Some(Effects::Count(1))), Pass);
    assert_eq!(settle(pass(), ExpectedEffects::Exactly(1), Some(Effects::Count(2))), Fail);
    assert_eq!(settle(pass(), ExpectedEffects::Exactly(1), Some(Effects::Changed(true))), Pass);
    assert_eq!(settle(pass(), ExpectedEffects::Exactly(0), Some(Effects::Changed(true))), Fail);
    assert_eq!(settle(pass(), ExpectedEffects::Accepted, Some(Effects::Count(2))), Pass);
    assert_eq!(settle(pass(), ExpectedEffects::Accepted, Some(Effects::Count(1))), Fail);
    assert_eq!(settle(pass(), ExpectedEffects::Looked, Some(Effects::Count(7))), Pass);
    assert_eq!(settle(pass(), ExpectedEffects::Exactly(1), None), Pass);
    assert_eq!(settle(CheckFinding::unknown("?"), ExpectedEffects::Exactly(1), Some(Effects::Count(2))), Unknown);
}
