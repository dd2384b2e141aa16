//! Assessment of responses. Each function returns a finding, and `settled` adds the result of the side-effect probe.

use hookbench_model::{AttemptErrorKind, CheckExchange, CheckFinding, CheckOutcome};

use super::{case::ExpectedEffects, side_effect_probe::Effects, subject::Subject};

/// Input of an assessment.
pub(crate) struct Evidence<'a> {
    pub(crate) subject: &'a Subject,
    /// Exchanges of the case.
    pub(crate) exchanges: &'a [CheckExchange],
    /// All exchanges of the run so far, with those of this case last.
    pub(crate) all: &'a [CheckExchange],
    /// Side effects of the whole case, and side effects until the first response; `None` without a probe.
    pub(crate) effects: Option<(Effects, Effects)>,
}

impl Evidence<'_> {
    fn accepted(&self, exchange: &CheckExchange) -> bool {
        super::probe_request::status(exchange)
            .is_some_and(|status| self.subject.policy.success.value().includes(status))
    }

    /// Returns a description of the first exchange for which `failed` returns a reason.
    fn first(&self, failed: impl Fn(&CheckExchange) -> Option<String>) -> Option<String> {
        self.exchanges.iter().find_map(|exchange| failed(exchange).map(|why| format!("{}: {why}", named(exchange))))
    }
}

fn named(exchange: &CheckExchange) -> &str {
    if exchange.label.is_empty() { &exchange.method } else { &exchange.label }
}

fn is_client_error(exchange: &CheckExchange) -> bool {
    super::probe_request::status(exchange).is_some_and(|status| (400..500).contains(&status))
}

/// Returns a description of the failure if the handler failed: a 5xx status or no response.
fn broke(exchange: &CheckExchange) -> Option<String> {
    match super::probe_request::status(exchange) {
        Some(status) if status < 500 => None,
        _ => Some(super::probe_request::came(exchange)),
    }
}

pub(crate) fn accepts(evidence: &Evidence<'_>) -> CheckFinding {
    match evidence.first(|exchange| (!evidence.accepted(exchange)).then(|| super::probe_request::came(exchange))) {
        Some(why) => CheckFinding::fail(format!("{why}; expected 2xx.")),
        None => CheckFinding::pass("Accepted."),
    }
}

pub(crate) fn refuses(evidence: &Evidence<'_>) -> CheckFinding {
    let failed = |exchange: &CheckExchange| match (is_client_error(exchange), evidence.accepted(exchange)) {
        (true, _) => None,
        (false, true) => Some(format!("{}, so the request was accepted", super::probe_request::came(exchange))),
        (false, false) => Some(super::probe_request::came(exchange)),
    };
    match evidence.first(failed) {
        Some(why) => CheckFinding::fail(format!("{why}; expected 4xx.")),
        None => CheckFinding::pass("Rejected."),
    }
}

pub(crate) fn stays_up(evidence: &Evidence<'_>) -> CheckFinding {
    match evidence.first(broke) {
        Some(why) => CheckFinding::fail(format!("{why}; a rejection is allowed, an error is not.")),
        None => CheckFinding::pass("No error."),
    }
}

/// Assesses a forged request and a correctly signed request with the same ID.
pub(crate) fn refuses_forged(evidence: &Evidence<'_>) -> CheckFinding {
    let [forged, signed] = evidence.exchanges else { return CheckFinding::error("Not all requests were sent.") };
    if !is_client_error(forged) {
        return refuses(&Evidence { exchanges: std::slice::from_ref(forged), ..*evidence });
    }
    match evidence.accepted(signed) {
        true => CheckFinding::pass("Rejected, and the correctly signed request after it was accepted."),
        false => CheckFinding::fail(format!(
            "Rejected, but the correctly signed request after it with the same ID failed: {}. Store IDs only after verification.",
            super::probe_request::came(signed)
        )),
    }
}

/// Assesses a request with an event type in an unsigned header, which the handler must not use.
pub(crate) fn ignores_header(evidence: &Evidence<'_>) -> CheckFinding {
    let Some(exchange) = evidence.exchanges.first() else { return CheckFinding::error("Not all requests were sent.") };
    if let Some(why) = broke(exchange) {
        return CheckFinding::fail(format!("{why}; expected 2xx or 4xx."));
    }
    if is_client_error(exchange) {
        return CheckFinding::pass("Rejected.");
    }
    match evidence.effects {
        None => CheckFinding::unknown(format!("Result: {}. {NO_PROBE}", super::probe_request::came(exchange))),
        Some((effects, _)) if effects.are(0) => CheckFinding::pass("The handler did not use the header."),
        Some((effects, _)) => CheckFinding::fail(format!(
            "The probe counted {effects}: the handler used the unsigned header, so a captured body can be replayed as any event type."
        )),
    }
}

/// Assesses the events after a rejected request on the same connection.
pub(crate) fn keeps_working(evidence: &Evidence<'_>) -> CheckFinding {
    let Some((_, behind)) = evidence.exchanges.split_first() else {
        return CheckFinding::error("Not all requests were sent.");
    };
    match behind.iter().find(|exchange| !evidence.accepted(exchange)) {
        None => CheckFinding::pass("Each event after the PUT was accepted."),
        Some(exchange) => CheckFinding::fail(format!(
            "{}: {}; expected 2xx. The body of the PUT before it was not read.",
            named(exchange),
            super::probe_request::came(exchange)
        )),
    }
}

/// Passes on 4xx, warns on 2xx and 3xx, fails on 5xx or no response.
pub(crate) fn refuses_or_takes(evidence: &Evidence<'_>) -> CheckFinding {
    if let Some(why) = evidence.first(broke) {
        return CheckFinding::fail(format!("{why}; expected 4xx."));
    }
    match evidence.first(|exchange| (!is_client_error(exchange)).then(|| super::probe_request::came(exchange))) {
        Some(why) => CheckFinding::warn(format!("{why}; a 4xx would show the sender that the request is invalid.")),
        None => CheckFinding::pass("Rejected."),
    }
}

/// Returns the value at a quantile of sorted values.
fn at(sorted: &[f64], part: f64) -> f64 {
    sorted.get(((sorted.len().saturating_sub(1)) as f64 * part).round() as usize).copied().unwrap_or_default()
}

pub(crate) fn response_time(evidence: &Evidence<'_>) -> CheckFinding {
    let mut times: Vec<f64> = evidence.exchanges.iter().filter_map(super::probe_request::responded_ms).collect();
    times.sort_by(f64::total_cmp);
    if let Some(why) = evidence.first(|exchange| {
        super::probe_request::status(exchange).is_none().then(|| super::probe_request::came(exchange))
    }) {
        return CheckFinding::fail(format!("{why}."));
    }
    if let Some(why) =
        evidence.first(|exchange| (!evidence.accepted(exchange)).then(|| super::probe_request::came(exchange)))
    {
        return CheckFinding::fail(format!("{why}; only the response time of an accepted event counts."));
    }
    let slowest = at(&times, 1.0);
    let message =
        format!("Response time: p50 {:.0} ms, p95 {:.0} ms, max {slowest:.0} ms.", at(&times, 0.5), at(&times, 0.95));
    match slowest {
        // A response after the vendor's timeout is a missing response, which fails above.
        slowest if slowest < 5_000.0 => CheckFinding::pass(message),
        _ => CheckFinding::warn(format!("{message} Strict vendors time out after 5 s.")),
    }
}

pub(crate) fn connect_time(evidence: &Evidence<'_>) -> CheckFinding {
    let slowest = evidence.all.iter().filter_map(|exchange| exchange.timings.connect_us).max();
    match slowest.map(|us| us as f64 / 1_000.0) {
        None => CheckFinding::error("No connection was opened."),
        Some(ms) if ms < 1_000.0 => CheckFinding::pass(format!("The slowest connection took {ms:.1} ms.")),
        Some(ms) => CheckFinding::fail(format!("The slowest connection took {ms:.0} ms; Shopify times out after 1 s.")),
    }
}

/// Response time in milliseconds below which the work before the response cannot have been slow.
const QUICK: f64 = 500.0;

pub(crate) fn responds_first(evidence: &Evidence<'_>) -> CheckFinding {
    let Some(exchange) = evidence.exchanges.first() else { return CheckFinding::error("Not all requests were sent.") };
    if let Some(why) = evidence.first(broke) {
        return CheckFinding::fail(format!("{why}; expected 2xx."));
    }
    if !evidence.accepted(exchange) {
        return CheckFinding::unknown(format!("The event was not accepted: {}.", super::probe_request::came(exchange)));
    }
    let Some((whole, early)) = evidence.effects else { return CheckFinding::skipped(NO_PROBE) };
    let ms = super::probe_request::responded_ms(exchange).unwrap_or_default();
    match (early.none(), whole.none()) {
        (true, false) => CheckFinding::pass("The handler responded before the side effect."),
        (_, true) => CheckFinding::fail("No side effect before or after the response."),
        _ if ms < QUICK => {
            CheckFinding::pass(format!("The side effect came first, in {ms:.0} ms; slow work delays the response."))
        }
        _ => CheckFinding::warn(format!("The side effect came first, and the response took {ms:.0} ms.")),
    }
}

pub(crate) fn tls(evidence: &Evidence<'_>) -> CheckFinding {
    match evidence.exchanges.first() {
        Some(exchange) if exchange.error.as_ref().is_some_and(|error| error.kind == AttemptErrorKind::Tls) => {
            CheckFinding::fail(super::probe_request::came(exchange))
        }
        Some(exchange) if exchange.timings.tls_us.is_some() || super::probe_request::status(exchange).is_some() => {
            CheckFinding::pass("The certificate is valid.")
        }
        Some(exchange) => CheckFinding::unknown(super::probe_request::came(exchange)),
        None => CheckFinding::error("Not all requests were sent."),
    }
}

pub(crate) fn redirects(evidence: &Evidence<'_>) -> CheckFinding {
    if let Some(nothing) = no_response(evidence) {
        return nothing;
    }
    let redirects = |exchange: &&CheckExchange| {
        is_event(exchange) && super::probe_request::status(exchange).is_some_and(|status| (300..400).contains(&status))
    };
    match evidence.all.iter().find(redirects) {
        Some(exchange) => CheckFinding::fail(format!(
            "{}: {}; senders do not follow redirects.",
            named(exchange),
            super::probe_request::came(exchange)
        )),
        None => CheckFinding::pass("No redirects."),
    }
}

pub(crate) fn method_refused(evidence: &Evidence<'_>) -> CheckFinding {
    if let Some(why) = evidence.first(broke) {
        return CheckFinding::fail(why);
    }
    match evidence.first(|exchange| (!is_client_error(exchange)).then(|| super::probe_request::came(exchange))) {
        Some(why) => CheckFinding::fail(format!("{why}; expected 405 or 404.")),
        None => CheckFinding::pass("Rejected."),
    }
}

pub(crate) fn challenged(evidence: &Evidence<'_>) -> CheckFinding {
    let [right_token, wrong_token] = evidence.exchanges else {
        return CheckFinding::error("Not all requests were sent.");
    };
    let echoed = right_token
        .response
        .as_ref()
        .is_some_and(|response| response.status == 200 && response.body.trim() == "1158201444");
    match (echoed, is_client_error(wrong_token)) {
        (true, true) => CheckFinding::pass("The right token returns the challenge, a wrong token is rejected."),
        (false, _) => CheckFinding::fail(format!(
            "With the right token: {}; expected 200 and the challenge.",
            super::probe_request::came(right_token)
        )),
        (true, false) => CheckFinding::fail(format!(
            "With a wrong token: {}; expected 403.",
            super::probe_request::came(wrong_token)
        )),
    }
}

pub(crate) fn origin_allowed(evidence: &Evidence<'_>) -> CheckFinding {
    let header = |exchange: &CheckExchange| {
        let response = exchange.response.as_ref()?;
        response
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("webhook-allowed-origin"))
            .map(|(_, value)| value.clone())
    };
    match evidence.exchanges.first().and_then(header) {
        Some(value) if value == "*" || value == "hookbench.example" => CheckFinding::pass(format!("Allowed: {value}.")),
        _ => CheckFinding::fail("No WebHook-Allowed-Origin header allows the requesting origin."),
    }
}

pub(crate) fn one_effect(evidence: &Evidence<'_>) -> CheckFinding {
    let refused =
        |exchange: &CheckExchange| (!evidence.accepted(exchange)).then(|| super::probe_request::came(exchange));
    if let Some(why) = evidence.first(refused) {
        return CheckFinding::fail(format!("{why}; expected 2xx, because the sender retries otherwise."));
    }
    match evidence.effects {
        None => CheckFinding::unknown(format!("All were accepted. {NO_PROBE}")),
        Some(_) => CheckFinding::pass("All were accepted."),
    }
}

/// Of concurrent duplicates, the handler may ask the sender to retry some later.
pub(crate) fn one_effect_at_once(evidence: &Evidence<'_>) -> CheckFinding {
    if let Some(why) = evidence.first(broke) {
        return CheckFinding::fail(why);
    }
    if !evidence.exchanges.iter().any(|exchange| evidence.accepted(exchange)) {
        return CheckFinding::fail("None was accepted.");
    }
    match evidence.effects {
        None => CheckFinding::unknown(format!("No errors. {NO_PROBE}")),
        Some(_) => CheckFinding::pass("No errors."),
    }
}

pub(crate) fn old_secret(evidence: &Evidence<'_>) -> CheckFinding {
    if evidence.subject.settings.old_secret_valid { accepts(evidence) } else { refuses(evidence) }
}

pub(crate) fn same_object(evidence: &Evidence<'_>) -> CheckFinding {
    if let Some(why) =
        evidence.first(|exchange| (!evidence.accepted(exchange)).then(|| super::probe_request::came(exchange)))
    {
        return CheckFinding::fail(why);
    }
    match evidence.effects {
        None => CheckFinding::unknown(format!("Both were accepted. {NO_PROBE}")),
        Some((effects, _)) if effects.are(1) => CheckFinding::pass("One side effect for both events."),
        Some((effects, _)) => CheckFinding::warn(format!(
            "{effects}: the handler compares event IDs, not object IDs. If the vendor sends an object again with a new ID, the object counts twice."
        )),
    }
}

pub(crate) fn retried(evidence: &Evidence<'_>) -> CheckFinding {
    let [broken, restored] = evidence.exchanges else { return CheckFinding::error("Not all requests were sent.") };
    if evidence.accepted(broken) {
        return CheckFinding::fail(format!(
            "While the dependency was down: {}, so the vendor would not retry.",
            super::probe_request::came(broken)
        ));
    }
    if !evidence.accepted(restored) {
        return CheckFinding::fail(format!("After the recovery: {}.", super::probe_request::came(restored)));
    }
    match evidence.effects {
        None => CheckFinding::unknown(format!("Rejected during the failure, accepted after the recovery. {NO_PROBE}")),
        Some(_) => CheckFinding::pass("Rejected during the failure, accepted after the recovery."),
    }
}

pub(crate) fn captured(evidence: &Evidence<'_>) -> CheckFinding {
    let [first, again] = evidence.exchanges else { return CheckFinding::error("Not all requests were sent.") };
    if let Some(why) = evidence.first(broke) {
        return CheckFinding::fail(format!("{why}; the second request may be rejected, but an error is not allowed."));
    }
    if !evidence.accepted(first) {
        return CheckFinding::unknown(format!("The event was not accepted: {}.", super::probe_request::came(first)));
    }
    if is_client_error(again) {
        return CheckFinding::pass("Rejected.");
    }
    if evidence.subject.timestamp().is_ok_and(|rule| rule.past_s.is_some()) {
        return CheckFinding::fail(format!(
            "Second request: {}. A captured request can be replayed forever.",
            super::probe_request::came(again)
        ));
    }
    match evidence.effects {
        None => CheckFinding::unknown(format!(
            "Second request: {}. The vendor signs no timestamp, so only the ID shows the replay. {NO_PROBE}",
            super::probe_request::came(again)
        )),
        Some(_) => CheckFinding::pass(format!("Second request: {}.", super::probe_request::came(again))),
    }
}

pub(crate) fn state_kept(evidence: &Evidence<'_>) -> CheckFinding {
    match evidence.first(broke) {
        Some(why) => CheckFinding::fail(why),
        None => match evidence
            .first(|exchange| (!evidence.accepted(exchange)).then(|| super::probe_request::came(exchange)))
        {
            Some(why) => CheckFinding::fail(format!("{why}; the vendor would retry again and again.")),
            None => CheckFinding::unknown(
                "All were accepted. Compare your stored state with the state after events in order; a probe cannot decide this in general.",
            ),
        },
    }
}

pub(crate) fn sized(evidence: &Evidence<'_>) -> CheckFinding {
    let failed = |exchange: &CheckExchange| match super::probe_request::status(exchange) {
        Some(413) => None,
        Some(status) if evidence.subject.policy.success.value().includes(status) => None,
        // A handler that has read enough may close the connection while the body is still being sent.
        None if exchange.error.as_ref().is_some_and(|error| error.kind == AttemptErrorKind::Reset)
            && exchange.body_bytes > 1_000_000 =>
        {
            None
        }
        _ => Some(super::probe_request::came(exchange)),
    };
    if let Some(last) = evidence.exchanges.last().filter(|last| !evidence.accepted(last)) {
        return CheckFinding::fail(format!(
            "A regular event after the large bodies failed: {}.",
            super::probe_request::came(last)
        ));
    }
    match evidence.first(failed) {
        Some(why) => CheckFinding::fail(format!("{why}; expected 2xx or 413.")),
        None => {
            let refused: Vec<_> =
                evidence.exchanges.iter().filter(|exchange| !evidence.accepted(exchange)).map(named).collect();
            CheckFinding::pass(if refused.is_empty() {
                "All were accepted.".into()
            } else {
                format!("Rejected as too large: {}.", refused.join(", "))
            })
        }
    }
}

pub(crate) fn burst(evidence: &Evidence<'_>) -> CheckFinding {
    let broken = evidence.exchanges.iter().filter(|exchange| broke(exchange).is_some()).count();
    let mut times: Vec<f64> = evidence.exchanges.iter().filter_map(super::probe_request::responded_ms).collect();
    times.sort_by(f64::total_cmp);
    let (p95, limit) = (at(&times, 0.95), f64::from(evidence.subject.timeout_ms()).min(5_000.0));
    if broken > 0 {
        let why = evidence.first(broke).unwrap_or_default();
        return CheckFinding::fail(format!("{broken} of {} failed; {why}.", evidence.exchanges.len()));
    }
    let limited = |exchange: &CheckExchange| super::probe_request::status(exchange) == Some(429);
    if let Some(why) = evidence.first(|exchange| {
        (!evidence.accepted(exchange) && !limited(exchange)).then(|| super::probe_request::came(exchange))
    }) {
        return CheckFinding::fail(format!("{why}; all were regular events."));
    }
    let later = evidence.exchanges.iter().filter(|exchange| limited(exchange)).count();
    let message = format!("{} events, response time p95 {p95:.0} ms.", evidence.exchanges.len());
    match (p95 < limit, later) {
        (true, 0) => CheckFinding::pass(message),
        (true, later) => CheckFinding::pass(format!("{message} {later} were rejected with 429.")),
        (false, _) => CheckFinding::fail(format!("{message} Strict vendors time out after 5 s.")),
    }
}

pub(crate) fn packed(evidence: &Evidence<'_>) -> CheckFinding {
    match evidence.first(broke) {
        Some(why) => CheckFinding::fail(why),
        None => CheckFinding::pass(format!(
            "Result: {}.",
            evidence.exchanges.first().map(super::probe_request::came).unwrap_or_default()
        )),
    }
}

pub(crate) fn slow(evidence: &Evidence<'_>) -> CheckFinding {
    let failed = |exchange: &CheckExchange| match super::probe_request::status(exchange) {
        Some(408 | 411 | 413) => None,
        _ if evidence.accepted(exchange) => None,
        _ => Some(super::probe_request::came(exchange)),
    };
    match evidence.first(failed) {
        Some(why) => CheckFinding::fail(format!("{why}; expected 2xx, 408 or 411.")),
        None => CheckFinding::pass("Both uploads got a response."),
    }
}

pub(crate) fn unavailable(evidence: &Evidence<'_>) -> CheckFinding {
    let Some(exchange) = evidence.exchanges.first() else { return CheckFinding::error("Not all requests were sent.") };
    let retry_after = exchange
        .response
        .as_ref()
        .is_some_and(|response| response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("retry-after")));
    match super::probe_request::status(exchange) {
        Some(503) if retry_after => CheckFinding::pass("Responded with 503 and Retry-After."),
        Some(503) => CheckFinding::pass("Responded with 503. A Retry-After header would state when to retry."),
        Some(status) if status >= 500 => {
            CheckFinding::warn(format!("Responded with {status}; expected 503, because the event is valid."))
        }
        Some(429) => CheckFinding::warn("Responded with 429; expected 503, because the sender is within limits."),
        Some(status) if status >= 400 => {
            CheckFinding::fail(format!("Responded with {status}, as if the event were invalid."))
        }
        Some(status) => {
            CheckFinding::fail(format!("Responded with {status}, so the event is lost: the vendor does not retry."))
        }
        None => CheckFinding::warn(format!("No response: {}.", super::probe_request::came(exchange))),
    }
}

pub(crate) fn retry_after(evidence: &Evidence<'_>) -> CheckFinding {
    let limited: Vec<&CheckExchange> =
        evidence.all.iter().filter(|exchange| super::probe_request::status(exchange) == Some(429)).collect();
    if limited.is_empty() {
        return CheckFinding::skipped("No response with 429.");
    }
    let readable = |exchange: &&&CheckExchange| {
        let headers = exchange.response.iter().flat_map(|response| &response.headers);
        let value =
            headers.filter(|(name, _)| name.eq_ignore_ascii_case("retry-after")).map(|(_, value)| value.trim()).next();
        value.is_some_and(|value| value.parse::<u32>().is_ok() || jiff::fmt::rfc2822::parse(value).is_ok())
    };
    match limited.iter().find(|exchange| !readable(exchange)) {
        Some(_) => CheckFinding::fail("A 429 has no Retry-After in seconds or as a date."),
        None => CheckFinding::pass("Every 429 has a valid Retry-After."),
    }
}

pub(crate) fn gone(evidence: &Evidence<'_>) -> CheckFinding {
    if let Some(nothing) = no_response(evidence) {
        return nothing;
    }
    match evidence.all.iter().find(|exchange| is_event(exchange) && super::probe_request::status(exchange) == Some(410))
    {
        Some(exchange) => CheckFinding::fail(format!(
            "{}: 410. Vendors disable an endpoint permanently after a 410.",
            named(exchange)
        )),
        None => CheckFinding::pass("No response with 410."),
    }
}

/// Maximum response size that vendors store, in bytes.
const RESPONSE_MAX: u64 = 20_000;

pub(crate) fn discloses_nothing(evidence: &Evidence<'_>) -> CheckFinding {
    if let Some(nothing) = no_response(evidence) {
        return nothing;
    }
    for exchange in evidence.all {
        let Some(response) = &exchange.response else { continue };
        if let Some(disclosed) = &exchange.disclosed {
            return CheckFinding::fail(format!(
                "{}: the response ({}) contains {disclosed}.",
                named(exchange),
                response.status
            ));
        }
        if response.body_bytes > RESPONSE_MAX && is_event(exchange) {
            return CheckFinding::fail(format!(
                "{}: the response has {} bytes; vendors store at most {RESPONSE_MAX}.",
                named(exchange),
                response.body_bytes
            ));
        }
    }
    CheckFinding::pass("Responses are short and contain no stack trace and no secret.")
}

/// Returns an error finding if there are no responses to inspect.
fn no_response(evidence: &Evidence<'_>) -> Option<CheckFinding> {
    let responded = evidence.all.iter().any(|exchange| exchange.response.is_some());
    (!responded).then(|| CheckFinding::error("No request got a response."))
}

/// Returns true for a request that a vendor sends, and false for our own probes.
fn is_event(exchange: &CheckExchange) -> bool {
    exchange.method == "POST"
}

pub(crate) fn probed(evidence: &Evidence<'_>) -> CheckFinding {
    match evidence.effects {
        None => CheckFinding::skipped(NO_PROBE),
        Some(_) => accepts(evidence),
    }
}

/// Explanation for a result without a side-effect probe.
pub(crate) const NO_PROBE: &str = "A side-effect probe is needed to count side effects.";

/// Adds the result of the side-effect probe to a finding. A wrong number of side effects fails the check.
pub(crate) fn settled(finding: CheckFinding, due: ExpectedEffects, evidence: &Evidence<'_>) -> CheckFinding {
    let Some(due) = due.count(evidence.exchanges.iter().filter(|exchange| evidence.accepted(exchange)).count()) else {
        return finding;
    };
    match (evidence.effects, finding.outcome) {
        (Some((effects, _)), CheckOutcome::Pass | CheckOutcome::Warn) if !effects.are(due) => {
            CheckFinding::fail(format!(
                "{} However, the probe counted {effects}; {} expected.",
                finding.message,
                Effects::Count(due).were()
            ))
        }
        (Some((effects, _)), CheckOutcome::Pass) => {
            CheckFinding::pass(format!("{} {effects}: correct.", finding.message))
        }
        _ => finding,
    }
}

#[cfg(test)]
mod tests;
