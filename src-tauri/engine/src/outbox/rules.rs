//! What an endpoint may be: the vendor's rules, and bounds that keep its numbers sane.

use hookline_provider::{Catalogue, Disable, Https, Policy, RETRIES_MAX};

use super::{
    endpoint::{EndpointRow, EndpointSettings},
    exchange::parse,
};

/// Longest name, scope or event type, in characters.
const TEXT_MAX: usize = 200;

/// Longest URL, header value or secret, in bytes.
const LONG_MAX: usize = 16 * 1024;

/// Most headers or secrets of one endpoint.
const LIST_MAX: usize = 64;

const CONCURRENCY_MAX: u32 = 256;

/// How fast and how slowly an endpoint's time may go: slower would put a retry off for ever.
const SPEED_MAX: f64 = 100_000.0;

const SPEED_MIN: f64 = 0.001;

/// Fewest requests a second that can be set: one in about three hours.
pub(crate) const RATE_MIN: f64 = 0.000_1;

/// Longest time-out, in ms.
const TIMEOUT_MAX: u32 = 10 * 60 * 1_000;

impl EndpointSettings {
    /// The first rule it breaks, in a sentence. `others` are the endpoints of its scope.
    pub(crate) fn fault(&self, catalogue: &Catalogue, others: &[EndpointRow]) -> Option<String> {
        let Some(provider) = self.provider_of(catalogue) else {
            return Some(format!("There is no provider {:?}; `hookline providers` lists them.", self.provider));
        };
        let url = match parse(&self.url) {
            Ok(url) => url,
            Err(why) => return Some(why),
        };
        if self.scheme.is_some() && provider.scheme(self.scheme.as_deref()).is_none() {
            let known: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
            return Some(format!("{} has no such scheme; it has {}.", provider.name, known.join(", ")));
        }
        let policy = self.policy_in_force(catalogue);
        if *policy.https.value() == Https::Required && url.scheme_str() == Some("http") && !self.local_test {
            return Some(format!(
                "{} sends only to https:// addresses. Allow plain HTTP for a local test, or change the URL.",
                provider.name
            ));
        }
        let scope = policy.scope.value();
        let most = *policy.endpoints_max.value();
        if most > 0 && others.len() as u32 >= most {
            return Some(format!("{} allows {most} endpoints in one {scope}, and there are as many.", provider.name));
        }
        if *policy.unique_url.value() && others.iter().any(|other| other.settings.url == self.url) {
            return Some(format!("{} allows a URL only once in one {scope}.", provider.name));
        }
        if let (Some(events), Some(sending)) = (&self.events, &provider.sending) {
            let unknown = events.iter().find(|event| !sending.events.iter().any(|known| known.kind == **event));
            if let Some(unknown) = unknown {
                return Some(format!("{} has no event {unknown:?}.", provider.name));
            }
            if !*policy.choice.value() {
                return Some(format!("{} sends every event to every endpoint; leave the choice out.", provider.name));
            }
        }
        if let Some(header) = self.headers.iter().find(|header| {
            header.name.parse::<http::HeaderName>().is_err() || http::HeaderValue::from_str(&header.value).is_err()
        }) {
            return Some(format!("{:?} with this value is no header that can be sent.", header.name));
        }
        let reserved = ["host", "content-length", "transfer-encoding", "connection"];
        if let Some(header) = self.headers.iter().find(|header| reserved.contains(&header.name.to_lowercase().as_str()))
        {
            return Some(format!("{} is set by the delivery itself.", header.name));
        }
        if self.trusted_certificate.as_ref().is_some_and(|pem| !pem.trim().is_empty()) && self.trusted().is_none() {
            return Some("The trusted certificate is no certificate in PEM.".into());
        }
        self.numbers(&policy)
    }

    fn numbers(&self, policy: &Policy) -> Option<String> {
        if !(1..=CONCURRENCY_MAX).contains(&self.concurrency) {
            return Some(format!("Concurrency lies between 1 and {CONCURRENCY_MAX}."));
        }
        if self.rate.is_some_and(|rate| !(RATE_MIN..=1_000_000.0).contains(&rate)) {
            return Some(format!("The rate is a number of requests a second, from {RATE_MIN} to 1000000."));
        }
        if !(SPEED_MIN..=SPEED_MAX).contains(&self.speed) {
            return Some(format!("The speed lies between {SPEED_MIN} and {SPEED_MAX}."));
        }
        if *policy.redirects.value() {
            return Some("Redirects are never followed: what a receiver names could be any address.".into());
        }
        if *policy.jitter_percent.value() > 100 {
            return Some("The jitter lies between 0 and 100 percent.".into());
        }
        let total = *policy.timeout_ms.value();
        if total == 0 || total > TIMEOUT_MAX || *policy.connect_timeout_ms.value() == 0 {
            return Some(format!("Time-outs lie between 1 and {TIMEOUT_MAX} ms."));
        }
        if policy.schedule.value().waits_s().iter().any(|wait| !(0.0..=31_536_000.0).contains(wait)) {
            return Some("A wait between retries lies between 0 seconds and a year.".into());
        }
        if let Disable::FailedRetries(0) | Disable::FailedAttempts(0) | Disable::ExhaustedDeliveries(0) =
            policy.disable.value()
        {
            return Some("An endpoint is switched off after one failure or more.".into());
        }
        if policy.schedule.value().retries() > RETRIES_MAX as usize {
            return Some(format!("A delivery is tried again at most {RETRIES_MAX} times."));
        }
        let long = self.secrets.iter().map(|secret| secret.value.len()).chain([self.url.len()]);
        if long.chain(self.headers.iter().map(|header| header.value.len())).any(|length| length > LONG_MAX) {
            return Some(format!("A URL, secret or header value has at most {LONG_MAX} bytes."));
        }
        if self.name.chars().count() > TEXT_MAX || self.scope.chars().count() > TEXT_MAX {
            return Some(format!("A name or scope has at most {TEXT_MAX} characters."));
        }
        if self.secrets.len() > LIST_MAX || self.headers.len() > LIST_MAX {
            return Some(format!("An endpoint has at most {LIST_MAX} secrets and {LIST_MAX} headers."));
        }
        None
    }
}
