//! Diagnosis of an endpoint that receives nothing: tests the causes documented by vendors in order.

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

/// Timeout of the test request. The limit is short because a user waits for the result.
const PATIENCE: Duration = Duration::from_millis(1_500);

fn cause(name: &str, found: DiagnosisResult, detail: impl Into<String>) -> DiagnosisStep {
    DiagnosisStep { name: name.into(), found, detail: detail.into() }
}

impl Outbox {
    /// Tests each cause why an endpoint may receive nothing. Sends a HEAD request, but no event.
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

/// Tests the settings of an endpoint.
fn of_settings(
    endpoint: &EndpointRow,
    policy: &DeliveryPolicy,
    event: Option<&str>,
    plain: bool,
) -> Vec<DiagnosisStep> {
    use DiagnosisResult::{Failed, Ok};
    let settings = &endpoint.settings;
    let mut steps = vec![match (endpoint.enabled, settings.paused) {
        (false, _) => cause("Enabled", Failed, format!("The endpoint is disabled: {}", endpoint.reason)),
        (true, true) => cause("Enabled", Failed, "The retry clock is paused, so nothing is sent."),
        (true, false) => cause("Enabled", Ok, "The endpoint is enabled."),
    }];
    if let Some(event) = event {
        steps.push(match settings.takes(event) {
            true => cause("Event", Ok, format!("The endpoint is subscribed to {event}.")),
            false => cause("Event", Failed, format!("The endpoint is not subscribed to {event}.")),
        });
    }
    steps.push(match (*policy.https.value(), plain, settings.local_test) {
        (HttpsRule::Required, true, false) => cause("HTTPS", Failed, "The vendor sends only to https:// URLs."),
        (HttpsRule::Required, true, true) => cause("HTTPS", Ok, "Plain HTTP is allowed for local testing."),
        _ => cause("HTTPS", Ok, "The vendor sends to this URL."),
    });
    steps
}

/// Tests the steps of an exchange with the endpoint in order. An invalid URL ends the test.
fn of_connection(tried: &Exchange, plain: bool) -> Vec<DiagnosisStep> {
    use DiagnosisResult::{Failed, Ok, Skipped};
    let failed = tried.result.as_ref().err();
    let mut over = false;
    let mut steps = Vec::new();
    for (name, phase, fine) in [
        ("DNS", AttemptPhase::Dns, "The host has an address."),
        ("Connection", AttemptPhase::Connect, "The host accepts connections."),
        ("TLS", AttemptPhase::Tls, "The certificate is accepted."),
    ] {
        if plain && phase == AttemptPhase::Tls {
            continue;
        }
        steps.push(match failed.filter(|error| error.phase == phase) {
            _ if over => cause(name, Skipped, "A previous step failed."),
            Some(error) => {
                over = true;
                cause(name, Failed, error.message.clone())
            }
            None => cause(name, Ok, fine),
        });
    }
    steps.push(match &tried.result {
        Err(error) if error.kind == AttemptErrorKind::Url => cause("URL", Failed, error.message.clone()),
        _ if over => cause("HTTP", Skipped, "A previous step failed."),
        Err(error) => cause("HTTP", Failed, error.message.clone()),
        Result::Ok(received) => {
            cause("HTTP", Ok, format!("The endpoint responded to a HEAD request with {}.", received.status))
        }
    });
    steps
}

/// Tests the result of the last delivery.
fn of_last(last: Option<&Delivery>, policy: &DeliveryPolicy) -> DiagnosisStep {
    use DiagnosisResult::{Failed, Ok, Skipped};
    let step = |result, detail: String| cause("Last delivery", result, detail);
    let Some(last) = last else { return step(Skipped, "No delivery yet.".into()) };
    let success = policy.success.value();
    match (last.status, &last.error) {
        (Some(status), _) if success.includes(status) => {
            step(Ok, format!("The endpoint responded with {status}, which is a success."))
        }
        (Some(status @ 200..=299), _) => step(
            Failed,
            format!("The endpoint responded with {status}, but the vendor expects {success}. Respond with {success}."),
        ),
        (Some(status), _) => step(Failed, format!("The endpoint responded with {status}. See the log of your app.")),
        (None, Some(error)) => step(Failed, error.clone()),
        (None, None) => step(Skipped, "The delivery has not been attempted.".into()),
    }
}
