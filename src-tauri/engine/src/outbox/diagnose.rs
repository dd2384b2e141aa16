//! Why nothing arrives: the vendors' own causes, looked at in turn.

use std::time::Duration;

use bytes::Bytes;
use hookline_provider::{Https, Policy};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    attempt::{ErrorKind, Phase},
    delivery::Delivery,
    endpoint::EndpointRow,
    exchange::{Outgoing, Terms, exchange},
    run::Outbox,
    url::parse,
};

/// How long the receiver is asked at most: the answer is one a person waits for.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// What was found about one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// It is not this.
    Ok,
    /// It is this.
    Failed,
    /// It could not be looked at, for something before it failed.
    Skipped,
}

/// One cause that was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Cause {
    /// What is looked at.
    pub name: String,
    /// What was found.
    pub found: Found,
    /// It in a sentence.
    pub detail: String,
}

fn cause(name: &str, found: Found, detail: impl Into<String>) -> Cause {
    Cause { name: name.into(), found, detail: detail.into() }
}

impl Outbox {
    /// Looks at each cause. The receiver gets a HEAD request and no event.
    pub(crate) async fn diagnose(
        &self,
        endpoint: &EndpointRow,
        policy: &Policy,
        event: Option<&str>,
        last: Option<&Delivery>,
        now_s: i64,
    ) -> Vec<Cause> {
        let settings = &endpoint.settings;
        let mut causes = vec![match (endpoint.enabled, settings.paused) {
            (false, _) => cause("Switched on", Found::Failed, format!("It is switched off: {}", endpoint.reason)),
            (true, true) => cause("Switched on", Found::Failed, "Its time stands still, so nothing is sent."),
            (true, false) => cause("Switched on", Found::Ok, "It is switched on."),
        }];
        if let Some(event) = event {
            causes.push(match settings.takes(event) {
                true => cause("Event", Found::Ok, format!("It takes {event}.")),
                false => cause("Event", Found::Failed, format!("{event} is not among the events it takes.")),
            });
        }
        let plain = parse(&settings.url).is_ok_and(|url| url.scheme_str() == Some("http"));
        causes.push(match (*policy.https.value(), plain, settings.local_test) {
            (Https::Required, true, false) => {
                cause("HTTPS", Found::Failed, "The vendor sends only to https:// addresses, and this one is not.")
            }
            (Https::Required, true, true) => cause("HTTPS", Found::Ok, "Plain HTTP is allowed here for a local test."),
            _ => cause("HTTPS", Found::Ok, "The address is one the vendor sends to."),
        });
        let terms = Terms {
            total: PATIENCE,
            connect: PATIENCE,
            trust: settings.trust().unwrap_or_default(),
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
            ("DNS", Phase::Dns, "Its host has an address."),
            ("Connection", Phase::Connect, "It can be connected to."),
            ("TLS", Phase::Tls, "Its certificate is accepted."),
        ];
        let failed = tried.result.as_ref().err();
        let mut over = false;
        for (name, phase, fine) in steps {
            if plain && phase == Phase::Tls {
                continue;
            }
            causes.push(match failed.filter(|error| error.phase == phase) {
                _ if over => cause(name, Found::Skipped, "Something before it failed."),
                Some(error) => {
                    over = true;
                    cause(name, Found::Failed, error.message.clone())
                }
                None => cause(name, Found::Ok, fine),
            });
        }
        if let Some(error) = failed.filter(|error| error.kind == ErrorKind::Url) {
            // Nothing can be looked at behind a URL that is not one.
            causes.push(cause("URL", Found::Failed, error.message.clone()));
            return causes;
        }
        causes.push(match &tried.result {
            _ if over => cause("HTTP", Found::Skipped, "Something before it failed."),
            Err(error) => cause("HTTP", Found::Failed, error.message.clone()),
            Ok(received) => {
                cause("HTTP", Found::Ok, format!("It answers HTTP: {} to a HEAD request.", received.status))
            }
        });
        causes.push(match last {
            None => cause("Last delivery", Found::Skipped, "Nothing was sent to it yet."),
            Some(last) => match (last.status, &last.error) {
                (Some(status), _) if policy.success.value().includes(status) => {
                    cause("Last delivery", Found::Ok, format!("It answered {status}, which is a success here."))
                }
                (Some(status @ 200..=299), _) => {
                    let success = policy.success.value();
                    let detail = format!(
                        "It answered {status}, and the vendor takes only {success} as a success. Answer {success}."
                    );
                    cause("Last delivery", Found::Failed, detail)
                }
                (Some(status), _) => {
                    cause("Last delivery", Found::Failed, format!("It answered {status}; see its own log."))
                }
                (None, Some(error)) => cause("Last delivery", Found::Failed, error.clone()),
                (None, None) => cause("Last delivery", Found::Skipped, "It has not been attempted."),
            },
        });
        causes
    }
}
