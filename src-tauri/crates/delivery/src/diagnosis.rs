//! Why nothing arrives: the vendors' own causes, looked at in turn.

use std::time::Duration;

use bytes::Bytes;
use hookline_model::{
    AttemptErrorKind, AttemptPhase, Delivery, DeliveryPolicy, DiagnosisResult, DiagnosisStep, HttpsRule,
};
use hookline_store::endpoint::EndpointRow;

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
    /// Looks at each cause. The receiver gets a HEAD request and no event.
    pub async fn diagnose(
        &self,
        endpoint: &EndpointRow,
        policy: &DeliveryPolicy,
        event: Option<&str>,
        last: Option<&Delivery>,
        now_s: i64,
    ) -> Vec<DiagnosisStep> {
        let settings = &endpoint.settings;
        let mut causes = vec![match (endpoint.enabled, settings.paused) {
            (false, _) => {
                cause("Switched on", DiagnosisResult::Failed, format!("It is switched off: {}", endpoint.reason))
            }
            (true, true) => cause("Switched on", DiagnosisResult::Failed, "Its time stands still, so nothing is sent."),
            (true, false) => cause("Switched on", DiagnosisResult::Ok, "It is switched on."),
        }];
        if let Some(event) = event {
            causes.push(match settings.takes(event) {
                true => cause("Event", DiagnosisResult::Ok, format!("It takes {event}.")),
                false => cause("Event", DiagnosisResult::Failed, format!("{event} is not among the events it takes.")),
            });
        }
        let plain = parse(&settings.url).is_ok_and(|url| url.scheme_str() == Some("http"));
        causes.push(match (*policy.https.value(), plain, settings.local_test) {
            (HttpsRule::Required, true, false) => cause(
                "HTTPS",
                DiagnosisResult::Failed,
                "The vendor sends only to https:// addresses, and this one is not.",
            ),
            (HttpsRule::Required, true, true) => {
                cause("HTTPS", DiagnosisResult::Ok, "Plain HTTP is allowed here for a local test.")
            }
            _ => cause("HTTPS", DiagnosisResult::Ok, "The address is one the vendor sends to."),
        });
        let terms = SendOptions {
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
        let tried = exchange(self.connections(), &head, &terms, None).await;
        let steps = [
            ("DNS", AttemptPhase::Dns, "Its host has an address."),
            ("Connection", AttemptPhase::Connect, "It can be connected to."),
            ("TLS", AttemptPhase::Tls, "Its certificate is accepted."),
        ];
        let failed = tried.result.as_ref().err();
        let mut over = false;
        for (name, phase, fine) in steps {
            if plain && phase == AttemptPhase::Tls {
                continue;
            }
            causes.push(match failed.filter(|error| error.phase == phase) {
                _ if over => cause(name, DiagnosisResult::Skipped, "Something before it failed."),
                Some(error) => {
                    over = true;
                    cause(name, DiagnosisResult::Failed, error.message.clone())
                }
                None => cause(name, DiagnosisResult::Ok, fine),
            });
        }
        if let Some(error) = failed.filter(|error| error.kind == AttemptErrorKind::Url) {
            // Nothing can be looked at behind a URL that is not one.
            causes.push(cause("URL", DiagnosisResult::Failed, error.message.clone()));
            return causes;
        }
        causes.push(match &tried.result {
            _ if over => cause("HTTP", DiagnosisResult::Skipped, "Something before it failed."),
            Err(error) => cause("HTTP", DiagnosisResult::Failed, error.message.clone()),
            Ok(received) => {
                cause("HTTP", DiagnosisResult::Ok, format!("It answers HTTP: {} to a HEAD request.", received.status))
            }
        });
        causes.push(match last {
            None => cause("Last delivery", DiagnosisResult::Skipped, "Nothing was sent to it yet."),
            Some(last) => match (last.status, &last.error) {
                (Some(status), _) if policy.success.value().includes(status) => cause(
                    "Last delivery",
                    DiagnosisResult::Ok,
                    format!("It answered {status}, which is a success here."),
                ),
                (Some(status @ 200..=299), _) => {
                    let success = policy.success.value();
                    let detail = format!(
                        "It answered {status}, and the vendor takes only {success} as a success. Answer {success}."
                    );
                    cause("Last delivery", DiagnosisResult::Failed, detail)
                }
                (Some(status), _) => {
                    cause("Last delivery", DiagnosisResult::Failed, format!("It answered {status}; see its own log."))
                }
                (None, Some(error)) => cause("Last delivery", DiagnosisResult::Failed, error.clone()),
                (None, None) => cause("Last delivery", DiagnosisResult::Skipped, "It has not been attempted."),
            },
        });
        causes
    }
}
