//! Why nothing arrives: the vendors' own causes, looked at in turn.

use std::time::Duration;

use bytes::Bytes;
use hookbench_model::{
    AttemptErrorKind, AttemptPhase, Delivery, DeliveryPolicy, DiagnosisResult, DiagnosisStep, HttpsRule,
};
use hookbench_store::{delivery::Exchange, endpoint::EndpointRow};

use super::{
    exchange::{Outgoing, SendOptions, exchange},
    outbox::Outbox,
    url::parse,
};

/// How long the receiver is asked at most: the answer is one a person waits for.
const PATIENCE: Duration = Duration::from_millis(1_500);

fn cause(name: &str, found: DiagnosisResult, detail: impl Into<String>) -> DiagnosisStep {
    DiagnosisStep { name: name.into(), found, detail: detail.into() }
}

impl Outbox {
    /// Tests each cause in turn why an endpoint may receive nothing. The endpoint gets a HEAD request and no event.
    pub async fn diagnose(
        &self,
        endpoint: &EndpointRow,
        policy: &DeliveryPolicy,
        event: Option<&str>,
        last: Option<&Delivery>,
        now_s: i64,
    ) -> Vec<DiagnosisStep> {
        let settings = &endpoint.settings;
        let plain = parse(&settings.url).is_ok_and(|url| url.scheme_str() == Some("http"));
        let mut steps = of_settings(endpoint, policy, event, plain);
        let options = SendOptions {
            total: PATIENCE,
            connect: PATIENCE,
            trust: crate::trust(settings).unwrap_or_default(),
            lower_case: false,
            fresh: false,
            now_s,
        };
        let head = Outgoing {
            method: "HEAD".into(),
            url: settings.url.clone(),
            headers: Vec::new(),
            body: Bytes::new().into(),
        };
        let tried = exchange(self.connections(), &head, &options, None).await;
        steps.extend(of_connection(&tried, plain));
        if !tried.result.as_ref().is_err_and(|error| error.kind == AttemptErrorKind::Url) {
            steps.push(of_last(last, policy));
        }
        steps
    }
}

/// What the settings of an endpoint say.
fn of_settings(
    endpoint: &EndpointRow,
    policy: &DeliveryPolicy,
    event: Option<&str>,
    plain: bool,
) -> Vec<DiagnosisStep> {
    use DiagnosisResult::{Failed, Ok};
    let settings = &endpoint.settings;
    let mut steps = vec![match (endpoint.enabled, settings.paused) {
        (false, _) => cause("Switched on", Failed, format!("It is switched off: {}", endpoint.reason)),
        (true, true) => cause("Switched on", Failed, "Its time stands still, so nothing is sent."),
        (true, false) => cause("Switched on", Ok, "It is switched on."),
    }];
    if let Some(event) = event {
        steps.push(match settings.takes(event) {
            true => cause("Event", Ok, format!("It takes {event}.")),
            false => cause("Event", Failed, format!("{event} is not among the events it takes.")),
        });
    }
    steps.push(match (*policy.https.value(), plain, settings.local_test) {
        (HttpsRule::Required, true, false) => {
            cause("HTTPS", Failed, "The vendor sends only to https:// addresses, and this one is not.")
        }
        (HttpsRule::Required, true, true) => cause("HTTPS", Ok, "Plain HTTP is allowed here for a local test."),
        _ => cause("HTTPS", Ok, "The address is one the vendor sends to."),
    });
    steps
}

/// What an exchange with the endpoint says, step by step. A URL that cannot be parsed ends it.
fn of_connection(tried: &Exchange, plain: bool) -> Vec<DiagnosisStep> {
    use DiagnosisResult::{Failed, Ok, Skipped};
    let failed = tried.result.as_ref().err();
    let mut over = false;
    let mut steps = Vec::new();
    for (name, phase, fine) in [
        ("DNS", AttemptPhase::Dns, "Its host has an address."),
        ("Connection", AttemptPhase::Connect, "It can be connected to."),
        ("TLS", AttemptPhase::Tls, "Its certificate is accepted."),
    ] {
        if plain && phase == AttemptPhase::Tls {
            continue;
        }
        steps.push(match failed.filter(|error| error.phase == phase) {
            _ if over => cause(name, Skipped, "Something before it failed."),
            Some(error) => {
                over = true;
                cause(name, Failed, error.message.clone())
            }
            None => cause(name, Ok, fine),
        });
    }
    steps.push(match &tried.result {
        Err(error) if error.kind == AttemptErrorKind::Url => cause("URL", Failed, error.message.clone()),
        _ if over => cause("HTTP", Skipped, "Something before it failed."),
        Err(error) => cause("HTTP", Failed, error.message.clone()),
        Result::Ok(received) => cause("HTTP", Ok, format!("It answers HTTP: {} to a HEAD request.", received.status)),
    });
    steps
}

/// What the last delivery says.
fn of_last(last: Option<&Delivery>, policy: &DeliveryPolicy) -> DiagnosisStep {
    use DiagnosisResult::{Failed, Ok, Skipped};
    let step = |result, detail: String| cause("Last delivery", result, detail);
    let Some(last) = last else { return step(Skipped, "Nothing was sent to it yet.".into()) };
    let success = policy.success.value();
    match (last.status, &last.error) {
        (Some(status), _) if success.includes(status) => {
            step(Ok, format!("It answered {status}, which is a success here."))
        }
        (Some(status @ 200..=299), _) => step(
            Failed,
            format!("It answered {status}, and the vendor takes only {success} as a success. Answer {success}."),
        ),
        (Some(status), _) => step(Failed, format!("It answered {status}; see its own log.")),
        (None, Some(error)) => step(Failed, error.clone()),
        (None, None) => step(Skipped, "It has not been attempted.".into()),
    }
}
