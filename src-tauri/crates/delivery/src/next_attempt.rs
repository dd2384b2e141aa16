//! Next step of a delivery after an attempt, under the vendor's policy. A pure function of the result.

use hookbench_model::{AttemptErrorKind, AutoDisable, DeliveryPolicy, DeliveryState, GoneAction, RetryOn};
use hookbench_store::delivery::{Advance, Exchange, Received};

/// Maximum delay that a Retry-After can request, in seconds: one day. A Unix timestamp sent instead of seconds would
/// otherwise delay the retry by decades.
const WAIT_MAX_S: f64 = 86_400.0;

/// Next step of a delivery after an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// The delivery was successful.
    Delivered,
    /// Retry after a delay in seconds.
    Retry { wait_s: f64 },
    /// No retry, because the response is final.
    Failed { reason: String },
    /// No retry, because all retries are used up.
    Exhausted,
    /// No retry, because the endpoint was disabled or deleted in the meantime.
    Skipped { reason: String },
}

impl Next {
    /// Returns the next state of the delivery after attempt number `made`, counted from 1. `own_us` is the current
    /// time of the endpoint's retry clock, on which delays are divided by `time_scale`.
    pub(crate) fn advance(&self, made: u32, own_us: i64, time_scale: f64) -> Advance {
        let ended = |state, reason: String| Advance { state, reason, due_us: None };
        match self {
            Self::Delivered => ended(DeliveryState::Delivered, String::new()),
            Self::Failed { reason } => ended(DeliveryState::Failed, reason.clone()),
            // A delivery without retries cannot exhaust them.
            Self::Exhausted if made == 1 => ended(DeliveryState::Failed, "The delivery has no retries.".into()),
            Self::Exhausted => ended(DeliveryState::Exhausted, "All retries failed.".into()),
            Self::Skipped { reason } => ended(DeliveryState::Skipped, reason.clone()),
            Self::Retry { wait_s } => Advance {
                state: DeliveryState::Waiting,
                reason: String::new(),
                due_us: Some(own_us.saturating_add((wait_s * 1e6 / time_scale) as i64)),
            },
        }
    }
}

/// Result of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) next: Next,
    /// Reason to disable the endpoint, if any.
    pub(crate) disable: Option<String>,
    /// New counts of consecutive failed attempts and consecutive exhausted deliveries.
    pub(crate) failed_attempts: u32,
    pub(crate) exhausted: u32,
}

/// Determines the result of an attempt. `made` counts the attempts of the delivery, including this one.
/// `failed_attempts` and `exhausted` are the counters of the endpoint before the attempt. `jitter` is between -1 and
/// 1.
pub(crate) fn outcome(
    policy: &DeliveryPolicy,
    exchange: &Exchange,
    made: u32,
    failed_attempts: u32,
    exhausted: u32,
    jitter: f64,
) -> Outcome {
    let status = exchange.result.as_ref().ok().map(|received| received.status);
    if status.is_some_and(|status| policy.success.value().includes(status)) {
        return Outcome { next: Next::Delivered, disable: None, failed_attempts: 0, exhausted: 0 };
    }
    let failed_attempts = failed_attempts.saturating_add(1);
    if status == Some(410) && *policy.gone.value() == GoneAction::Disable {
        return Outcome {
            next: Next::Failed { reason: "The endpoint responded with 410 Gone.".into() },
            disable: Some("The endpoint responded with 410 Gone.".into()),
            failed_attempts,
            exhausted,
        };
    }
    let stop = exchange.result.as_ref().ok().and_then(|received| stopped_by(policy.stop_on.value(), received));
    let final_response = match (policy.retry_on.value(), status, &exchange.result) {
        (RetryOn::ServerErrors, Some(status), _) if status < 500 => {
            Some(format!("The response status {status} is final for this vendor."))
        }
        (_, _, Err(error)) if matches!(error.kind, AttemptErrorKind::Url | AttemptErrorKind::Request) => {
            Some(error.message.clone())
        }
        _ => stop.map(|line| format!("The response has the header {line}, so the vendor does not retry.")),
    };
    let waits = policy.schedule.value().waits_s();
    let wait = waits.get(made as usize - 1).copied();
    let next = match (final_response, wait) {
        (Some(reason), _) => Next::Failed { reason },
        (None, None) => Next::Exhausted,
        (None, Some(wait)) => {
            let jittered = wait * (1.0 + jitter * f64::from(*policy.jitter_percent.value()) / 100.0);
            let requested_s = exchange.result.as_ref().ok().and_then(|received| received.retry_after_s);
            let requested_s =
                requested_s.filter(|_| *policy.retry_after.value()).map(|requested_s| requested_s.min(WAIT_MAX_S));
            Next::Retry { wait_s: jittered.max(requested_s.unwrap_or(0.0)).max(0.0) }
        }
    };
    let exhausted = if next == Next::Exhausted { exhausted.saturating_add(1) } else { exhausted };
    let disable = match *policy.disable.value() {
        AutoDisable::FailedRetries(n) if made > n => Some(format!("{n} retries of one delivery failed.")),
        AutoDisable::FailedAttempts(n) if failed_attempts >= n => Some(format!("{n} consecutive attempts failed.")),
        AutoDisable::ExhaustedDeliveries(n) if next == Next::Exhausted && exhausted >= n => {
            Some(format!("All retries of {n} consecutive deliveries failed."))
        }
        _ => None,
    };
    Outcome { next, disable, failed_attempts, exhausted }
}

/// Returns the response header line that ends a delivery, if there is one.
fn stopped_by<'l>(lines: &'l [String], received: &Received) -> Option<&'l str> {
    lines.iter().map(String::as_str).find(|line| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let is = |(own, text): &(String, String)| own.eq_ignore_ascii_case(name.trim()) && text.trim() == value.trim();
        received.headers.iter().any(is)
    })
}

#[cfg(test)]
mod tests {
    use hookbench_model::{AttemptError, AttemptPhase, AttemptTimings, PolicyValue, RetrySchedule};
    use hookbench_provider::Catalog;

    use super::*;
    use hookbench_store::delivery::Received;

    fn responded(status: u16, retry_after_s: Option<f64>) -> Exchange {
        let received = Received { status, headers: Vec::new(), body: Vec::new(), body_bytes: 0, retry_after_s };
        Exchange { timings: AttemptTimings::default(), remote_address: None, result: Ok(received), partial: None }
    }

    fn refused() -> Exchange {
        let error =
            AttemptError { kind: AttemptErrorKind::Refused, phase: AttemptPhase::Connect, message: String::new() };
        Exchange::failed(error)
    }

    fn policy(provider: &str) -> DeliveryPolicy {
        let (catalog, _) = Catalog::load([]);
        catalog.get(provider).and_then(|provider| provider.sending.clone()).expect("it sends").policy
    }

    /// Returns the delays, the final step and the reason to disable the endpoint, if every attempt has this result.
    fn simulate(policy: &DeliveryPolicy, exchange: &Exchange) -> (Vec<f64>, Next, Option<String>) {
        let (mut waits, mut failed) = (Vec::new(), 0);
        for made in 1.. {
            let outcome = outcome(policy, exchange, made, failed, 0, 0.0);
            failed = outcome.failed_attempts;
            match outcome.next {
                Next::Retry { wait_s } if outcome.disable.is_none() => waits.push(wait_s),
                next => return (waits, next, outcome.disable),
            }
        }
        unreachable!("every schedule ends")
    }

    #[test]
    fn retries_like_each_vendor_documents() {
        let five = vec![60.0, 300.0, 1_200.0, 3_600.0, 7_200.0];
        for (vendor, exchange, waits, ends, disabled) in [
            ("onwebchat", responded(500, None), five.clone(), Next::Exhausted, true),
            ("onwebchat", refused(), five.clone(), Next::Exhausted, true),
            ("onwebchat", responded(404, None), five.clone(), Next::Exhausted, true),
            ("deway", responded(503, None), vec![30.0, 60.0, 120.0], Next::Exhausted, false),
            ("deway", responded(404, None), vec![30.0, 60.0, 120.0], Next::Exhausted, false),
            ("flow-session", responded(500, None), five.clone(), Next::Exhausted, false),
            ("vowchat", responded(500, None), five.clone(), Next::Exhausted, false),
            ("vowchat", refused(), five.clone(), Next::Exhausted, false),
            ("sydx-ai", responded(204, None), five.clone(), Next::Exhausted, false),
        ] {
            let (found, next, disable) = simulate(&policy(vendor), &exchange);
            assert_eq!((found, next, disable.is_some()), (waits, ends, disabled), "{vendor} {exchange:?}");
        }
        for (vendor, status) in [("vowchat", 404), ("vowchat", 429), ("onwebchat", 410)] {
            let (waits, next, _) = simulate(&policy(vendor), &responded(status, None));
            assert!(waits.is_empty() && matches!(next, Next::Failed { .. }), "{vendor} {status}: {next:?}");
        }
        assert!(simulate(&policy("onwebchat"), &responded(410, None)).2.is_some());
        for (vendor, status) in [("onwebchat", 204), ("sydx-ai", 200), ("vowchat", 299)] {
            assert_eq!(simulate(&policy(vendor), &responded(status, None)).1, Next::Delivered, "{vendor}");
        }
    }

    #[test]
    fn disables_by_retries_attempts_or_deliveries() {
        let base = DeliveryPolicy {
            schedule: PolicyValue::Own(RetrySchedule::Fixed(vec![1; 10])),
            ..DeliveryPolicy::default()
        };
        let with = |disable| DeliveryPolicy { disable: PolicyValue::Own(disable), ..base.clone() };
        let fails = responded(500, None);
        assert!(outcome(&with(AutoDisable::FailedRetries(5)), &fails, 5, 0, 0, 0.0).disable.is_none());
        assert!(outcome(&with(AutoDisable::FailedRetries(5)), &fails, 6, 0, 0, 0.0).disable.is_some());
        assert!(outcome(&with(AutoDisable::FailedAttempts(5)), &fails, 1, 3, 0, 0.0).disable.is_none());
        assert!(outcome(&with(AutoDisable::FailedAttempts(5)), &fails, 1, 4, 0, 0.0).disable.is_some());
        let exhausts = DeliveryPolicy {
            schedule: PolicyValue::Own(RetrySchedule::Fixed(Vec::new())),
            ..with(AutoDisable::ExhaustedDeliveries(5))
        };
        assert!(outcome(&exhausts, &fails, 1, 9, 3, 0.0).disable.is_none());
        assert!(outcome(&exhausts, &fails, 1, 9, 4, 0.0).disable.is_some());
        assert_eq!(outcome(&exhausts, &responded(200, None), 1, 9, 4, 0.0).failed_attempts, 0);
    }

    #[test]
    fn follows_retry_after_only_if_the_vendor_does() {
        let sw = policy("standard-webhooks");
        let Next::Retry { wait_s } = outcome(&sw, &responded(503, Some(90.0)), 1, 0, 0, 0.0).next else { panic!() };
        assert!((wait_s - 90.0).abs() < 1e-9);
        let Next::Retry { wait_s } = outcome(&sw, &responded(503, Some(2.0)), 1, 0, 0, 1.0).next else { panic!() };
        assert!((wait_s - 5.5).abs() < 1e-9, "{wait_s}");
        let Next::Retry { wait_s } = outcome(&policy("onwebchat"), &responded(503, Some(9_000.0)), 1, 0, 0, 1.0).next
        else {
            panic!()
        };
        assert!((wait_s - 60.0).abs() < 1e-9);
    }
}
